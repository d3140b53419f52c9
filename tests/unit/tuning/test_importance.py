"""What decides in a search, and when nothing can be said."""

import pytest

from segmentwerk.core.types import StudyResult, TrialRecord
from segmentwerk.tuning.importance import importances
from segmentwerk.tuning.space import SearchSpace

SPACE = SearchSpace(
    {"n_segments": {"type": "int", "low": 2, "high": 9}, "alpha": {"type": "float", "low": 0.0, "high": 1.0}}
)


def study(*tried):
    trials = tuple(
        TrialRecord(i, "complete", {"n_segments": k, "alpha": alpha}, value, 1.0)
        for i, (k, alpha, value) in enumerate(tried)
    )
    return StudyResult("s", trials, trials[:1], 1.0)


def test_the_parameter_that_decides_comes_first():
    tried = [(k, alpha / 7, k / 10) for k in range(2, 10) for alpha in (1, 6)]
    found = importances(study(*tried), SPACE)
    assert list(found) == ["n_segments", "alpha"]
    assert found["n_segments"] > 0.9
    assert sum(found.values()) == pytest.approx(1)


def test_nothing_is_said_of_one_parameter_few_trials_or_equal_values():
    assert importances(study((2, 0.5, 0.1), (3, 0.5, 0.2), (4, 0.5, 0.3)), SPACE) == {}
    assert importances(study((2, 0.5, 0.1), (3, 0.6, 0.2)), SPACE) == {}
    assert importances(study((2, 0.5, 0.1), (3, 0.6, 0.1), (4, 0.7, 0.1)), SPACE) == {}

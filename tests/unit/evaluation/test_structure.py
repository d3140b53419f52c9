import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning

from segmentwerk.core.errors import FitError
from segmentwerk.core.processes import processes
from segmentwerk.evaluation import description, structure
from segmentwerk.evaluation.scorecard import judge
from segmentwerk.evaluation.structure import StructureEvidence, conclude, verdict
from small_worlds import SETTINGS, Plain, blobs, refit, split

SMALL = SETTINGS.model_copy(update={"null_copies": 5})


def frame(X):
    return pd.DataFrame(
        X, columns=[f"x{j}" for j in range(X.shape[1])], index=[f"a{i:04d}" for i in range(len(X))]
    )


def test_clear_groups_are_natural():
    found = verdict(refit(3), split(blobs(360)[0]), SMALL, seed=0)
    assert found.kind == "natural"
    assert found.gain > found.null_quantile
    assert "100% of the segments" in found.reason


def test_stable_cut_through_one_cloud_is_reproducible():
    rng = np.random.default_rng(0)
    long = frame(rng.standard_normal((600, 3)) * [5.0, 1.0, 1.0])
    found = verdict(refit(2), split(long), SMALL, seed=0)
    assert found.kind == "reproducible"
    assert np.isnan(found.null_quantile)


def test_arbitrary_cut_is_constructive():
    found = verdict(refit(5), split(frame(np.random.default_rng(0).standard_normal((400, 6)))), SMALL, seed=0)
    assert found.kind == "constructive"


def test_gaps_that_the_margins_explain_are_not_natural():
    # Two columns with two modes each, independent: four groups, but the null has the same four.
    rng = np.random.default_rng(0)
    X = frame(rng.standard_normal((600, 2)) + 8 * rng.integers(2, size=(600, 2)))
    found = structure.gather(refit(4), split(X), SETTINGS, seed=0)
    assert found.apart == 1
    assert len(found.null_gains) == SETTINGS.null_copies
    assert conclude(found, SETTINGS).kind == "reproducible"


def test_stability_is_taken_from_the_scorecard_where_given():
    view = split(blobs(360)[0])
    card = judge("plain", Plain(3, 0).fit(view.train), refit(3), view, SMALL, seed=0)
    calls = []

    def counted(X, seed):
        calls.append(len(X))
        return refit(3)(X, seed)

    assert verdict(counted, view, SMALL, seed=0, card=card).kind == "natural"
    assert len(calls) == 1 + SMALL.null_copies


def test_copies_measured_elsewhere_say_the_same():
    view = split(blobs(360)[0])
    with processes() as helpers:
        spread = structure.gather(refit(3), view, SMALL, seed=0, spread=helpers.map)
    assert len(spread.null_gains) == SMALL.null_copies
    assert spread == structure.gather(refit(3), view, SMALL, seed=0)


def test_copies_warn_of_nothing(monkeypatch):
    monkeypatch.setattr(description, "REGRESSION_STEPS", 1)  # every regression ends with a warning
    X = blobs(360)[0]
    level = np.random.default_rng(1).integers(3, size=len(X))
    levels = [f"kind={name}" for name in "abc"]
    for number, name in enumerate(levels):
        X[name] = 1.0 * (level == number)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        structure.gather(refit(3), split(X, discrete={"kind": levels}), SETTINGS, seed=0)
    assert not [str(one.message) for one in heard if issubclass(one.category, ConvergenceWarning)]


def test_copies_that_cannot_be_fitted_gain_nothing():
    def only_real(X, seed):
        if str(X.index[0]).startswith("null"):
            raise FitError("no segment is left")
        return refit(3)(X, seed)

    assert structure.gather(only_real, split(blobs(360)[0]), SMALL, seed=0).null_gains == (0.0,) * 5


def test_algorithm_that_fails_on_fewer_accounts_finds_nothing():
    def failing(X, seed):
        raise FitError("no segment is left")

    found = verdict(failing, split(blobs(90)[0]), SMALL, seed=0)
    assert found.kind == "constructive"
    assert "no segment is left" in found.reason


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "natural"),
        ({"null_gains": ()}, "natural"),
        ({"jaccard": 0.59}, "constructive"),
        ({"apart": 0.49}, "reproducible"),
        ({"gain_low": 0.0}, "reproducible"),
        ({"null_gains": (0.0, 0.2)}, "reproducible"),
    ],
)
def test_every_condition_counts(changes, kind):
    evidence = {"gain": 0.1, "gain_low": 0.05, "jaccard": 0.9, "apart": 0.5, "null_gains": (0.0, 0.01)}
    evidence["refitted"] = 1500
    assert conclude(StructureEvidence(**(evidence | changes)), SMALL).kind == kind


@pytest.mark.parametrize("changes", [{}, {"null_gains": (0.0, 0.2)}])
def test_the_gain_of_the_refit_is_not_called_the_gain_of_the_ranking(changes):
    evidence = {"gain": 0.1, "gain_low": 0.05, "jaccard": 0.9, "apart": 0.5, "null_gains": (0.0, 0.01)}
    reason = conclude(StructureEvidence(**(evidence | changes), refitted=1500), SMALL).reason
    assert "a refit on 1,500 accounts gains 0.100 nats per variable" in reason
    assert "held-out gain" not in reason

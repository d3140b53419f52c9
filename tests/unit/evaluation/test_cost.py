"""What is timed: the fits on halves, and labelling a thousand accounts."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from segmentwerk.evaluation import cost
from segmentwerk.evaluation.stability import Again


def pair(*seconds):
    return Again(np.ones(1), np.ones(1), np.ones((1, 1)), seconds)


def test_times_are_those_of_fits_on_halves_and_of_a_thousand_accounts(monkeypatch):
    clock = iter([10.0, 10.5])
    monkeypatch.setattr(cost, "perf_counter", lambda: next(clock))
    view = SimpleNamespace(test=pd.DataFrame({"x": np.zeros(250)}))
    labelling = cost.scoring(SimpleNamespace(predict=lambda rows: np.zeros(len(rows))), view)
    fits = cost.fitting([pair(1.0, 2.0), pair(3.0, 6.0)])
    scores = {item.score.key: item.score for item in (fits, labelling)}
    assert scores["wall_time/fit_seconds"].value == pytest.approx(3.0)
    assert scores["wall_time/score_seconds"].value == pytest.approx(0.5 * 4)
    assert not any(score.higher_is_better for score in scores.values())
    assert {score.unit for score in scores.values()} == {"s"}

"""What is timed: the fits on halves, and labelling a thousand accounts."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from segmentwerk.evaluation import cost
from segmentwerk.evaluation.resampling import sample
from segmentwerk.evaluation.stability import Refits, Refitted

LABELS = np.zeros(4, dtype=np.int64)


def half(seconds):
    return Refitted(LABELS, 1, np.arange(2), seconds)


def test_times_are_those_of_fits_on_halves_and_of_a_thousand_accounts(monkeypatch):
    clock = iter([10.0, 10.5])
    monkeypatch.setattr(cost, "perf_counter", lambda: next(clock))
    refits = Refits(sample(LABELS, 4, 0, 0), ((half(1.0), half(2.0)), (half(3.0), half(6.0))), (half(99.0),))
    view = SimpleNamespace(test=pd.DataFrame({"x": np.zeros(250)}))
    measured = cost.measure(SimpleNamespace(predict=lambda rows: np.zeros(len(rows))), view, refits)
    scores = {item.score.key: item.score for item in measured}
    assert scores["wall_time/fit_seconds"].value == pytest.approx(3.0)
    assert scores["wall_time/score_seconds"].value == pytest.approx(0.5 * 4)
    assert not any(score.higher_is_better for score in scores.values())
    assert {score.unit for score in scores.values()} == {"s"}

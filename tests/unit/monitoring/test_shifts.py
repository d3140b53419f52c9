"""Common shifts of logarithms: by hand, pooled within levels, and level by level."""

import numpy as np
import pytest

from monitored_world import CATALOGUE, customers
from segmentwerk.core.reference import Logs
from segmentwerk.monitoring import freezing
from segmentwerk.monitoring.shifts import apart, pooled, shift


def test_a_shift_by_hand():
    found = shift(Logs(n=100, mean=1.0, deviation=2.0), Logs(n=400, mean=1.5, deviation=2.0))
    assert (found.value, found.factor) == (0.5, pytest.approx(np.exp(0.5)))
    assert found.se == pytest.approx(np.sqrt(4 / 100 + 4 / 400))
    assert shift(None, Logs(n=5, mean=0.0, deviation=1.0)) is None


def test_pooling_within_levels_sees_what_scatter_between_them_hides():
    then, now = customers(0), customers(1)
    for rows in (then, now):
        rows["revenue_12m"] = np.exp(0.3 * np.log(rows["revenue_12m"])) * rows["main_category"].map(
            {"tools": 1, "safety": 50, "garden": 2000}
        )
    now["revenue_12m"] *= 1.1
    parts = [freezing.parts(rows, CATALOGUE) for rows in (then, now)]
    found = pooled(*parts, "revenue_12m")
    assert found.factor == pytest.approx(1.1, rel=0.03)
    whole = shift(*(freezing.logs(rows["revenue_12m"].to_numpy()) for rows in (then, now)))
    assert found.se < whole.se / 5


def test_the_level_that_moved_stands_first():
    then, now = customers(0), customers(1)
    now.loc[now["country"] == "AT", "monetary"] *= 50
    first = apart(freezing.parts(then, CATALOGUE), freezing.parts(now, CATALOGUE))[0]
    assert (first.feature, first.category, first.level) == ("monetary", "country", "AT")
    assert first.shift.factor == pytest.approx(50, rel=0.3)

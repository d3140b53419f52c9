"""Half-lives against formulas that hold where all periods are equally long, and against drawn stays."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from segmentwerk.monitoring.half_life import half_lives
from segmentwerk.monitoring.movement import OUTSIDE, Movement

BEGIN = date(2024, 1, 1)


def movement(stayed, left, days, start=BEGIN):
    """Of a segment 1, whose leavers go to segment 2."""
    states = [1, 2, *OUTSIDE]
    table = pd.DataFrame(0, pd.Index(states, name="before"), pd.Index(states, name="after"))
    table.loc[1, 1], table.loc[1, 2] = stayed, left
    return Movement(start, start + timedelta(days), table, table * 1.0, table * 1.0)


def test_equal_periods_have_a_formula():
    found = half_lives([movement(80, 20, 90), movement(70, 30, 90)])[0]
    assert found.days == pytest.approx(90 * np.log(0.5) / np.log(150 / 200), rel=1e-6)
    assert (found.stays, found.left) == (200, 50)
    for end in (found.low, found.high):
        share = 0.5 ** (90 / end)  # of those who stay
        ratio = 2 * (150 * np.log(0.75 / share) + 50 * np.log(0.25 / (1 - share)))
        assert ratio == pytest.approx(chi2.ppf(0.95, 1), rel=1e-4)


def test_nobody_left_is_no_half_life_but_a_least_one():
    found = half_lives([movement(100, 0, 90)])[0]
    assert found.days == found.high == np.inf
    assert found.low == pytest.approx(np.log(2) * 90 * 100 / (chi2.ppf(0.95, 1) / 2), rel=1e-4)


def test_a_segment_without_customers_has_none():
    found = half_lives([movement(10, 5, 90)])[1]
    assert (found.segment, found.stays) == (2, 0)
    assert np.isnan(found.days)


def test_all_left():
    found = half_lives([movement(0, 40, 90)])[0]
    assert found.days < 1.0
    assert found.low <= found.days <= found.high < 90


def test_intervals_hold_the_truth_over_unequal_periods():
    rng, truth, held = np.random.default_rng(3), 200.0, 0
    for _ in range(200):
        seen = []
        for days in (30, 90, 180):
            stayed = int(rng.binomial(60, 0.5 ** (days / truth)))
            seen.append(movement(stayed, 60 - stayed, days))
        found = half_lives(seen)[0]
        held += found.low <= truth <= found.high
    assert 180 <= held <= 198

"""How large a test must be: by the formula, and by simulation."""

import math

import numpy as np
import pytest
from scipy import stats
from tea_tasting.aggr import Aggregates

from segmentwerk.measurement import sample_sizes
from segmentwerk.measurement.arm_sums import ArmSums
from segmentwerk.measurement.sample_sizes import TestDesign


def history(n=1000, rate=0.1, mean=20.0, variance=2500.0):
    one = Aggregates(
        n,
        {"converted": rate, "revenue": mean},
        {"converted": rate * (1 - rate), "revenue": variance},
        {("converted", "revenue"): 0.0},
    )
    return ArmSums("history", ("converted", "revenue"), {(None, "h"): one, (1, "h"): one})


def design(effect=0.02, revenue=0.1, share=0.5):
    return TestDesign({"order_rate": effect, "revenue": revenue}, share, 0.95)


def quantiles():
    return stats.norm.ppf(0.975) + stats.norm.ppf(0.8)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_sizes_are_those_of_the_formula(share):
    rate, revenue, *_ = sample_sizes.plan(history(), design(share=share))
    parts = 1 / share + 1 / (1 - share)
    spread = share * 0.12 * 0.88 + (1 - share) * 0.1 * 0.9  # so that each arm has its own
    assert rate.needed == pytest.approx(quantiles() ** 2 * spread * parts / 0.02**2, abs=2)
    assert rate.visible == pytest.approx(quantiles() * math.sqrt(spread * parts / 1000), rel=1e-3)
    assert revenue.wanted == pytest.approx(2.0)
    assert revenue.needed == pytest.approx(quantiles() ** 2 * 2500 * parts / 4, abs=2)
    assert not rate.enough


def test_a_simulated_test_of_that_size_sees_the_effect_in_four_of_five():
    size = sample_sizes.plan(history(), design(effect=0.05))[0]
    rng, half = np.random.default_rng(0), size.needed // 2
    control, treated = rng.binomial(half, 0.1, 4000) / half, rng.binomial(half, 0.15, 4000) / half
    spread = np.sqrt((control * (1 - control) + treated * (1 - treated)) / half)
    seen = np.abs(treated - control) / spread > stats.norm.ppf(0.975)
    assert seen.mean() == pytest.approx(0.8, abs=0.03)


def test_who_never_ordered_needs_accounts_all_the_same():
    size = sample_sizes.plan(history(rate=0.0, mean=0.0, variance=0.0), design())
    assert size[0].needed > 100
    assert size[1].needed is None
    assert math.isnan(size[1].visible)


def test_every_segment_is_told_and_few_accounts_tell_nothing():
    assert [(one.segment, one.metric) for one in sample_sizes.plan(history(), design())] == [
        (None, "order_rate"),
        (None, "revenue"),
        (1, "order_rate"),
        (1, "revenue"),
    ]
    assert sample_sizes.plan(history(n=4), design())[0].needed is None

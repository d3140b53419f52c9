"""Intervals of key figures hold the truth in 93 to 97 of 100 campaigns."""

from itertools import combinations

import numpy as np
import pytest
from tea_tasting.aggr import Aggregates

from segmentwerk.measurement import kpis
from segmentwerk.measurement.arm_sums import ArmSums, cube

DRAWS, CONTACTS = 1500, 1000
CHANCE = {"control": 0.10, "treated": 0.14}
SIGMA, COST = 0.8, 2.0
MONEY = np.exp(4 + SIGMA**2 / 2)
TOLD = ("cost", "converted", "revenue")


def drawn(rng, arm):
    converted = (rng.random(CONTACTS) < CHANCE[arm]).astype(float)
    columns = {
        "cost": np.full(CONTACTS, COST * (arm == "treated")),
        "converted": converted,
        "revenue": converted * rng.lognormal(4, SIGMA, CONTACTS),
    }
    means = {name: values.mean() for name, values in columns.items()}
    return Aggregates(
        CONTACTS,
        means | {cube("revenue"): (columns["revenue"] ** 3).mean()},
        {name: values.var(ddof=1) for name, values in columns.items()},
        {pair: np.cov(columns[pair[0]], columns[pair[1]])[0, 1] for pair in combinations(TOLD, 2)},
    )


def truths():
    gain = CHANCE["treated"] - CHANCE["control"]
    return {
        "conversion": CHANCE["treated"],
        "revenue": CHANCE["treated"] * MONEY,
        "cost_per_conversion": COST / CHANCE["treated"],
        "uplift_conversion": gain,
        "uplift_conversion_relative": gain / CHANCE["control"],
        "uplift_revenue": gain * MONEY,
        "uplift_revenue_relative": gain / CHANCE["control"],
        "incremental_revenue": gain * MONEY * CONTACTS,
        "return_on_cost": gain * MONEY / COST - 1,
    }


@pytest.fixture(scope="module")
def coverage():
    rng, held = np.random.default_rng(0), dict.fromkeys(truths(), 0)
    for _ in range(DRAWS):
        cells = ArmSums("x", TOLD, {(None, arm): drawn(rng, arm) for arm in sorted(CHANCE)})
        _, treated = kpis.measure(cells, "control", 0.95)
        for name, truth in truths().items():
            reading = treated.readings[name]
            held[name] += reading.low <= truth <= reading.high
    return {name: count / DRAWS for name, count in held.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", truths())
def test_intervals_hold_the_truth(coverage, name):
    assert 0.93 <= coverage[name] <= 0.97

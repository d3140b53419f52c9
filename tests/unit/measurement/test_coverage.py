"""Intervals of key figures hold the truth in 93 to 97 of 100 campaigns."""

from itertools import combinations

import numpy as np
import pytest
from tea_tasting.aggr import Aggregates

from segmentwerk.measurement import kpis
from segmentwerk.measurement.arm_sums import ArmSums, brought, columns_of_third_order

DRAWS = 1000
CASES = {
    "alike": ({"control": 1000, "treated": 1000}, {"control": 0.10, "treated": 0.14}),
    "small control": ({"control": 300, "treated": 2700}, {"control": 0.06, "treated": 0.08}),
}
SIGMA, COST = 0.8, 2.0
MONEY = np.exp(4 + SIGMA**2 / 2)
TOLD = ("cost", "converted", "revenue", "before")


def drawn(rng, contacts, chance, cost):
    """An arm's sums; who spent much before the contact buys more often, and more."""
    before = rng.lognormal(4, SIGMA, contacts) * (rng.random(contacts) < 0.5)
    converted = (rng.random(contacts) < chance * np.where(before > 0, 1.5, 0.5)).astype(float)
    columns = {
        "cost": np.full(contacts, cost),
        "converted": converted,
        "revenue": converted * rng.lognormal(4, SIGMA, contacts),
        "before": before,
    }
    third = {
        name: np.prod([columns[one] for one in of], axis=0)
        for name, of in columns_of_third_order(TOLD).items()
    }
    third[brought("revenue")] = columns["revenue"] != 0
    return Aggregates(
        contacts,
        {name: values.mean() for name, values in (columns | third).items()},
        {name: values.var(ddof=1) for name, values in columns.items()},
        {pair: np.cov(columns[pair[0]], columns[pair[1]])[0, 1] for pair in combinations(TOLD, 2)},
    )


def truths(contacts, chance):
    gain, base = chance["treated"] - chance["control"], chance["control"]
    return {
        "conversion": chance["treated"],
        "revenue": chance["treated"] * MONEY,
        "cost_per_conversion": COST / chance["treated"],
        "uplift_conversion": gain,
        "uplift_conversion_relative": gain / base,
        "uplift_revenue": gain * MONEY,
        "uplift_revenue_relative": gain / base,
        "uplift_revenue_adjusted": gain * MONEY,
        "incremental_revenue": gain * MONEY * contacts["treated"],
        "return_on_cost": gain * MONEY / COST - 1,
    }


@pytest.fixture(scope="module")
def coverage():
    """Share of the intervals that hold the truth, by case and figure."""
    found = {}
    for case, (contacts, chance) in CASES.items():
        rng, true = np.random.default_rng(0), truths(contacts, chance)
        inside = {name: [] for name in true}
        for _ in range(DRAWS):
            arms = {
                (None, arm): drawn(rng, contacts[arm], chance[arm], COST * (arm == "treated"))
                for arm in contacts
            }
            _, treated = kpis.measure(ArmSums("x", TOLD, arms), "control", 0.95)
            for name, truth in true.items():
                reading = treated.readings[name]
                if not reading.absent:
                    inside[name].append(reading.low <= truth <= reading.high)
        found |= {(case, name): inside[name] for name in true}
    return found


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", truths(*CASES["alike"]))
def test_intervals_hold_the_truth(coverage, case, name):
    inside = coverage[case, name]
    assert len(inside) > 0.9 * DRAWS
    assert 0.93 <= np.mean(inside) <= 0.97

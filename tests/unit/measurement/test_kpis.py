"""Key figures: by hand on a few contacts, and against scipy on many."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from segmentwerk.measurement import arm_sums, kpis
from small_experiment import apart, contacted, money_interval, rows

CONFIDENCE = 0.95


def measured(table, segments, control="control", **tables):
    found = arm_sums.read(contacted(table, segments, **tables), "spring")
    return {(one.segment, one.arm): one for one in kpis.measure(found, control, CONFIDENCE)}


@pytest.fixture(scope="module")
def case():
    table, segments = rows(lift=(0.1, 0.0))
    return table.merge(segments, on="account_id"), measured(table, segments)


def hand():
    """A hundred contacts: of fifty treated twenty buy for 500 in all, of fifty left alone ten for 150."""
    table, segments = rows(n=100, lift=(0.0,))
    table["arm"] = ["treated"] * 50 + ["control"] * 50
    table["converted"] = [1] * 20 + [0] * 30 + [1] * 10 + [0] * 40
    table["responded"] = [1] * 25 + [0] * 75
    table["revenue"] = [10.0, 20, 30, 40] * 5 + [0.0] * 30 + [10.0, 20] * 5 + [0.0] * 40
    table["cost"] = [2.0] * 50 + [0.0] * 50
    return table, segments


def test_numbers_by_hand():
    found = measured(*hand())
    treated, control = found[None, "treated"], found[None, "control"]
    assert (treated.contacts, treated.responses, treated.leads, treated.conversions) == (50, 25, 25, 20)
    values = {name: one.value for name, one in treated.readings.items() if not one.absent}
    assert values["response"] == 0.5
    assert values["conversion"] == pytest.approx(0.4)
    assert values["revenue"] == pytest.approx(10)
    assert values["cost"] == pytest.approx(2)
    assert values["cost_per_lead"] == pytest.approx(100 / 25)
    assert values["cost_per_conversion"] == pytest.approx(100 / 20)
    assert values["uplift_conversion"] == pytest.approx(0.2)
    assert values["uplift_conversion_relative"] == pytest.approx(1.0)
    assert values["uplift_revenue"] == pytest.approx(7)
    assert values["incremental_revenue"] == pytest.approx(350)
    assert values["return_on_cost"] == pytest.approx((350 - 100) / 100)
    assert control.readings["conversion"].value == pytest.approx(0.2)
    assert "uplift_revenue" not in control.readings


def test_shares_have_wilsons_interval(case):
    table, found = case
    for (segment, arm), one in found.items():
        mine = table[(table["arm"] == arm) & (table["segment_id"].isin([segment or 1, segment or 2]))]
        n, k = len(mine), int(mine["converted"].sum())
        z, p = stats.norm.ppf(0.975), k / n
        middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
        reach = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        reading = one.readings["conversion"]
        assert (reading.low, reading.high) == pytest.approx((middle - reach, middle + reach), abs=1e-12)


def test_money_has_halls_interval_and_differences_keep_its_skewness(case):
    table, found = case
    for segment in (None, 1, 2):
        mine = table if segment is None else table[table["segment_id"] == segment]
        arm, base = (mine.loc[mine["arm"] == name, "revenue"] for name in ("treated", "control"))
        readings = found[segment, "treated"].readings
        reading = readings["revenue"]
        assert (reading.low, reading.high) == pytest.approx(money_interval(arm), rel=1e-8)
        reading = readings["uplift_revenue"]
        assert (reading.low, reading.high) == pytest.approx(apart(arm, base, money_interval), rel=1e-8)


def test_the_risk_is_that_of_the_interval_which_touches_nothing(case):
    table, found = case
    for segment in (None, 1, 2):
        mine = table if segment is None else table[table["segment_id"] == segment]
        arm, base = (mine.loc[mine["arm"] == name, "revenue"] for name in ("treated", "control"))
        reading = found[segment, "treated"].readings["uplift_revenue"]
        ends = apart(arm, base, lambda values, p=reading.pvalue: money_interval(values, 1 - p))
        assert min(map(abs, ends)) == pytest.approx(0, abs=1e-6)
        usual = stats.ttest_ind(arm, base, equal_var=False).pvalue
        assert reading.pvalue == pytest.approx(usual, rel=0.5)


def test_a_few_contacts_that_happen_to_buy_tell_no_money():
    """Six of seven bought: but of seven, two would if they were like all others."""
    table, segments = rows(n=2000)
    few = table.index[table["arm"] == "control"][7:]
    table = table.drop(index=few)
    table.loc[table["arm"] == "control", "revenue"] = [10.0, 20, 30, 10, 20, 30, 0]
    found = measured(table, segments)
    assert found[None, "control"].readings["revenue"].absent == "few_paying"


def test_few_buyers_tell_no_money():
    table, segments = rows(n=2000)
    control = table["arm"] == "control"
    buyers = table.index[control & (table["revenue"] > 0)]
    table.loc[buyers[4:], "revenue"] = 0.0
    found = measured(table, segments)
    assert found[None, "control"].readings["revenue"].absent == "few_paying"
    for name in ("uplift_revenue", "uplift_revenue_relative", "incremental_revenue", "return_on_cost"):
        assert found[None, "treated"].readings[name].absent == "few_paying"
    assert not found[None, "treated"].readings["revenue"].absent
    assert not found[None, "treated"].readings["uplift_conversion"].absent


def test_tests_by_segment_are_corrected_together(case):
    _, found = case
    readings = [found[segment, "treated"].readings["uplift_conversion"] for segment in (1, 2)]
    small, large = sorted(one.pvalue for one in readings)
    adjusted = sorted(one.adjusted for one in readings)
    assert adjusted == pytest.approx([min(2 * small, 1), min(max(2 * small, large), 1)])
    whole = found[None, "treated"].readings["uplift_conversion"]
    assert whole.adjusted == whole.pvalue


def test_revenue_before_the_contact_sharpens_the_comparison():
    table, segments = rows(n=2000)
    rng = np.random.default_rng(3)
    before = rng.lognormal(4, 1, len(table)).round(2)
    revenue = before * 0.5 + rng.normal(0, 5, len(table)) + 5 * (table["arm"] == "treated")
    table["revenue"] = revenue.round(2)
    lines = pd.DataFrame(
        {
            "order_id": table["account_id"],
            "account_id": table["account_id"],
            "ordered_at": pd.Timestamp("2025-03-01"),
            "revenue": before,
        }
    )
    one = measured(table, segments, orders=lines)[None, "treated"].readings
    plain, sharp = one["uplift_revenue"], one["uplift_revenue_adjusted"]
    assert sharp.high - sharp.low < 0.5 * (plain.high - plain.low)
    assert sharp.low < 5 < sharp.high
    treated = (table["arm"] == "treated").to_numpy()
    slope = np.cov(table["revenue"], before)[0, 1] / before.var(ddof=1)
    rest = table["revenue"] - slope * (before - before.mean())
    ends = apart(rest[treated], rest[~treated], money_interval)
    assert (sharp.low, sharp.high) == pytest.approx(ends, rel=1e-6)


@pytest.mark.parametrize(
    ("change", "figure", "reason"),
    [
        ({"control": None}, "uplift_revenue", "no_control"),
        ({"drop": ["cost"]}, "cost_per_lead", "no_cost_told"),
        ({"drop": ["cost"]}, "return_on_cost", "no_cost_told"),
        ({"drop": ["responded"]}, "response", "no_response"),
        ({"drop": ["responded"]}, "cost_per_lead", "no_leads"),
        ({"drop": ["revenue"]}, "incremental_revenue", "no_revenue"),
        ({"zero": ["converted"]}, "cost_per_conversion", "no_success"),
        ({"zero": ["converted"]}, "uplift_conversion", "no_variation"),
        ({"zero": ["cost"]}, "return_on_cost", "no_cost"),
        ({}, "margin", "no_margin"),
        ({}, "uplift_revenue_adjusted", "no_orders"),
    ],
    ids=lambda value: str(value),
)
def test_what_cannot_be_computed_is_absent_with_its_reason(change, figure, reason):
    table, segments = rows(n=200)
    table = table.drop(columns=change.get("drop", [])).assign(**dict.fromkeys(change.get("zero", []), 0))
    found = measured(table, segments, control=change.get("control", "control"))
    reading = found[None, "treated"].readings[figure]
    assert reading.absent == reason
    assert math.isnan(reading.value)


def test_few_contacts_tell_nothing_of_single_accounts():
    table, segments = rows(n=200)
    segments.loc[:3, "segment_id"] = 9
    found = measured(table, segments)
    readings = [one for key, arm in found.items() if key[0] == 9 for one in arm.readings.values()]
    assert readings
    assert all(one.absent for one in readings)


def test_zero_conversions_have_an_upper_end():
    table, segments = rows(n=200)
    found = measured(table.assign(converted=0), segments)
    reading = found[None, "treated"].readings["conversion"]
    assert reading.value == reading.low == 0
    assert 0 < reading.high < 0.1


def test_the_whole_holds_contacts_without_a_segment_too():
    table, segments = rows(n=200)
    segments.loc[:49, "segment_id"] = -1
    found = measured(table, segments)
    assert sum(found[None, arm].contacts for arm in ("control", "treated")) == 200
    assert {segment for segment, _ in found} == {None, 1, 2}

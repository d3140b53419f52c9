"""Key figures: by hand on a few contacts, and against scipy on many."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from segmentwerk.measurement import arm_sums, kpis
from small_experiment import contacted, money_interval, rows

CONFIDENCE = 0.95


def measured(table, segments, control="control", **tables):
    found = arm_sums.read(contacted(table, segments, **tables), "spring")
    return {(one.segment, one.arm): one for one in kpis.measure(found, control, CONFIDENCE)}


@pytest.fixture(scope="module")
def case():
    table, segments = rows(lift=(0.1, 0.0))
    return table.merge(segments, on="account_id"), measured(table, segments)


def hand():
    """Twenty contacts: of ten treated four buy for 100 in all, of ten left alone two for 30."""
    table, segments = rows(n=20, lift=(0.0,))
    table["arm"] = ["treated"] * 10 + ["control"] * 10
    table["converted"] = [1] * 4 + [0] * 6 + [1] * 2 + [0] * 8
    table["responded"] = [1] * 5 + [0] * 15
    table["revenue"] = [10.0, 20, 30, 40] + [0.0] * 6 + [10.0, 20] + [0.0] * 8
    table["cost"] = [2.0] * 10 + [0.0] * 10
    return table, segments


def test_numbers_by_hand():
    found = measured(*hand())
    treated, control = found[None, "treated"], found[None, "control"]
    assert (treated.contacts, treated.responses, treated.leads, treated.conversions) == (10, 5, 5, 4)
    values = {name: one.value for name, one in treated.readings.items() if not one.absent}
    assert values["response"] == 0.5
    assert values["conversion"] == pytest.approx(0.4)
    assert values["revenue"] == pytest.approx(10)
    assert values["cost"] == pytest.approx(2)
    assert values["cost_per_lead"] == pytest.approx(20 / 5)
    assert values["cost_per_conversion"] == pytest.approx(20 / 4)
    assert values["uplift_conversion"] == pytest.approx(0.2)
    assert values["uplift_conversion_relative"] == pytest.approx(1.0)
    assert values["uplift_revenue"] == pytest.approx(7)
    assert values["incremental_revenue"] == pytest.approx(70)
    assert values["return_on_cost"] == pytest.approx((70 - 20) / 20)
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


def test_money_has_halls_interval_and_differences_welchs(case):
    table, found = case
    for segment in (None, 1, 2):
        mine = table if segment is None else table[table["segment_id"] == segment]
        arm, base = (mine.loc[mine["arm"] == name, "revenue"] for name in ("treated", "control"))
        reading = found[segment, "treated"].readings["revenue"]
        assert (reading.low, reading.high) == pytest.approx(money_interval(arm), rel=1e-8)
        test = stats.ttest_ind(arm, base, equal_var=False)
        both = test.confidence_interval(CONFIDENCE)
        reading = found[segment, "treated"].readings["uplift_revenue"]
        assert (reading.low, reading.high) == pytest.approx((both.low, both.high), rel=1e-10)
        assert reading.pvalue == pytest.approx(test.pvalue, rel=1e-9)


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
    test = stats.ttest_ind(rest[treated], rest[~treated], equal_var=False).confidence_interval(CONFIDENCE)
    assert (sharp.low, sharp.high) == pytest.approx((test.low, test.high), rel=1e-9)


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

"""The e-mail test of Hillstrom: arm means as published, intervals as scipy computes them, and the verdict."""

import os
from datetime import date
from pathlib import Path

import ibis
import pandas as pd
import pytest
from scipy import stats

from segmentwerk.core.measurement_settings import MeasurementSettings
from segmentwerk.measurement import campaign_result, contacts
from segmentwerk.measurement.contacts import Spans
from small_experiment import apart, money_interval

DATA = Path(os.environ.get("SEGMENTWERK_DATA", Path(__file__).parents[4] / "shared" / "data"))
FILE = DATA / "hillstrom" / "hillstrom.csv.gz"
UNTIL = date(2008, 12, 31)
PUBLISHED = {
    "Mens E-Mail": (18.28, 1.25, 1.42),
    "Womens E-Mail": (15.14, 0.88, 1.08),
    "No E-Mail": (10.62, 0.57, 0.65),
}
"""Visits and conversion in percent, and spend a customer."""

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the Hillstrom set is not there")


@pytest.fixture(scope="module")
def rows():
    return pd.read_csv(FILE)


@pytest.fixture(scope="module")
def result(rows):
    table = pd.DataFrame(
        {
            "account_id": [f"c{place:05d}" for place in range(len(rows))],
            "campaign_id": "hillstrom",
            "contacted_at": pd.Timestamp("2008-03-01"),
            "arm": rows["segment"],
            "responded": rows["visit"],
            "converted": rows["conversion"],
            "revenue": rows["spend"].astype(float),
        }
    )
    segments = pd.DataFrame(
        {"account_id": table["account_id"], "campaign": "hillstrom", "segment_id": 1 + rows["newbie"]}
    )
    made = contacts.from_campaigns({"campaigns": ibis.memtable(table)}, segments, Spans(14, 365, UNTIL))
    settings = MeasurementSettings(control="No E-Mail", permutations=39)
    return campaign_result.judge(contacts.kept(made), "hillstrom", settings, UNTIL, names={1: "a", 2: "b"})


def wilson(values):
    return tuple(stats.binomtest(int(values.sum()), len(values)).proportion_ci(0.95, "wilson"))


def test_arm_means_are_those_published(result):
    found = {
        one.arm: tuple(
            round(factor * one.readings[name].value, 2)
            for name, factor in (("response", 100), ("conversion", 100), ("revenue", 1))
        )
        for one in result.of(None)
    }
    assert found == PUBLISHED
    assert {one.arm: one.contacts for one in result.of(None)} == {
        "Mens E-Mail": 21307,
        "Womens E-Mail": 21387,
        "No E-Mail": 21306,
    }


@pytest.mark.parametrize("segment", [None, 1, 2])
@pytest.mark.parametrize("figure", ["response", "conversion", "revenue"])
def test_intervals_are_those_of_scipy(rows, result, segment, figure):
    column = {"response": "visit", "conversion": "conversion", "revenue": "spend"}[figure]
    mine = rows if segment is None else rows[rows["newbie"] == segment - 1]
    base = mine.loc[mine["segment"] == "No E-Mail", column]
    for one in result.of(segment):
        values, reading = mine.loc[mine["segment"] == one.arm, column], one.readings[figure]
        interval = money_interval if figure == "revenue" else wilson
        assert (reading.low, reading.high) == pytest.approx(interval(values), rel=1e-8)
        if one.arm != "No E-Mail":
            reading = one.readings[f"uplift_{figure}"]
            assert (reading.low, reading.high) == pytest.approx(apart(values, base, interval), rel=1e-8)


def test_the_advice_is_one_arm_for_all(result):
    """The best arm of each segment, taken as it looks, loses on this set."""
    assert result.advice is not None
    assert (result.advice.verdict, result.advice.best) == ("one_arm", "Mens E-Mail")
    assert {one.arm for one in result.advice.arms} == {"Mens E-Mail"}


def test_nothing_speaks_against_the_test(result):
    assert [one.code for one in result.findings if one.status == "failed"] == []

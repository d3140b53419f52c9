"""The plan: who gets which measure, by which channel, in which arm, as far as the capacity reaches."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from segmentwerk.activation.campaign import make
from segmentwerk.activation.figures import Book
from segmentwerk.activation.plans import COLUMNS, Situation
from segmentwerk.core.activation_settings import ActivationSettings, PlaybookSettings
from segmentwerk.core.settings import GoalSettings

AS_OF = date(2026, 1, 1)
GOAL = GoalSettings(priorities={"potential": 1.0})
SIZES = {1: 60, 2: 40, 3: 20}
PROSPECTS = 5
"""Accounts of each segment that never ordered."""


def situation(seed=0):
    rng = np.random.default_rng(seed)
    numbers = np.repeat(list(SIZES), list(SIZES.values()))
    ids = pd.Index([f"id-{i:03d}" for i in range(len(numbers))], name="account_id")
    place = np.concatenate([np.arange(size) for size in SIZES.values()])
    customers = (place >= PROSPECTS).astype(float)
    book = pd.DataFrame({"accounts": 1.0, "customers": customers, "prospects": 1 - customers}, index=ids)
    book["potential"] = np.where(customers > 0, rng.lognormal(4, 1, len(ids)), 0.0) * (numbers == 1)
    book["revenue"] = customers * rng.lognormal(5, 1, len(ids)).round(2)
    book["recency_days"] = rng.integers(0, 300, len(ids)).astype(float)
    segments = pd.DataFrame(
        {
            "segment_id": numbers,
            "segment": [f"name {n}" for n in numbers],
            "confidence": rng.random(len(ids)),
            "basis": "full",
        },
        index=ids,
    )
    segments.loc["id-119", ["segment_id", "segment"]] = [-1, None]
    reachable = pd.DataFrame(
        {"email": rng.random(len(ids)) < 0.5, "phone": rng.random(len(ids)) < 0.5}, index=ids
    )
    recent = pd.DataFrame(
        {
            f"{name}_{days}": rng.random(len(ids)) < 0.5
            for name in ("ordered", "revenue")
            for days in (30, 60, 120)
        },
        index=ids,
    ).astype(float)
    effects = pd.DataFrame(
        [(1, "recency_days", "", 0.6)], columns=["segment_id", "feature", "level", "effect"]
    )
    purchases = pd.DataFrame({"account_id": [], "kind": [], "item": [], "spend": []})
    return Situation(Book(book, AS_OF), segments, {1: ("dormant",)}, effects, purchases, recent, reachable)


def measure(name, **more):
    kpi = {"metric": "order_rate", "target": 0.05}
    words = {"en": f"{name}: {{{{ segment }}}}", "de": f"{name} auf Deutsch"}
    plain = {"name": {"en": name, "de": name.upper()}, "message": words, "offer": words, "owner": "o"}
    return {
        **plain,
        "kpi": kpi,
        "days": 30,
        "channels": ["phone", "email"],
        "hours": 0.5,
        "cost": 2.0,
        **more,
    }


def planned(given=None, language="en", drawn=None, key=b"k", **settings):
    book = PlaybookSettings.model_validate(
        {
            "name": "p",
            "measures": given
            or {
                "win_back": measure("win", when={"all": [{"feature": "recency_days", "above": 0.3}]}),
                "mail": measure("mail", channels=["email"], hours=0, when={"segments": [2, 3]}),
                "nurture": measure("nurture", when={"basis": ["firmographic"]}),
            },
        }
    )
    asked = ActivationSettings(**{"holdout": 0.2, "n_bootstrap": 20, **settings})
    return make(situation(), book, GOAL, asked, language=language, key=key, seed=0, drawn=drawn)


def test_assignments_have_the_columns_that_sinks_and_ledger_take():
    rows = planned().assignments
    assert list(rows.columns) == list(COLUMNS)
    assert not rows.duplicated(["account_id", "campaign"]).any()
    assert set(rows["campaign"]) == {"2026-01 win_back", "2026-01 mail", "2026-01 nurture"}
    assert set(rows["from_date"]) == {AS_OF}
    assert set(rows["until_date"]) == {date(2026, 1, 31)}


def test_only_who_may_be_addressed_is_and_by_the_first_channel_that_serves():
    rows, may = planned().assignments.set_index("account_id"), situation().reachable
    phone = rows.index[rows["measure"] == "win_back"]
    for id_ in phone:
        assert rows.loc[id_, "channel"] == ("phone" if may.loc[id_, "phone"] else "email")
    assert may.loc[rows.index[rows["channel"] == "email"], "email"].all()
    assert may.loc[rows.index[rows["channel"] == "phone"], "phone"].all()
    (task,) = [task for task in planned().tasks if task.match.measure == "win_back"]
    assert task.unreachable == (~may.iloc[PROSPECTS:60].any(axis=1)).sum() > 0
    assert task.eligible + task.unreachable == 60 - PROSPECTS


def test_prospects_get_the_measure_that_is_for_them_whatever_their_segment_stands_on():
    rows = planned().assignments
    prospects = {f"id-{begin + i:03d}" for begin in (0, 60, 100) for i in range(PROSPECTS)}
    assert set(rows.loc[rows["measure"] == "nurture", "account_id"]) <= prospects
    assert not set(rows.loc[rows["measure"] != "nurture", "account_id"]) & prospects
    assert rows.loc[rows["account_id"].isin(prospects), "potential"].isna().all()


def test_accounts_without_a_segment_get_nothing_and_are_counted():
    made = planned()
    assert made.unassigned == 1
    assert "id-119" not in set(made.assignments["account_id"])


def test_the_share_is_held_back_within_each_segment():
    rows = planned().assignments
    for (_, _), part in rows.groupby(["measure", "segment_id"]):
        control = (part["arm"] == "control").sum()
        assert int(0.2 * len(part)) <= control <= int(0.2 * len(part)) + 1


def test_what_work_exceeds_the_capacity_waits_and_the_first_are_kept():
    free, tight = planned(), planned(capacity=20)
    assert {task.match.measure: task.postponed for task in free.tasks}["win_back"] == 0
    rows = tight.assignments
    worked = rows[(rows["measure"] != "mail") & (rows["arm"] == "treated")]
    assert 18 <= len(worked) <= 21
    assert sum(task.postponed for task in tight.tasks) > 0
    assert tight.needed == pytest.approx(free.needed)
    assert free.needed > 20
    mine = free.assignments[free.assignments["measure"] == "win_back"].sort_values("priority")
    kept = rows.loc[rows["measure"] == "win_back", "account_id"]
    assert set(kept) == set(mine["account_id"].head(len(kept))), "by priority"
    assert (rows["measure"] == "mail").sum() == (free.assignments["measure"] == "mail").sum(), (
        "takes nobody's time"
    )


def test_capacity_in_hours():
    rows = planned(capacity=10, capacity_unit="hours").assignments
    worked = rows[(rows["measure"] != "mail") & (rows["arm"] == "treated")]
    assert 18 <= len(worked) <= 21, "half an hour each"


def test_cost_and_hours_are_those_of_the_treated():
    (task,) = [task for task in planned().tasks if task.match.measure == "win_back"]
    rows = planned().assignments
    treated = ((rows["measure"] == "win_back") & (rows["arm"] == "treated")).sum()
    assert (task.cost, task.hours) == (2.0 * treated, 0.5 * treated)
    assert sum(task.channels.values()) == treated


def test_messages_are_in_the_language_asked_for():
    assert set(planned().assignments.query("measure == 'win_back'")["message"]) == {"win: name 1"}
    german = planned(language="de")
    assert set(german.assignments.query("measure == 'win_back'")["message"]) == {"win auf Deutsch"}
    pd.testing.assert_series_equal(german.assignments["arm"], planned().assignments["arm"])


def test_a_campaign_that_has_begun_keeps_its_arms():
    before = planned().assignments
    after = planned(drawn=before, key=b"another", holdout=0.5).assignments
    pd.testing.assert_series_equal(before["arm"], after["arm"], check_dtype=False)
    assert (planned(key=b"another", holdout=0.5).assignments["arm"] != before["arm"]).any()


def test_a_measure_without_a_channel_is_told_and_nobody_is_addressed():
    made = planned({"rest": measure("rest", channels=[], hours=0, cost=0)})
    assert made.assignments.empty
    assert list(made.assignments.columns) == list(COLUMNS)
    assert [task.name for task in made.tasks] == ["rest"] * 3
    assert made.powers == {}


def test_nothing_fits():
    made = planned({"rest": measure("rest", when={"stances": ["let_go"]})})
    assert made.assignments.empty
    assert set(made.matches.unmatched_segments) == {1, 2, 3}


def test_an_account_may_be_in_two_campaigns_where_that_is_allowed():
    both = {"one": measure("one"), "two": measure("two")}
    assert set(planned(both).assignments["measure"]) == {"one"}
    rows = planned(both, measures=2).assignments
    assert rows.groupby("account_id").size().max() == 2

"""The plan: who gets which measure, by which channel, in which arm, as far as the capacity reaches."""

from datetime import date

import pandas as pd
import pytest

from segmentwerk.activation.plans import COLUMNS
from small_campaign import AS_OF, PROSPECTS, measure, planned, situation


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

"""Each finding fails alone, for the fault that it is there for."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from segmentwerk.core.measurement_settings import MeasurementSettings
from segmentwerk.measurement import arm_sums, campaign_result, experiment_checks
from segmentwerk.measurement.experiment_checks import CampaignCase
from small_experiment import DAY, UNTIL, contacted, orders, rows


def ask(table, segments, *, until=UNTIL, control="control", ratio=None, **tables):
    made = contacted(table, segments, until=UNTIL, **tables)
    seen = experiment_checks.look(made, "spring", until)
    case = CampaignCase(arm_sums.read(made, "spring"), seen, control, ratio, until, 0.95)
    return {finding.code: finding for finding in experiment_checks.check(case)}


def failed(found):
    return {code for code, finding in found.items() if finding.status == "failed"}


@pytest.fixture
def sound():
    return rows(n=2000)


def test_a_sound_campaign_passes_every_check(sound):
    found = ask(*sound)
    assert list(found) == [f"E{number:03d}" for number in range(1, 14)]
    assert failed(found) == set()
    assert {code for code, one in found.items() if one.status == "not_applicable"} == {"E006"}


def test_arms_that_lost_contacts_are_seen(sound):
    table, segments = sound
    gone = table[(table["arm"] == "control") | (np.arange(len(table)) % 5 > 0)]
    assert failed(ask(gone, segments, ratio={"control": 1, "treated": 1})) == {"E001"}


def test_the_planned_ratio_is_taken_from_the_settings(sound):
    table, segments = sound
    assert failed(ask(table, segments, ratio={"control": 1, "treated": 2})) == {"E001"}
    few = table[(table["arm"] == "treated") | (np.arange(len(table)) % 2 > 0)]
    assert ask(few, segments)["E001"].status == "not_applicable"
    assert ask(few, segments, ratio={"control": 1, "treated": 2})["E001"].status == "passed"


def test_arms_that_depend_on_the_segment_are_seen(sound):
    table, segments = sound
    table["arm"] = np.where(
        segments["segment_id"] == 1,
        np.where(np.arange(2000) % 3 > 0, "control", "treated"),
        np.where(np.arange(2000) % 3 > 0, "treated", "control"),
    )
    assert failed(ask(table, segments)) == {"E002"}


@pytest.mark.parametrize("control", [None, "control"])
def test_no_control_and_one_arm_are_errors(sound, control):
    table, segments = sound
    alone = table if control is None else table[table["arm"] == "treated"]
    found = ask(alone, segments, control=None)
    assert failed(found) == {"E003"}
    assert found["E003"].severity == "error"


def test_an_account_in_two_arms_is_an_error(sound):
    table, segments = sound
    torn = table.iloc[:3].assign(arm=table["arm"].iloc[:3].map({"control": "treated", "treated": "control"}))
    found = ask(pd.concat([table, torn]), segments)
    assert failed(found) == {"E004"}
    assert found["E004"].facts["count"] == 3


def test_contacts_in_several_campaigns_at_once_are_seen(sound):
    table, segments = sound
    other = table.iloc[:7].assign(campaign_id="other", contacted_at=DAY + pd.Timedelta(days=29))
    later = table.iloc[7:9].assign(campaign_id="later", contacted_at=DAY + pd.Timedelta(days=31))
    found = ask(pd.concat([table, other, later]), segments)
    assert failed(found) == {"E005"}
    assert found["E005"].facts["count"] == 7


def test_an_effect_after_the_window_is_seen(sound):
    table, segments = sound
    bare = table.drop(columns=["converted", "revenue", "responded"])
    treated = bare.loc[bare["arm"] == "treated", "account_id"].tolist()
    control = bare.loc[bare["arm"] == "control", "account_id"].tolist()
    within = [(name, "2025-06-10", 10, 1) for name in [*treated[:200], *control[:200]]]
    after = [(name, "2025-07-10", 10, 1) for name in treated[:100]]
    assert failed(ask(bare, segments, orders=orders(*within))) == set()
    assert failed(ask(bare, segments, orders=orders(*within, *after))) == {"E006"}


def test_looking_early_is_seen(sound):
    found = ask(*sound, until=date(2025, 6, 20))
    assert failed(found) == {"E007"}
    assert found["E007"].facts["days"] == 12


def test_nothing_converted_and_negative_revenue_are_seen(sound):
    table, segments = sound
    assert failed(ask(table.assign(converted=0), segments)) == {"E008"}
    returned = table.assign(revenue=table["revenue"].where(table.index > 4, -3.0))
    found = ask(returned, segments)
    assert failed(found) == {"E009"}
    assert found["E009"].facts["count"] == 5


def test_contacts_before_the_account_existed_are_an_error(sound):
    table, segments = sound
    born = pd.DataFrame({"account_id": table["account_id"], "created_on": pd.Timestamp("2020-01-01")})
    born.loc[:3, "created_on"] = pd.Timestamp("2025-06-03")
    found = ask(table, segments, accounts=born)
    assert failed(found) == {"E010"}
    assert found["E010"].facts["count"] == 4


def test_where_no_account_existed_nobody_is_left_to_compare(sound):
    table, segments = sound
    born = pd.DataFrame({"account_id": table["account_id"], "created_on": pd.Timestamp("2025-09-01")})
    rows = contacted(table, segments, accounts=born)
    found = campaign_result.judge(rows, "spring", MeasurementSettings(), UNTIL, names={})
    assert found.advice is None
    assert found.why_not == "nobody"


def test_accounts_without_a_segment_and_untold_outcomes_are_seen(sound):
    table, segments = sound
    assert failed(ask(table, segments.iloc[5:])) == {"E011"}
    silent = table.astype({"converted": float, "responded": float})
    silent.loc[:1, ["converted", "responded", "revenue"]] = np.nan
    found = ask(silent, segments)
    assert failed(found) == {"E012"}
    assert found["E012"].facts["count"] == 2


def test_small_cells_are_seen():
    found = ask(*rows(n=150))
    assert failed(found) == {"E013"}


def test_no_message_names_an_account(sound):
    table, segments = sound
    torn = table.iloc[:3].assign(arm=table["arm"].iloc[:3].map({"control": "treated", "treated": "control"}))
    found = ask(pd.concat([table, torn]), segments.iloc[5:], until=date(2025, 6, 3))
    said = " ".join(one.message + str(one.facts) for one in found.values())
    assert not [name for name in table["account_id"] if name in said]


@pytest.mark.slow
def test_a_false_alarm_is_rare():
    """At a risk of 0.001 for each of two tests, one sound campaign in five hundred cries wolf."""
    alarms = [failed(ask(*rows(n=800, seed=seed))) for seed in range(100)]
    assert sum(bool(one) for one in alarms) <= 2


def test_counts_can_be_changed_alone(sound):
    made = contacted(*sound)
    seen = experiment_checks.look(made, "spring", UNTIL)
    case = CampaignCase(arm_sums.read(made, "spring"), replace(seen, torn=9), "control", None, UNTIL, 0.95)
    assert failed({one.code: one for one in experiment_checks.check(case)}) == {"E004"}

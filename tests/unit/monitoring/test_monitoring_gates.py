"""Each gate on a world as it was and with its change planted: the feature first, the right word, no more."""

import dataclasses

import numpy as np
import pytest

from monitored_world import AS_OF, SETTINGS, answers, customers, reference, today
from segmentwerk.core.monitored import Monitored, MonitoringFinding
from segmentwerk.core.reference import Measure
from segmentwerk.monitoring.assessing import assess, figures
from segmentwerk.monitoring.telling import Told, tell
from segmentwerk.monitoring.today import CLOCKS

FINE = {name: Measure(value=0.29, se=0.01) for name in ("gain", "agreement", "explained")}


def asked(rows=None, said=None, **more):
    found = assess(today(rows, said, **({"measures": FINE} | more)), SETTINGS)
    return {one.code: one for one in found}


def failed(found):
    return {code: one for code, one in found.items() if one.status == "failed"}


def monitored(found):
    return Monitored(model="m", as_of=AS_OF, source="s", findings=tuple(found.values()))


def test_nothing_fails_where_nothing_has_changed():
    for seed in range(1, 6):
        rows = customers(seed)
        found = asked(rows, answers(rows, seed))
        assert failed(found) == {}, seed
        assert list(found) == [f"M{number:03d}" for number in range(1, 17)]
        assert found["M008"].status == "not_applicable"
        assert monitored(found).advice == "keep"


def test_a_branch_in_cents_is_a_fault_of_its_part():
    rows = customers(1)
    rows.loc[rows["country"] == "LU", ["revenue_12m", "monetary"]] *= 100
    found = asked(rows)
    one = found["M001"]
    assert (one.status, one.word, one.level) == ("failed", "data fault", "country=LU")
    assert one.facts["factor"] == pytest.approx(100, rel=0.3)
    assert set(one.features) == {"revenue_12m", "monetary"}
    assert found["M007"].status == "not_applicable"
    assert monitored(found).failed[0].code == "M001"
    assert monitored(found).advice == "repair"


def test_another_currency_unit_everywhere():
    rows = customers(1)
    rows[["revenue_12m", "monetary"]] /= 1000
    one = asked(rows)["M001"]
    assert (one.status, one.level) == ("failed", "")
    assert one.facts["factor"] == pytest.approx(0.001, rel=0.1)


def test_an_empty_column_is_a_fault():
    rows = customers(1)
    rows.loc[rows.index[:600], "employees"] = np.nan
    one = asked(rows)["M002"]
    assert (one.features, one.word, one.severity) == (("employees",), "data fault", "error")


def test_a_renamed_level_is_a_fault_and_a_new_one_is_not():
    rows = customers(1)
    rows["main_category"] = rows["main_category"].replace("tools", "utensils")
    one = asked(rows)["M003"]
    assert (one.features, one.word, one.severity) == (("main_category",), "data fault", "error")
    rows = customers(1)
    rows.loc[rows.index[::10], "main_category"] = "drones"
    one = asked(rows)["M003"]
    assert (one.word, one.severity) == ("real change", "warning")


def test_silence_is_a_fault():
    rows = customers(1)
    rows["web_recency_days"] = rows["web_recency_days"].clip(lower=90)
    one = asked(rows)["M004"]
    assert (one.features, one.word) == (("web_recency_days",), "data fault")


def test_a_month_that_was_booked_two_days_earlier_is_no_silence():
    """Where orders are booked monthly, the lowest bin is a single day, and the calendar moves it."""
    rows = customers(0)
    months = np.random.default_rng(1).integers(0, 12, len(rows))
    then = reference(rows.assign(web_recency_days=1.0 + 30 * months))
    one = today(rows.assign(web_recency_days=3.0 + 30 * months))
    drifts = dataclasses.replace(one, reference=then)
    assert drifts.drift("web_recency_days").p < 1e-6
    assert next(each for each in assess(drifts, SETTINGS) if each.code == "M004").status == "passed"


def test_answers_beyond_their_scale_are_a_fault():
    rows = customers(1)
    rows["survey_factor_1"] *= 2
    one = asked(rows)["M005"]
    assert (one.features, one.word) == (("survey_factor_1",), "data fault")


def test_one_feature_that_moves_is_told_and_three_call_for_a_refresh():
    rows = customers(1)
    rows["frequency"] += 1
    one = asked(rows)["M006"]
    assert (one.status, one.severity, one.features) == ("failed", "warning", ("frequency",))
    rows["employees"] *= 1.4
    rows["web_recency_days"] *= 1.6
    one = asked(rows)["M006"]
    assert (one.severity, one.word, len(one.features)) == ("error", "real change", 3)


def test_what_grows_with_the_date_is_ageing():
    rows = customers(1)
    rows["tenure_days"] += 200
    found = asked(rows)
    assert (found["M006"].word, found["M006"].severity) == ("ageing", "warning")
    assert monitored(found).advice == "keep"


def test_higher_prices_are_a_real_change():
    rows = customers(1)
    rows["revenue_12m"] *= 1.3
    found = asked(rows)
    one = found["M007"]
    assert (one.word, one.features[0]) == ("real change", "revenue_12m")
    assert one.facts["factor"] == pytest.approx(1.3, abs=0.1)
    assert monitored(found).advice == "refresh"


def test_the_margin_is_named_before_the_money():
    rows = customers(1)
    rows["margin_rate"] += 0.03
    rows["revenue_12m"] *= 1.3
    assert asked(rows)["M007"].features[:2] == ("margin_rate", "revenue_12m")


def test_then_and_now_are_told_apart_by_what_differs():
    then, now = customers(0), customers(1)
    now.index = [f"n{name}" for name in now.index]
    now["frequency"] += 12
    told = tell(then, now, max_rows=1000, seed=0, without=CLOCKS)
    assert next(iter(told.features)) == "frequency"
    assert told.auc > 0.95
    one = asked(told=told)["M008"]
    assert (one.status, one.severity, one.features[0]) == ("failed", "warning", "frequency")
    assert asked(told=Told(0.52, 0.01, {}))["M008"].status == "passed"


def test_a_feature_that_nobody_has_tells_nothing():
    """As a growth over two years does of a source of one year."""
    then, now = customers(0), customers(1)
    for rows in (then, now):
        rows["web_recency_days"] = np.nan
    now["frequency"] += 12
    told = tell(then, now, max_rows=1000, seed=0)
    assert next(iter(told.features)) == "frequency"
    assert "web_recency_days" not in told.features


def test_the_same_accounts_are_not_recognised():
    rows = customers(0)
    told = tell(rows, rows.copy(), max_rows=1000, seed=0)
    assert told.auc == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize(
    ("shares", "calls"),
    [
        ((0.5, 0.3, 0.2), False),
        ((0.47, 0.3, 0.23), False),
        ((0.43, 0.3, 0.27), True),
        ((0.3, 0.3, 0.4), True),
    ],
)
def test_segments_that_grow_are_named(shares, calls):
    rows = customers(1)
    one = asked(rows, answers(rows, 1, shares))["M009"]
    assert one.calls is calls
    if calls:
        assert one.segments[0] == 13


def test_shares_need_be_less_sure_where_features_have_moved():
    rows = customers(1).iloc[::2].copy()
    said = answers(rows, 1, (0.455, 0.3, 0.245))
    assert not asked(rows, said)["M009"].calls
    rows["tenure_days"] += 200  # ageing is no witness
    assert not asked(rows, said)["M009"].calls
    rows = customers(1).iloc[::2].copy()
    rows["frequency"] += 1
    found = asked(rows, said)
    assert (found["M006"].calls, found["M009"].calls) == (False, True)
    assert monitored(found).advice == "refresh"


def test_outliers_name_the_segment_that_holds_most_of_them():
    rows = customers(1)
    said = answers(rows, 1)
    said.loc[rows.index[:150], ["segment_id", "is_outlier"]] = [12, True]
    one = asked(rows, said)["M010"]
    assert (one.status, one.segments[0], one.word) == ("failed", 12, "real change")


def test_falling_confidence_is_told():
    rows = customers(1)
    said = answers(rows, 1)
    said["confidence"] -= 0.1
    assert (asked(rows, said)["M011"].status, asked(rows, said)["M011"].severity) == ("failed", "warning")


@pytest.mark.parametrize(
    ("code", "name", "severity"),
    [("M012", "gain", "error"), ("M013", "agreement", "warning"), ("M014", "explained", "error")],
)
def test_what_no_longer_holds_calls(code, name, severity):
    low = FINE | {name: Measure(value=0.05 if name != "agreement" else -0.1, se=0.01)}
    one = asked(measures=low)[code]
    assert (one.status, one.severity) == ("failed", severity)
    unsure = FINE | {name: Measure(value=0.1, se=0.2)}
    assert asked(measures=unsure)[code].status == "passed"
    assert asked(measures={})[code].status == "not_applicable"


def test_faults_stand_before_changes_and_calls_before_what_is_only_told():
    found = [
        MonitoringFinding(code=code, title="t", status="failed", severity=severity, word=word)
        for code, severity, word in [
            ("M006", "warning", "real change"), ("M009", "error", "real change"),
            ("M004", "error", "data fault"), ("M003", "warning", "data fault"),
        ]
    ]  # fmt: skip
    one = Monitored(model="m", as_of=AS_OF, source="s", findings=tuple(found))
    assert [each.code for each in one.failed] == ["M004", "M009", "M003", "M006"]


def test_the_special_stands_before_the_general():
    """Prices move growth and potential with them; what is named is the price."""
    rows = customers(1)
    for name in ("revenue_12m", "monetary", "frequency"):
        rows[name] *= 1.6
    found = asked(rows)
    assert (found["M006"].severity, found["M007"].severity) == ("error", "error")
    assert [each.code for each in monitored(found).failed][:2] == ["M007", "M006"]


def test_figures_have_no_row_and_sum_up():
    one = today(measures=FINE)
    found = figures(one)
    assert sum(found[f"share/segment_{segment}"].value for segment in (11, 12, 13)) == pytest.approx(1)
    assert found["still_true/gain"].low == pytest.approx(0.29 - 1.96 * 0.01)
    assert found["accounts/customers"].value == len(one.customers)

"""The page "what worked", the page of the next test, and what the next plan says of what was measured."""

import re
from dataclasses import replace
from datetime import date

import pytest
from tea_tasting.aggr import Aggregates

from segmentwerk.core.activation_settings import PlaybookSettings
from segmentwerk.core.measurement_settings import MeasurementSettings
from segmentwerk.insight.language import Language, catalogue
from segmentwerk.measurement import campaign_result, intervals, kpis, sample_sizes
from segmentwerk.measurement.arm_sums import ArmSums
from segmentwerk.measurement.learned_effects import LearnedCampaign, LearnedEffect
from segmentwerk.measurement.sample_sizes import TestDesign
from segmentwerk.reporting import earned, forest, measured, sizing
from segmentwerk.reporting.forest import ForestRow
from segmentwerk.reporting.measured_words import MeasuredOrigin, MeasuredWords
from small_campaign import measure
from small_experiment import UNTIL, contacted, rows

SETTINGS = MeasurementSettings(permutations=39, window_days=30)
ABOUT = MeasuredOrigin(
    source="demo",
    digest="abc",
    model="models:/b2b/3",
    name="b2b",
    version="3",
    currency="EUR",
    until=UNTIL,
    settings=SETTINGS,
    playbook=PlaybookSettings(name="p", measures={"m": measure("m")}),
)


def judged(table, segments, settings=SETTINGS, **more):
    names = {1: "regulars <b>", 2: "dormant"}
    return campaign_result.judge(contacted(table, segments), "spring", settings, UNTIL, names=names, **more)


@pytest.fixture(scope="module")
def result():
    return judged(*rows(n=3000, lift=(0.15, 0.0)))


@pytest.fixture(params=["en", "de"])
def language(request):
    return Language(request.param, "EUR")


def pages(result, language, tmp_path):
    html, markdown = measured.write([result], ABOUT, tmp_path, language)
    return html.read_text(encoding="utf-8"), markdown.read_text(encoding="utf-8")


def test_page_tells_every_figure_that_is_there(result, language, tmp_path):
    html, markdown = pages(result, language, tmp_path)
    words = MeasuredWords(language)
    for name in ("conversion", "revenue", "cost_per_conversion", "incremental_revenue", "return_on_cost"):
        assert words.figure(name) in html
        assert words.figure(name) in markdown
    reading = result.of(None)[1].readings["conversion"]
    assert words.cell("conversion", reading) in html
    assert html.count("<article") == 1
    assert "<svg" in html
    assert "regulars &lt;b&gt;" in html
    assert not re.search(r"\b(None|nan|inf)\b", html)


def test_page_is_one_file_without_outside_resources(result, language, tmp_path):
    html, _ = pages(result, language, tmp_path)
    assert not re.search(r'(src|href)="(?!#|data:)', html)
    assert f'<html lang="{language.code}">' in html


def test_every_verdict_has_its_words_and_its_next_step(result, language):
    words = MeasuredWords(language)
    told = set()
    for verdict in ("by_segment", "one_arm", "nothing", "not_enough"):
        one = replace(result, advice=replace(result.advice, verdict=verdict))
        told.add(words.verdict(one))
        assert list(words.steps(one))
    assert len(told) == 4
    without = replace(result, advice=None, why_not="arms")
    assert words.t("reason_arms") in words.verdict(without)
    nobody = replace(result, advice=None, why_not="nobody")
    assert words.t("reason_nobody") in words.verdict(nobody)
    unknown = replace(result, advice=replace(result.advice, verdict="not_enough", needed=None))
    assert words.verdict(unknown) == words.t("not_enough_unknown")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"arm": "treated"}, "next_control"),
        ({"converted": 0, "revenue": 0.0, "responded": 0}, "next_same"),
    ],
    ids=str,
)
def test_bad_campaigns_have_a_page_all_the_same(change, word, language, tmp_path):
    table, segments = rows(n=600)
    one = judged(table.assign(**change), segments)
    html, _ = pages(one, language, tmp_path)
    assert language.text(f"measured.{word}") in html


def test_every_reason_and_finding_has_words_in_both_languages():
    texts = catalogue()
    reasons = set(kpis.ABSENT.values()) | {"few", "no_control", "no_success", "no_cost", "no_variation"}
    assert reasons <= set(texts["measured_absent"])
    assert {*kpis.OF_ARM, *kpis.AGAINST_CONTROL} <= set(texts["measured_figures"])
    codes = {f"E{number:03d}" for number in range(1, 14)}
    assert {*codes, *(f"{code}_found" for code in codes)} == set(texts["experiment_checks"])


def test_an_absent_figure_is_a_dash(language):
    assert MeasuredWords(language).cell("revenue", intervals.missing("few")) == "-"


def test_the_star_marks_what_stays_after_correction(language):
    reading = intervals.Reading(0.1, 0.05, 0.15, 100, pvalue=0.01, adjusted=0.04)
    assert "*" in MeasuredWords(language).cell("uplift_conversion", reading)
    assert "*" not in MeasuredWords(language).cell("uplift_conversion", replace(reading, adjusted=0.06))


def test_forest_keeps_its_whiskers_in_the_picture():
    plot = forest.draw([ForestRow("a", (1.0, -3.0, 5.0), (0.5, 0.1, 0.9)), ForestRow("b", None, None)], "x")
    assert plot.plain[0].low < plot.zero < plot.plain[0].high <= plot.width
    assert plot.plain[0].low < plot.together[0].low < plot.together[0].high < plot.plain[0].high
    assert len(plot.names) == 2
    assert [value for _, value in plot.ticks] == sorted(value for _, value in plot.ticks)


def test_the_page_of_the_next_test(language, tmp_path):
    one = Aggregates(
        1000,
        {"converted": 0.1, "revenue": 20.0},
        {"converted": 0.09, "revenue": 2500.0},
        {("converted", "revenue"): 0.0},
    )
    history = ArmSums("h", ("converted", "revenue"), {(None, "h"): one, (2, "h"): one})
    sizes = sample_sizes.plan(history, TestDesign({"order_rate": 0.02, "revenue": 0.1}, 0.5, 0.95))
    html, markdown = sizing.write(sizes, {2: "dormant"}, ABOUT, tmp_path, language)
    needed = language.number(sizes[0].needed)
    for path in (html, markdown):
        text = path.read_text(encoding="utf-8")
        assert needed in text
        assert "2 dormant" in text


CAMPAIGN = LearnedCampaign(
    campaign="2026-01 win_back",
    source="demo",
    model="b2b",
    version="3",
    measure="win_back",
    outcome="revenue",
    currency="EUR",
    first=date(2026, 1, 1),
    until=UNTIL,
    verdict="one_arm",
    effects=(
        LearnedEffect(None, "treated", 4.0, 1.0, 7.0, 900, chosen=True),
        LearnedEffect(2, "treated", 3.0, -1.0, 7.0, 90, chosen=False, needed=400, name="dormant"),
    ),
)


def test_a_measure_says_what_it_brought_where_it_is_planned_again(language):
    (line,) = earned.lines([CAMPAIGN], 2, ["win_back"], language)
    assert "+3" in line
    assert language.number(400) in line
    assert earned.lines([CAMPAIGN], 2, ["onboard"], language) == []
    assert earned.lines([CAMPAIGN], 1, ["win_back"], language) == []


def test_a_campaign_says_which_arm_is_advised(language):
    other = replace(CAMPAIGN, measure="", campaign="autumn", outcome="converted")
    (line,) = earned.lines([other], 2, [], language)
    assert line == language.text("measured.learned_none", campaign="autumn", contacts=90) + language.text(
        "measured.learned_next", needed=400
    )
    chosen = replace(other, effects=(replace(other.effects[1], chosen=True, effect=0.03),))
    (line,) = earned.lines([chosen], 2, [], language)
    assert "treated" in line
    assert language.decimal(3.0, 1) in line


def test_the_comparison_shows_what_segments_earned(language):
    grid = earned.grid([CAMPAIGN], language)
    assert [row[1] for row in grid.rows] == [language.text("measured.all"), "2 dormant"]

"""The pages of the other verbs in a real browser, from disk: nobody is shut out, also on a telephone."""

import base64

import pandas as pd
import pytest

from monitored_world import AS_OF, SEGMENTS, SETTINGS, answers, customers, today
from opened_page import broken_pictures, errors, overflow, violations
from segmentwerk.analysis import affinity, segment_map
from segmentwerk.core.activation_settings import PlaybookSettings
from segmentwerk.core.measurement_settings import MeasurementSettings
from segmentwerk.core.monitored import Monitored
from segmentwerk.insight.language import Language
from segmentwerk.measurement import campaign_result
from segmentwerk.monitoring import movement
from segmentwerk.monitoring.assessing import assess, figures
from segmentwerk.monitoring.movement import Snapshot
from segmentwerk.reporting import analysis_page, measured, monitor_page, plan
from segmentwerk.reporting.affinity_told import AffinityTold
from segmentwerk.reporting.conjoint_told import ConjointTold
from segmentwerk.reporting.maps_told import SegmentMapTold
from segmentwerk.reporting.measured_words import MeasuredOrigin
from segmentwerk.reporting.monitor_page import MonitorPage
from segmentwerk.reporting.monitor_words import MonitorOrigin
from segmentwerk.reporting.perceptual_map_told import PerceptualMapTold
from small_answers import CONJOINT, rated_brands, simulated_choices
from small_campaign import SIZES, measure, planned, playbook
from small_experiment import UNTIL, contacted, rows
from small_purchases import NAMES, purchases

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]

DAYS = [AS_OF, AS_OF.replace(month=7)]


def plan_page(language, folder):
    about = plan.PlanOrigin("source", "digest", "models:/m/1", playbook())
    return plan.write(planned(language=language.code), about, folder, language, b"k" * 32)[0]


def measured_page(language, folder):
    settings = MeasurementSettings(permutations=39, window_days=30)
    contacts = contacted(*rows(n=3000, lift=(0.15, 0.0)))
    names = {1: "regulars", 2: "dormant"}
    found = campaign_result.judge(contacts, "spring", settings, UNTIL, names=names)
    about = MeasuredOrigin(
        source="demo", digest="abc", model="models:/b2b/3", name="b2b", version="3", currency="EUR",
        until=UNTIL, settings=settings, playbook=PlaybookSettings(name="p", measures={"m": measure("m")}),
    )  # fmt: skip
    return measured.write([found], about, folder, language)[0]


def monitored_page(language, folder):
    said = [answers(customers(1), 1), answers(customers(1), 2)]
    snapshots = [
        Snapshot(day, pd.DataFrame({"segment_id": one["segment_id"], "revenue": 1.0, "customer": True}))
        for day, one in zip(DAYS, said, strict=True)
    ]
    moved = movement.between(*snapshots, SEGMENTS).kept()
    dates = []
    for day, one, kept in zip(DAYS, said, [None, moved], strict=True):
        found = today(customers(1), one)
        dates.append(
            Monitored(
                model="models:/m/1", as_of=day, source="demo", findings=assess(found, SETTINGS),
                figures=figures(found), drifts=found.drifts, movement=kept,
            )
        )  # fmt: skip
    about = MonitorOrigin("models:/m/1", {11: "large orders", 12: "new", 13: "dormant"})
    return monitor_page.write(MonitorPage(dates, about, language), folder)[0]


def affinity_page(language, folder):
    bought, segments, _ = purchases()
    told = AffinityTold(affinity.analyse(bought, segments), NAMES, language).told("demo", "note")
    return analysis_page.write(told, folder, language).html


def segment_map_page(language, folder):
    _, segments, features = purchases()
    told = SegmentMapTold(segment_map.analyse(features, segments, seed=0), NAMES, language).told(
        "demo", "note"
    )
    return analysis_page.write(told, folder, language).html


def conjoint_page(language, folder):
    told = ConjointTold(*simulated_choices(), CONJOINT, NAMES, language).told("demo", "note")
    return analysis_page.write(told, folder, language).html


def perceptual_map_page(language, folder):
    told = PerceptualMapTold(rated_brands(), language).told("demo", "note")
    return analysis_page.write(told, folder, language).html


@pytest.fixture(scope="module", params=["en", "de"])
def language(request):
    return Language(request.param, "EUR")


@pytest.fixture(
    scope="module",
    params=[
        plan_page,
        measured_page,
        monitored_page,
        affinity_page,
        segment_map_page,
        conjoint_page,
        perceptual_map_page,
    ],
)
def written(request, language, tmp_path_factory):
    return request.param(language, tmp_path_factory.mktemp("page"))


def test_a_page_opens_and_shuts_nobody_out(offline, written):
    errors(offline)
    offline.get(written.as_uri())
    assert broken_pictures(offline) == []
    assert violations(offline) == []
    assert errors(offline) == []


def test_a_page_fits_a_telephone(narrow, written):
    narrow.get(written.as_uri())
    assert overflow(narrow) == 0


def test_one_printed_page_for_the_whole_plan_and_one_a_segment(offline, language, tmp_path):
    offline.get(plan_page(language, tmp_path).as_uri())
    printed = offline.execute_cdp_cmd("Page.printToPDF", {"printBackground": True, "preferCSSPageSize": True})
    content = base64.b64decode(printed["data"])
    assert (content.count(b"/Type /Page\n") or content.count(b"/Type /Page ")) == 1 + len(SIZES)

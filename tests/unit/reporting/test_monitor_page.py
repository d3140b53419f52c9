"""The monitoring page: both languages whole and unmixed, every gate told, no id, pictures with words."""

import re
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from monitored_world import AS_OF, SEGMENTS, SETTINGS, answers, customers, today
from segmentwerk.core.monitored import Monitored, MonitoringFinding, Promise, Ranged, Unasked
from segmentwerk.core.reference import Measure
from segmentwerk.insight.language import Language, catalogue
from segmentwerk.monitoring import movement
from segmentwerk.monitoring.assessing import assess, figures, passed_over
from segmentwerk.monitoring.movement import Snapshot
from segmentwerk.monitoring.telling import Told
from segmentwerk.reporting import monitor_page, monitor_records
from segmentwerk.reporting.monitor_page import MonitorPage
from segmentwerk.reporting.monitor_words import MonitorOrigin, found, headline

LATER = AS_OF.replace(month=7)
MEASURES = {name: Measure(value=0.3, se=0.01) for name in ("gain", "agreement", "explained")}


def monitored(as_of, rows, said, **more):
    one = today(rows, said, measures=MEASURES, told=Told(0.9, 0.01, {"frequency": 0.2}))
    return Monitored(
        model="models:/m/1", trained_as_of="2026-01-01", as_of=as_of, source="demo", source_digest="d" * 32,
        accounts=len(rows), customers=len(rows), findings=assess(one, SETTINGS), figures=figures(one),
        drifts=one.drifts, **more,
    )  # fmt: skip


def snapshot(as_of, said):
    frame = pd.DataFrame({"segment_id": said["segment_id"], "revenue": 1.0, "customer": True})
    return Snapshot(as_of, frame)


@pytest.fixture(scope="module")
def dates():
    first, second = customers(1), customers(2)
    second.loc[second["country"] == "LU", ["revenue_12m", "monetary"]] *= 100
    said = [answers(first, 1), answers(second, 2, (0.3, 0.3, 0.4))]
    moved = movement.between(snapshot(AS_OF, said[0]), snapshot(LATER, said[1]), SEGMENTS)
    return [
        monitored(AS_OF, first, said[0]),
        monitored(LATER, second, said[1], movement=moved.kept()),
    ]


@pytest.fixture(params=["en", "de"])
def watch(dates, request):
    about = MonitorOrigin("models:/m/1", {11: "large", 12: "small <b>", 13: "new"})
    return MonitorPage(dates, about, Language(request.param, "EUR"))


def test_both_pages_are_written_whole(watch, tmp_path):
    html, markdown = (path.read_text(encoding="utf-8") for path in monitor_page.write(watch, tmp_path))
    assert html.endswith("</html>")
    for code in (f"M{number:03d}" for number in range(1, 17)):
        assert code in html
        assert code in markdown
    assert "small <b>" not in html
    assert not re.search(r"c\d{5}", html + markdown), "an account's id"
    assert html.count('role="img"') == 2


def test_the_advice_stands_first(watch):
    first = watch.headlines[0]
    assert "M001" in first
    assert {"en": "data fault", "de": "Datenfehler"}[watch.language.code] in first
    assert "country = LU" in first or "Land = LU" in first


def test_no_english_word_of_ours_stands_on_the_german_page(dates, tmp_path):
    about = MonitorOrigin("models:/m/1", {})
    page = monitor_page.write(MonitorPage(dates, about, Language("de", "EUR")), tmp_path)[1].read_text(
        "utf-8"
    )
    for section in ("monitoring", "monitoring_gates", "monitoring_reasons"):
        for key, texts in catalogue()[section].items():
            if texts["en"] != texts["de"] and len(texts["en"]) > 12 and "{" not in texts["en"]:
                assert texts["en"] not in page, key


def test_one_date_has_neither_movement_nor_lines(dates, tmp_path):
    alone = MonitorPage(dates[:1], MonitorOrigin("m"), Language("en", "EUR"))
    assert (alone.shares, alone.flows, alone.moves, alone.forecast) == (None, None, [], None)
    assert "There is one date only" in monitor_page.write(alone, tmp_path)[1].read_text("utf-8")


def test_shares_are_drawn_by_days(dates):
    drawn = MonitorPage(dates, MonitorOrigin("m"), Language("en", "EUR")).shares
    assert [line.id for line in drawn.lines] == list(SEGMENTS)
    assert "segment 13 from" in drawn.alt


@pytest.mark.parametrize("code", sorted(catalogue()["monitoring_gates"]))
@pytest.mark.parametrize("language", ["en", "de"])
def test_every_gate_is_told_in_both_languages(code, language, dates):
    """Those that did not fail here are told as failed with the numbers that they gave."""
    one = next(each for each in dates[1].findings if each.code == code)
    assert found(one, Language(language, "EUR"))
    assert catalogue()["monitoring_gates"][code]["en"] == one.title


def test_a_gate_that_could_not_be_asked_says_why_in_the_language_of_the_page():
    why = Unasked(reason="too_early", named={"days": "181", "day": "2026-07-01"})
    one = MonitoringFinding(code="M014", title="t", status="not_applicable", unasked=why)
    assert found(one, Language("en")).endswith("181 days, ends on 2026-07-01.")
    assert found(one, Language("de")).endswith("181 Tage, endet am 01.07.2026.")
    kept_before = one.model_copy(update={"unasked": None})
    assert "Daten" in found(kept_before, Language("de"))


def test_every_reason_of_a_gate_has_its_words():
    source = Path(monitor_page.__file__).parents[1]
    code = "".join(
        path.read_text("utf-8")
        for path in (*(source / "monitoring").glob("*.py"), source / "release/watching.py")
    )
    given = re.findall(r'unasked\([^()]*?"(\w+)"\)|reason="(\w+)"|or "(\w+)"\)', code)
    keys = {key for each in given for key in each if key}
    keys |= {"not_measured_then", "too_few_customers"}
    assert keys == set(catalogue()["monitoring_reasons"])


def test_registration_stands_beside_the_dates(watch):
    grid = watch.over_time
    assert grid.heads[1] == {"en": "At registration", "de": "Bei der Registrierung"}[watch.language.code]
    explained = next(row for row in grid.rows if "utcome" in row[0] or "Ergebnis" in row[0])
    assert explained[1].startswith({"en": "30%", "de": "30"}[watch.language.code])
    shares = [row for row in grid.rows if "11 large" in row[0]]
    assert len(shares) == 1
    assert shares[0][1] != shares[0][2]


def test_what_was_promised_stands_beside_what_came(dates, tmp_path):
    one = Promise(
        segment=11, measure="call", arm="call", outcome="revenue", campaign="spring", contacts=900,
        promised=Ranged(value=12.0, low=8.0, high=16.0), happened=Ranged(value=3.0, low=1.0, high=5.0),
    )  # fmt: skip
    last = dates[-1].model_copy(update={"promises": (one,)})
    page = MonitorPage([last], MonitorOrigin("m", {11: "large"}), Language("de", "EUR"))
    (row,) = page.promises.rows
    assert row[:3] == ["11 large", "call", "spring"]
    assert "12,00" in row[3]
    assert "3,00" in row[4]
    assert "versprachen" in monitor_page.write(page, tmp_path)[0].read_text("utf-8")
    assert MonitorPage(dates, MonitorOrigin("m"), Language("de", "EUR")).promises is None


def test_a_date_before_the_training_is_shown_for_the_movement_alone(dates):
    early = dates[1].model_copy(
        update={"as_of": date(2025, 7, 1), "findings": passed_over(dates[1].findings)}
    )
    assert early.advice == "keep"
    assert "before the model learned" in headline(early, Language("en", "EUR"))
    assert all("vor dem" in found(one, Language("de", "EUR")) for one in early.findings)


def test_what_is_only_told_is_counted(dates):
    words = headline(dates[0], Language("en", "EUR"))
    assert words.startswith("As of 2026-04-01: keep the model")
    assert "One further finding is for information" in words  # the classifier's


def test_each_point_is_logged_once_at_its_date(dates):
    every = list(monitor_records.points(dates))
    steps = {record.step for record in every if hasattr(record, "step")}
    assert steps == {20260401, 20260701}
    assert list(monitor_records.points(dates, ["2026-04-01", "2026-07-01"])) == []
    later = [record for record in monitor_records.points(dates, ["2026-04-01"]) if hasattr(record, "step")]
    assert {record.step for record in later} == {20260701}
    assert "movement/moved" in {record.name for record in later}


def test_a_date_in_between_changes_what_the_later_run_tells(dates):
    found = list(monitor_records.moved_since(dates[1], ""))
    assert {record.name for record in found if hasattr(record, "step")} == set(
        monitor_records.moves(dates[1])
    )
    assert list(monitor_records.moved_since(dates[1], str(AS_OF))) == []
    assert list(monitor_records.moved_since(dates[0], "")) == []

"""The monitoring page in a real browser, from disk without a network: nobody is shut out."""

import pandas as pd
import pytest

from monitored_world import AS_OF, SEGMENTS, SETTINGS, answers, customers, today
from segmentwerk.core.monitored import Monitored
from segmentwerk.insight.language import Language
from segmentwerk.monitoring import movement
from segmentwerk.monitoring.assessing import assess, figures
from segmentwerk.monitoring.movement import Snapshot
from segmentwerk.reporting import monitor_page
from segmentwerk.reporting.monitor_page import MonitorPage
from segmentwerk.reporting.monitor_words import MonitorOrigin

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]

SEVERE = {"serious", "critical"}
DAYS = [AS_OF, AS_OF.replace(month=7)]


@pytest.fixture(params=["en", "de"])
def page(request, browser, tmp_path):
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
    path, _ = monitor_page.write(MonitorPage(dates, about, Language(request.param, "EUR")), tmp_path)
    browser.get_log("browser")
    browser.get(path.as_uri())
    return browser


def test_it_opens_and_shuts_nobody_out(page):
    from selenium_axe_python import Axe

    axe = Axe(page)
    axe.inject()
    found = axe.run()
    assert found["passes"], "axe looked at nothing"
    severe = [one for one in found["violations"] if one["impact"] in SEVERE]
    assert [(one["id"], one["nodes"][0]["html"]) for one in severe] == []
    assert [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_it_fits_a_telephone(page):
    page.set_window_size(500, 900)  # Chromium's smallest
    try:
        width = page.execute_script("return document.documentElement.scrollWidth")
        assert width <= page.execute_script("return window.innerWidth")
    finally:
        page.set_window_size(1500, 1100)  # as the other pages' tests expect it

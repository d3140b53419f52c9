"""The activation plan in a real browser, from disk without a network: nobody is shut out, and it prints."""

import base64

import pytest

from segmentwerk.insight.language import Language
from segmentwerk.reporting import plan as pages
from small_campaign import SIZES, planned, playbook

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]

SEVERE = {"serious", "critical"}
"""Impacts by which axe calls a violation one that shuts people out."""


@pytest.fixture(params=["en", "de"])
def page(request, browser, tmp_path):
    made = planned(language=request.param)
    about = pages.PlanOrigin("source", "digest", "models:/m/1", playbook())
    path, _ = pages.write(made, about, tmp_path, Language(request.param, "EUR"), b"k" * 32)
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
        wide = page.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0
    finally:
        page.set_window_size(1500, 1100)


def test_one_printed_page_for_the_whole_and_one_a_segment(page):
    printed = page.execute_cdp_cmd("Page.printToPDF", {"printBackground": True, "preferCSSPageSize": True})
    content = base64.b64decode(printed["data"])
    pages_printed = content.count(b"/Type /Page\n") or content.count(b"/Type /Page ")
    assert pages_printed == 1 + len(SIZES)

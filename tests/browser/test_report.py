"""The segment report in a real browser: from disk without a network, and inside MLflow's artifact viewer."""

from pathlib import Path

import pandas as pd
import pytest
from selenium.webdriver.common.by import By

from command_line import SMALL, segmentwerk
from opened_page import broken_pictures, errors, overflow, violations

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def output(compared):
    return Path(compared.stdout.strip().splitlines()[-1]).parent


@pytest.fixture(scope="module")
def german(compared):
    """The next comparison of the same project, in German; it has a champion to compare with."""
    done = segmentwerk("compare", *SMALL, "seed=3", "report.language=de", home=compared.home)
    assert done.code == 0, done.stderr
    return Path(done.stdout.strip().splitlines()[-1]).parent


def test_the_report_opens_from_disk_and_shuts_nobody_out(offline, output):
    offline.get_log("browser")
    offline.get((output / "report" / "report.html").as_uri())
    assert len(offline.find_elements(By.CSS_SELECTOR, "article")) >= 2
    assert len(offline.find_elements(By.TAG_NAME, "img")) == 7
    assert broken_pictures(offline) == []
    assert errors(offline) == []
    assert violations(offline) == []


def test_the_german_report_does_so_too_and_shows_who_moves(offline, german):
    offline.get_log("browser")
    offline.get((german / "report" / "report.html").as_uri())
    text = offline.find_element(By.TAG_NAME, "body").text
    assert "Wer wechselt, gegenüber Version 1" in text
    assert offline.find_element(By.TAG_NAME, "html").get_attribute("lang") == "de"
    assert broken_pictures(offline) == []
    assert errors(offline) == []
    assert violations(offline) == []


def test_a_violation_would_be_found(offline, tmp_path):
    page = tmp_path / "bad.html"
    page.write_text("<html><body><img src='data:,'><p style='color:#ddd'>pale</p></body></html>")
    offline.get(page.as_uri())
    assert {"image-alt", "html-has-lang", "color-contrast"} <= {name for name, _ in violations(offline)}


def test_the_report_opens_inside_mlflow(browser, page, shown, framed, keep):
    browser.get(page)
    shown(browser, "Open the segment report", more=True)
    browser.get_log("browser")
    link = browser.find_element(By.LINK_TEXT, "Open the segment report")
    browser.get(link.get_attribute("href"))  # a click would open another window
    assert framed(browser, broken_pictures, "Segment cards", "The decision asked for") == []
    assert errors(browser) == []
    keep(browser, "report")


def test_every_link_inside_the_report_works_in_mlflows_viewer_and_from_disk(browser, page, framed, output):
    """The viewer's frame is sandboxed, so that the browser itself follows no link there."""
    browser.get(f"{page}/artifacts/report/report.html")
    assert framed(browser, astray, "Segment cards") == []
    browser.get((output / "report" / "report.html").as_uri())
    assert astray(browser) == []


def astray(browser):
    """Click every link to a place in the page; return those that do not lead there."""
    links = browser.find_elements(By.CSS_SELECTOR, "nav a, td a")
    assert len(links) >= 8
    return [link.text for link in links if not leads(browser, link)]


def leads(browser, link):
    browser.execute_script("scrollTo(0, 0)")
    target = link.get_attribute("href").partition("#")[2]
    link.click()
    look = """
        const at = document.getElementById(arguments[0]).getBoundingClientRect().top;
        const end = scrollY + innerHeight > document.documentElement.scrollHeight - 5;
        return Math.abs(at) < 5 || (end && at < innerHeight);
    """
    return browser.execute_script(look, target)


@pytest.mark.parametrize("file", ["report/report.html", "quality.html"])
def test_nothing_overflows_a_telephone(narrow, output, german, file):
    for folder in (output, german):
        narrow.get((folder / file).as_uri())
        assert overflow(narrow) == 0


def test_on_paper_no_heading_stands_alone_and_no_row_is_cut(offline, german):
    offline.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        offline.get((german / "report" / "report.html").as_uri())
        every = "[...document.querySelectorAll(arguments[0])]"
        style = f"return {every}.map(one => getComputedStyle(one)[arguments[1]])"
        for what, rule in (("h2, h3, h4, caption", "breakAfter"), ("tr, figure, article", "breakInside")):
            found = offline.execute_script(style, what, rule)
            assert len(found) > 10
            assert set(found) == {"avoid"}, what
        assert set(offline.execute_script(style, "thead", "display")) == {"table-header-group"}
    finally:
        offline.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_the_names_follow_the_language_of_the_page(offline, output, german):
    """The German comparison comes after the English one and has its champion."""
    names = {}
    for code, folder in (("en", output), ("de", german)):
        offline.get((folder / "report" / "report.html").as_uri())
        names[code] = [
            one.text.partition(": ")[2] for one in offline.find_elements(By.CSS_SELECTOR, "article h3")
        ]
    assert not set(names["en"]) & set(names["de"])


def test_nothing_in_the_report_tells_who_the_accounts_are(compared, output):
    accounts = pd.read_parquet(next(compared.home.glob("cache/demo/*/accounts.parquet")))
    texts = [(output / "report" / name).read_text(encoding="utf-8") for name in ("report.html", "cards.md")]
    for column in ("account_id", "name", "email", "phone", "address"):
        known = accounts[column].dropna().astype(str)
        assert len(known)
        assert [value for value in known if any(value in text for text in texts)] == []

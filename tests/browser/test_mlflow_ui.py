"""What a reviewer sees in the MLflow UI, in a real headless browser.

`make screenshots` keeps the pictures that README and docs show.
"""

import json
import re

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from segmentwerk.insight.words import candidate

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]

FIGURES = ("scores", "by_segments", "history", "sizes", "profile", "separation", "stability")


@pytest.fixture(scope="module")
def children(client, parent):
    query = f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
    found = client.search_runs([parent.info.experiment_id], query)
    return [run for run in found if run.info.run_name != "machine"]


def test_the_experiment_opens_with_the_comparison_first_in_the_list(browser, address, parent, shown, keep):
    browser.get(f"{address}/#/experiments/{parent.info.experiment_id}/runs")
    shown(browser, "compare demo")
    names = browser.find_elements(By.CSS_SELECTOR, "a[href*='/runs/']")
    assert next(name.text for name in names if name.text) == "compare demo"
    keep(browser, "experiment")


def test_the_comparison_shows_the_ranking_and_the_reason(browser, page, compared, shown, keep):
    browser.get(page)
    winner = compared.summary["decision"]["winner"]
    text = shown(browser, f"{candidate(winner)} won", "Why this segmentation", "is the champion", more=True)
    assert "---|" not in text, "the Markdown is rendered"
    tables = browser.find_elements(By.CSS_SELECTOR, "table")
    (ranking,) = [table for table in tables if "Mean rank" in table.text]
    rows = ranking.find_elements(By.CSS_SELECTOR, "tbody tr")
    assert len(rows) == len(compared.summary["scores"])
    assert candidate(winner) in rows[0].text
    assert "(" in rows[0].text, "scores come with their intervals"
    keep(browser, "comparison")


def test_the_first_screen_tells_where_the_business_is(browser, page, shown):
    """Without unfolding anything: MLflow shows some six lines of the description."""
    browser.get("about:blank")  # within one document MLflow keeps it unfolded
    browser.get(page)
    shown(browser, "customers with", "Show more")
    headline = browser.find_element(By.XPATH, "//strong[contains(text(), 'customers with')]")
    fold = browser.find_element(By.XPATH, "//*[text()='Show more']")
    assert "EUR of revenue" in headline.text
    assert headline.rect["y"] + headline.rect["height"] < fold.rect["y"]


def test_the_metrics_open_with_the_scores(browser, page, shown):
    browser.get(page)
    text = shown(browser, "separation/gain")
    names = [line for line in text.splitlines() if re.fullmatch(r"[a-z_]+/[a-z_]+", line)]
    assert names[0] == "separation/gain"
    assert not [name for name in names if name.startswith(("system/", "wall_time/judge"))]


def test_metrics_are_grouped_by_family(browser, page, shown):
    browser.get(f"{page}/model-metrics")
    text = shown(browser, "separation", "stability", "value", "identifiability", "substance", "wall_time")
    assert text.index("separation") < text.index("stability") < text.index("wall_time")


def test_a_segmenter_says_why_it_won_or_did_not(browser, address, children, shown, keep):
    for child in children:
        browser.get("about:blank")
        browser.get(f"{address}/#/experiments/{child.info.experiment_id}/runs/{child.info.run_id}")
        text = shown(browser, child.info.run_name, "G002 Every segment comes back", more=True)
        assert " won" in text or "did not win" in text
        assert "System metrics (" not in text
    keep(browser, "child")


def open_artifact(browser, page, path):
    """Open an artifact as a typed address does: within one document MLflow may go on showing the last one."""
    browser.get("about:blank")
    browser.get(f"{page}/artifacts/{path}")


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_shown(browser, page, shown, name):
    open_artifact(browser, page, f"figures/{name}.png")
    shown(browser, "figures", f"{name}.png")
    script = "return [...document.images].some(picture => picture.naturalWidth > 900)"
    WebDriverWait(browser, 120).until(lambda window: window.execute_script(script), f"{name} is not drawn")


def test_the_segment_cards_are_rendered(browser, page, framed, compared):
    open_artifact(browser, page, "report/report.html")
    cards = [f"Segment {card['id']}: {card['name']}" for card in compared.summary["model"]["segments"]]
    drawn = framed(browser, lambda frame: frame.find_elements(By.TAG_NAME, "article"), *cards)
    assert len(drawn) == len(cards)


def test_the_run_leads_to_the_registered_model(browser, page, shown, keep):
    browser.get(page)
    shown(browser, "b2b-segments")
    link = (By.CSS_SELECTOR, "a[href*='/models/b2b-segments']")
    WebDriverWait(browser, 120).until(lambda window: window.find_elements(*link))
    browser.get(browser.find_elements(*link)[0].get_attribute("href"))
    shown(browser, "b2b-segments", "champion")
    keep(browser, "model")


def test_three_children_compare_side_by_side(browser, address, parent, children, shown, keep):
    three = [child for child in children if child.info.run_name != "rfm_grid"]
    runs = json.dumps([child.info.run_id for child in three])
    experiments = json.dumps([parent.info.experiment_id])
    browser.get(f"{address}/#/compare-runs?runs={runs}&experiments={experiments}")
    text = shown(browser, *(child.info.run_name for child in three))
    assert "Comparing 3 Runs" in text
    # The table of metrics draws only the rows in sight, in the order of their names.
    shown(browser, "separation/gain", "separation/purity", "n_segments")
    keep(browser, "children")

"""What a reviewer sees in the MLflow UI, in a real headless browser.

`SEGMENTWERK_SCREENSHOTS=docs/images make screenshots` keeps the pictures that the README shows.
"""

import os
from pathlib import Path

import mlflow
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def parent(compared):
    client = mlflow.MlflowClient(f"sqlite:///{compared.home}/mlflow/mlflow.db")
    experiment = client.get_experiment_by_name("segmentwerk")
    (run,) = client.search_runs([experiment.experiment_id], "tags.verb = 'compare'")
    return run


def text_of(browser, *words):
    """Wait until all words stand on the page, and return its text."""

    def shown(window):
        text = window.find_element(By.TAG_NAME, "body").text
        return text if all(word in text for word in words) else False

    return WebDriverWait(browser, 60).until(shown, f"{words} never appeared")


def keep(browser, name):
    folder = os.environ.get("SEGMENTWERK_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        browser.save_screenshot(str(Path(folder) / f"{name}.png"))


def test_the_experiment_lists_the_comparison_first(browser, address, parent):
    browser.get(f"{address}/#/experiments/{parent.info.experiment_id}/runs")
    text = text_of(browser, "compare demo")
    assert text.index("compare demo") < text.index("kmeans") if "kmeans" in text else True
    keep(browser, "experiment")


def test_the_comparison_shows_the_ranking_and_the_reason(browser, address, parent, compared):
    browser.get(f"{address}/#/experiments/{parent.info.experiment_id}/runs/{parent.info.run_id}")
    winner = compared.summary["decision"]["winner"]
    text_of(browser, f"{winner} won", "Show more")
    browser.find_element(By.XPATH, "//*[text()='Show more']").click()
    text = text_of(browser, f"{winner} won", "Candidates", "rfm_grid", "Segments")
    assert "|---|" not in text, "the Markdown is rendered"
    keep(browser, "comparison")


def test_metrics_are_grouped_by_family(browser, address, parent):
    run = f"{address}/#/experiments/{parent.info.experiment_id}/runs/{parent.info.run_id}"
    browser.get(f"{run}/model-metrics")
    text_of(browser, "separation", "stability")
    keep(browser, "metrics")


def test_figures_are_among_the_artifacts(browser, address, parent):
    run = f"{address}/#/experiments/{parent.info.experiment_id}/runs/{parent.info.run_id}"
    browser.get(f"{run}/artifacts/figures/profile.png")
    text_of(browser, "figures", "profile.png")
    keep(browser, "artifacts")


def test_the_registered_model_is_there(browser, address):
    browser.get(f"{address}/#/models/b2b-segments/versions/1")
    text_of(browser, "b2b-segments", "champion")
    keep(browser, "model")


def test_children_compare_side_by_side(browser, address, parent, compared):
    client = mlflow.MlflowClient(f"sqlite:///{compared.home}/mlflow/mlflow.db")
    query = f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
    children = client.search_runs([parent.info.experiment_id], query)[:3]
    ids = "[" + ",".join(f'"{child.info.run_id}"' for child in children) + "]"
    browser.get(f'{address}/#/compare-runs?runs={ids}&experiments=["{parent.info.experiment_id}"]')
    text_of(browser, *(child.info.run_name for child in children))
    keep(browser, "children")


def test_the_interactive_figures_open_from_disk_without_errors(browser, compared):
    output = Path(compared.stdout.strip().splitlines()[-1]).parent
    browser.get_log("browser")
    browser.get((output / "figures" / "interactive.html").as_uri())
    WebDriverWait(browser, 60).until(lambda w: len(w.find_elements(By.CSS_SELECTOR, ".plotly svg")) > 5)
    assert not [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    keep(browser, "figures")

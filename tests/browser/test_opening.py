"""The address that `segmentwerk ui` prints opens the experiment as model training, with fitting columns."""

import mlflow
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from segmentwerk.insight.words import candidate
from segmentwerk.tracking.experiment import page

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


def test_the_runs_open_as_model_training_with_the_columns_of_a_comparison(browser, address, parent, compared):
    browser.get(page(address, parent.info.experiment_id))
    text = text_of(browser, "compare demo", "winner", "verdict", "Comparisons")
    assert compared.summary["decision"]["algorithm"] in text
    assert "Judges" not in text, "the frame for language models"
    assert "kmeans trial 0" not in text, "the view lists comparisons alone"


def test_the_views_are_listed(browser, address, parent):
    browser.get(page(address, parent.info.experiment_id))
    WebDriverWait(browser, 60).until(
        lambda window: window.find_elements(By.CSS_SELECTOR, "[data-testid='saved-views-trigger']")
    )
    browser.find_element(By.CSS_SELECTOR, "[data-testid='saved-views-trigger']").click()
    text_of(browser, "Comparisons", "Candidates")


def test_a_run_opens_as_model_training_with_the_decision_above_the_fold(browser, address, parent, compared):
    browser.get(page(address, parent.info.experiment_id, parent.info.run_id))
    winner = compared.summary["decision"]["winner"]
    text = text_of(
        browser, f"{candidate(winner)} won", "Version 1 of b2b-segments is the champion", "System metrics"
    )
    assert "Judges" not in text, "the frame for language models"

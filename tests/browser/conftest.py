"""A real browser on a real MLflow server that shows one finished comparison of the demo world."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import mlflow
import pytest

from command_line import SMALL, segmentwerk

START = 240
"""Seconds that MLflow's server may take to start on a busy machine."""


@pytest.fixture(scope="session")
def compared(tmp_path_factory):
    done = segmentwerk("compare", *SMALL, home=tmp_path_factory.mktemp("home"))
    assert done.code == 0, done.stderr
    return done


@pytest.fixture(scope="session")
def client(compared):
    return mlflow.MlflowClient(f"sqlite:///{compared.home}/mlflow/mlflow.db")


@pytest.fixture(scope="session")
def parent(client):
    """The first comparison's parent run; later ones of the same project come after it."""
    experiment = client.get_experiment_by_name("segmentwerk")
    found = client.search_runs([experiment.experiment_id], "tags.verb = 'compare'")
    return min(found, key=lambda run: run.info.start_time)


@pytest.fixture(scope="session")
def page(address, parent):
    """The address of the parent run's page."""
    return f"{address}/#/experiments/{parent.info.experiment_id}/runs/{parent.info.run_id}"


@pytest.fixture(scope="session")
def shown():
    """Wait until all words stand on the page, and return its text; ``more`` unfolds the description first."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    def wait(window, *words, more=False):
        if more:
            button = (By.XPATH, "//*[text()='Show more']")
            WebDriverWait(window, 120).until(lambda w: w.find_elements(*button))[0].click()

        def all_there(window):
            text = window.find_element(By.TAG_NAME, "body").text
            return text if all(word in text for word in words) else False

        return WebDriverWait(window, 120).until(all_there, f"{words} never appeared")

    return wait


@pytest.fixture(scope="session")
def framed():
    """Look into the frame of MLflow's artifact viewer, once all words stand there.

    The viewer may redraw the frame at any moment; then it is looked into again.
    """
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    def look_in(window, look, *words):
        def looked(one):
            one.switch_to.default_content()
            one.switch_to.frame(one.find_element(By.TAG_NAME, "iframe"))
            text = one.find_element(By.TAG_NAME, "body").text
            return (look(one),) if all(word in text for word in words) else False

        wait = WebDriverWait(window, 120, ignored_exceptions=[WebDriverException])
        try:
            (found,) = wait.until(looked, f"{words} never appeared")
        finally:
            window.switch_to.default_content()
        return found

    return look_in


@pytest.fixture(scope="session")
def keep():
    """Keep a picture of the window, where `make screenshots` asks for it."""

    def save(window, name):
        folder = os.environ.get("SEGMENTWERK_SCREENSHOTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            window.save_screenshot(str(Path(folder) / f"{name}.png"))

    return save


@pytest.fixture(scope="session")
def address(compared):
    """The address of `segmentwerk ui`, started as a user would."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    code = "import sys; from segmentwerk.cli import main; sys.exit(main())"
    server = subprocess.Popen(
        [sys.executable, "-c", code, "ui", f"port={port}"],
        env={"SEGMENTWERK_HOME": str(compared.home), "PATH": "/usr/bin:/bin", "HOME": str(compared.home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url)
        yield url
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=60)


def _wait(url):
    begin = time.monotonic()
    while time.monotonic() < begin + START:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2):
            return
        time.sleep(0.3)
    raise AssertionError(f"{url} did not answer within {START} seconds")


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("Chromium and its driver are not installed")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--window-size=1500,1100",
        f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    window = webdriver.Chrome(options=options, service=Service(driver))
    window.set_page_load_timeout(60)
    # MLflow opens its assistant over a third of the window, unless it has done so before.
    seen = "try { localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true') } catch {}"
    window.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": seen})
    yield window
    window.quit()


@pytest.fixture
def offline(browser):
    """The browser without any network."""
    browser.execute_cdp_cmd("Network.enable", {})
    lost = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    browser.execute_cdp_cmd("Network.emulateNetworkConditions", lost)
    yield browser
    browser.execute_cdp_cmd("Network.emulateNetworkConditions", lost | {"offline": False})


@pytest.fixture
def narrow(offline):
    """The browser on a telephone."""
    size = {"width": 420, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    offline.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    yield offline
    offline.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

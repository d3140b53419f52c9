"""What several test folders share: a fresh tracking store, and a packaged model."""

from __future__ import annotations

import os

# Test processes run side by side, one thread each, as the command line does; set before NumPy is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import shutil
import signal
from pathlib import Path

import pytest

from segmentwerk.core.garbage import collect_seldom

collect_seldom()  # as the command line does

# A shell starts background jobs deaf to Ctrl-C, and so would be the processes that the tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _nothing_stray():
    """MLflow makes a database in the working directory wherever it is not told of a store."""
    stray = Path.cwd() / "mlflow.db"
    was_there = stray.exists()
    yield
    assert was_there or not stray.exists(), "a test made mlflow.db in the working directory"


@pytest.fixture(autouse=True)
def _no_store_of_the_team(monkeypatch):
    """Tests keep their runs to themselves, whatever the profile says, and whatever MLflow set in a test."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory) -> Path:
    """An MLflow database with its tables, made once because that takes seconds."""
    from segmentwerk.tracking.writer import Store

    store = Store(None, tmp_path_factory.mktemp("template"))
    store.client.search_experiments()
    return Path(store.uri.removeprefix("sqlite:///"))


@pytest.fixture
def home(empty_database, tmp_path) -> Path:
    """A data directory with an empty tracking store."""
    (tmp_path / "mlflow").mkdir()
    shutil.copy(empty_database, tmp_path / "mlflow" / "mlflow.db")
    return tmp_path


@pytest.fixture(scope="session")
def packaged(tmp_path_factory):
    """A k-means model of the small world, as saved for scoring."""
    from packaged import pack

    return pack(tmp_path_factory.mktemp("packaged") / "model")


@pytest.fixture(scope="session")
def saved(packaged, tmp_path_factory):
    """The package as an MLflow model on disk, version 3."""
    from segmentwerk.registry.publish import save_pyfunc

    path = tmp_path_factory.mktemp("saved") / "pyfunc"
    save_pyfunc(path, packaged.folder, packaged.catalogue, 3)
    return path

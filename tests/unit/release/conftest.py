"""A small demo source, read for good, and the segmenter that won on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from segmentwerk.config import CompareSettings
from segmentwerk.contest.candidates import judge_one
from segmentwerk.core.context import Context
from segmentwerk.core.settings import EvaluationSettings, SegmenterSettings, SourceSettings
from segmentwerk.preparation.prepare import prepare
from segmentwerk.release.describing import describe
from segmentwerk.release.packaging import pack
from segmentwerk.tracking.writer import Store

HERE = Path(__file__).parent
KMEANS = SegmenterSettings(_target_="segmentwerk.segmenters.kmeans.KMeansSegmenter")
FILES = {"accounts": "accounts.parquet", "orders": "orders", "activities": "activities.parquet"}
SOURCE = SourceSettings.model_validate(
    {
        "name": "demo",
        "accounts": 400,
        "as_of": "2026-01-01",
        "outcome_until": "2026-07-01",
        "inputs": {name: {"file": file} for name, file in FILES.items()},
        "tables": {name: {"origin": name} for name in FILES},
    }
)


@pytest.hookimpl(tryfirst=True)  # before the groups are read
def pytest_collection_modifyitems(items):
    """Send all tests that share what is made here to one process, so that it is made once."""
    for item in items:
        if item.path.is_relative_to(HERE) and "prepared" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("release"))


@pytest.fixture(scope="session")
def context(tmp_path_factory):
    return Context("compare", tmp_path_factory.mktemp("release") / "output")


@pytest.fixture(scope="session")
def settings(tmp_path_factory):
    return CompareSettings(
        home=tmp_path_factory.mktemp("release_home"),
        source=SOURCE,
        segmenters={"kmeans": KMEANS},
        evaluation=EvaluationSettings(n_bootstrap=20, n_splits=2, cross_validate_below=0),
    )


@pytest.fixture(scope="session")
def prepared(settings, context):
    return prepare(settings, context)


@pytest.fixture(scope="session")
def winner(prepared, settings):
    return judge_one(
        "kmeans", "kmeans", KMEANS, {"n_segments": 3}, prepared.view, settings.evaluation, seed=settings.seed
    )


@pytest.fixture(scope="session")
def described(prepared, winner, settings):
    """The winner where no registry can be asked."""
    return describe(prepared, winner, settings, None)


@pytest.fixture(scope="session")
def packed(described, prepared, settings, context):
    return pack(described, prepared, settings, context)


@pytest.fixture
def store(home):
    store = Store(None, home)
    store.prepare("e")
    return store

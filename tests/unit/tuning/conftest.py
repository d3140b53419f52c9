import importlib
import sys
from pathlib import Path

import pytest

from segmentwerk.tuning.space import SearchSpace


@pytest.fixture
def objectives(monkeypatch):
    """The module of objectives, importable by spawned workers too."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    yield importlib.import_module("synthetic_objectives")
    sys.modules.pop("synthetic_objectives", None)


@pytest.fixture
def line():
    """A space with one continuous parameter."""
    return SearchSpace({"x": {"type": "float", "low": 0.0, "high": 1.0}})

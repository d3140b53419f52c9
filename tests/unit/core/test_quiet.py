"""MLflow compares versions without a search through all that is installed, as long as we ask it."""

from importlib.metadata import version

import pytest
from mlflow.utils import requirements_utils

from segmentwerk.core.quiet import without_search_for_packages


@pytest.fixture
def searched(monkeypatch):
    """Say whether MLflow looked through all packages, which it has not yet."""
    asked = []
    monkeypatch.setattr(requirements_utils, "_MODULES_TO_PACKAGES", None)
    monkeypatch.setattr(
        requirements_utils.importlib_metadata, "packages_distributions", lambda: asked.append(1) or {}
    )
    return asked


def test_a_wrong_version_is_found_without_a_search(searched):
    with without_search_for_packages():
        right, wrong = (
            requirements_utils._check_requirement_satisfied(f"numpy=={known}")
            for known in (version("numpy"), "0.1")
        )
    assert right is None
    assert wrong.installed_version == version("numpy")
    assert not searched


def test_afterwards_mlflow_searches_as_ever_and_what_it_found_stays(searched):
    with pytest.raises(KeyError), without_search_for_packages():
        raise KeyError
    requirements_utils._init_modules_to_packages_map()
    assert searched == [1]
    found = requirements_utils._MODULES_TO_PACKAGES
    with without_search_for_packages():
        assert requirements_utils._MODULES_TO_PACKAGES is found
    assert requirements_utils._MODULES_TO_PACKAGES is found

"""Keep MLflow quiet, off the network and quick; the first is called before its first import."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "_MLFLOW_TELEMETRY_PRE_WARM_DATABRICKS_SDK": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_UV_AUTO_DETECT": "false",  # a saved model must not carry the project's own lock file
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # the writer keeps on disk what cannot be sent at once
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}


def quiet_mlflow() -> None:
    """Set MLflow's environment variables where the user has not set them."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)


@contextmanager
def without_search_for_packages() -> Iterator[None]:
    """Have MLflow compare a model's requirements with what is installed by the packages' names alone.

    It looks through every file of every installed package before, which takes a second, in case a package is
    not found by its name. Outside of the block it does so still: it infers requirements from the same list.
    """
    from mlflow.utils import requirements_utils

    inside: Any = requirements_utils
    if inside._MODULES_TO_PACKAGES is not None:  # it has looked, or another thread is inside
        yield
        return
    inside._MODULES_TO_PACKAGES = {}
    try:
        yield
    finally:
        inside._MODULES_TO_PACKAGES = None

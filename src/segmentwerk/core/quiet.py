"""Keep MLflow quiet and off the network; called before its first import."""

from __future__ import annotations

import os

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

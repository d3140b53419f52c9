"""`segmentwerk ui`: start the MLflow UI on the project's store."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from typing import Any

from segmentwerk.config import UiSettings
from segmentwerk.core.errors import InputError
from segmentwerk.pipelines.context import Context
from segmentwerk.tracking.writer import Store

log = logging.getLogger(__name__)


def run(settings: UiSettings, _context: Context) -> dict[str, Any]:
    """Serve the UI until Ctrl-C.

    Raises
    ------
    InputError
        If the server cannot start, for instance because the port is taken.
    """
    store = Store(settings.tracking.uri, settings.home)
    store.prepare(settings.tracking.experiment)
    address = f"http://{settings.host}:{settings.port}"
    if store.uri.startswith("http"):
        log.info("The runs are on the server %s", store.uri)
        return {"address": store.uri}
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", store.uri]
    command += ["--host", settings.host, "--port", str(settings.port)]
    log.info("The MLflow UI is at %s (Ctrl-C ends it).", address)
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    server = subprocess.Popen(command, env=environment)  # noqa: S603 (our own command, no shell)
    try:
        code = server.wait()
    except KeyboardInterrupt:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=20)
        return {"address": address}
    raise InputError(
        f"The MLflow UI on {address} ended with code {code}.", "Is the port taken? Use port=5001."
    )

"""`segmentwerk ui`: start the MLflow UI on the project's store."""

from __future__ import annotations

import logging
from typing import Any

from segmentwerk.config import UiSettings
from segmentwerk.core.context import Context
from segmentwerk.core.errors import InputError
from segmentwerk.tracking.experiment import page
from segmentwerk.tracking.serving import served
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
    experiment_id = store.prepare(settings.tracking.experiment)
    if store.uri.startswith("http"):
        address_of_page = page(store.uri, experiment_id)
        log.info("The runs are on the server: %s", address_of_page)
        return {"address": address_of_page}
    address = f"http://{settings.host}:{settings.port}"
    address_of_page = page(address, experiment_id)
    environment, words = {"MLFLOW_BACKEND_STORE_URI": store.uri}, settings.home / "mlflow" / "ui.log"
    with served(["ui"], settings.host, settings.port, environment, words) as server:
        log.info("The MLflow UI is at %s (Ctrl-C ends it).", address_of_page)
        try:
            code = server.wait()
        except KeyboardInterrupt:
            return {"address": address_of_page}
    raise InputError(f"The MLflow UI on {address} ended with code {code}.", f"Its own words: {words}")

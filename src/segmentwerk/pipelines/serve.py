"""`segmentwerk serve`: a registered model over HTTP."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

from segmentwerk.config import ServeSettings
from segmentwerk.core.context import Context
from segmentwerk.core.ports import reserve
from segmentwerk.scoring.load import load
from segmentwerk.scoring.webservice import ENTRY, application
from segmentwerk.tracking.writer import Store

log = logging.getLogger(__name__)


def run(settings: ServeSettings, _context: Context) -> dict[str, Any]:
    """Serve until Ctrl-C.

    Raises
    ------
    InputError
        If the port is taken.
    ModelError
        If there is no such model, or its files are not those that were registered.
    """
    import uvicorn

    with reserve(settings.host, settings.port) as listening:
        store = Store(settings.tracking.uri, settings.home)
        loaded = load(settings.model, store.uri)
        address = f"http://{settings.host}:{listening.getsockname()[1]}{ENTRY}"
        log.info("Version %s of %s answers at %s (Ctrl-C ends it).", loaded.version, settings.model, address)
        server = uvicorn.Server(uvicorn.Config(application(loaded.model), log_config=None, access_log=False))
        with suppress(KeyboardInterrupt):  # uvicorn answers what it has begun, then passes the signal on
            server.run(sockets=[listening])
    return {"address": address, "model": loaded.uri, "model_version": loaded.version}

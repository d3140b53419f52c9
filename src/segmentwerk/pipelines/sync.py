"""`segmentwerk sync`: send what was kept while the tracking store did not answer."""

from __future__ import annotations

import logging
from typing import Any

from segmentwerk.config import SyncSettings
from segmentwerk.core.context import Context
from segmentwerk.core.errors import ConfigError
from segmentwerk.tracking.spool import Spool
from segmentwerk.tracking.writer import Store

log = logging.getLogger(__name__)


def run(settings: SyncSettings, context: Context) -> dict[str, Any]:
    """Send every waiting batch to the store, exactly once, and say what is still kept.

    Raises
    ------
    ConfigError
        If the store does not answer, or tracking is switched off.
    """
    if not settings.tracking.enabled:
        raise ConfigError("Tracking is switched off.", "Set tracking.enabled=true.")
    store = Store(settings.tracking.uri, settings.home)
    with context.timed("sync"):
        sent = store.sync()
    kept = [_kept(spool) for spool in Spool.all(settings.home)]
    kept = [entry for entry in kept if entry["waiting"] or entry["refused"]]
    log.info("%d batches were sent to %s.", sent, Spool.of(settings.home, store.uri).address)
    for entry in kept:
        log.info("Still kept for %(store)s: %(waiting)d waiting, %(refused)d refused, in %(folder)s", entry)
    return {"store": Spool.of(settings.home, store.uri).address, "sent": sent, "kept": kept}


def _kept(spool: Spool) -> dict[str, Any]:
    return {
        "store": spool.address,
        "waiting": spool.waiting(),
        "refused": spool.refused(),
        "folder": spool.folder,
    }

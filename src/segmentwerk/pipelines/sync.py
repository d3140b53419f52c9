"""`segmentwerk sync`: send what was kept while the tracking store did not answer."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import Any

from segmentwerk.config import SyncSettings
from segmentwerk.core.addresses import redacted
from segmentwerk.core.context import Context
from segmentwerk.core.errors import ConfigError
from segmentwerk.tracking.outbox import backlogs
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
    address, waits = redacted(store.uri), [asdict(entry) for entry in backlogs(settings.home)]
    log.info("%d batches were sent to %s.", sent, address)
    for entry in waits:
        log.info("Still kept for %(store)s: %(waiting)d waiting, %(refused)d refused, in %(folder)s", entry)
    return {"store": address, "sent": sent, "kept": waits}

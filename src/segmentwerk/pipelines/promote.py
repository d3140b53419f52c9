"""`segmentwerk promote`: make a version champion, go back to the previous one, or reject one."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import Any

from segmentwerk.config import PromoteSettings
from segmentwerk.core.errors import ModelError
from segmentwerk.pipelines.approval import asker
from segmentwerk.pipelines.context import Context, user
from segmentwerk.registry import promotion
from segmentwerk.registry.publish import CHALLENGER
from segmentwerk.tracking.writer import Store

log = logging.getLogger(__name__)


def run(settings: PromoteSettings, _context: Context) -> dict[str, Any]:
    """Carry out one decision on the registered model and write it to its log.

    Raises
    ------
    ModelError
        If there is no such version.
    GateError
        If a gate says no or the version was rejected before, and `force` is not set.
    """
    store = Store(settings.tracking.uri, settings.home)
    store.prepare(settings.tracking.experiment)
    name, who = settings.registry.model_name, user()
    if settings.action == "rollback":
        decision = promotion.rollback(store, name, who=who, reason=settings.reason)
    elif settings.action == "reject":
        version = settings.version or _challenger(store, name)
        decision = promotion.reject(store, name, version, who=who, reason=settings.reason)
    else:
        version = settings.version or _challenger(store, name)
        ask = asker(store, settings.registry)
        decision = promotion.promote(
            store, name, version, ask=ask, who=who, reason=settings.reason, force=settings.force
        )
    log.info("%s: version %s of %s.", decision.action, decision.version, name)
    return {"decision": asdict(decision)}


def _challenger(store: Store, name: str) -> int:
    found = promotion.by_alias(store, name, CHALLENGER)
    if found is None:
        raise ModelError(f"{name} has no challenger.", "Name a version: segmentwerk promote VERSION.")
    return found.version

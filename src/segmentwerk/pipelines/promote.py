"""`segmentwerk promote`: make a version champion, go back to the previous one, or reject one."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import Any

from segmentwerk.config import PromoteSettings
from segmentwerk.core.context import Context, user
from segmentwerk.core.errors import InputError, ModelError
from segmentwerk.registry import promotion
from segmentwerk.registry.decisions import Decision
from segmentwerk.registry.publish import CHALLENGER
from segmentwerk.release.questions import asker
from segmentwerk.tracking.writer import Store

log = logging.getLogger(__name__)


def run(settings: PromoteSettings, _context: Context) -> dict[str, Any]:
    """Carry out one decision on the registered model and write it to its log.

    Raises
    ------
    InputError
        If a reason is missing where one is needed, or a rollback names a version.
    ModelError
        If there is no such version, or no way back.
    GateError
        If a gate says no or the version was rejected before, and `force` is not set.
    """
    if settings.action == "rollback" and settings.version is not None:
        raise InputError(
            f"A rollback leads to the champion before, not to version {settings.version}.",
            f"Leave the number out, or promote it: segmentwerk promote {settings.version}.",
        )
    store = Store(settings.tracking.uri, settings.home)
    store.prepare(settings.tracking.experiment)
    decision = _decide(settings, store)
    if decision is None:
        return {"decision": None}
    name = settings.registry.model_name
    now = "no version" if decision.champion is None else f"version {decision.champion}"
    log.info("%s: version %s of %s; %s is the champion.", decision.action, decision.version, name, now)
    return {"decision": asdict(decision)}


def _decide(settings: PromoteSettings, store: Store) -> Decision | None:
    """Return the decision; None where there was nothing to decide."""
    name, who, reason = settings.registry.model_name, user(), settings.reason
    if settings.action == "rollback":
        return promotion.rollback(store, name, who=who, reason=reason)
    version = settings.version or _challenger(store, name)
    if settings.action == "reject":
        return promotion.reject(store, name, version, who=who, reason=reason)
    ask = asker(store, settings.registry)
    decision = promotion.promote(store, name, version, ask=ask, who=who, reason=reason, force=settings.force)
    if decision is None:
        log.info("Version %s of %s is the champion already; nothing was decided.", version, name)
    return decision


def _challenger(store: Store, name: str) -> int:
    challenger = promotion.by_alias(store, name, CHALLENGER)
    if challenger is None:
        raise ModelError(f"{name} has no challenger.", "Name a version: segmentwerk promote VERSION.")
    return challenger.version

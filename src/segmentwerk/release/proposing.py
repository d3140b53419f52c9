"""How a new version is put before those who decide: asked, and promoted where the policy says so.

All of it happens once, when the version is registered, so that the page and the command agree.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Literal

from segmentwerk.config import CompareSettings
from segmentwerk.core.addresses import redacted
from segmentwerk.core.context import user
from segmentwerk.core.errors import GateError
from segmentwerk.core.paths import default_home
from segmentwerk.core.proposal import Comparison, Proposal
from segmentwerk.core.settings import RegistrySettings
from segmentwerk.core.types import Gate
from segmentwerk.preparation.prepare import Prepared
from segmentwerk.registry import promotion
from segmentwerk.registry.promotion import Registered
from segmentwerk.release.questions import asker
from segmentwerk.tracking.writer import Store

log = logging.getLogger(__name__)


def unregistered(prepared: Prepared, settings: CompareSettings, *, denied: bool = False) -> Proposal:
    """Return what is told where nothing could be registered: tracking off, its store away, or no right to."""
    cause: Literal["denied", "away", "off"] = "away" if settings.tracking.enabled else "off"
    cause = "denied" if denied else cause
    accounts, revenue = _of_all(prepared)
    return Proposal(settings.registry.model_name, None, "unregistered", cause, accounts, revenue)


def put(
    version: int, comparison: Comparison | None, prepared: Prepared, settings: CompareSettings, store: Store
) -> Proposal:
    """Ask a new version every gate, promote it where the policy says so, and return what is to be decided."""
    registry, known = settings.registry, set(prepared.table.features.index)
    ask = asker(store, registry, lambda words: [word in known for word in words])
    name, champion = registry.model_name, promotion.champion(store, registry.model_name)
    gates = ask(promotion.get(store, name, version), champion)
    cause = _policy(store, registry)

    def answered(candidate: Registered, current: Registered | None) -> Sequence[Gate]:
        same = (current and current.version) == (champion and champion.version)
        return gates if same else ask(candidate, current)

    crowned = bool(cause) and _crown(store, name, version, answered, CAUSES[cause])
    accounts, revenue = _of_all(prepared)
    return Proposal(
        name,
        version,
        "champion" if crowned else "challenger",
        cause if crowned else "",
        accounts,
        revenue,
        comparison,
        tuple(gates),
        _options(settings),
    )


CAUSES = {"vacant": "there was no champion", "always": "registry.promote=always"}
"""Why a comparison promotes by itself, as the log says it."""


def _policy(store: Store, settings: RegistrySettings) -> Literal["vacant", "always", ""]:
    """Return why the comparison may promote by itself; empty where a person decides."""
    if settings.promote == "never":
        return ""
    if promotion.untouched(store, settings.model_name):
        return "vacant"
    return "always" if settings.promote == "always" else ""


def _crown(store: Store, name: str, version: int, ask: promotion.Ask, reason: str) -> bool:
    """Promote the version; where a gate says no it stays the challenger, which is no failure."""
    try:
        promotion.promote(store, name, version, ask=ask, who=user(), reason=reason)
    except GateError as error:
        log.warning("%s", error)
        return False
    return True


def _of_all(prepared: Prepared) -> tuple[int, float | None]:
    """Return the number of customers, and their revenue where it is known."""
    spent = prepared.table.features.loc[prepared.table.customers].get("monetary")
    return len(prepared.table.customers), None if spent is None else float(spent.sum())


def _options(settings: CompareSettings) -> tuple[str, ...]:
    """Return what a command needs to find this registry and to ask with the same limits."""
    usual = RegistrySettings()
    options = [
        f"registry.{key}={_written(value)}"
        for key, value in settings.registry
        if key != "promote" and value != getattr(usual, key)
    ]
    where = [f"home={settings.home}"] if settings.home != default_home() else []
    if settings.tracking.uri:
        where.append(f"tracking.uri={redacted(settings.tracking.uri)}")
    return (*options, *where)


def _written(value: object) -> str:
    """Write a value of the config as the command line takes it."""
    return f"[{','.join(map(str, value))}]" if isinstance(value, list) else str(value)

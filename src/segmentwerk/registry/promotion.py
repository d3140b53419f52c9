"""Which version scores: champion, challenger and previous, moved one decision at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from segmentwerk.core.errors import GateError, InputError, ModelError, nearest
from segmentwerk.core.files import locked
from segmentwerk.core.types import Gate
from segmentwerk.registry.publish import CHALLENGER, MAX_DESCRIPTION, Store, lock_file

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION = "champion"
PREVIOUS = "previous"
DECISION = "decision"
REJECTED = "rejected"
"""Tag of a version that must not be promoted; its value is the reason."""
_SHOWN = 10
"""Decisions shown in the registered model's description; the log keeps all."""


@dataclass(frozen=True)
class Registered:
    """One version of the registered model."""

    name: str
    version: int
    run_id: str
    model_id: str
    tags: dict[str, str]
    aliases: tuple[str, ...]
    description: str

    @property
    def uri(self) -> str:
        """Address to load it from."""
        return f"models:/{self.name}/{self.version}"


@dataclass(frozen=True)
class Decision:
    """One line of the log: who did what to which version, when and why."""

    action: Literal["promote", "refuse", "rollback", "reject"]
    model: str
    version: int
    replaced: int | None
    who: str
    when: str
    reason: str
    forced: bool = False
    gates: tuple[dict[str, str], ...] = ()


Ask = Callable[[Registered, Registered | None], Sequence[Gate]]
"""Checks a version against the present champion; a failed gate of severity error refuses it."""


def promote(
    store: Store,
    name: str,
    version: int,
    *,
    ask: Ask,
    who: str,
    reason: str,
    force: bool = False,
) -> Decision:
    """Make a version the champion; the champion so far becomes ``previous``.

    Parameters
    ----------
    ask
        Called while no other process can change the champion; a refusal is logged, too.
    force
        Promote in spite of failed gates or an earlier rejection; needs a reason.

    Raises
    ------
    GateError
        If a gate failed or the version was rejected, and ``force`` is not set.
    ModelError
        If there is no such version.
    InputError
        If ``force`` is set without a reason.
    """
    if force and not reason.strip():
        raise InputError("force=true needs a reason.", "Say why with reason='…'.")
    with locked(lock_file(store, name)):
        candidate, current = get(store, name, version), champion(store, name)
        replaced = current.version if current else None
        gates = ask(candidate, current)
        against = _objection(candidate, gates)
        if against and not force:
            _record(store, _decide("refuse", name, version, replaced, who, against, gates=gates))
            raise GateError(
                f"Version {version} of {name} stays out: {against}",
                "Or use force=true with a reason.",
            )
        if REJECTED in candidate.tags:
            store.client.delete_model_version_tag(name, str(version), REJECTED)
        if replaced != version:
            _move_champion(store.client, name, version, replaced)
        decision = _decide("promote", name, version, replaced, who, reason, forced=bool(against), gates=gates)
        _record(store, decision)
        return decision


def rollback(store: Store, name: str, *, who: str, reason: str) -> Decision:
    """Give the title back to the previous champion; the present one becomes ``previous``.

    Raises
    ------
    ModelError
        If there is no previous champion.
    """
    with locked(lock_file(store, name)):
        current, previous = champion(store, name), by_alias(store, name, PREVIOUS)
        if previous is None:
            raise ModelError(f"{name} has no previous champion to go back to.", "Promote a version instead.")
        replaced = current.version if current else None
        _move_champion(store.client, name, previous.version, replaced)
        decision = _decide("rollback", name, previous.version, replaced, who, reason)
        _record(store, decision)
        return decision


def reject(store: Store, name: str, version: int, *, who: str, reason: str) -> Decision:
    """Bar a version from promotion.

    Raises
    ------
    InputError
        If no reason is given, or the version is the champion.
    ModelError
        If there is no such version.
    """
    if not reason.strip():
        raise InputError("A rejection needs a reason.", "Say why with reason='…'.")
    with locked(lock_file(store, name)):
        candidate = get(store, name, version)
        if CHAMPION in candidate.aliases:
            raise InputError(
                f"Version {version} of {name} is the champion.", "Roll back first, then reject it."
            )
        if CHALLENGER in candidate.aliases:
            store.client.delete_registered_model_alias(name, CHALLENGER)
        store.client.set_model_version_tag(name, str(version), REJECTED, reason)
        decision = _decide("reject", name, version, None, who, reason)
        _record(store, decision)
        return decision


def champion(store: Store, name: str) -> Registered | None:
    """Return the version that scores, or None where there is none yet."""
    return by_alias(store, name, CHAMPION)


def by_alias(store: Store, name: str, alias: str) -> Registered | None:
    """Return the version with an alias, or None."""
    from mlflow.exceptions import MlflowException

    try:
        found = store.client.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise
    return get(store, name, int(found.version))


def get(store: Store, name: str, version: int) -> Registered:
    """Return one version.

    Raises
    ------
    ModelError
        Naming the versions or the models that there are.
    """
    from mlflow.exceptions import MlflowException

    try:
        found = store.client.get_model_version(name, str(version))
        aliases = store.client.get_registered_model(name).aliases
    except MlflowException as error:
        raise _missing(store.client, name, version) from error
    return Registered(
        name=name,
        version=int(found.version),
        run_id=found.run_id or "",
        model_id=(found.source or "").removeprefix("models:/"),
        tags=dict(found.tags),
        aliases=tuple(sorted(alias for alias, owner in aliases.items() if int(owner) == int(found.version))),
        description=found.description or "",
    )


def history(store: Store, name: str) -> list[Decision]:
    """Return every decision on a model, oldest first."""
    path = _log(store, name)
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [Decision(**json.loads(line)) for line in lines]


def _missing(client: MlflowClient, name: str, version: int) -> ModelError:
    names = [model.name for model in client.search_registered_models()]
    if name not in names:
        return ModelError(f"There is no registered model {name!r}.", nearest(name, names))
    versions = sorted(int(entry.version) for entry in client.search_model_versions(f"name = '{name}'"))
    return ModelError(f"{name} has no version {version}.", f"Known: {', '.join(map(str, versions))}.")


def _objection(candidate: Registered, gates: Sequence[Gate]) -> str:
    """Return why a version must not be promoted; empty where nothing speaks against it."""
    if REJECTED in candidate.tags:
        return f"it was rejected ({candidate.tags[REJECTED]})."
    failed = [gate for gate in gates if gate.status == "failed" and gate.severity == "error"]
    return " ".join(f"{gate.code} {gate.title}: {gate.message}" for gate in failed)


def _move_champion(client: MlflowClient, name: str, version: int, replaced: int | None) -> None:
    """Move the aliases; at no moment is there no champion."""
    client.set_registered_model_alias(name, CHAMPION, str(version))
    if replaced is not None:
        client.set_registered_model_alias(name, PREVIOUS, str(replaced))
    aliases = client.get_registered_model(name).aliases
    if str(aliases.get(CHALLENGER)) == str(version):
        client.delete_registered_model_alias(name, CHALLENGER)


def _decide(
    action: Literal["promote", "refuse", "rollback", "reject"],
    name: str,
    version: int,
    replaced: int | None,
    who: str,
    reason: str,
    *,
    forced: bool = False,
    gates: Sequence[Gate] = (),
) -> Decision:
    when = datetime.now(UTC).isoformat(timespec="seconds")
    kept = tuple({key: str(value) for key, value in asdict(gate).items()} for gate in gates)
    return Decision(action, name, version, replaced, who, when, reason, forced, kept)


def _log(store: Store, name: str) -> Path:
    return store.home / "registry" / f"{name}.jsonl"


def _record(store: Store, decision: Decision) -> None:
    """Append the decision to the log, tag the version, and show the latest ones in the description."""
    line = json.dumps(asdict(decision), ensure_ascii=False) + "\n"
    with _log(store, decision.model).open("a", encoding="utf-8") as log:
        log.write(line)
        log.flush()
        os.fsync(log.fileno())
    words = {DECISION: decision.action, "decision.by": decision.who, "decision.reason": decision.reason}
    for key, word in words.items():
        store.client.set_model_version_tag(decision.model, str(decision.version), key, word or "-")
    text = _describe(history(store, decision.model))
    store.client.update_registered_model(decision.model, text[:MAX_DESCRIPTION])


def _describe(decisions: Sequence[Decision]) -> str:
    rows = ["| when | who | action | version | before | reason |", "|---|---|---|---|---|---|"]
    rows += [_row(decision) for decision in reversed(decisions[-_SHOWN:])]
    heading = "Assigns every account to a segment. Load `models:/…@champion`. Latest decisions first:\n\n"
    return heading + "\n".join(rows)


def _row(decision: Decision) -> str:
    forced = " (forced)" if decision.forced else ""
    cells: list[Any] = [decision.when, decision.who, decision.action + forced, decision.version]
    cells += ["" if decision.replaced is None else decision.replaced, decision.reason[:200]]
    return "| " + " | ".join(str(cell).replace("|", "/").replace("\n", " ") for cell in cells) + " |"

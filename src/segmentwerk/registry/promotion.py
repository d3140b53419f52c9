"""Which version scores: champion, challenger and previous, moved one decision at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

from segmentwerk.core.errors import GateError, InputError, ModelError, nearest
from segmentwerk.core.files import locked
from segmentwerk.core.types import Gate
from segmentwerk.registry.decisions import Decision, as_texts, record
from segmentwerk.registry.publish import CHALLENGER, ModelStore, lock_file

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION = "champion"
PREVIOUS = "previous"
REJECTED = "rejected"
"""Tag of a version that must not be promoted; its value is the reason."""
ROLLED_BACK = "rolled_back"
"""Tag of a champion that was rolled back; its value is the reason. No rollback leads to it again."""
BEFORE = "champion_before"
"""Tag of a version: which one held the title before it; so the way back is known on every machine."""


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


Ask = Callable[[Registered, Registered | None], Sequence[Gate]]
"""Checks a version against the present champion; a failed gate of severity error refuses it."""


def promote(
    store: ModelStore,
    name: str,
    version: int,
    *,
    ask: Ask,
    who: str,
    reason: str,
    force: bool = False,
) -> Decision | None:
    """Make a version the champion; the champion so far becomes ``previous``.

    Parameters
    ----------
    ask
        Called while no other process can change the champion; a refusal is logged, too.
    force
        Promote in spite of failed gates or an earlier rejection; needs a reason.

    Returns
    -------
    Decision or None
        None where the version is the champion already: then nothing is asked, changed or logged.

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
        raise InputError("--force needs a reason.", 'Say why with reason="…".')
    with locked(lock_file(store, name)):
        candidate, current = get(store, name, version), champion(store, name)
        if CHAMPION in candidate.aliases:
            return None
        gates = ask(candidate, current)
        against = _objection(candidate, gates)
        replaced = current.version if current else None
        decision = Decision("promote", name, version, replaced, who, gates=as_texts(gates))
        if against and not force:
            _refuse(store, decision, against)
        _make_champion(store, candidate, replaced)
        decision = replace(decision, reason=reason, forced=bool(against), champion=version)
        record(store, decision)
        return decision


def _refuse(store: ModelStore, decision: Decision, against: str) -> NoReturn:
    """Log that a promotion was refused, and say so."""
    record(store, replace(decision, action="refuse", reason=against, champion=decision.replaced))
    raise GateError(
        f"Version {decision.version} of {decision.model} stays out: {against}",
        "Or use --force with a reason.",
    )


def _make_champion(store: ModelStore, candidate: Registered, replaced: int | None) -> None:
    """Give the title to a version, and note which one held it before."""
    name, number = candidate.name, str(candidate.version)
    for mark in {REJECTED, ROLLED_BACK, BEFORE} & set(candidate.tags):
        store.client.delete_model_version_tag(name, number, mark)
    if replaced is not None:
        store.client.set_model_version_tag(name, number, BEFORE, str(replaced))
    _give_title(store, name, candidate.version)


def rollback(store: ModelStore, name: str, *, who: str, reason: str) -> Decision:
    """Give the title back to the champion before; the present one is marked, so that no rollback leads to it.

    A second rollback goes further back.

    Raises
    ------
    ModelError
        If there is no champion, or none before it that was neither rolled back nor rejected.
    """
    with locked(lock_file(store, name)):
        current = champion(store, name)
        if current is None:
            raise ModelError(
                f"{name} has no champion to roll back.", "Promote a version: segmentwerk promote VERSION."
            )
        back = way_back(store, current)
        if back is None:
            raise ModelError(
                f"No version that was neither rolled back nor rejected held the title of {name} before "
                f"version {current.version}.",
                f"Promote another version, or take the title away: segmentwerk promote {current.version} "
                '--reject reason="…".',
            )
        store.client.set_model_version_tag(name, str(current.version), ROLLED_BACK, reason or "-")
        _give_title(store, name, back.version)
        version = back.version
        decision = Decision("rollback", name, version, current.version, who, reason=reason, champion=version)
        record(store, decision)
        return decision


def reject(store: ModelStore, name: str, version: int, *, who: str, reason: str) -> Decision:
    """Bar a version from promotion; from the champion it takes the title.

    The title goes back to the champion before, where there is one that was neither rolled back nor rejected;
    else no version is champion.

    Raises
    ------
    InputError
        If no reason is given.
    ModelError
        If there is no such version.
    """
    if not reason.strip():
        raise InputError("A rejection needs a reason.", 'Say why with reason="…".')
    with locked(lock_file(store, name)):
        candidate, current = get(store, name, version), champion(store, name)
        now = current.version if current else None
        store.client.set_model_version_tag(name, str(version), REJECTED, reason)
        if CHALLENGER in candidate.aliases:
            store.client.delete_registered_model_alias(name, CHALLENGER)
        if now == version:
            back = way_back(store, candidate)
            now = back.version if back else None
        _give_title(store, name, now)
        decision = Decision("reject", name, version, None, who, reason=reason, champion=now)
        record(store, decision)
        return decision


def way_back(store: ModelStore, current: Registered) -> Registered | None:
    """Return the last version that held the title before and was neither rolled back nor rejected since."""
    seen, version = {current.version}, current
    while (before := int(version.tags.get(BEFORE, 0))) and before not in seen:
        seen.add(before)
        try:
            version = get(store, current.name, before)
        except ModelError:  # deleted, and with it what stood before it
            return None
        if not {REJECTED, ROLLED_BACK} & set(version.tags):
            return version
    return None


def untouched(store: ModelStore, name: str) -> bool:
    """Return whether a comparison may promote by itself: no champion, and nobody has rejected a version."""
    if champion(store, name) is not None:
        return False
    versions = store.client.search_model_versions(f"name = '{name}'")
    return not any(REJECTED in version.tags for version in versions)


def champion(store: ModelStore, name: str) -> Registered | None:
    """Return the version that scores, or None where there is none yet."""
    return by_alias(store, name, CHAMPION)


def by_alias(store: ModelStore, name: str, alias: str) -> Registered | None:
    """Return the version with an alias, or None."""
    from mlflow.exceptions import MlflowException

    try:
        version = store.client.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise
    return get(store, name, int(version.version))


def get(store: ModelStore, name: str, version: int) -> Registered:
    """Return one version.

    Raises
    ------
    ModelError
        Naming the versions or the models that there are.
    """
    from mlflow.exceptions import MlflowException

    try:
        entry = store.client.get_model_version(name, str(version))
        aliases = store.client.get_registered_model(name).aliases
    except MlflowException as error:
        raise _missing(store.client, name, version) from error
    return Registered(
        name=name,
        version=int(entry.version),
        run_id=entry.run_id or "",
        model_id=(entry.source or "").removeprefix("models:/"),
        tags=dict(entry.tags),
        aliases=tuple(sorted(alias for alias, owner in aliases.items() if int(owner) == int(entry.version))),
        description=entry.description or "",
    )


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
    return " ".join(f"{gate.code} {gate.title}: {gate.message}" for gate in gates if gate.refuses)


def _give_title(store: ModelStore, name: str, version: int | None) -> None:
    """Move the aliases: who is champion, and where the way back leads; None: nobody is champion.

    At no moment is there no champion where there is one before and after.
    """
    client, aliases = store.client, store.client.get_registered_model(name).aliases
    back = way_back(store, get(store, name, version)) if version else None
    for alias, owner in ((CHAMPION, version), (PREVIOUS, back.version if back else None)):
        if owner is not None:
            client.set_registered_model_alias(name, alias, str(owner))
        elif alias in aliases:
            client.delete_registered_model_alias(name, alias)
    if str(aliases.get(CHALLENGER)) == str(version):
        client.delete_registered_model_alias(name, CHALLENGER)

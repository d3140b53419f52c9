"""What a promotion asks of a version: what its tags say, and what its artifact does when it is tried."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Sequence

import pandas as pd

from segmentwerk.core.errors import ModelError
from segmentwerk.core.settings import RegistrySettings
from segmentwerk.core.types import Gate
from segmentwerk.data import privacy
from segmentwerk.registry import approval, disclosure
from segmentwerk.registry.disclosure import IsCustomer
from segmentwerk.registry.promotion import Ask, Registered
from segmentwerk.scoring.load import load
from segmentwerk.scoring.rehearsal import PARITY, Rehearsal
from segmentwerk.tracking.writer import Store

log = logging.getLogger(__name__)

ASSIGNMENTS = "assignments/assignments.parquet"


def asker(store: Store, settings: RegistrySettings, is_customer: IsCustomer | None = None) -> Ask:
    """Return what a promotion asks of a version.

    Parameters
    ----------
    is_customer
        Tells ids of accounts; None: those of the assignments that the version's run logged.
    """

    def ask(version: Registered, champion: Registered | None) -> Sequence[Gate]:
        gates = [*_known_gates(version, champion, settings)]
        if {"parity", "load", "privacy"} & set(settings.gates):
            known = is_customer or customers_of(version, store)
            gates += _tried_gates(version, store, settings, known)
        for gate in gates:
            log.info("%s %s: %s. %s", gate.code, gate.status.replace("_", " "), gate.title, gate.message)
        return gates

    return ask


def _known_gates(
    version: Registered, champion: Registered | None, settings: RegistrySettings
) -> Sequence[Gate]:
    checks: dict[str, Callable[[], Gate]] = {
        "scorecard": lambda: approval.scorecard(version),
        "champion": lambda: approval.succession(version, champion, settings.max_loss),
        "churn": lambda: approval.churn(version, champion, settings.max_moved),
    }
    return [gate() for name, gate in checks.items() if name in settings.gates]


def _tried_gates(
    version: Registered, store: Store, settings: RegistrySettings, is_customer: IsCustomer | None
) -> Sequence[Gate]:
    """Ask the artifact itself; one that does not open fails the gate of parity, not the command."""
    try:
        rehearsal = Rehearsal.of(load(version.uri, store.uri))
    except ModelError as error:
        return [Gate("P004", PARITY, "failed", str(error))]
    checks: dict[str, Callable[[], Gate]] = {
        "parity": rehearsal.parity,
        "load": lambda: rehearsal.load(settings.max_latency_ms),
        "privacy": lambda: disclosure.check(rehearsal.loaded.folder, is_customer),
    }
    return [gate() for name, gate in checks.items() if name in settings.gates]


def customers_of(version: Registered, store: Store) -> IsCustomer | None:
    """Return what tells the accounts of the version's run by their pseudonyms; None where it logged none."""
    from mlflow.exceptions import MlflowException

    if not version.run_id:
        return None
    try:
        with tempfile.TemporaryDirectory() as copy:  # MLflow would leave one behind
            path = store.client.download_artifacts(version.run_id, ASSIGNMENTS, copy)
            known = set(pd.read_parquet(path, columns=["account_id"])["account_id"])
    except (MlflowException, OSError):
        return None
    key = privacy.key(store.home)
    return lambda words: [word in known for word in privacy.pseudonymise(words, key)]

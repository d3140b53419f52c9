"""The way to one store: it never makes an experiment fail or wait for long."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segmentwerk.tracking.encode import Batch
from segmentwerk.tracking.outbox.spool import Spool
from segmentwerk.tracking.outbox.store_requests import (
    OFFLINE,
    RunSpec,
    create,
    finished,
    is_refusal,
    obtain,
    send,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger(__name__)

PAUSE = 10.0
"""Seconds after a failure before the store is tried again."""


@dataclass
class Outbox:
    """Sends at once where it can, keeps for later where it cannot.

    Parameters
    ----------
    spool
        Where it is kept.
    client
        MLflow's client on the store.
    answers
        Finds out quickly whether the store is there.
    """

    spool: Spool
    client: MlflowClient
    answers: Callable[[], bool]
    _away: bool = field(default=False, init=False)
    _silent_until: float = field(default=0.0, init=False)
    _turn: threading.RLock = field(default_factory=threading.RLock, init=False)
    """The run and the thread that watches the machine write in turns."""

    @classmethod
    def of(cls, home: Path, uri: str, client: MlflowClient, answers: Callable[[], bool]) -> Outbox:
        """Return the outbox of one store, which keeps what waits below ``home``."""
        return cls(Spool.of(home, uri), client, answers)

    def open(self, spec: RunSpec, *, again: bool) -> str:
        """Return the id of a run, for the time being where the store is away.

        Parameters
        ----------
        again
            Whether a run with this key may be there already.
        """
        with self._turn:
            self.flush()  # a parent that began while the store was away comes first
            request = obtain if again else create
            return self._ask(lambda client: request(client, spec)) or self.spool.note(spec)

    def finished(self, experiment_id: str, parent: str) -> dict[str, str]:
        """Return the ids of the finished runs nested in another, by key; none where the store is away."""
        with self._turn:
            return self._ask(lambda client: finished(client, experiment_id, parent)) or {}

    def write(self, run_id: str, batch: Batch) -> None:
        """Send a batch, or keep it for later; whatever waits already goes first."""
        with self._turn:
            if run_id.startswith(OFFLINE) or self.spool.waits(run_id) or not self._sent(run_id, batch):
                self.spool.append(run_id, batch)
            self.flush()

    def wait(self, patience: float) -> bool:
        """Wait for the store up to ``patience`` seconds, send what waits, and return whether it is there."""
        end = time.monotonic() + patience
        while not (self.answers() and self._caught_up()):
            if time.monotonic() >= end:
                return False
            time.sleep(1.0)
        return True

    def _caught_up(self) -> bool:
        with self._turn:
            self._away = False
            self.flush()
            return not self._away

    def last_try(self) -> None:
        """Send what waits, however short ago the store was away: nobody may come after."""
        if not self.spool.is_empty():
            self.wait(0.0)

    def drain(self) -> int:
        """Send everything that waits; return the number of batches. The first failure is raised."""
        return self.spool.drain(self.client)

    def flush(self) -> None:
        """Send what waits, if the store is there."""
        if self.spool.is_empty():
            return
        sent = self._ask(self.spool.drain)
        if sent:
            logger.info("The tracking store answers: %d batches that waited were sent.", sent)

    def _sent(self, run_id: str, batch: Batch) -> bool:
        def request(client: MlflowClient) -> bool:
            send(client, run_id, batch)
            return True

        return bool(self._ask(request))

    def _ask(self, request: Callable[[MlflowClient], Any]) -> Any:
        """Return what the store answers; None where it does not answer, or says no.

        What it refuses the spool keeps aside, and tells.
        """
        if not self._is_there():
            return None
        try:
            return request(self.client)
        except Exception as error:
            if not is_refusal(error):
                self._pause(error)
            return None

    def _is_there(self) -> bool:
        """Return whether to ask; after a failure the store is left alone, then only knocked at."""
        if not self._away:
            return True
        if time.monotonic() < self._silent_until:
            return False
        self._away = not self.answers()
        self._silent_until = time.monotonic() + PAUSE
        return not self._away

    def _pause(self, error: Exception) -> None:
        logger.warning(
            "The tracking store does not answer (%s). Records wait in %s; if it stays away, "
            "`segmentwerk sync` with the same tracking.uri sends them later.",
            type(error).__name__,
            self.spool.folder,
        )
        self._away = True
        self._silent_until = time.monotonic() + PAUSE

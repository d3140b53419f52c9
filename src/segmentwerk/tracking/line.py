"""The connection to one store: it never makes an experiment fail or wait for long."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from segmentwerk.tracking.encode import Batch
from segmentwerk.tracking.send import is_refusal, send
from segmentwerk.tracking.spool import OFFLINE, Spool

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger(__name__)

PAUSE = 10.0
"""Seconds after a failure before the store is tried again."""


@dataclass
class Line:
    """Sends at once where it can, keeps for later where it cannot.

    Parameters
    ----------
    client
        MLflow's client on the store.
    answers
        Finds out quickly whether the store is there.
    """

    spool: Spool
    client: MlflowClient
    answers: Callable[[], bool]
    _silent_until: float = field(default=0.0, init=False)

    def ask(self, request: Callable[[MlflowClient], Any]) -> Any:
        """Return what the store answers; None where it does not answer.

        Raises
        ------
        MlflowException
            If it answers no.
        """
        if time.monotonic() < self._silent_until:
            return None
        try:
            return request(self.client)
        except Exception as error:
            if is_refusal(error):
                raise
            self._pause(error)
            return None

    def write(self, run_id: str, batch: Batch) -> None:
        """Send a batch, or keep it for later; whatever waits already goes first."""
        if run_id.startswith(OFFLINE) or self.spool.waits(run_id) or not self._sent(run_id, batch):
            self.spool.append(run_id, batch)
        self.flush()

    def flush(self) -> None:
        """Send what waits, if the store is there."""
        if self.spool.is_empty() or time.monotonic() < self._silent_until or not self.answers():
            return
        try:
            self.spool.drain(self.client)
        except Exception as error:
            self._pause(error)

    def _sent(self, run_id: str, batch: Batch) -> bool:
        def request(client: MlflowClient) -> bool:
            send(client, run_id, batch)
            return True

        try:
            return bool(self.ask(request))
        except Exception:  # the store said no: the spool keeps the batch aside and tells
            return False

    def _pause(self, error: Exception) -> None:
        logger.warning(
            "The tracking store does not answer (%s). Records wait in %s; `segmentwerk sync` sends them.",
            type(error).__name__,
            self.spool.folder,
        )
        self._silent_until = time.monotonic() + PAUSE

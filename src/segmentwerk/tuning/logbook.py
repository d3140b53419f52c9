"""Hands finished trials on to be logged, beside the search."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from types import TracebackType
from typing import Self

from optuna.trial import FrozenTrial

from segmentwerk.tuning.session import OnTrial, Session


class Logbook:
    """Calls ``on_trial`` for finished trials in one thread, so that no worker waits for a slow log.

    A context manager; at its end what was begun is finished.
    """

    def __init__(self, session: Session, on_trial: OnTrial | None) -> None:
        self._session = session
        self._on_trial = on_trial
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="logbook")
        self._task: Future[int] | None = None
        self._left = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown()

    def update(self, trials: Sequence[FrozenTrial]) -> bool:
        """Log what is new, unless still at it; return whether anything is left to log.

        Whatever ``on_trial`` raised last is raised here.
        """
        if self._on_trial is None:
            return False
        if self._task is not None:
            if not self._task.done():
                return True
            self._left = self._task.result()
            self._task = None
        unlogged = self._session.unlogged(trials)
        if unlogged:
            self._task = self._thread.submit(self._session.log, unlogged, self._on_trial)
        return bool(unlogged)

    def wait(self, timeout: float) -> None:
        """Wait for what is being logged; where that is another machine's, or nothing, for the whole time."""
        if self._task is None or self._left:
            time.sleep(timeout)
        else:
            wait_for([self._task], timeout)

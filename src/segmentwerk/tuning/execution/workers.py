"""Who evaluates trials: this process, or several others that know nothing but the objective."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pickle import PicklingError

import optuna
from loky.backend.reduction import dumps

from segmentwerk.core.errors import ConfigError
from segmentwerk.core.processes import Worker, WorkerDiedError, WorkerPool, ask
from segmentwerk.tuning.space import Point
from segmentwerk.tuning.trials import Objective, TrialOutcome, evaluate

logger = logging.getLogger(__name__)

Reporter = Callable[[optuna.Trial, int, float], None]
"""Notes a trial's intermediate value; raises `optuna.TrialPruned` to end the trial."""

_MAX_FALSE_STARTS = 5


Start = Callable[[optuna.Trial, Point], Future[TrialOutcome]]
"""Starts a trial."""


def run_here(
    objective: Objective, report: Reporter, trial: optuna.Trial, params: Point
) -> Future[TrialOutcome]:
    """Run a trial to its end in this thread, however long it takes."""
    future: Future[TrialOutcome] = Future()
    future.set_result(evaluate(objective, params, partial(report, trial)))
    return future


class Pool:
    """Evaluates trials in processes of their own, one thread each.

    Only the main process speaks to the storage, so a worker may be killed at any moment: its trial is
    given once more to a new worker, then fails.

    Parameters
    ----------
    objective
        Picklable; large arrays are best mapped from a file.
    report
        See `Reporter`; called by one thread at a time.
    died
        Told the trial whose worker died.
    workers
        Number of processes.

    Raises
    ------
    ConfigError
        If the objective cannot be pickled; from a trial's future, if workers end before they begin.
    """

    def __init__(
        self, objective: Objective, report: Reporter, died: Callable[[optuna.Trial], None], workers: int
    ) -> None:
        try:
            dumps(objective)
        except (AttributeError, TypeError, PicklingError) as error:
            raise ConfigError(
                f"The objective cannot be sent to workers: {error}.", "Set tuning.workers=1."
            ) from error
        self._objective = objective
        self._report = report
        self._died = died
        self._turn = threading.Lock()
        self._processes = WorkerPool(workers)

    def start(self, trial: optuna.Trial, params: Point) -> Future[TrialOutcome]:
        """Give a trial to a free worker."""
        return self._processes.submit_beside(self._attend, trial, params)

    def close(self) -> None:
        """End all workers at once."""
        self._processes.close()

    def _attend(self, worker: Worker, trial: optuna.Trial, params: Point) -> TrialOutcome:
        """Have a trial evaluated; one whose worker dies under it is tried once more."""
        deaths = false_starts = 0
        while True:
            try:
                return worker.run(_evaluate, self._objective, params, answer=partial(self._verdict, trial))
            except WorkerDiedError as error:
                logger.warning("A worker died (%s); a new one takes its place.", error)
                # What was handed to a process that was dying already has not used up its second chance.
                deaths, false_starts = deaths + error.begun, false_starts + (not error.begun)
                if false_starts > _MAX_FALSE_STARTS:
                    message = f"Workers end before they begin ({error})."
                    raise ConfigError(message, "Set tuning.workers=1.") from error
                if error.begun:
                    with self._turn:
                        self._died(trial)
                if deaths > 1:
                    return TrialOutcome("failed", f"its worker died twice ({error})")

    def _verdict(self, trial: optuna.Trial, reported: tuple[int, float]) -> str | None:
        """Return why the trial should end, or None."""
        try:
            with self._turn:
                self._report(trial, *reported)
        except optuna.TrialPruned as pruned:
            return str(pruned)
        return None


def _evaluate(objective: Objective, params: Point) -> TrialOutcome:
    """Run the objective in a worker's process, which asks the main one whether a trial should go on."""
    return evaluate(objective, params, _report)


def _report(step: int, value: float) -> None:
    reason = ask((step, value))
    if reason is not None:
        raise optuna.TrialPruned(reason)

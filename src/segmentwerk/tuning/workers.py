"""Who evaluates trials: this process, or several others that know nothing but the objective."""

from __future__ import annotations

import logging
import multiprocessing
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from typing import Protocol

import optuna

from segmentwerk.core.errors import ConfigError
from segmentwerk.core.veil import remembered
from segmentwerk.tuning.serving import BEGUN, READY, one_thread, serve
from segmentwerk.tuning.space import Point
from segmentwerk.tuning.trials import Objective, Outcome, evaluate

logger = logging.getLogger(__name__)

Reporter = Callable[[optuna.Trial, int, float], None]
"""Notes a trial's intermediate value; raises `optuna.TrialPruned` to end the trial."""
Finished = list[tuple[optuna.Trial, Outcome]]

_MAX_FALSE_STARTS = 5


class Evaluator(Protocol):
    """Runs trials, one or several at a time."""

    @property
    def busy(self) -> int:
        """Number of trials under way."""

    @property
    def free(self) -> int:
        """Number of trials that can be started now."""

    def start(self, trial: optuna.Trial, params: Point) -> None:
        """Begin a trial."""

    def wait(self, timeout: float) -> Finished:
        """Return trials that have finished; several workers are waited for ``timeout`` seconds at most."""


class Inline:
    """Evaluates one trial at a time in this process."""

    def __init__(self, objective: Objective, report: Reporter) -> None:
        self._objective = objective
        self._report = report
        self._next: tuple[optuna.Trial, Point] | None = None

    @property
    def busy(self) -> int:
        """Number of trials under way."""
        return int(self._next is not None)

    @property
    def free(self) -> int:
        """Number of trials that can be started now."""
        return 1 - self.busy

    def start(self, trial: optuna.Trial, params: Point) -> None:
        """Take a trial; `wait` runs it."""
        self._next = (trial, params)

    def wait(self, timeout: float) -> Finished:
        """Run the trial, however long it takes."""
        del timeout
        if self._next is None:
            return []
        (trial, params), self._next = self._next, None

        def report(step: int, value: float) -> None:
            self._report(trial, step, value)

        return [(trial, evaluate(self._objective, params, report))]


@dataclass
class _Worker:
    process: BaseProcess
    line: Connection
    ready: bool = False
    trial: optuna.Trial | None = None
    params: Point | None = None
    begun: bool = False
    deaths: int = 0


class Pool:
    """Evaluates trials in processes of their own, one thread each.

    Only the main process speaks to the storage, so a worker may be killed at any moment: its trial is
    given once more to a new worker, then fails.

    Parameters
    ----------
    objective
        Picklable; large arrays are best mapped from a file.
    report
        See `Reporter`.
    died
        Told the trial whose worker died.
    workers
        Number of processes.
    """

    def __init__(
        self, objective: Objective, report: Reporter, died: Callable[[optuna.Trial], None], workers: int
    ) -> None:
        self._objective = objective
        self._report = report
        self._died = died
        self._check_picklable()
        self._false_starts = 0
        self._workers = [_Worker(*self._hire()) for _ in range(workers)]

    @property
    def busy(self) -> int:
        """Number of trials under way."""
        return sum(worker.trial is not None for worker in self._workers)

    @property
    def free(self) -> int:
        """Number of trials that can be started now."""
        return len(self._workers) - self.busy

    def start(self, trial: optuna.Trial, params: Point) -> None:
        """Give a trial to a free worker, which begins as soon as it is up."""
        worker = next(worker for worker in self._workers if worker.trial is None)
        worker.trial, worker.params, worker.begun, worker.deaths = trial, params, False, 0
        if worker.ready:
            _send(worker.line, params)

    def wait(self, timeout: float) -> Finished:
        """Return the trials that have finished; answer reports and replace dead workers meanwhile."""
        finished: Finished = []
        ready = wait([worker.line for worker in self._workers], timeout)
        for worker in self._workers:
            if worker.line in ready:
                finished += self._serve(worker)
        return finished

    def close(self) -> None:
        """End all workers at once."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.line.close()

    def _serve(self, worker: _Worker) -> Finished:
        try:
            message = worker.line.recv()
        except (EOFError, OSError):
            return self._replace(worker)
        trial = worker.trial
        if isinstance(message, BaseException):
            raise message
        if message == READY:
            worker.ready, self._false_starts = True, 0
            if trial is not None:
                _send(worker.line, worker.params)
        elif message == BEGUN:
            worker.begun = True
        elif trial is not None and isinstance(message, Outcome):
            worker.trial = None
            return [(trial, message)]
        elif trial is not None:
            _send(worker.line, self._verdict(trial, *message))
        return []

    def _verdict(self, trial: optuna.Trial, step: int, value: float) -> str | None:
        """Return why the trial should end, or None."""
        try:
            self._report(trial, step, value)
        except optuna.TrialPruned as pruned:
            return str(pruned)
        return None

    def _replace(self, worker: _Worker) -> Finished:
        """Hire a new process for a dead one; a trial that it had begun is tried once more.

        A trial that was handed to a process which was dead already has not used up that chance.
        """
        worker.process.join()
        worker.line.close()
        begun, code = worker.begun, worker.process.exitcode
        self._false_starts += not worker.ready
        if self._false_starts > _MAX_FALSE_STARTS:
            raise ConfigError(f"Workers end before they begin (exit code {code}).", "Set tuning.workers=1.")
        logger.warning("A worker died (exit code %s); a new one takes its place.", code)
        worker.process, worker.line = self._hire()
        worker.ready = worker.begun = False
        if worker.trial is None or not begun:
            return []
        self._died(worker.trial)
        worker.deaths += 1
        if worker.deaths == 1:
            return []
        trial, worker.trial = worker.trial, None
        return [(trial, Outcome("failed", f"its worker died twice (exit code {code})"))]

    def _check_picklable(self) -> None:
        try:
            ForkingPickler.dumps(self._objective)
        except (AttributeError, TypeError, pickle.PicklingError) as error:
            raise ConfigError(
                f"The objective cannot be sent to workers: {error}.", "Set tuning.workers=1."
            ) from error

    def _hire(self) -> tuple[BaseProcess, Connection]:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs, remembered()), daemon=True)
        with one_thread():
            process.start()
        theirs.close()
        _send(ours, self._objective)
        return process, ours


def _send(line: Connection, message: object) -> None:
    try:
        line.send(message)
    except OSError:
        logger.debug("The worker died before it could be told; `wait` notices.")

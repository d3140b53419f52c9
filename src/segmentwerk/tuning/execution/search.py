"""The loop: start trials, gather what came out, log it, until the budget is used."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from functools import partial

import optuna
from optuna.exceptions import StorageInternalError
from optuna.trial import FrozenTrial

from segmentwerk.core.errors import InputError
from segmentwerk.core.interruption import Terminated
from segmentwerk.core.types import TrialRecord
from segmentwerk.tuning.execution.progress import StudyProgress
from segmentwerk.tuning.execution.study_plan import StudyPlan
from segmentwerk.tuning.execution.trial_queue import OnTrial, TrialQueue, finished
from segmentwerk.tuning.execution.workers import Pool, Start, run_here
from segmentwerk.tuning.trials import Objective, TrialOutcome

_POLL = 0.5
"""Seconds after which it is looked again what happened elsewhere."""

Running = dict[Future[TrialOutcome], optuna.Trial]


def execute(
    plan: StudyPlan, objective: Objective, on_trial: OnTrial | None = None
) -> tuple[list[TrialRecord], bool]:
    """Run what is left of a study; return its finished trials and whether Ctrl-C ended it early.

    Parameters
    ----------
    plan
        What is asked for, and where it is stored.
    objective
        See `segmentwerk.tuning.study.tune`.
    on_trial
        Called once for each finished trial, in one thread of this process.

    Raises
    ------
    ConfigError
        If the storage cannot be opened, or workers cannot begin.
    InputError
        If another process holds the journal, or the database breaks off.
    KeyboardInterrupt
        If Ctrl-C came before the first trial completed, or SIGTERM came.
    """
    try:
        with plan.opened(afresh=not plan.settings.resume) as queue:
            _search(plan, queue, objective, on_trial)
            return finished(queue.trials()), False
    except StorageInternalError as error:
        raise InputError(
            f"The storage of study {plan.study} broke off: {str(error.__cause__).splitlines()[0]}.",
            "Give the same command again when it is back; what has finished is kept.",
        ) from error
    except KeyboardInterrupt as error:
        # Opened anew: what this process remembers may have been cut short in the middle.
        with plan.opened() as queue:
            trials = queue.trials()
            if on_trial is not None:
                queue.log(queue.unlogged(trials), on_trial)
        records = finished(trials)
        if isinstance(error, Terminated) or not any(record.state == "complete" for record in records):
            raise
        return records, True


def _search(plan: StudyPlan, queue: TrialQueue, objective: Objective, on_trial: OnTrial | None) -> None:
    """Run trials until the budget is used, here and on the other machines that work on the study.

    A trial that runs when the time is up may finish; none is started any more.
    """
    begun = finished(queue.trials())
    deadline = _deadline(plan, begun)
    workers = max(1, min(plan.settings.workers, plan.n_trials - len(begun)))
    running: Running = {}
    with ExitStack() as stack:
        progress = stack.enter_context(StudyProgress(plan.study, plan.n_trials))
        if plan.settings.storage is not None:
            stack.enter_context(queue.heartbeats())
        logger = stack.enter_context(closing(_TrialLogger(queue, on_trial)))
        start: Start = partial(run_here, objective, queue.report)
        if workers > 1:
            start = stack.enter_context(closing(Pool(objective, queue.report, queue.died, workers))).start
        while True:
            trials = queue.trials()
            logging = logger.update(trials)
            queue.take_over(trials)
            records = finished(trials)
            progress.update(records, _seconds_left(plan, records, deadline))
            over = len(records) == plan.n_trials or time.monotonic() >= deadline
            if over and not running and not logging:
                return
            while len(running) < workers and time.monotonic() < deadline:
                if not _start_trial(plan, queue, start, running):
                    break
            if not running:  # the rest is done elsewhere
                logger.wait(_POLL)
            for future in wait(running, _POLL, FIRST_COMPLETED).done:
                queue.finish(running.pop(future), future.result())


def _start_trial(plan: StudyPlan, queue: TrialQueue, start: Start, running: Running) -> bool:
    """Start the next trial; return whether there was one."""
    trial = queue.claim()
    if trial is None:
        return False
    params = plan.space.suggest(trial)
    duplicate = queue.duplicate(params)
    if duplicate is None:
        running[start(trial, params)] = trial
    else:
        # Pruned rather than failed: samplers learn from pruned trials to look elsewhere.
        queue.finish(trial, TrialOutcome("pruned", f"same parameters as trial {duplicate}"))
    return True


def _deadline(plan: StudyPlan, records: Sequence[TrialRecord]) -> float:
    """Return when no further trial is started; time spent before a kill counts."""
    if plan.settings.timeout is None:
        return math.inf
    spent = sum(record.seconds for record in records) / plan.settings.workers
    return time.monotonic() + plan.settings.timeout - spent


def _seconds_left(plan: StudyPlan, records: Sequence[TrialRecord], deadline: float) -> float | None:
    """Return an estimate from the mean trial so far."""
    if not records:
        return None
    mean = sum(record.seconds for record in records) / len(records)
    rest = mean * (plan.n_trials - len(records)) / plan.settings.workers
    return max(0.0, min(rest, deadline - time.monotonic()))


class _TrialLogger:
    """Calls ``on_trial`` for finished trials in one thread, so that no worker waits for a slow log."""

    def __init__(self, queue: TrialQueue, on_trial: OnTrial | None) -> None:
        self._queue = queue
        self._on_trial = on_trial
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="trial-logger")
        self._task: Future[int] | None = None
        self._left = 0

    def close(self) -> None:
        """Finish what was begun."""
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
        unlogged = self._queue.unlogged(trials)
        if unlogged:
            self._task = self._thread.submit(self._queue.log, unlogged, self._on_trial)
        return bool(unlogged)

    def wait(self, timeout: float) -> None:
        """Wait for what is being logged; where that is another machine's, or nothing, for the whole time."""
        if self._task is None or self._left:
            time.sleep(timeout)
        else:
            wait([self._task], timeout)

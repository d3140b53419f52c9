"""The loop: start trials, gather what came out, log it, until the budget is used."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing

from segmentwerk.core.types import TrialRecord
from segmentwerk.tuning.logbook import Logbook
from segmentwerk.tuning.plan import Plan
from segmentwerk.tuning.progress import StudyProgress
from segmentwerk.tuning.session import OnTrial, Session, finished
from segmentwerk.tuning.trials import Objective, Outcome
from segmentwerk.tuning.workers import Evaluator, Inline, Pool

_POLL = 0.5
"""Seconds after which it is looked again what happened elsewhere."""


def search(plan: Plan, session: Session, objective: Objective, on_trial: OnTrial | None) -> None:
    """Run trials until the budget is used, here and on the other machines that work on the study.

    A trial that runs when the time is up may finish; none is started any more.
    """
    begun = finished(session.trials())
    deadline = _deadline(plan, begun)
    with ExitStack() as stack:
        progress = stack.enter_context(StudyProgress(plan.study, plan.n_trials))
        if plan.settings.storage is not None:
            stack.enter_context(session.beating())
        logbook = stack.enter_context(Logbook(session, on_trial))
        evaluator = _evaluator(plan, session, objective, stack, plan.n_trials - len(begun))
        while True:
            trials = session.trials()
            logging = logbook.update(trials)
            session.take_over(trials)
            records = finished(trials)
            progress.update(records, _seconds_left(plan, records, deadline))
            over = len(records) == plan.n_trials or time.monotonic() >= deadline
            if over and not evaluator.busy and not logging:
                return
            _start_trials(plan, session, evaluator, deadline)
            if not evaluator.busy:  # the rest is done elsewhere
                logbook.wait(_POLL)
            for trial, outcome in evaluator.wait(_POLL):
                session.finish(trial, outcome)


def _evaluator(
    plan: Plan, session: Session, objective: Objective, stack: ExitStack, n_trials: int
) -> Evaluator:
    workers = min(plan.settings.workers, n_trials)
    if workers < 2:
        return Inline(objective, session.report)
    return stack.enter_context(closing(Pool(objective, session.report, session.died, workers)))


def _start_trials(plan: Plan, session: Session, evaluator: Evaluator, deadline: float) -> None:
    while evaluator.free and time.monotonic() < deadline:
        trial = session.claim()
        if trial is None:
            return
        params = plan.space.suggest(trial)
        twin = session.twin(params)
        if twin is None:
            evaluator.start(trial, params)
        else:
            # Pruned rather than failed: samplers learn from pruned trials to look elsewhere.
            session.finish(trial, Outcome("pruned", f"same parameters as trial {twin}"))


def _deadline(plan: Plan, records: Sequence[TrialRecord]) -> float:
    """Return when no further trial is started; time spent before a kill counts."""
    if plan.settings.timeout is None:
        return math.inf
    spent = sum(record.seconds for record in records) / plan.settings.workers
    return time.monotonic() + plan.settings.timeout - spent


def _seconds_left(plan: Plan, records: Sequence[TrialRecord], deadline: float) -> float | None:
    """Return an estimate from the mean trial so far."""
    if not records:
        return None
    mean = sum(record.seconds for record in records) / len(records)
    rest = mean * (plan.n_trials - len(records)) / plan.settings.workers
    return max(0.0, min(rest, deadline - time.monotonic()))

"""A study: the search for good parameters of one segmenter, which survives being killed."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence

import optuna

from segmentwerk.core.errors import FitError
from segmentwerk.core.types import StudyResult, TrialRecord
from segmentwerk.tuning.execution import OnTrial, StudyPlan, execute
from segmentwerk.tuning.trials import Objective

__all__ = ["StudyPlan", "tune"]

logger = logging.getLogger(__name__)


def tune(
    plan: StudyPlan, objective: Objective, *, on_trial: OnTrial | None = None, n_finalists: int = 2
) -> StudyResult:
    """Search the plan's space for the parameters with the highest value.

    The study is stored trial by trial. The same call goes on where a killed one stopped: finished
    trials stay, those under way are run again with the parameters they had. With one worker the
    result equals that of an undisturbed run. A space with no more points than trials is walked
    through whole, in order; one without parameters has a single trial.

    Parameters
    ----------
    objective
        Called with the parameters and ``report(step, value)``; returns scores, among them ``value``
        (higher is better). ``report`` ends a trial that is not worth going on. `FitError`, a value
        that is not finite and a lack of memory fail the trial with a reason. With several workers
        it must be picklable.
    on_trial
        Called once for each finished trial, in one thread of this process, after the trial is stored;
        again after a kill in between, so it should recognise what it has seen.
    n_finalists
        Number of best trials that are returned as finalists.

    Returns
    -------
    StudyResult
        ``interrupted`` says that Ctrl-C ended it early.

    Raises
    ------
    FitError
        If no trial completed; the reasons are named.
    ConfigError
        If the storage cannot be opened.
    InputError
        If another process holds the journal, or the database breaks off.
    KeyboardInterrupt
        If Ctrl-C came before the first trial completed.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    begin = time.monotonic()
    records, interrupted = execute(plan, objective, on_trial)
    if interrupted:
        logger.warning("Interrupted: %d trials of %s are kept.", len(records), plan.study)
    finalists = _best(plan.study, records, n_finalists)
    return StudyResult(plan.study, tuple(records), finalists, time.monotonic() - begin, interrupted)


def _best(study: str, records: Sequence[TrialRecord], n_finalists: int) -> tuple[TrialRecord, ...]:
    """Return the distinct best trials, best first; equal values in the order they were tried."""
    complete = [record for record in records if record.state == "complete"]
    if not complete:
        reasons = Counter(f"{record.state}: {record.reason}" for record in records)
        listed = "; ".join(f"{count} x {reason}" for reason, count in reasons.most_common(5))
        raise FitError(
            f"No trial of study {study} completed ({listed or 'none was started'}).",
            "Widen the search space, or give it more time or trials.",
        )
    ranked = sorted(complete, key=lambda record: (-record.value, record.number))
    return tuple(ranked[:n_finalists])

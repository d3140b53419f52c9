"""One trial: how it is run, what came out, and how that is written down."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import optuna
from optuna.trial import FrozenTrial, TrialState

from segmentwerk.core.errors import UNFIT, FitError
from segmentwerk.core.types import TrialRecord

Report = Callable[[int, float], None]
Objective = Callable[[dict[str, Any], Report], Mapping[str, float]]
State = Literal["complete", "pruned", "failed"]

logger = logging.getLogger(__name__)

STATES: dict[State, TrialState] = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
_NAMES = {state: name for name, state in STATES.items()}
OUTCOME = "outcome"
"""User attribute of an Optuna trial that holds reason, seconds and scores."""


@dataclass(frozen=True)
class TrialOutcome:
    """What came out of one trial."""

    state: State
    reason: str = ""
    seconds: float = 0.0
    scores: dict[str, float] = field(default_factory=dict)
    """With the key ``value`` if complete."""


def evaluate(objective: Objective, params: dict[str, Any], report: Report) -> TrialOutcome:
    """Run the objective once; what the data or the parameters make impossible becomes a reason.

    `FitError`, arithmetic and value errors, run-time errors of numeric libraries and a lack of memory
    fail the trial. Anything else is a defect of the program and is raised.
    """
    begin = time.perf_counter()
    state: State = "failed"
    scores: dict[str, float] = {}
    try:
        scores = {name: float(score) for name, score in objective(dict(params), report).items()}
        state, reason = _verdict(scores)
    except optuna.TrialPruned as pruned:
        state, reason = "pruned", str(pruned)
    except UNFIT as error:
        reason = _why(error)
    return TrialOutcome(state, reason, time.perf_counter() - begin, scores)


def _why(error: BaseException) -> str:
    name = "out of memory" if isinstance(error, MemoryError) else type(error).__name__
    if isinstance(error, FitError):
        return str(error)
    return f"{name}: {error}" if str(error) else name


def _verdict(scores: Mapping[str, float]) -> tuple[State, str]:
    value = scores["value"]
    return ("complete", "") if math.isfinite(value) else ("failed", f"its value is {value}")


def to_record(trial: FrozenTrial) -> TrialRecord:
    """Return a finished Optuna trial in our words."""
    outcome = trial.user_attrs.get(OUTCOME, {})
    scores = {name: score for name, score in outcome.get("scores", {}).items() if name != "value"}
    return TrialRecord(
        number=trial.number,
        state=_NAMES[trial.state],
        params=dict(trial.params),
        value=math.nan if trial.value is None else trial.value,
        seconds=outcome.get("seconds", 0.0),
        reason=outcome.get("reason", ""),
        scores=scores,
    )

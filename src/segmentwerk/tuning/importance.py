"""Which parameters of a study decide, by Optuna's functional analysis of variance."""

from __future__ import annotations

import numpy as np
import optuna
from optuna.trial import TrialState

from segmentwerk.core.types import StudyResult
from segmentwerk.tuning.space import SearchSpace
from segmentwerk.tuning.trials import STATES

LEAST_TRIALS = 3
"""Complete trials from which anything can be said."""


def importances(result: StudyResult, space: SearchSpace) -> dict[str, float]:
    """Return the share of the objective's variance that each parameter explains, largest first.

    Empty where fewer than two parameters varied or the trials are too few or all alike: nothing decides then.
    """
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    study = _rebuilt(result, space)
    trials = study.get_trials(states=(TrialState.COMPLETE,))
    varied = [name for name in space.names if len({str(trial.params.get(name)) for trial in trials}) > 1]
    if len(trials) < LEAST_TRIALS or len(varied) < 2 or np.ptp([trial.value for trial in trials]) == 0:
        return {}
    return get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))


def _rebuilt(result: StudyResult, space: SearchSpace) -> optuna.Study:
    """Return the trials of a finished study as Optuna's own, in memory."""
    study = optuna.create_study(study_name=result.study, direction="maximize")
    for trial in result.trials:
        known = {name: value for name, value in trial.params.items() if name in space.names}
        state = STATES[trial.state]
        study.add_trial(
            optuna.trial.create_trial(
                state=state,
                params=known,
                distributions={name: space.distribution(name) for name in known},
                value=trial.value if state == TrialState.COMPLETE else None,
            )
        )
    return study

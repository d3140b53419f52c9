"""Optuna's own pictures of a study: importance of the parameters, and slices."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.trial import TrialState

from segmentwerk.core.files import atomic_file
from segmentwerk.core.types import StudyResult
from segmentwerk.tuning.space import SearchSpace
from segmentwerk.tuning.trials import STATES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = {
    "importance": "plot_param_importances",
    "slice": "plot_slice",
}
LEAST_TRIALS = 3
"""Complete trials from which a picture tells anything."""


def rebuilt(result: StudyResult, space: SearchSpace) -> optuna.Study:
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


def pictured(study: optuna.Study) -> list[str]:
    """Return the kinds of pictures that a study has enough different trials for."""
    trials = study.get_trials(states=(TrialState.COMPLETE,))
    if len(trials) < LEAST_TRIALS:
        return []
    varied = (
        len({str(trial.params) for trial in trials}) > 1 and np.ptp([trial.value for trial in trials]) > 0
    )
    return list(KINDS) if varied else []


def importances(study: optuna.Study) -> dict[str, float]:
    """Return the share of the objective's variance that each parameter explains, largest first."""
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    return get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))


def draw(
    study: optuna.Study, kind: str, title: str, path: Path, finish: Callable[[Figure], None] = lambda _: None
) -> Path:
    """Draw one kind of picture as PNG and return its path; ``finish`` may change it before it is saved.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    from matplotlib import pyplot as plt
    from optuna.visualization import matplotlib as visualization

    with _own_style(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # as Optuna calls its Matplotlib pictures
        axes = _call(getattr(visualization, KINDS[kind]), study, kind)
        canvas = np.ravel(np.asarray(axes, dtype=object))[0].figure
        for one in np.ravel(np.asarray(axes, dtype=object)):
            one.set_title("")
            one.set_title("", loc="left")
        canvas.suptitle(title, x=0.02, ha="left", fontsize=11)
        canvas.set_size_inches(9, 5.5)
        finish(canvas)
        with atomic_file(path) as draft:
            canvas.savefig(draft, format="png", dpi=110, metadata={"Software": None})
        plt.close(canvas)
    return path


def _call(plot: Callable[..., Any], study: optuna.Study, kind: str) -> Any:
    if kind != "importance":
        return plot(study)
    from optuna.importance import FanovaImportanceEvaluator

    return plot(study, evaluator=FanovaImportanceEvaluator(seed=0))


@contextmanager
def _own_style() -> Iterator[None]:
    """Keep Optuna's style out of all other pictures, and draw without a display."""
    import matplotlib as mpl

    with mpl.rc_context({"backend": "agg", "figure.constrained_layout.use": True}):
        yield

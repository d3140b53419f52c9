"""Cost: what a candidate takes to fit and to score.

``wall_time/fit_seconds``: mean wall-clock seconds of a refit on half of the sampled accounts.
``wall_time/score_seconds``: wall-clock seconds to label 1,000 accounts.

These are times: they differ from run to run, decide nothing, and stay out of any comparison of runs.
"""

from __future__ import annotations

from time import perf_counter

import numpy as np

from segmentwerk.evaluation.resampling import Measured, measured
from segmentwerk.evaluation.stability import Refits
from segmentwerk.evaluation.view import Fitted, View

FAMILY = "wall_time"


def measure(segmenter: Fitted, view: View, refitted: Refits) -> list[Measured]:
    """Time labelling, and collect the times of the refits."""
    started = perf_counter()
    segmenter.predict(view.test)
    scoring = (perf_counter() - started) * 1000 / len(view.test)
    fitting = float(np.mean([half.seconds for pair in refitted.halves for half in pair]))
    return [
        measured(FAMILY, "fit_seconds", np.array([fitting]), unit="s", higher_is_better=False),
        measured(FAMILY, "score_seconds", np.array([scoring]), unit="s", higher_is_better=False),
    ]

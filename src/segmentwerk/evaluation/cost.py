"""Cost: what a candidate takes to fit and to score.

``wall_time/fit_seconds``: mean wall-clock seconds of a refit on half of the sampled accounts.
``wall_time/score_seconds``: wall-clock seconds to label 1,000 accounts.

These are times: they differ from run to run, decide nothing, and stay out of any comparison of runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

import numpy as np

from segmentwerk.evaluation.resampling import Measured, measured
from segmentwerk.evaluation.stability import Again
from segmentwerk.evaluation.view import Fitted, View

FAMILY = "wall_time"


def scoring(segmenter: Fitted, view: View) -> Measured:
    """Time labelling."""
    started = perf_counter()
    segmenter.predict(view.test)
    seconds = (perf_counter() - started) * 1000 / len(view.test)
    return measured(FAMILY, "score_seconds", np.array([seconds]), unit="s", higher_is_better=False)


def fitting(pairs: Sequence[Again]) -> Measured:
    """Collect the times of the refits on halves."""
    seconds = float(np.mean([second for pair in pairs for second in pair.seconds]))
    return measured(FAMILY, "fit_seconds", np.array([seconds]), unit="s", higher_is_better=False)

"""Succession: how a new segmentation compares with the champion on accounts that neither was fitted on.

Only what needs labels alone can be measured for both: the champion cannot be refitted. Both are judged on
the same accounts and the same bootstrap draws, so that the intervals are those of the difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segmentwerk.core.settings import EvaluationSettings
from segmentwerk.core.types import Score
from segmentwerk.evaluation import separation, value
from segmentwerk.evaluation.arrays import IntArray
from segmentwerk.evaluation.resampling import Measured
from segmentwerk.evaluation.view import Case, Fitted, View

CRITERIA = ("separation/gain", "separation/purity", "value/explained")


@dataclass(frozen=True)
class Assigned:
    """A segmentation known by its assignments alone: the segment id of every account."""

    ids: pd.Series

    @property
    def n_segments_(self) -> int:
        """Number of segments that hold accounts."""
        return int(self.ids.nunique())

    def predict(self, X: pd.DataFrame) -> IntArray:
        """Return labels 0 … n_segments_ - 1 in the order of the ids, shape (n,)."""
        known = np.sort(self.ids.unique())
        return np.searchsorted(known, self.ids.loc[X.index].to_numpy()).astype(np.int64)


def differences(
    challenger: Fitted, champion: Fitted, view: View, settings: EvaluationSettings, *, seed: int
) -> tuple[Score, ...]:
    """Measure how far a challenger is ahead of the champion, criterion by criterion.

    Parameters
    ----------
    view
        ``test`` holds accounts that neither was fitted on.

    Returns
    -------
    tuple of Score
        Challenger minus champion with the 95% bootstrap interval of the difference, under the names of
        `CRITERIA`; criteria that the view does not allow are left out.
    """
    ours, theirs = (_measure(Case.of(model, view, settings, seed)) for model in (challenger, champion))
    return tuple(_difference(ours[key], theirs[key]) for key in CRITERIA if key in ours and key in theirs)


def _measure(case: Case) -> dict[str, Measured]:
    found = [*separation.measure(case), *value.measure(case)]
    return {item.score.key: item for item in found}


def _difference(ours: Measured, theirs: Measured) -> Score:
    gap = ours.score.value - theirs.score.value
    draws = ours.draws - theirs.draws
    low, high = np.quantile(draws, [0.025, 0.975])
    score = ours.score
    return Score(score.family, score.name, gap, min(float(low), gap), max(float(high), gap), unit=score.unit)

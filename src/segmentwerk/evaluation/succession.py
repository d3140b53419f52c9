"""Succession: how a new segmentation compares with the champion on accounts that neither was fitted on.

Only what needs labels alone can be measured for both: the champion cannot be refitted. Both are judged on
the same accounts and the same bootstrap draws, so that the intervals are those of the difference.

The criteria have different units, and each alone is uncertain where accounts are few. So their evidence is
joined: each difference is taken as a share of what the champion reaches, and the mean of the shares has an
interval of its own (`overall`). It says how much of the champion's scores is won or lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.core.proposal import Difference
from segmentwerk.core.settings import EvaluationSettings
from segmentwerk.evaluation import explained, separation
from segmentwerk.evaluation.resampling import Measured
from segmentwerk.evaluation.view import Case, Fitted, View

CRITERIA = ("separation/gain", "separation/purity", "value/explained")
OVERALL = "succession/overall"
LEAST_REACHED = 0.05
"""What the champion is taken to reach at least: of next to nothing every difference is a large share."""


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
) -> tuple[tuple[Difference, ...], Difference | None]:
    """Measure how a challenger compares with the champion, criterion by criterion and over all.

    Parameters
    ----------
    view
        ``test`` holds accounts that neither was fitted on.

    Returns
    -------
    differences
        One for each of `CRITERIA`; criteria that the view does not allow are left out.
    overall
        The mean of the differences in shares of the champion's scores; its ``champion`` is 1. None where
        nothing was measured.
    """
    ours, theirs = (_measure(Case.of(model, view, settings, seed)) for model in (challenger, champion))
    pairs = [
        (ours[key], theirs[key]) for key in CRITERIA if key in ours and key in theirs and ours[key].draws.size
    ]
    found = tuple(
        _difference(mine.score.key, mine.score.value, its.score.value, mine.draws - its.draws)
        for mine, its in pairs
    )
    return found, _overall(pairs) if pairs else None


def _measure(case: Case) -> dict[str, Measured]:
    scores = [*separation.measure(case), *explained.measure(case)]
    return {item.score.key: item for item in scores}


def _overall(pairs: Sequence[tuple[Measured, Measured]]) -> Difference:
    reached = [max(its.score.value, LEAST_REACHED) for _, its in pairs]
    shares = [
        (mine.score.value - its.score.value) / one for (mine, its), one in zip(pairs, reached, strict=True)
    ]
    draws = [(mine.draws - its.draws) / one for (mine, its), one in zip(pairs, reached, strict=True)]
    return _difference(OVERALL, 1 + float(np.mean(shares)), 1.0, np.mean(draws, axis=0))


def _difference(key: str, challenger: float, champion: float, draws: FloatArray) -> Difference:
    gap = challenger - champion
    low, high = np.quantile(draws, [0.025, 0.975])
    return Difference(key, challenger, champion, gap, min(float(low), gap), max(float(high), gap))

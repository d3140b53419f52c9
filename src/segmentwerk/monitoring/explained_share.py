"""How much of what came later the segments told: the share of an outcome's variance that they explain.

Each account is predicted by the mean of its segment among the other half of the accounts, so that nothing is
told by the account itself; the standard error is that of a Poisson bootstrap of the accounts.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.reference import Measure
from segmentwerk.core.seeds import derive

DRAWS = 200
LEAST = 50
"""Accounts with a segment and a known outcome that are needed in each half."""


def explained(segments: pd.Series, outcome: pd.Series, *, seed: int) -> Measure | None:
    """Return the share of the variance that segments explain; None where too little is known.

    Parameters
    ----------
    segments
        Segment by account id.
    outcome
        What accounts did after the date that the segments are of; NaN where it is not known.
    """
    both = pd.DataFrame({"segment": segments, "y": outcome}).dropna()
    rng = np.random.default_rng(derive(seed, "explained"))
    half = rng.permutation(len(both)) % 2
    if len(both) < 2 * LEAST or both["y"].nunique() < 2:
        return None
    y, predicted = both["y"].to_numpy(dtype=np.float64), np.empty(len(both))
    for fold in (0, 1):
        others = both[half != fold]
        means = others.groupby("segment")["y"].mean()
        rows = half == fold
        predicted[rows] = both["segment"][rows].map(means).fillna(others["y"].mean())
    counts = rng.poisson(1.0, size=(len(both), DRAWS)).astype(np.float64)
    weights = np.column_stack([np.ones(len(both)), counts])
    shares = _shares(y, predicted, weights)
    return Measure(value=float(shares[0]), se=float(shares[1:].std(ddof=1)))


def _shares(y: FloatArray, predicted: FloatArray, weights: FloatArray) -> FloatArray:
    """Share explained for each column of ``weights`` (n, m), shape (m,)."""
    total = weights.sum(axis=0)
    mean = (y @ weights) / total
    spread = (y**2) @ weights / total - mean**2
    return np.asarray(1 - ((y - predicted) ** 2 @ weights / total) / spread)

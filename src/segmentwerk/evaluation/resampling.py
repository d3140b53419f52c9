"""Sub-samples that keep small segments, and bootstrap intervals for everything measured on them.

Accounts are resampled by the Poisson bootstrap (Hanley & MacGibbon 2006, "Creating non-parametric
bootstrap samples using Poisson frequencies"): each account counts Poisson(1) times in a draw. Every
statistic is computed at once for a matrix of weights whose first column is the sample itself and
whose other columns are the draws; candidates judged with one seed share the draws, so that they can
be compared draw by draw.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.core.seeds import derive
from segmentwerk.core.types import Score

LEAST_ROWS = 20
"""Rows that a segment keeps in a sub-sample, or all of its rows where it has fewer."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows of a sub-sample and their bootstrap weights.

    ``rows`` (m,) positions in the population. ``weights`` (m, 1 + n_draws): column 0 undoes the
    topping-up of small segments, each other column is a Poisson draw times column 0.
    """

    rows: IntArray
    weights: FloatArray

    def mean(self, values: FloatArray) -> FloatArray:
        """Weighted means of ``values`` (m,), shape (1 + n_draws,)."""
        return ratio(values @ self.weights, self.weights.sum(axis=0))


def ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """Divide, with 0 where the denominator is 0."""
    return np.divide(above, below, out=np.zeros_like(above, dtype=np.float64), where=below != 0)


def sample(labels: IntArray, max_rows: int, n_draws: int, seed: int) -> Sample:
    """Draw at most about ``max_rows`` rows, the same ones for every candidate, and top up small segments.

    Parameters
    ----------
    labels
        Segment of each row (n,). A segment with fewer than `LEAST_ROWS` rows in the common part
        gets further rows of its own, weighted down again.
    max_rows
        Size of the common part.
    n_draws
        Bootstrap draws.
    seed
        The same seed gives the same common part and draws, whatever the labels.
    """
    order, rng = _order(len(labels), max_rows, seed), np.random.default_rng(derive(seed, "draws"))
    common, rest = order[:max_rows], order[max_rows:]
    extra = [
        rest[labels[rest] == segment][:missing]
        for segment, missing in enumerate(
            LEAST_ROWS - np.bincount(labels[common], minlength=labels.max() + 1)
        )
        if missing > 0
    ]
    rows = np.concatenate([common, *extra])
    base = ratio(np.bincount(labels) / len(labels), np.bincount(labels[rows]) / len(rows))[labels[rows]]
    counts = np.vstack([_poisson(len(common), n_draws, rng), _poisson(len(rows) - len(common), n_draws, rng)])
    return Sample(rows, np.column_stack([base, counts * base[:, None]]))


def common_rows(n_rows: int, max_rows: int, seed: int) -> IntArray:
    """Return the rows that every sub-sample of one seed shares, at most ``max_rows``."""
    return _order(n_rows, max_rows, seed)[:max_rows]


def _order(n_rows: int, max_rows: int, seed: int) -> IntArray:
    if n_rows <= max_rows:
        return np.arange(n_rows)
    return np.random.default_rng(derive(seed, "rows")).permutation(n_rows)


def _poisson(n_rows: int, n_draws: int, rng: np.random.Generator) -> FloatArray:
    return rng.poisson(1.0, size=(n_rows, n_draws)).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Measured:
    """A score and its bootstrap draws (none for plain counts and times)."""

    score: Score
    draws: FloatArray


def measured(
    family: str, name: str, values: FloatArray, *, unit: str = "", higher_is_better: bool = True
) -> Measured:
    """Make a score of its value and bootstrap draws: ``values`` (1 + n_draws,), the value first.

    The interval holds the middle 95% of the draws, the standard error is their deviation.
    """
    value, draws = float(values[0]), np.asarray(values[1:], dtype=np.float64)
    if draws.size == 0:
        return Measured(Score(family, name, value, unit=unit, higher_is_better=higher_is_better), draws)
    low, high = np.quantile(draws, [0.025, 0.975])
    score = Score(
        family, name, value, min(float(low), value), max(float(high), value), float(draws.std(ddof=1)), unit,
        higher_is_better,
    )  # fmt: skip
    return Measured(score, draws)

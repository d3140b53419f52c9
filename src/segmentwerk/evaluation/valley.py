"""The valley test: whether there is a gap between a segment and its neighbours.

For each segment and each of its two nearest segments (by centres), linear discriminant analysis learns
on one half of the accounts the direction that tells them apart; on the other half Hartigan's dip test
(Hartigan & Hartigan 1985) asks whether the accounts of the two have more than one mode along it. Then the
halves change places, so that every account is asked once, and Fisher's method joins the two answers. A
segment stands apart where they say so (p < 0.05) for all of its neighbours. Continuous columns only: a
binary column has two modes whatever the segments are.
"""

from __future__ import annotations

import numpy as np
from diptest import diptest
from scipy.stats import combine_pvalues
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import pairwise_distances

from segmentwerk.core.arrays import FloatArray, IntArray

NEIGHBOURS = 2
LEVEL = 0.05
LEAST_ROWS = 10
"""Accounts that each segment of a pair must have in each half to be tested."""
LEAST_CHANCE = 1e-6
"""The test's table ends here; smaller chances count as this one."""


def standing_apart(X: FloatArray, labels: IntArray, seed: int) -> float:
    """Share of the segments that stand apart from their nearest ones.

    Parameters
    ----------
    X
        Continuous columns (n, d) of all accounts.
    labels
        Their segments (n,).
    seed
        Of the split in halves.
    """
    filled = np.unique(labels)
    if X.shape[1] == 0 or len(filled) < 2:
        return 0.0
    half = np.random.default_rng(seed).permutation(len(X)) % 2 == 0
    centres = np.stack([X[labels == segment].mean(axis=0) for segment in filled])
    nearest = pairwise_distances(centres, n_jobs=1).argsort(axis=1)[:, 1 : NEIGHBOURS + 1]
    pairs = {tuple(sorted((i, int(j)))) for i, row in enumerate(nearest) for j in row}
    gaps = {pair: _gap(X, labels, half, filled[list(pair)]) for pair in sorted(pairs)}
    apart = [all(gaps[min(i, int(j)), max(i, int(j))] for j in row) for i, row in enumerate(nearest)]
    return float(np.mean(apart))


def _gap(X: FloatArray, labels: IntArray, half: IntArray, pair: IntArray) -> bool:
    """Whether two segments have a valley between them, asked on each half along the other's direction."""
    member = np.isin(labels, pair)
    sides = member & half, member & ~half
    if min((labels[rows] == segment).sum() for rows in sides for segment in pair) < LEAST_ROWS:
        return False
    chances = [_dip(X, labels, learn, ask) for learn, ask in (sides, sides[::-1])]
    return bool(combine_pvalues(np.maximum(chances, LEAST_CHANCE)).pvalue < LEVEL)


def _dip(X: FloatArray, labels: IntArray, learn: IntArray, ask: IntArray) -> float:
    """Chance of as deep a dip where there is one mode, along the direction learned on other rows."""
    direction = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(X[learn], labels[learn])
    return float(diptest(X[ask] @ direction.coef_[0])[1])

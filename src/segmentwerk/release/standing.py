"""How well a version's segments stand on some accounts: measured at packaging, and again at later dates.

Both measures need labels alone, so they can be taken of any version: the held-out gain, and how far a fresh
fit agrees with the segments. The fresh fit is k-means with as many segments in the version's own space,
whatever found them; what counts is by how much less it agrees than it did at packaging.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.core.errors import InputError
from segmentwerk.core.reference import Measure
from segmentwerk.core.seeds import derive
from segmentwerk.core.settings import EvaluationSettings
from segmentwerk.evaluation import separation
from segmentwerk.evaluation.view import Case, View

MOST_ROWS = 4000
"""Accounts that are looked at, drawn at random: more make it slower, not surer by much."""
DRAWS = 100
FITS = 4
"""Fresh fits, each on another half."""
LEAST = 80
"""Accounts that are needed."""


def measures(
    space: pd.DataFrame, discrete: dict[str, list[str]], labels: IntArray, *, seed: int
) -> dict[str, Measure]:
    """Return ``gain`` and ``agreement``; empty where there are too few accounts.

    Parameters
    ----------
    space
        (n, d) accounts in the version's reference space; index: ids.
    discrete
        Columns of the levels by categorical variable.
    labels
        (n,) label of each account, 0 … k-1.
    """
    if len(space) < LEAST or len(np.unique(labels)) < 2:
        return {}
    rows = np.random.default_rng(derive(seed, "standing")).permutation(len(space))[:MOST_ROWS]
    space, labels = space.iloc[rows], labels[rows]
    found = {"agreement": _agreement(space.to_numpy(), labels, seed)}
    gain = _gain(space, discrete, labels, seed)
    return found if gain is None else {"gain": gain, **found}


def _gain(space: pd.DataFrame, discrete: dict[str, list[str]], labels: IntArray, seed: int) -> Measure | None:
    cut, k = len(space) * 2 // 3, int(labels.max()) + 1
    order = [*np.argsort(space.index[:cut]), *(cut + np.argsort(space.index[cut:]))]
    space, labels = space.iloc[order], labels[order]
    settings = EvaluationSettings(n_bootstrap=DRAWS, max_rows=MOST_ROWS)
    try:
        case = Case(
            View(space.iloc[:cut], space.iloc[cut:], discrete), labels[:cut], labels[cut:], k, settings, seed
        )
        found = separation.gain(case).score
    except InputError:  # a column that no account of one half fills in
        return None
    return Measure(value=found.value, se=found.se)


def _agreement(space: FloatArray, labels: IntArray, seed: int) -> Measure:
    """Return the mean adjusted Rand index of fits on halves with the labels of the other halves."""
    k, found = len(np.unique(labels)), []
    for fit in range(FITS):
        rng = np.random.default_rng(derive(seed, "fresh", fit // 2))
        order, middle = rng.permutation(len(space)), len(space) // 2
        learned, asked = (order[:middle], order[middle:])[:: 1 if fit % 2 else -1]
        model = KMeans(k, n_init=4, random_state=derive(seed, "fit", fit)).fit(space[learned])
        found.append(adjusted_rand_score(labels[asked], model.predict(space[asked])))
    return Measure(value=float(np.mean(found)), se=float(np.std(found, ddof=1) / np.sqrt(FITS)))

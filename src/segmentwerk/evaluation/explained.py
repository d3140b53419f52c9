"""Value: how much of what comes later the segments tell.

``value/explained`` V: share of the variance of a later outcome y that segments explain on held-out
accounts, each account predicted by the mean of its segment among the training accounts:

    V = 1 - sum (y - m_l(x))^2 / sum (y - mean y)^2.

``value/reference``: the same for gradient boosting (Friedman 2001) on all columns of the reference
space, cross-validated over both halves; what can be known from the features at all.
``value/relative``: V over the reference; left out where the reference explains under 1%. Both are drawn
by themselves, since they rest on different accounts, so its interval is rather too wide.
The outcome lies after the features' as-of date and is never itself a feature.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import KFold, cross_val_predict

from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.seeds import derive
from segmentwerk.evaluation.crossvalidation import held_out
from segmentwerk.evaluation.resampling import Measured, Sample, measured, ratio, sample
from segmentwerk.evaluation.view import Case, View

FAMILY = "value"
LEAST_ACCOUNTS = 50
"""Known outcomes a half must hold for the family to be measured."""
LEAST_REFERENCE = 0.01
BINS = 64
"""Of each column for gradient boosting: as good as 255 on the demo world, in seven tenths of the time."""


def measure(case: Case) -> list[Measured]:
    """Measure the family; empty where the view holds no outcome or too few known ones."""
    if not _measurable(case):
        return []
    shares = _explained(case)
    best = reference(case.view, case.settings.max_rows, case.settings.n_bootstrap, case.seed)
    found = [
        measured(FAMILY, "explained", shares, unit="share of variance"),
        measured(FAMILY, "reference", best, unit="share of variance"),
    ]
    if best[0] >= LEAST_REFERENCE:
        relative = shares / np.maximum(best, LEAST_REFERENCE)
        found.append(measured(FAMILY, "relative", relative, unit="share of the reference"))
    return found


def _measurable(case: Case) -> bool:
    """Whether enough outcomes are known, in each half or, where each account is held out in turn, in all."""
    train, test = case.view.outcome_train, case.view.outcome_test
    if train is None or test is None or min(train.nunique(), test.nunique()) < 2:
        return False
    known = [int(half.notna().sum()) for half in (train, test)]
    return (sum(known) if case.folds else min(known)) >= LEAST_ACCOUNTS


def _explained(case: Case) -> FloatArray:
    """V and its bootstrap draws, shape (1 + n_draws,)."""
    chosen, errors = held_out(case, derive(case.seed, FAMILY, "rows"), _squared_errors)
    train, test = case.view.outcome_train, case.view.outcome_test
    assert train is not None
    assert test is not None
    y = (pd.concat([train, test]) if case.folds else test).to_numpy(dtype=np.float64)[chosen.rows]
    known = ~np.isnan(y)
    return _share(y[known], errors[known], chosen.weights[known])


def _squared_errors(case: Case, chosen: Sample) -> FloatArray:
    """Squared distance of each chosen account's outcome to the mean of its segment (m,); NaN for unknown."""
    train, test = case.view.outcome_train, case.view.outcome_test
    assert train is not None
    assert test is not None
    means = train.groupby(case.labels_train).mean().reindex(range(case.n_segments)).fillna(train.mean())
    y = test.to_numpy(dtype=np.float64)[chosen.rows]
    return np.asarray((y - means.to_numpy()[case.labels_test[chosen.rows]]) ** 2)


def _share(y: FloatArray, squared_errors: FloatArray, weights: FloatArray) -> FloatArray:
    """Share of the variance that predictions explain, for each column of ``weights`` (n, 1 + n_draws)."""
    total = y**2 @ weights - ratio((y @ weights) ** 2, weights.sum(axis=0))
    return 1 - ratio(squared_errors @ weights, total)


@lru_cache(maxsize=4)
def reference(view: View, max_rows: int, n_draws: int, seed: int) -> FloatArray:
    """Cross-validated R2 of gradient boosting on at most ``max_rows`` accounts, shared by all candidates.

    Returns
    -------
    array
        The value and its bootstrap draws, shape (1 + n_draws,).
    """
    assert view.outcome_train is not None
    assert view.outcome_test is not None
    y = pd.concat([view.outcome_train, view.outcome_test]).to_numpy(dtype=np.float64)
    rows = np.flatnonzero(~np.isnan(y))
    rows = np.random.default_rng(derive(seed, FAMILY, "reference")).permutation(rows)[:max_rows]
    model = HistGradientBoostingRegressor(
        learning_rate=0.05, max_iter=120, max_leaf_nodes=15, max_bins=BINS, random_state=seed
    )
    X = view.everyone.to_numpy()[rows]
    # One after the other: scikit-learn's threads lose the filters of warnings, which all of them share.
    folds = KFold(5, shuffle=True, random_state=seed)
    predicted = cross_val_predict(model, X, y[rows], cv=folds, n_jobs=1)
    everyone = np.zeros(len(rows), dtype=np.int64)
    weights = sample(everyone, len(rows), n_draws, derive(seed, FAMILY, "reference")).weights
    return _share(y[rows], (y[rows] - predicted) ** 2, weights)

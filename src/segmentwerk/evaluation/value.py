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

from segmentwerk.core.seeds import derive
from segmentwerk.evaluation.arrays import FloatArray
from segmentwerk.evaluation.resampling import Measured, measured, ratio, sample
from segmentwerk.evaluation.view import Case, View

FAMILY = "value"
LEAST_ACCOUNTS = 50
"""Known outcomes a half must hold for the family to be measured."""
LEAST_REFERENCE = 0.01
BINS = 64
"""Of each column for gradient boosting: as good as 255 on the demo world, in seven tenths of the time."""


def measure(case: Case) -> list[Measured]:
    """Measure the family; empty where the view holds no outcome or too few known ones."""
    outcome = _known(case.view)
    if outcome is None:
        return []
    shares = _explained(case, *outcome)
    best = reference(case.view, case.settings.max_rows, case.settings.n_bootstrap, case.seed)
    found = [
        measured(FAMILY, "explained", shares, unit="share of variance"),
        measured(FAMILY, "reference", best, unit="share of variance"),
    ]
    if best[0] >= LEAST_REFERENCE:
        relative = shares / np.maximum(best, LEAST_REFERENCE)
        found.append(measured(FAMILY, "relative", relative, unit="share of the reference"))
    return found


def _known(view: View) -> tuple[pd.Series, pd.Series] | None:
    """Outcomes of both halves, or None where too few are known or training knows one value only."""
    train, test = view.outcome_train, view.outcome_test
    if train is None or test is None:
        return None
    enough = min(train.notna().sum(), test.notna().sum()) >= LEAST_ACCOUNTS
    return (train, test) if enough and min(train.nunique(), test.nunique()) > 1 else None


def _explained(case: Case, train: pd.Series, test: pd.Series) -> FloatArray:
    """V and its bootstrap draws, shape (1 + n_draws,)."""
    settings = case.settings
    chosen = sample(
        case.labels_test, settings.max_rows, settings.n_bootstrap, derive(case.seed, FAMILY, "rows")
    )
    y = test.to_numpy(dtype=np.float64)[chosen.rows]
    means = train.groupby(case.labels_train).mean().reindex(range(case.n_segments)).fillna(train.mean())
    known = ~np.isnan(y)
    return _share(y[known], means.to_numpy()[case.labels_test[chosen.rows]][known], chosen.weights[known])


def _share(y: FloatArray, predicted: FloatArray, weights: FloatArray) -> FloatArray:
    """Share of the variance that predictions explain, for each column of ``weights`` (n, 1 + n_draws)."""
    residual = (y - predicted) ** 2 @ weights
    total = y**2 @ weights - ratio((y @ weights) ** 2, weights.sum(axis=0))
    return 1 - ratio(residual, total)


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
    predicted = cross_val_predict(model, X, y[rows], cv=KFold(5, shuffle=True, random_state=seed))
    everyone = np.zeros(len(rows), dtype=np.int64)
    weights = sample(everyone, len(rows), n_draws, derive(seed, FAMILY, "reference")).weights
    return _share(y[rows], predicted, weights)

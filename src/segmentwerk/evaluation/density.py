"""Description of accounts by one block a segment, and what it says about other accounts.

A block holds a multivariate t density for the continuous columns (expectation-maximisation with the
degrees of freedom picked by likelihood: Liu & Rubin 1995, "ML estimation of the t distribution using
EM and its extensions, ECM and ECME") and smoothed level frequencies for the categorical variables.
Covariances are shrunk towards their diagonal with the analytic intensity (Ledoit & Wolf 2004;
Schäfer & Strimmer 2005) and towards the pooled covariance of all blocks.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import gammaln
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from segmentwerk.evaluation.arrays import FloatArray, IntArray
from segmentwerk.evaluation.resampling import common_rows
from segmentwerk.evaluation.view import View

DEGREES = (3.0, 5.0, 10.0, 30.0, 1e6)
"""Degrees of freedom to choose from; the last is a normal density for all purposes."""
PRIOR_ROWS = 5.0
"""What the pooled description weighs, in rows."""
RESOLUTION = 0.001
"""Share of a column's variance below which differences count for nothing (a thirtieth of a deviation)."""
STEPS = 6
REGRESSION_C = 0.1
"""Inverse penalty of the logistic regressions."""


@dataclass(frozen=True, eq=False)
class Block:
    """A multivariate t density: centre (d,), lower Cholesky factor of the scatter (d, d), degrees."""

    mean: FloatArray
    factor: FloatArray
    degrees: float

    def log_density(self, X: FloatArray) -> FloatArray:
        """Log density of the rows of ``X`` (n, d) in nats, shape (n,)."""
        return _log_t(_distances(X, self.mean, self.factor), self.factor, self.degrees)


def _distances(X: FloatArray, mean: FloatArray, factor: FloatArray) -> FloatArray:
    scaled = solve_triangular(factor, (X - mean).T, lower=True, check_finite=False)
    return np.asarray(np.einsum("ij,ij->j", scaled, scaled), dtype=np.float64)


def _log_t(distances: FloatArray, factor: FloatArray, degrees: float) -> FloatArray:
    d = len(factor)
    scale = gammaln((degrees + d) / 2) - gammaln(degrees / 2) - d / 2 * np.log(degrees * np.pi)
    half_log_det = np.log(np.diag(factor)).sum()
    tail = -(degrees + d) / 2 * np.log1p(distances / degrees)
    return np.asarray(scale - half_log_det + tail, dtype=np.float64)


def _root(covariance: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)


def shrunk(X: FloatArray) -> FloatArray:
    """Scatter of centred rows ``X`` (n, d), its correlations shrunk by the analytic intensity.

    The intensity is the summed sampling variance of the correlations over their summed squares
    (Schäfer & Strimmer 2005, target D with unequal variances).
    """
    n = max(len(X), 1)
    scatter = X.T @ X / n
    deviation = np.sqrt(np.diag(scatter))
    Z = np.divide(X, deviation, out=np.zeros_like(X), where=deviation > 0)
    correlation = Z.T @ Z / n
    off = ~np.eye(X.shape[1], dtype=bool)
    noise = ((Z**2).T @ (Z**2) / n - correlation**2)[off].sum() / max(n - 1, 1)
    signal = (correlation[off] ** 2).sum()
    intensity = 1.0 if signal == 0 else float(np.clip(noise / signal, 0, 1))
    return np.asarray(np.where(off, (1 - intensity) * scatter, scatter), dtype=np.float64)


def fit_block(X: FloatArray, prior: FloatArray, floor: FloatArray, centre: FloatArray) -> Block:
    """Fit a multivariate t to the rows of ``X`` (n, d), with a covariance prior of `PRIOR_ROWS` rows.

    ``floor`` (d,) is the least variance of each column; ``centre`` (d,) stands for an empty ``X``.
    """
    n = len(X)
    weights, degrees, mean = np.ones(n), DEGREES[-1], centre
    factor = _root(prior + np.diag(floor))
    for _ in range(STEPS if n else 0):
        mean = weights @ X / weights.sum()
        scatter = shrunk(np.sqrt(weights)[:, None] * (X - mean))
        scatter = (n * scatter + PRIOR_ROWS * prior) / (n + PRIOR_ROWS) + np.diag(floor)
        factor = _root(scatter)
        distances = _distances(X, mean, factor)
        degrees = max(DEGREES, key=lambda nu: float(_log_t(distances, factor, nu).sum()))
        weights = (degrees + X.shape[1]) / (degrees + distances)
    return Block(mean, factor, degrees)


def by_segment(view: View, learned: IntArray, labels: IntArray, k: int, asked: IntArray) -> FloatArray:
    """Learn one block a segment and return the log densities of other accounts in each, (m, k).

    Parameters
    ----------
    learned, asked
        Positions in ``view.everyone`` of the accounts to learn from (n,) and to describe (m,).
    labels
        Segments of the learned accounts (n,).
    k
        Number of segments.
    """
    total = _log_t_blocks(view.spread[learned], labels, k, view.spread[asked])
    for name, levels in view.levels.items():
        total = (
            total + _log_frequencies(levels[learned], labels, k, len(view.discrete[name]) + 1)[levels[asked]]
        )
    return total


@lru_cache(maxsize=4)
def single_cloud(view: View, max_rows: int, seed: int) -> FloatArray:
    """Log density of the held-out accounts (n_test,) as one cloud, the same for all candidates.

    One t block for the continuous columns; each categorical variable given them and the categorical
    variables before it, by logistic regression where that tells more than plain frequencies. Without
    the regressions a cut along a category would be paid for mere correlation.
    """
    n_train = len(view.train)
    learned = common_rows(n_train, max_rows, seed)
    asked = np.arange(n_train, len(view.everyone))
    everyone = np.zeros(n_train, dtype=np.int64)[learned]
    total = _log_t_blocks(view.spread[learned], everyone, 1, view.spread[asked])[:, 0]
    scale = view.spread[learned].std(axis=0)
    known = view.spread / np.where(scale > 0, scale, 1.0)
    for name, levels in view.levels.items():
        n_levels = len(view.discrete[name]) + 1
        plain = _log_frequencies(levels[learned], everyone, 1, n_levels)[:, 0]
        given = _log_regression(known[learned], levels[learned], known[asked], plain)
        told, untold = given[np.arange(len(asked)), levels[asked]], plain[levels[asked]]
        total = total + (told if told.mean() > untold.mean() else untold)
        known = np.column_stack([known, np.eye(n_levels)[levels]])
    return total


def _log_t_blocks(X: FloatArray, labels: IntArray, k: int, Y: FloatArray) -> FloatArray:
    """Learn one t block a segment from ``X`` (n, d) and return log densities of ``Y``, (m, k)."""
    varied = X.std(axis=0) > 0
    X, Y = X[:, varied], Y[:, varied]
    if X.shape[1] == 0:
        return np.zeros((len(Y), k))
    floor = RESOLUTION * X.var(axis=0)
    filled = [labels == j for j in range(k)]
    centres = np.stack([X[own].mean(axis=0) if own.any() else X.mean(axis=0) for own in filled])
    pooled = shrunk(X - centres[labels])
    blocks = [fit_block(X[own], pooled, floor, centre) for own, centre in zip(filled, centres, strict=True)]
    return np.column_stack([block.log_density(Y) for block in blocks])


def _log_frequencies(levels: IntArray, labels: IntArray, k: int, n_levels: int) -> FloatArray:
    """Log frequencies of the levels in each segment, (n_levels, k), from ``levels`` and ``labels`` (n,).

    They are smoothed towards those of all accounts by `PRIOR_ROWS` rows; each level counts half a row
    there, so that an unseen one is possible.
    """
    overall = np.bincount(levels, minlength=n_levels) + 0.5
    overall = overall / overall.sum()
    tables = np.stack([np.bincount(levels[labels == j], minlength=n_levels) for j in range(k)])
    frequencies = (tables + PRIOR_ROWS * overall) / (tables.sum(axis=1, keepdims=True) + PRIOR_ROWS)
    return np.asarray(np.log(frequencies).T, dtype=np.float64)


def _log_regression(X: FloatArray, levels: IntArray, Y: FloatArray, plain: FloatArray) -> FloatArray:
    """Log probabilities (m, n_levels) of levels given other variables, smoothed by `PRIOR_ROWS` rows."""
    probabilities = np.tile(np.exp(plain), (len(Y), 1))
    if X.shape[1] == 0 or len(np.unique(levels)) < 2:
        return np.asarray(np.log(probabilities))
    with warnings.catch_warnings():
        # An unfinished regression is judged by what it tells, like a finished one.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(C=REGRESSION_C, max_iter=50).fit(X, levels)
    weight = len(X) / (len(X) + PRIOR_ROWS)
    probabilities *= 1 - weight
    probabilities[:, model.classes_] += weight * model.predict_proba(Y)
    return np.asarray(np.log(probabilities))

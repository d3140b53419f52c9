"""Description of accounts by one block a segment, and what it says about other accounts.

A block holds a multivariate t density for the continuous columns (expectation-maximisation with the
degrees of freedom picked by likelihood: Liu & Rubin 1995, "ML estimation of the t distribution using
EM and its extensions, ECM and ECME") and smoothed level frequencies for the categorical variables.
Covariances are shrunk towards their diagonal with the analytic intensity (Ledoit & Wolf 2004;
Schäfer & Strimmer 2005) and towards the pooled covariance of all blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import gammaln

from segmentwerk.evaluation.view import FloatArray, IntArray

DEGREES = (3.0, 5.0, 10.0, 30.0, 1e6)
"""Degrees of freedom to choose from; the last is a normal density for all purposes."""
PRIOR_ROWS = 5.0
"""What the pooled description weighs, in rows."""
RESOLUTION = 0.01
"""Share of a column's variance below which differences count for nothing (a tenth of a deviation)."""
STEPS = 6


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


def log_densities(X: FloatArray, labels: IntArray, k: int, Y: FloatArray) -> FloatArray:
    """Learn one t block a segment from ``X`` (n, d) and return log densities of ``Y``, (m, k)."""
    if X.shape[1] == 0:
        return np.zeros((len(Y), k))
    floor = RESOLUTION * X.var(axis=0)
    centres = np.stack(
        [X[labels == j].mean(axis=0) if (labels == j).any() else X.mean(axis=0) for j in range(k)]
    )
    pooled = shrunk(X - centres[labels])
    blocks = [fit_block(X[labels == j], pooled, floor, centres[j]) for j in range(k)]
    return np.column_stack([block.log_density(Y) for block in blocks])


def log_frequencies(codes: IntArray, labels: IntArray, k: int, other: IntArray) -> FloatArray:
    """Learn level frequencies a segment from ``codes`` (n,); return logs for ``other``, (m, k).

    Frequencies are smoothed towards those of all accounts by `PRIOR_ROWS` rows; each level counts
    half a row there, so that an unseen one is possible.
    """
    n_levels = int(max(codes.max(), other.max())) + 1
    overall = np.bincount(codes, minlength=n_levels) + 0.5
    overall = overall / overall.sum()
    tables = np.stack([np.bincount(codes[labels == j], minlength=n_levels) for j in range(k)])
    frequencies = (tables + PRIOR_ROWS * overall) / (tables.sum(axis=1, keepdims=True) + PRIOR_ROWS)
    return np.asarray(np.log(frequencies).T[other], dtype=np.float64)

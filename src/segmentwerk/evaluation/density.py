"""Densities of numbers: one multivariate t block a segment.

Blocks are fitted by expectation-maximisation, their degrees of freedom picked by likelihood (Liu & Rubin
1995, "ML estimation of the t distribution using EM and its extensions, ECM and ECME"). Covariances are
shrunk towards their diagonal with the analytic intensity (Ledoit & Wolf 2004; Schäfer & Strimmer 2005) and
towards the pooled covariance of all blocks (regularised discriminant analysis, Friedman 1989) by as many
prior rows as describe the other half of the accounts best.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import gammaln

from segmentwerk.core.arrays import FloatArray, IntArray

DEGREES = (3.0, 5.0, 10.0, 30.0, 1e6)
"""Degrees of freedom to choose from; the last is a normal density for all purposes."""
PRIOR_ROWS = (5.0, 50.0, 500.0)
"""What the pooled covariance weighs in each block, in rows, to choose from."""
RESOLUTION = 0.001
"""Share of a column's variance below which differences count for nothing (a thirtieth of a deviation)."""
STEPS = 5


@dataclass(frozen=True, eq=False)
class Block:
    """A multivariate t density: centre (d,), lower Cholesky factor of the scatter (d, d), degrees."""

    mean: FloatArray
    factor: FloatArray
    degrees: float

    def log_density(self, X: FloatArray) -> FloatArray:
        """Log density of the rows of ``X`` (n, d) in nats, shape (n,)."""
        return _log_t(_distances(X, self.mean, self.factor), self.factor, self.degrees)


def log_densities(X: FloatArray, labels: IntArray, k: int, Y: FloatArray, own: IntArray) -> FloatArray:
    """Learn one block a segment and return the log density of other rows in the block of their own, (m,).

    Parameters
    ----------
    X, labels
        Rows to learn from (n, d) and their segments (n,).
    k
        Number of segments.
    Y, own
        Rows to describe (m, d) and their segments (m,).
    """
    varied = X.std(axis=0) > 0
    X, Y = X[:, varied], Y[:, varied]
    if X.shape[1] == 0:
        return np.zeros(len(Y))
    floor, odd, prior_rows = RESOLUTION * X.var(axis=0), np.arange(len(X)) % 2 == 1, PRIOR_ROWS[0]

    def told(rows: float) -> float:
        blocks = fit_blocks(X[~odd], labels[~odd], k, floor, rows)
        return float(_described(blocks, X[odd], labels[odd]).mean())

    if k > 1 and odd.any():
        prior_rows = max(PRIOR_ROWS, key=told)
    return _described(fit_blocks(X, labels, k, floor, prior_rows), Y, own)


def _described(blocks: list[Block], Y: FloatArray, own: IntArray) -> FloatArray:
    values = np.empty(len(Y))
    for segment, block in enumerate(blocks):
        values[own == segment] = block.log_density(Y[own == segment])
    return values


def fit_blocks(X: FloatArray, labels: IntArray, k: int, floor: FloatArray, prior_rows: float) -> list[Block]:
    """Fit one block a segment to the rows of ``X`` (n, d); an empty segment gets the pooled one."""
    members = [X[labels == segment] for segment in range(k)]
    centres = np.stack([own.mean(axis=0) if len(own) else X.mean(axis=0) for own in members])
    pooled = shrunk(X - centres[labels])
    return [
        fit_block(own, pooled, floor, prior_rows, centre)
        for own, centre in zip(members, centres, strict=True)
    ]


def fit_block(
    X: FloatArray, pooled: FloatArray, floor: FloatArray, prior_rows: float, mean: FloatArray
) -> Block:
    """Fit a multivariate t to the rows of ``X`` (n, d) with a covariance prior worth ``prior_rows`` rows.

    ``pooled`` (d, d) is the prior, ``floor`` (d,) the least variance of each column, ``mean`` (d,) where to
    start.
    """
    n, d = X.shape
    weights, degrees = np.ones(n), DEGREES[-1]
    factor = _root(pooled + np.diag(floor))
    kept = 1 - intensity(X - mean) * ~np.eye(d, dtype=bool)
    for _ in range(STEPS if n else 0):
        mean = weights @ X / weights.sum()
        centred = X - mean
        scatter = kept * ((weights[:, None] * centred).T @ centred)
        factor = _root((scatter + prior_rows * pooled) / (n + prior_rows) + np.diag(floor))
        distances = _distances(X, mean, factor)
        degrees = max(DEGREES, key=lambda nu: float(_log_t(distances, factor, nu).sum()))
        weights = (degrees + d) / (degrees + distances)
    return Block(mean, factor, degrees)


def shrunk(X: FloatArray) -> FloatArray:
    """Scatter of centred rows ``X`` (n, d) with its correlations shrunk by the analytic intensity."""
    kept = 1 - intensity(X) * ~np.eye(X.shape[1], dtype=bool)
    return np.asarray(kept * (X.T @ X) / max(len(X), 1), dtype=np.float64)


def intensity(X: FloatArray) -> float:
    """How far the correlations of centred rows ``X`` (n, d) are shrunk towards zero, from 0 to 1.

    The summed sampling variance of the correlations over their summed squares (Schäfer & Strimmer
    2005, target D with unequal variances).
    """
    n, off = max(len(X), 1), ~np.eye(X.shape[1], dtype=bool)
    deviation = np.sqrt((X**2).sum(axis=0) / n)
    Z = np.divide(X, deviation, out=np.zeros_like(X), where=deviation > 0)
    correlation = Z.T @ Z / n
    noise = ((Z**2).T @ (Z**2) / n - correlation**2)[off].sum() / max(n - 1, 1)
    signal = (correlation[off] ** 2).sum()
    return 1.0 if signal == 0 else float(np.clip(noise / signal, 0, 1))


def _root(covariance: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)


def _distances(X: FloatArray, mean: FloatArray, factor: FloatArray) -> FloatArray:
    scaled = solve_triangular(factor, (X - mean).T, lower=True, check_finite=False)
    return np.asarray(np.einsum("ij,ij->j", scaled, scaled), dtype=np.float64)


def _log_t(distances: FloatArray, factor: FloatArray, degrees: float) -> FloatArray:
    d = len(factor)
    scale = gammaln((degrees + d) / 2) - gammaln(degrees / 2) - d / 2 * np.log(degrees * np.pi)
    half_log_det = np.log(np.diag(factor)).sum()
    tail = -(degrees + d) / 2 * np.log1p(distances / degrees)
    return np.asarray(scale - half_log_det + tail, dtype=np.float64)

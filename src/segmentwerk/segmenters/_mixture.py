"""Expectation-maximisation for Gaussian mixtures: chunk by chunk, one pass over the rows a step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import get_blas_funcs
from scipy.linalg.lapack import dtrtri

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.core.errors import FitError
from segmentwerk.segmenters.base import chunks

Covariance = Literal["full", "tied", "diag", "spherical"]
Rows = FloatArray | NDArray[np.float32]
"""In single precision both steps take half the time."""

_PRIOR_ROWS = np.geomspace(0.1, 10_000, 16)
_NO_SHARE = 1e-12
"""A membership up to which a row does not count for a component's covariance."""


@dataclass(frozen=True)
class Prior:
    """What keeps covariances honest where a component has few rows for its many features.

    A component's covariance is estimated as if it held ``rows`` more rows, of covariance ``target``
    (d, d): the maximum a posteriori estimate of Fraley & Raftery (2007, section 3). ``floor`` is
    added to every variance.
    """

    target: FloatArray
    rows: float
    floor: float

    @classmethod
    def learn(cls, data: FloatArray, labels: IntArray, reg: float) -> Prior:
        """Learn the prior from a hard assignment.

        The target is the covariance within segments, itself pulled to its diagonal. The number of
        rows is the one under which each half of a segment best predicts the other half.
        """
        n_rows, n_features = data.shape
        residuals = data - _means(data, labels)[labels]
        floor = reg * float(data.var(axis=0).mean())
        scatter = residuals.T @ residuals
        pull = (n_features + 1.0) / n_rows
        target = (scatter + pull * np.diag(scatter.diagonal())) / (n_rows * (1 + pull)) + floor * np.eye(
            n_features
        )
        return cls(target, _best_rows(data @ _precision_cholesky(target), labels), floor)

    def shrink(self, scatter: FloatArray, count: float) -> FloatArray:
        """Return the covariance (d, d) of ``count`` rows with this scatter around their mean."""
        return (scatter + self.rows * self.target) / (count + self.rows) + self.floor * np.eye(len(scatter))

    def shrink_diagonal(self, scatter: FloatArray, counts: FloatArray) -> FloatArray:
        """Return variances (k, d) from scatters (k, d) and counts (k,), one row of the target added."""
        return (scatter + self.target.diagonal()) / (counts[:, None] + 1) + self.floor


def _best_rows(white: FloatArray, labels: IntArray) -> float:
    """Return the number of rows of the unit covariance that makes halves predict each other best.

    ``white`` are rows in the target's coordinates. Where both covariances are diagonal, in the
    eigenvectors of one half, the Gaussian likelihood of the other half is a sum over features.
    """
    gains = np.zeros(len(_PRIOR_ROWS))
    for label in range(int(labels.max()) + 1):
        member = white[labels == label]
        for fit, check in ((member[::2], member[1::2]), (member[1::2], member[::2])):
            if len(fit) and len(check):
                gains += _likelihoods(fit, check)
    return float(_PRIOR_ROWS[gains.argmax()])


def _likelihoods(fit: FloatArray, check: FloatArray) -> FloatArray:
    """Return the log likelihood of some rows for each number of prior rows added to others."""
    mean = fit.mean(axis=0)
    sizes, axes = np.linalg.eigh((fit - mean).T @ (fit - mean))
    spread = (((check - mean) @ axes) ** 2).sum(axis=0)
    variances = (np.maximum(sizes, 0) + _PRIOR_ROWS[:, None]) / (len(fit) + _PRIOR_ROWS[:, None])
    likelihoods: FloatArray = -0.5 * (len(check) * np.log(variances) + spread / variances).sum(axis=1)
    return likelihoods


@dataclass(frozen=True)
class Mixture:
    """Weights (k,), means (k, d) and roots W of the precisions: W W' is the inverse covariance.

    The roots are upper triangular, (k, d, d) for full covariances and (1, d, d) for a tied one, and
    (k, d) for diagonal and spherical ones.
    """

    weights: FloatArray
    means: FloatArray
    precisions_cholesky: FloatArray

    def log_joint(self, data: Rows) -> FloatArray:
        """Return the log of weight times density (n, k)."""
        return self.constants() - 0.5 * self._distances(data)

    def constants(self) -> FloatArray:
        """Return the log of weight times normalisation (k,)."""
        diagonals = self.precisions_cholesky
        if diagonals.ndim == 3:
            diagonals = np.diagonal(diagonals, axis1=1, axis2=2)
        log_roots = np.log(diagonals).sum(axis=1)
        result: FloatArray = np.log(self.weights) + log_roots - 0.5 * self.means.shape[1] * np.log(2 * np.pi)
        return result

    def _distances(self, data: Rows) -> FloatArray:
        """Return squared Mahalanobis distances (n, k)."""
        distances: FloatArray
        if len(self.precisions_cholesky) == len(self.means) and self.precisions_cholesky.ndim == 3:
            # Half the work of a full product, and several times its speed for few features.
            (product,) = get_blas_funcs(("trmm",), (data,))
            distances = np.empty((len(data), len(self.means)))
            means, roots = self.means.astype(data.dtype), self.precisions_cholesky.astype(data.dtype)
            for k, (mean, root) in enumerate(zip(means, roots, strict=True)):
                white = product(1.0, root, (data - mean).T, trans_a=1, overwrite_b=1)
                distances[:, k] = np.einsum("ji,ji->i", white, white)
            return distances
        center = self.means.mean(axis=0)
        data, means = data - center, self.means - center
        if self.precisions_cholesky.ndim == 3:
            data, means = data @ self.precisions_cholesky[0], means @ self.precisions_cholesky[0]
            precisions = np.ones_like(means)
        else:
            precisions = self.precisions_cholesky**2
        cross = data @ (means * precisions).T
        distances = data**2 @ precisions.T - 2 * cross + (means**2 * precisions).sum(axis=1)
        return np.maximum(distances, 0.0, out=distances)


@dataclass(frozen=True)
class Moments:
    """Soft counts (k,), sums (k, d) and scatters around ``means``, and the mean log likelihood."""

    counts: FloatArray
    sums: FloatArray
    scatter: FloatArray
    means: FloatArray
    log_likelihood: float


Step = Callable[[Mixture], Moments]


def expect(mixture: Mixture, data: Rows, kind: Covariance) -> Moments:
    """Run the E-step; ``log_likelihood`` is the mean over rows."""
    total = 0.0
    moments = _Collector(mixture.means, kind)
    for part in chunks(data):
        chunk = data[part]
        joint = mixture.log_joint(chunk)
        evidence = logsumexp(joint)
        total += float(evidence.sum())
        moments.add(chunk, np.exp(joint - evidence))
    return moments.result(total / len(data))


def from_labels(data: FloatArray, labels: IntArray, kind: Covariance) -> Moments:
    """Return the moments of a hard assignment, to start from."""
    means = _means(data, labels)
    moments = _Collector(means, kind)
    for part in chunks(data):
        moments.add(data[part], np.eye(len(means))[labels[part]])
    return moments.result(-np.inf)


class _Collector:
    """Sums moments over chunks; scatters are taken around fixed means for precision."""

    def __init__(self, means: FloatArray, kind: Covariance) -> None:
        n_components, n_features = means.shape
        self.means, self.full = means, kind == "full"
        self.shared = kind == "tied"
        self.counts = np.zeros(n_components)
        self.sums = np.zeros((n_components, n_features))
        shape = {"full": (n_components, n_features, n_features), "tied": (1, n_features, n_features)}
        self.scatter = np.zeros(shape.get(kind, (n_components, n_features)))

    def add(self, chunk: Rows, shares: FloatArray) -> None:
        self.counts += shares.sum(axis=0)
        self.sums += shares.T @ chunk
        for k, mean in enumerate(self.means):
            share = shares[:, k]
            members = share > _NO_SHARE  # with many features each row belongs to one component, or nearly so
            residuals = chunk[members] - mean.astype(chunk.dtype)
            residuals *= np.sqrt(share[members, None])
            if self.scatter.ndim == 3:
                self.scatter[0 if self.shared else k] += residuals.T @ residuals
            else:
                self.scatter[k] += np.einsum("ij,ij->j", residuals, residuals)

    def result(self, log_likelihood: float) -> Moments:
        return Moments(self.counts, self.sums, self.scatter, self.means, log_likelihood)


def maximise(moments: Moments, kind: Covariance, prior: Prior) -> Mixture:
    """Run the M-step."""
    counts = moments.counts + 10 * np.finfo(float).eps
    means = moments.sums / counts[:, None]
    drift = means - moments.means
    weights = counts / counts.sum()
    if kind == "full":
        corrected = moments.scatter - counts[:, None, None] * drift[:, :, None] * drift[:, None, :]
        pairs = zip(corrected, counts, strict=True)
        return Mixture(weights, means, np.array([_precision_cholesky(prior.shrink(*pair)) for pair in pairs]))
    if kind == "tied":
        scatter = moments.scatter[0] - (counts[:, None] * drift).T @ drift
        return Mixture(weights, means, _precision_cholesky(prior.shrink(scatter, float(counts.sum())))[None])
    variances = prior.shrink_diagonal(moments.scatter - counts[:, None] * drift**2, counts)
    if kind == "spherical":
        variances = np.repeat(variances.mean(axis=1, keepdims=True), variances.shape[1], axis=1)
    return Mixture(weights, means, 1 / np.sqrt(variances))


def run(
    mixture: Mixture, step: Step, kind: Covariance, prior: Prior, *, max_iter: int, tol: float
) -> tuple[Mixture, float, bool]:
    """Alternate both steps until neither the last gain nor all further ones together reach ``tol``.

    ``step`` is an E-step on some rows.

    What is left is extrapolated from the last two gains of the mean log likelihood (Aitken's rule:
    McLachlan & Peel 2000, section 2.11), because EM can creep a long way in small steps.

    Returns
    -------
    tuple
        The mixture, the mean log likelihood before its last step, and whether it settled.
    """
    previous, gain = -np.inf, np.inf
    for _ in range(max_iter):
        moments = step(mixture)
        mixture = maximise(moments, kind, prior)
        last, gain = gain, moments.log_likelihood - previous
        previous = moments.log_likelihood
        rate = abs(gain / last) if last else 0.0
        if rate < 1 and abs(gain) * max(1.0, rate / (1 - rate)) < tol:
            return mixture, previous, True
    return mixture, previous, False


def evaluate(mixture: Mixture, data: FloatArray) -> tuple[float, float]:
    """Return the mean log likelihood and the mean entropy of the memberships, both in nats per row."""
    likelihood = entropy = 0.0
    for part in chunks(data):
        joint = mixture.log_joint(data[part])
        evidence = logsumexp(joint)
        likelihood += float(evidence.sum())
        entropy -= float((np.exp(joint - evidence) * (joint - evidence)).sum())
    return likelihood / len(data), entropy / len(data)


def n_parameters(mixture: Mixture, kind: Covariance) -> int:
    """Return the number of free parameters."""
    k, d = map(int, mixture.means.shape)
    covariance = {"full": k * d * (d + 1) // 2, "tied": d * (d + 1) // 2, "diag": k * d, "spherical": k}
    return covariance[kind] + k * d + k - 1


def _means(data: FloatArray, labels: IntArray) -> FloatArray:
    return np.array([data[labels == label].mean(axis=0) for label in range(int(labels.max()) + 1)])


def logsumexp(joint: FloatArray) -> FloatArray:
    """Return the logarithm of the sum of exponentials of each row (n, 1)."""
    peak = joint.max(axis=1, keepdims=True)
    total: FloatArray = np.log(np.exp(joint - peak).sum(axis=1, keepdims=True)) + peak
    return total


def _precision_cholesky(covariance: FloatArray) -> FloatArray:
    try:
        root = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError as error:
        raise FitError(
            "A mixture component has a singular covariance.", "Raise reg or use a simpler covariance_type."
        ) from error
    inverse, _ = dtrtri(root, lower=1)  # the root of a definite matrix has an inverse
    return np.asarray(inverse, dtype=np.float64).T

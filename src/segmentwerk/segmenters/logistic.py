"""Multinomial logistic regression and what its probabilities are worth."""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from segmentwerk.core.arrays import FloatArray, IntArray

PENALTIES = (0.001, 0.01, 0.1, 1.0)
"""Inverse regularisation strengths that are tried."""
_NEVER = -20.0
"""Logit of a segment that no row belongs to."""


def regression(
    matrix: FloatArray, target: IntArray, n_segments: int, penalty: float
) -> tuple[FloatArray, FloatArray]:
    """Fit the regression; without columns or with one segment, only the segments' shares are left.

    Parameters
    ----------
    matrix, target
        Rows (n, n_columns) and their segments (n,), 0 to n_segments - 1.
    penalty
        Inverse strength of the regularisation.

    Returns
    -------
    tuple of ndarray
        Coefficients (n_segments, n_columns) and intercepts (n_segments,).
    """
    classes, counts = np.unique(target, return_counts=True)
    coefficients, intercepts = np.zeros((n_segments, matrix.shape[1])), np.full(n_segments, _NEVER)
    intercepts[classes] = np.log(counts / len(target))
    if matrix.shape[1] == 0 or len(classes) < 2:
        return coefficients, intercepts
    model = LogisticRegression(C=penalty, max_iter=1000, tol=1e-3).fit(matrix, target)
    if len(classes) == 2:  # scikit-learn keeps one row for two classes
        coefficients[classes] = np.vstack([-model.coef_ / 2, model.coef_ / 2])
        intercepts[classes] = np.append(-model.intercept_ / 2, model.intercept_ / 2)
    else:
        coefficients[classes], intercepts[classes] = model.coef_, model.intercept_
    return coefficients, intercepts


def log_loss(logits: FloatArray, target: IntArray, temperature: FloatArray | float = 1.0) -> float:
    """Return the mean negative log probability of the right segment, nats; one temperature, or one a row."""
    cooled = logits / np.reshape(temperature, (-1, 1))
    return float(-log_softmax(cooled, axis=1)[np.arange(len(target)), target].mean())


def expected_calibration_error(proba: FloatArray, target: IntArray, n_bins: int = 15) -> float:
    """Return the mean gap between confidence and accuracy over confidence bins (Guo et al. 2017, eq. 3)."""
    confidence, right = proba.max(axis=1), proba.argmax(axis=1) == target
    bins = np.minimum((confidence * n_bins).astype(np.int64), n_bins - 1)
    gaps = np.bincount(bins, weights=confidence - right, minlength=n_bins)
    return float(np.abs(gaps).sum() / len(target))

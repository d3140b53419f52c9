"""What an autoencoder has learned: how much it restores, and whether its embedding is alive."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from segmentwerk.segmenters._variables import Variables
from segmentwerk.segmenters.base import Array

_DEAD = 0.01


def spread(points: Array) -> float:
    """Return the variance of points (n, d) of length one: 0 if all coincide, 1 if all around."""
    return float(1 - (points.mean(axis=0) ** 2).sum())


def dead_dimensions(points: Array) -> int:
    """Return the number of dimensions that vary less than a hundredth as much as the liveliest one."""
    deviations = points.std(axis=0)
    return int((deviations < _DEAD * deviations.max()).sum())


def effective_rank(points: Array) -> float:
    """Return the number of dimensions in use: the exponential of the entropy of the covariance's spectrum.

    Roy & Vetterli (2007), definition 1, on variances.
    """
    spectrum = np.linalg.eigvalsh(np.cov(points.T).reshape(points.shape[1], -1))
    shares = np.maximum(spectrum, 0) / np.maximum(spectrum, 0).sum()
    return float(np.exp(-(shares[shares > 0] * np.log(shares[shares > 0])).sum()))


def restored_share(
    data: Array, errors: Array, variables: Variables, names: Sequence[str]
) -> dict[str, float]:
    """Return, by variable, the share of the variance of its columns (n, n_columns) that is restored.

    Variables without variance are left out; a negative share is worse than the mean.
    """
    owner, known = variables.owner, variables.present(data)
    means = (data * known).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    lost = np.bincount(owner, errors.sum(axis=0))
    total = np.bincount(owner, (known * (data - means) ** 2).sum(axis=0))
    first = {number: column for column, number in reversed(list(enumerate(owner)))}
    return {
        str(names[first[number]]).partition("=")[0]: float(1 - lost[number] / total[number])
        for number in np.flatnonzero(total > 0)
    }

"""What an autoencoder has learned: how much it restores, and whether its embedding is alive."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.space_columns import ColumnKind, SpaceColumn
from segmentwerk.segmenters._variables import Variables

_DEAD = 0.01


def spread(points: FloatArray) -> float:
    """Return the variance of points (n, d) of length one: 0 if all coincide, 1 if all around."""
    return float(1 - (points.mean(axis=0) ** 2).sum())


def dead_dimensions(points: FloatArray) -> int:
    """Return the number of dimensions that vary less than a hundredth as much as the liveliest one."""
    deviations = points.std(axis=0)
    return int((deviations < _DEAD * deviations.max()).sum())


def effective_rank(points: FloatArray) -> float:
    """Return the number of dimensions in use: the exponential of the entropy of the covariance's spectrum.

    Roy & Vetterli (2007), definition 1, on variances.
    """
    spectrum = np.linalg.eigvalsh(np.cov(points.T).reshape(points.shape[1], -1))
    shares = np.maximum(spectrum, 0) / np.maximum(spectrum, 0).sum()
    return float(np.exp(-(shares[shares > 0] * np.log(shares[shares > 0])).sum()))


def restored_share(
    data: FloatArray, errors: FloatArray, variables: Variables, names: Sequence[str]
) -> dict[str, float]:
    """Return, by variable, the share of the variance of its columns (n, n_columns) that is restored.

    Variables without variance are left out; a negative share is worse than the mean.
    """
    owner, known = variables.owner, variables.present(data)
    means = (data * known).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    lost = np.bincount(owner, errors.sum(axis=0))
    total = np.bincount(owner, (known * (data - means) ** 2).sum(axis=0))
    first = {number: column for column, number in reversed(list(enumerate(owner)))}
    columns = {number: SpaceColumn.read(str(names[column])) for number, column in first.items()}
    named = {n: c.variable if c.kind is ColumnKind.LEVEL else c.name for n, c in columns.items()}
    return {named[n]: float(1 - lost[n] / total[n]) for n in np.flatnonzero(total > 0)}

"""What a discriminant direction is made of."""

from __future__ import annotations

import numpy as np

from segmentwerk.core.arrays import FloatArray, IntArray


def within(values: FloatArray, groups: IntArray) -> FloatArray:
    """Return ``values`` (n, …) less the mean of each one's group."""
    found = values.astype(np.float64, copy=True)
    for group in np.unique(groups):
        members = groups == group
        found[members] -= found[members].mean(axis=0)
    return found


def structure_coefficients(x: FloatArray, scores: FloatArray, groups: IntArray) -> FloatArray:
    """Return the correlation of each variable with a direction within the groups (n_variables,).

    Huberty & Olejnik (2006), *Applied MANOVA and Discriminant Analysis*, ch. 5.

    Parameters
    ----------
    x
        Variables (n, n_variables).
    scores
        Places along the direction (n,).
    groups
        Group of each row (n,).
    """
    inside, along = within(x, groups), within(scores, groups)
    spread = np.sqrt((inside**2).mean(axis=0) * (along**2).mean())
    return np.asarray((inside * along[:, None]).mean(axis=0) / np.where(spread > 0, spread, 1.0))

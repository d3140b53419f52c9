"""The variables behind the columns of a view: levels of categories, and numbers without artificial gaps."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segmentwerk.core.arrays import BoolArray, FloatArray, IntArray
from segmentwerk.core.seeds import derive


def codes(columns: pd.DataFrame) -> IntArray:
    """Position of each account's level among a variable's columns (n, l); l where it has none of them.

    A level is present above the middle of its column's range, so that a flag is a variable of one level.
    """
    values = columns.to_numpy(dtype=np.float64)
    low, high = values.min(axis=0), values.max(axis=0)
    present = (values > (low + high) / 2) & (high > low)
    return np.where(present.any(axis=1), present.argmax(axis=1), values.shape[1]).astype(np.int64)


def spread(columns: pd.DataFrame, unknown: dict[str, BoolArray]) -> FloatArray:
    """Numbers without atoms, so that neither counts nor filled values look like groups: (n, d).

    A known value is moved at random between the middles to its neighbouring values (uniform
    dequantisation, Theis et al. 2016, section 3.1), which leaves continuous columns as they are and
    closes the gaps between counts; an unknown one is drawn from the known ones.

    Parameters
    ----------
    columns
        Continuous columns (n, d).
    unknown
        For columns with unknown values, where they are: boolean (n,).
    """
    values = columns.to_numpy(dtype=np.float64).copy()
    for position, name in enumerate(map(str, columns)):
        values[:, position] = _spread(values[:, position], unknown.get(name), derive(0, "spread", name))
    return values


def _spread(values: FloatArray, unknown: BoolArray | None, seed: int) -> FloatArray:
    rng = np.random.default_rng(seed)
    known = values if unknown is None or unknown.all() else values[~unknown]
    levels = np.unique(known)
    if len(levels) < 2:
        return values.copy()
    middles = (levels[1:] + levels[:-1]) / 2
    edges = np.concatenate([[2 * levels[0] - middles[0]], middles, [2 * levels[-1] - middles[-1]]])
    filled = values.copy()
    if unknown is not None and not unknown.all():
        filled[unknown] = rng.choice(known, int(unknown.sum()))
    position = np.searchsorted(levels, filled)
    moved = edges[position] + rng.random(len(values)) * (edges[position + 1] - edges[position])
    return np.asarray(moved)

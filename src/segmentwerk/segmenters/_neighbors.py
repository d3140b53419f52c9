"""The nearest neighbours of each row in the reference space: what the embedding learns to keep together."""

from __future__ import annotations

import numpy as np
from sklearn.neighbors import KDTree, NearestNeighbors

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.segmenters._remembered import Memory, digest

_MAX_DIMENSIONS = 50
_MAX_TREE_DIMENSIONS = 15
"""Columns up to which a tree finds neighbours faster than comparing all rows (scikit-learn's own limit)."""

_memory: Memory[IntArray] = Memory(64 * 2**20, lambda graph: int(graph.nbytes))
"""Graphs of this process, up to 64 MB: trials and finalists learn from the same rows."""


def neighbor_graph(data: FloatArray, n_pool: int, n_neighbors: int) -> IntArray:
    """Return the nearest other rows of each row (n_rows, n_neighbors), nearest first.

    Neighbours come from the first ``n_pool`` rows: the search costs rows times pool. Where the space
    is wider than 50 columns, distances are measured along its 50 leading principal components, which
    carry structure rather than noise.
    """
    data, wanted = leading(data), min(n_neighbors, n_pool - 1)

    def look() -> IntArray:
        return _without_self(_nearest(data[:n_pool], data, wanted + 1).astype(np.int64), wanted)

    return _memory.get((digest(data), n_pool, wanted), look)


def _nearest(pool: FloatArray, data: FloatArray, n_neighbors: int) -> IntArray:
    """Search as `NearestNeighbors` would, without its way of running trees side by side.

    That swaps the filters of warnings, which all threads share: where segmenters are fitted side by side,
    they were lost and scikit-learn warned of itself.
    """
    if pool.shape[1] <= _MAX_TREE_DIMENSIONS and n_neighbors < len(pool) // 2:
        return np.asarray(KDTree(pool, leaf_size=30).query(data, n_neighbors, return_distance=False))
    search = NearestNeighbors(n_neighbors=n_neighbors, algorithm="brute").fit(pool)
    return np.asarray(search.kneighbors(data, return_distance=False))


def modularity(labels: IntArray, graph: IntArray) -> float:
    """Return how much oftener neighbours share a segment than rows drawn at random would.

    Newman (2006), with all rows of equal degree: neither one large segment nor many small ones win.
    """
    shares = np.bincount(labels) / len(labels)
    return float((labels[graph] == labels[:, None]).mean() - (shares**2).sum())


def leading(data: FloatArray) -> FloatArray:
    """Return rows of no more than 50 columns: their leading principal components, where they have more."""
    if data.shape[1] <= _MAX_DIMENSIONS:
        return data
    centered = data - data.mean(axis=0)
    _, axes = np.linalg.eigh(centered.T @ centered)
    points: FloatArray = centered @ axes[:, -_MAX_DIMENSIONS:]
    return points


def _without_self(neighbors: IntArray, wanted: int) -> IntArray:
    """Drop each row from its own neighbours, or the farthest one where equal rows crowd it out."""
    self_first = neighbors == np.arange(len(neighbors))[:, None]
    self_first[~self_first.any(axis=1), -1] = True
    kept: IntArray = neighbors[~self_first].reshape(len(neighbors), wanted)
    return kept

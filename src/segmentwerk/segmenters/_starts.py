"""The k-means labellings that a mixture starts from, remembered for trials that differ in the rest."""

from __future__ import annotations

import numpy as np
from sklearn.cluster import KMeans

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.segmenters._remembered import Memory, digest

N_STARTS = 20
MOST_REMEMBERED = 32

_memory: Memory[list[IntArray]] = Memory(MOST_REMEMBERED)
"""Sets of labellings kept in this process: less than half a megabyte each."""


def kmeans_starts(
    sample: FloatArray, n_segments: int, rng: np.random.Generator, n_kept: int
) -> list[IntArray]:
    """Return the labellings of the tightest of several k-means, tightest first, each one once.

    Parameters
    ----------
    sample
        Rows (n, d).
    rng
        Gives a seed for each of the `N_STARTS` runs.
    n_kept
        Labellings at most.
    """
    seeds = tuple(int(seed) for seed in rng.integers(2**31, size=N_STARTS))

    def compete() -> list[IntArray]:
        starts = [KMeans(n_segments, random_state=seed).fit(sample) for seed in seeds]
        distinct = {f"{start.inertia_:.6g}": start for start in starts}.values()
        tightest = sorted(distinct, key=lambda start: start.inertia_)[:n_kept]
        return [start.labels_.astype(np.int64) for start in tightest]

    return _memory.get((digest(sample), n_segments, seeds, n_kept), compete)

"""The k-means labellings that a mixture starts from, remembered for trials that differ in the rest."""

from __future__ import annotations

from hashlib import sha256
from threading import Lock

import numpy as np
from sklearn.cluster import KMeans

from segmentwerk.core.arrays import FloatArray, IntArray

N_STARTS = 20
MOST_REMEMBERED = 32
"""Sets of labellings kept in this process: less than half a megabyte each, oldest first."""

_lock = Lock()
_memory: dict[tuple[str, int, tuple[int, ...]], list[IntArray]] = {}


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
    key = (sha256(sample.tobytes()).hexdigest(), n_segments, seeds)
    found = _memory.get(key)
    if found is None:
        starts = [KMeans(n_segments, random_state=seed).fit(sample) for seed in seeds]
        distinct = {f"{start.inertia_:.6g}": start for start in starts}.values()
        tightest = sorted(distinct, key=lambda start: start.inertia_)[:n_kept]
        found = [start.labels_.astype(np.int64) for start in tightest]
        _remember(key, found)
    return found


def _remember(key: tuple[str, int, tuple[int, ...]], labels: list[IntArray]) -> None:
    with _lock:
        _memory[key] = labels
        while len(_memory) > MOST_REMEMBERED:
            del _memory[next(iter(_memory))]

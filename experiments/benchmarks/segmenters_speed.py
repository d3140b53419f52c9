"""Measure how fast the segmenters fit, next to scikit-learn on the same work, and how they grow.

    python experiments/benchmarks/segmenters_speed.py [--only kmeans engines mixture growth] [--quick]

kmeans   k = 2 … 12 on 1,000,000 x 30, against scikit-learn's KMeans fitted one k after the other
engines  scikit-learn's Lloyd, Elkan and mini-batch, faiss where it is installed, and ours
mixture  k = 8, full covariances, on 200,000 x 20, against scikit-learn's GaussianMixture
growth   every configured segmenter from 250,000 to 4,000,000 x 30: seconds and peak memory, each fit in a
         process of its own

Both sides get the same rows, overlapping groups of different size and shape, and run with their defaults.
The objective is measured on all rows by the same code for both: the sum of squared distances to the nearest
centre, or the mean log likelihood. ``--quick`` uses a twentieth of the rows.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import multiprocessing
import resource
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from lib.lines import bench
from numpy.typing import NDArray
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.mixture import GaussianMixture

from segmentwerk.segmenters.gaussian_mixture import GaussianMixtureSegmenter
from segmentwerk.segmenters.kmeans import KMeansSegmenter

CONFIGS = Path(__file__).parents[2] / "conf" / "segmenter"
SIZES = (250_000, 500_000, 1_000_000, 2_000_000, 4_000_000)
Rows = NDArray[np.float64]


def world(n_rows: int, n_features: int, n_groups: int = 8, seed: int = 0) -> Rows:
    """Draw overlapping Gaussian groups of different size, spread and orientation."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(0, 1.5, (n_groups, n_features))
    shapes = (
        0.7 * np.eye(n_features) + 0.7 * rng.normal(size=(n_groups, n_features, n_features)) / n_features**0.5
    )
    sizes = rng.multinomial(n_rows, rng.dirichlet(np.full(n_groups, 5.0)))
    rows = np.empty((n_rows, n_features))
    stop = 0
    for center, shape, size in zip(centers, shapes, sizes, strict=True):
        start, stop = stop, stop + size
        rows[start:stop] = center + rng.normal(size=(size, n_features)) @ shape
    return rng.permutation(rows)


def timed(fit: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds of a call and its result."""
    gc.collect()
    start = time.perf_counter()
    model = fit()
    return time.perf_counter() - start, model


def inertia(rows: Rows, centers: Rows) -> float:
    """Sum of squared distances of all rows to their nearest centre."""
    parts = np.array_split(rows, max(1, len(rows) // 50_000))
    return sum(float(((part[:, None] - centers) ** 2).sum(axis=2).min(axis=1).sum()) for part in parts)


def kmeans(scale: float) -> None:
    """Compare k-means for every k with scikit-learn's: with as many starts as ours, and with one."""
    rows = world(int(1_000_000 * scale), 30)
    table = []
    for k in range(2, 13):
        ours, model = timed(lambda k=k: KMeansSegmenter(k, min_segment_share=0).fit(rows))
        ten, peer = timed(lambda k=k: KMeans(k, n_init=10, random_state=0).fit(rows))
        one, quick = timed(lambda k=k: KMeans(k, random_state=0).fit(rows))
        reached = inertia(rows, model.centers_)
        ratios = [reached / inertia(rows, other.cluster_centers_) for other in (peer, quick)]
        table.append((ours, ten, one, *ratios))
        print(
            f"k = {k}: {ours:.2f} s, scikit-learn {ten:.2f} s with ten starts, {one:.2f} s with one",
            flush=True,
        )
    seconds, objective = np.array(table)[:, :3].sum(axis=0), np.array(table)[:, 3:].mean(axis=0)
    for peer, inertias, starts in zip(seconds[1:], objective, ("ten_starts", "one_start"), strict=True):
        ok = seconds[0] <= 0.7 * peer
        bench(f"kmeans/{starts}", seconds[0], peer, "<=0.7", unit="s", ok=ok)
        bench(f"kmeans/{starts}_inertia", inertias, 1.0, "<=1.001", ok=inertias <= 1.001)


def engines(scale: float) -> None:
    """Compare the engines that k-means could run on: seconds for k = 4, 8, 12, and the objective reached."""
    ways: dict[str, Callable[[Rows, int], Rows]] = {
        "lloyd": lambda rows, k: KMeans(k, random_state=0).fit(rows).cluster_centers_,
        "elkan": lambda rows, k: KMeans(k, random_state=0, algorithm="elkan").fit(rows).cluster_centers_,
        "mini_batch": lambda rows, k: (
            MiniBatchKMeans(k, random_state=0, batch_size=4096).fit(rows).cluster_centers_
        ),
        "ours": lambda rows, k: KMeansSegmenter(k, min_segment_share=0).fit(rows).centers_,
    }
    if importlib.util.find_spec("faiss"):
        ways["faiss"] = faiss_centers
    for n_rows in (20_000, 160_000, 1_000_000):
        rows = world(int(n_rows * scale), 30)
        found = {}
        for name, way in ways.items():
            runs = [timed(lambda way=way, k=k, rows=rows: way(rows, k)) for k in (4, 8, 12)]
            reached = np.mean([inertia(rows, centers) for _, centers in runs])
            found[name] = sum(seconds for seconds, _ in runs), reached
            label, (peer, objective) = f"engines/{name}_{len(rows)}", found["lloyd"]
            bench(label, found[name][0], peer, "reported", unit="s", ok=True)
            print(f"{label}: inertia {reached / objective:.4f} of Lloyd's", flush=True)


def faiss_centers(rows: Rows, k: int) -> Rows:
    """Fit faiss' k-means on all rows; it starts from random rows and computes in single precision."""
    import faiss

    model = faiss.Kmeans(rows.shape[1], k, niter=50, seed=0, max_points_per_centroid=len(rows))
    model.train(rows.astype(np.float32))
    return np.asarray(model.centroids, dtype=np.float64)


def mixture(scale: float) -> None:
    """Compare the full mixture for three seeds with scikit-learn's."""
    rows = world(int(200_000 * scale), 20)
    table = []
    for seed in range(3):
        segmenter = GaussianMixtureSegmenter(8, reg=1e-6, min_segment_share=0, random_state=seed)
        ours, model = timed(lambda s=segmenter: s.fit(rows))
        theirs, peer = timed(lambda s=seed: GaussianMixture(8, random_state=s).fit(rows))
        table.append((ours, theirs, model.score_samples(rows).mean(), peer.score(rows)))
    ours, theirs, likelihood, other = np.mean(table, axis=0)
    bench("mixture/seconds", ours, theirs, "<=0.7", unit="s", ok=ours <= 0.7 * theirs)
    bench("mixture/log_likelihood", likelihood, other, "ours>=peer", unit="nats", ok=likelihood >= other)


def growth(scale: float) -> None:
    """Fit every configured segmenter on ever more rows, each fit in a process of its own."""
    for name in sorted(path.stem for path in CONFIGS.glob("*.yaml")):
        costs = [alone(fit_once, name, int(n_rows * scale)) for n_rows in SIZES]
        for ((before, _), (after, _)), n_rows in zip(pairwise(costs), SIZES[1:], strict=True):
            rows = int(n_rows * scale)
            bench(f"growth/{name}_{rows}", after, before, "<=2.3", unit="s", ok=after <= 2.3 * before)
        peak = costs[-1][1]
        bench(f"growth/{name}_peak", peak, costs[0][1], "ours<12GB", unit="GB", ok=peak < 12)


def fit_once(name: str, n_rows: int) -> tuple[float, float]:
    """Return seconds of a fit and the peak memory of this process in GB."""
    spec = yaml.safe_load((CONFIGS / f"{name}.yaml").read_text())
    module, _, kind = spec["_target_"].rpartition(".")
    segmenter = getattr(importlib.import_module(module), kind)(**spec["params"])
    rows = world(n_rows, 30)
    seconds, _ = timed(lambda: segmenter.fit(rows))
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a fresh process, so that its memory is measured apart."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


PARTS = {"kmeans": kmeans, "engines": engines, "mixture": mixture, "growth": growth}


def main() -> None:
    """Measure the parts that were asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--quick", action="store_true", help="a twentieth of the rows")
    asked = parser.parse_args()
    for name in asked.only:
        PARTS[name](0.05 if asked.quick else 1.0)


if __name__ == "__main__":
    main()

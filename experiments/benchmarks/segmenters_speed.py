"""How fast do the segmenters fit, next to scikit-learn on the same work, and how do they grow?.

    python experiments/benchmarks/segmenters_speed.py [--only kmeans mixture growth] [--quick] [--output FILE]

kmeans   k = 2 … 12 on 1,000,000 x 30, against scikit-learn's KMeans fitted one k after the other
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
import importlib
import multiprocessing
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray
from sklearn.cluster import KMeans
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


def kmeans(scale: float) -> pd.DataFrame:
    """Compare k-means for each k with scikit-learn's."""
    rows = world(int(1_000_000 * scale), 30)
    table = []
    for k in range(2, 13):
        ours, model = timed(lambda k=k: KMeansSegmenter(k, min_segment_share=0).fit(rows))
        theirs, peer = timed(lambda k=k: KMeans(k, random_state=0).fit(rows))
        objective = inertia(rows, model.centers_) / inertia(rows, peer.cluster_centers_)
        table.append((k, ours, theirs, objective))
    result = pd.DataFrame(table, columns=["k", "seconds", "scikit-learn", "inertia ratio"]).set_index("k")
    result.loc["all"] = [*result[["seconds", "scikit-learn"]].sum(), result["inertia ratio"].mean()]
    return result.assign(**{"time ratio": result["seconds"] / result["scikit-learn"]})


def mixture(scale: float) -> pd.DataFrame:
    """Compare the full mixture for three seeds with scikit-learn's."""
    rows = world(int(200_000 * scale), 20)
    table = []
    for seed in range(3):
        ours, model = timed(
            lambda s=seed: GaussianMixtureSegmenter(8, reg=1e-6, min_segment_share=0, random_state=s).fit(
                rows
            )
        )
        theirs, peer = timed(lambda s=seed: GaussianMixture(8, random_state=s).fit(rows))
        table.append((seed, ours, theirs, model.score_samples(rows).mean(), peer.score(rows)))
    columns = ["seed", "seconds", "scikit-learn", "log likelihood", "scikit-learn's"]
    result = pd.DataFrame(table, columns=columns).set_index("seed")
    result.loc["mean"] = result.mean()
    return result.assign(**{"time ratio": result["seconds"] / result["scikit-learn"]})


def growth(scale: float) -> pd.DataFrame:
    """Fit every configured segmenter on ever more rows."""
    names = sorted(path.stem for path in CONFIGS.glob("*.yaml"))
    table = [(name, int(n * scale), *alone(fit_once, name, int(n * scale))) for name in names for n in SIZES]
    result = pd.DataFrame(table, columns=["segmenter", "rows", "seconds", "peak GB"])
    result["growth"] = result["seconds"] / result.groupby("segmenter")["seconds"].shift()
    return result.set_index(["segmenter", "rows"])


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


PARTS = {"kmeans": kmeans, "mixture": mixture, "growth": growth}


def report(names: list[str], scale: float) -> Iterator[str]:
    """Measure the parts named, one after the other."""
    for name in names:
        yield f"## {name}\n\n```\n{PARTS[name](scale).round(3).to_string()}\n```\n"


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--quick", action="store_true", help="a twentieth of the rows")
    parser.add_argument("--output", type=Path, help="write the tables to this Markdown file too")
    asked = parser.parse_args()
    texts = []
    for text in report(asked.only, 0.05 if asked.quick else 1.0):
        print(text, flush=True)
        texts.append(text)
    if asked.output:
        asked.output.write_text("# Speed of the segmenters\n\n" + "\n".join(texts), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Measure how fast the segmenters fit, next to scikit-learn on the same work, and how they grow.

    python experiments/benchmarks/segmenters_speed.py [--only PART ...] [--quick]

kmeans   k = 2 … 12 on 1,000,000 x 30, against scikit-learn's KMeans fitted one k after the other
engines  scikit-learn's Lloyd, Elkan and mini-batch, faiss where it is installed, and ours
mixture  k = 8, full covariances, on 200,000 x 20, against scikit-learn's GaussianMixture
held_out full mixtures of scikit-learn's small data sets, against GaussianMixture with one start and with ten:
         log density of the half that was held out, and agreement with the classes, over five halvings
onnx     seconds of 40,000 x 20 on one thread through graphs made by hand (ours) and skl2onnx's of the equal
         scikit-learn model (peer), and how far they differ
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
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import yaml
from lib.lines import bench
from numpy.typing import NDArray
from onnx import ModelProto
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler

from segmentwerk.segmenters.gaussian_mixture import GaussianMixtureSegmenter
from segmentwerk.segmenters.kmeans import KMeansSegmenter
from segmentwerk.segmenters.onnx_graph import DOUBLE, Graph

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
        ours, model = timed(partial(KMeansSegmenter(k, min_segment_share=0).fit, rows))
        ten, peer = timed(partial(KMeans(k, n_init=10, random_state=0).fit, rows))
        one, quick = timed(partial(KMeans(k, random_state=0).fit, rows))
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
            runs = [timed(partial(way, rows, k)) for k in (4, 8, 12)]
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
        ours, model = timed(partial(segmenter.fit, rows))
        theirs, peer = timed(partial(GaussianMixture(8, random_state=seed).fit, rows))
        table.append((ours, theirs, model.score_samples(rows).mean(), peer.score(rows)))
    ours, theirs, likelihood, other = np.mean(table, axis=0)
    bench("mixture/seconds", ours, theirs, "<=0.7", unit="s", ok=ours <= 0.7 * theirs)
    bench("mixture/log_likelihood", likelihood, other, "ours>=peer", unit="nats", ok=likelihood >= other)


def held_out(_scale: float) -> None:
    """Compare full mixtures on small data: mean log density of held-out rows, agreement with the classes."""
    for load, k in ((load_iris, 3), (load_wine, 3), (load_breast_cancer, 2), (load_digits, 10)):
        rows, classes = load(return_X_y=True)
        found = np.array([_one_halving(rows, classes, k, seed) for seed in range(5)])
        name = load.__name__.removeprefix("load_")
        ours, one, ten = found.mean(axis=0)
        for starts, peer in (("one", one), ("ten", ten)):
            bench(f"held_out/{name}_density_{starts}", ours[0], peer[0], "ours>=peer", ok=ours[0] >= peer[0])
            bench(
                f"held_out/{name}_agreement_{starts}", ours[1], peer[1], "ours>=peer", ok=ours[1] >= peer[1]
            )


def _one_halving(rows: Rows, classes: NDArray[np.int64], k: int, seed: int) -> list[tuple[float, float]]:
    """Return held-out log density and agreement of ours, and of scikit-learn's with one and ten starts."""
    order = np.random.default_rng(seed).permutation(len(rows))
    fit, check = np.array_split(order, 2)
    scaler = StandardScaler().fit(rows[fit])
    axes = PCA(min(20, rows.shape[1])).fit(scaler.transform(rows[fit]))
    train, test = (axes.transform(scaler.transform(rows[part])) for part in (fit, check))
    models = (
        GaussianMixtureSegmenter(k, min_segment_share=0, random_state=seed),
        GaussianMixture(k, random_state=seed),
        GaussianMixture(k, n_init=10, random_state=seed),
    )
    return [
        (
            float(model.fit(train).score_samples(test).mean()),
            float(adjusted_rand_score(classes[check], model.predict(test))),
        )
        for model in models
    ]


def onnx(scale: float) -> None:
    """Compare graphs made by hand with those that skl2onnx makes of the equal scikit-learn model."""
    rows = world(int(40_000 * scale), 20)
    kmeans_model = KMeansSegmenter(8).fit(rows)
    _graphs("kmeans", rows, kmeans_model.to_onnx(), _converted_kmeans(kmeans_model))
    for kind in ("full", "tied", "diag", "spherical"):
        model = GaussianMixtureSegmenter(8, covariance_type=kind).fit(rows)
        _graphs(f"mixture_{kind}", rows, _mixture_by_hand(model), model.to_onnx())


def _graphs(name: str, rows: Rows, by_hand: ModelProto, converted: ModelProto) -> None:
    """Report seconds on one thread, in chunks as models are scored, and the largest difference."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    sessions = [onnxruntime.InferenceSession(m.SerializeToString(), options) for m in (by_hand, converted)]
    chunks = [{"x": rows[start : start + 8192]} for start in range(0, len(rows), 8192)]
    seconds = [np.inf, np.inf]
    answers: list[list[Rows]] = [[], []]
    for _ in range(15):  # by turns, so that what else the machine does meets both
        for side, session in enumerate(sessions):
            took, parts = timed(partial(_answered, session, chunks))
            seconds[side] = min(seconds[side], took)
            answers[side] = [np.concatenate(part) for part in zip(*parts, strict=True)]
    bench(f"onnx/{name}", seconds[0], seconds[1], "reported", unit="s", ok=True)
    apart = [float(np.abs(ours - peer).max()) for ours, peer in zip(*answers, strict=True)]
    print(f"onnx/{name}: memberships differ by {apart[0]:.1e}, scores by {apart[1]:.1e}", flush=True)


def _answered(session: onnxruntime.InferenceSession, chunks: list[dict[str, Rows]]) -> list[Any]:
    return [session.run(["proba", "score"], chunk) for chunk in chunks]


def _converted_kmeans(model: KMeansSegmenter) -> ModelProto:
    """Return skl2onnx's graph of the centres, and memberships and scores made of its distances."""
    middle, (k, width) = model.centers_.mean(axis=0), model.centers_.shape
    equal = KMeans(k, init=model.centers_, n_init=1, max_iter=1).fit(model.centers_)
    equal.cluster_centers_ = model.centers_ - middle
    graph = Graph("kmeans")
    _, distances = graph.estimator(equal, graph.add("Sub", "x", graph.constant(middle)), width)
    squares = graph.add("Mul", distances, distances)
    proba = graph.add("Softmax", graph.add("Mul", squares, graph.constant(-0.5 / model.variance_)), axis=1)
    score = graph.add("Neg", graph.add("ReduceMin", squares, graph.constant([1]), keepdims=0))
    return _closed(graph, proba, score, width, k)


def _mixture_by_hand(model: GaussianMixtureSegmenter) -> ModelProto:
    graph, (k, width) = Graph("mixture"), model.means_.shape
    roots = np.broadcast_to(model.precisions_cholesky_, (k, *model.precisions_cholesky_.shape[1:]))
    product, distances = "MatMul" if roots.ndim == 3 else "Mul", []
    for mean, root in zip(model.means_, roots, strict=True):
        white = graph.add(product, graph.add("Sub", "x", graph.constant(mean)), graph.constant(root))
        distances.append(graph.sum(graph.add("Mul", white, white), 1))
    halves = graph.add("Mul", graph.add("Concat", *distances, axis=1), graph.constant(-0.5))
    joint = graph.add("Add", halves, graph.constant(model._model.constants()))
    score = graph.add("ReduceLogSumExp", joint, graph.constant([1]))
    proba = graph.add("Exp", graph.add("Sub", joint, score))
    return _closed(graph, proba, graph.add("Squeeze", score, graph.constant([1])), width, k)


def _closed(graph: Graph, proba: str, score: str, width: int, k: int) -> ModelProto:
    kinds: dict[str, tuple[int, list[int | str]]] = {"proba": (DOUBLE, ["n", k]), "score": (DOUBLE, ["n"])}
    outputs = {"proba": (proba, kinds["proba"]), "score": (score, kinds["score"])}
    return graph.model({"x": (DOUBLE, ["n", width])}, outputs)


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
    """Return seconds of a fit and the peak memory of this process in GB.

    What is learned from an outcome, or continues present segments, is told a quarter of the first column.
    """
    spec = yaml.safe_load((CONFIGS / f"{name}.yaml").read_text())
    module, _, kind = spec["_target_"].rpartition(".")
    segmenter = getattr(importlib.import_module(module), kind)(**spec["params"])
    rows = world(n_rows, 30)
    quarters = np.searchsorted(np.quantile(rows[:, 0], (0.25, 0.5, 0.75)), rows[:, 0])
    outcome = quarters if segmenter.uses_outcome else None
    seconds, _ = timed(lambda: segmenter.fit(rows, outcome))
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a fresh process, so that its memory is measured apart."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


PARTS = {
    "kmeans": kmeans,
    "engines": engines,
    "mixture": mixture,
    "held_out": held_out,
    "onnx": onnx,
    "growth": growth,
}


def main() -> None:
    """Measure the parts that were asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--quick", action="store_true", help="a twentieth of the rows")
    arguments = parser.parse_args()
    for name in arguments.only:
        PARTS[name](0.05 if arguments.quick else 1.0)


if __name__ == "__main__":
    main()

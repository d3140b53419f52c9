"""What the whole contest costs, next to the naive way, and how it grows with the accounts.

naive    The demo's comparison (tuning, finalists, scorecard with refits and intervals, null copies, figures,
         model and MLflow included) against what a notebook does for the same trials: a scikit-learn fit of
         each (KMeans with 10 starts; GaussianMixture; for the autoencoder MLPRegressor of the same layers
         and epochs, then KMeans) and the silhouette over all accounts.
growth   Judging one k-means candidate by all families on 5,000 to 500,000 accounts, drawn from the demo's
         with replacement and blurred; the ratio is of seconds, the goal that of rows and a fifth.

    python experiments/benchmarks/contest.py [--only naive growth] [--sizes N …]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from itertools import pairwise
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from lib.lines import bench
from sets.frames import view_of
from sets.labelled import demo
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import silhouette_score
from sklearn.mixture import GaussianMixture
from sklearn.neural_network import MLPRegressor

from segmentwerk.core.settings import EvaluationSettings
from segmentwerk.evaluation.scorecard import View, judge
from segmentwerk.segmenters.kmeans import KMeansSegmenter

LAYERS = (256, 128, 16, 128, 256)
EPOCHS = 20
SIZES = (5_000, 50_000, 500_000)


def compared(home: str) -> tuple[float, list[tuple[str, dict[str, str]]]]:
    """Run the main job; return its seconds and every trial's parameters."""
    code = "import sys; from segmentwerk.cli import main; sys.exit(main())"
    environment = {**os.environ, "SEGMENTWERK_HOME": home}
    subprocess.run(
        [sys.executable, "-c", code, "data", "demo"],
        check=True,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, "compare"],
        check=True,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    seconds = time.perf_counter() - start
    summary = json.loads(Path(done.stdout.splitlines()[-1]).read_text(encoding="utf-8"))
    client = mlflow.MlflowClient(f"sqlite:///{home}/mlflow/mlflow.db")
    parent = client.get_run(summary["run_id"])
    runs = client.search_runs([parent.info.experiment_id], max_results=1000)
    names = {run.info.run_id: run.info.run_name for run in runs}
    trials = [
        (str(names[run.data.tags["mlflow.parentRunId"]]), run.data.params)
        for run in runs
        if " trial " in str(run.info.run_name)
    ]
    return seconds, trials


def naive(rows: np.ndarray, algorithm: str, params: dict[str, str]) -> None:
    """Fit one trial as a notebook would and take its silhouette."""
    k = int(params.get("n_segments", 5))
    if algorithm == "gaussian_mixture":
        kind = params.get("covariance_type", "full")
        labels = GaussianMixture(k, covariance_type=kind, reg_covar=1e-3, random_state=0).fit_predict(rows)
    else:
        space = embedding(rows) if algorithm == "autoencoder" else rows
        labels = KMeans(k, n_init=10, random_state=0).fit_predict(space)
    silhouette_score(rows, labels)


def embedding(rows: np.ndarray) -> np.ndarray:
    """Learn an autoencoder with scikit-learn and return its middle layer."""
    network = MLPRegressor(hidden_layer_sizes=LAYERS, batch_size=256, max_iter=EPOCHS, random_state=0).fit(
        rows, rows
    )
    middle = rows
    for weights, bias in list(zip(network.coefs_, network.intercepts_, strict=True))[:3]:
        middle = np.maximum(middle @ weights + bias, 0)
    return middle


def bench_naive() -> None:
    """Compare the demo's comparison with a notebook on the same accounts and trials."""
    with tempfile.TemporaryDirectory() as home:
        ours, trials = compared(home)
    customers = next(iter(demo(seed=7, accounts=5000)))
    rows = view_of(customers.features, seed=0).everyone.to_numpy()
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for algorithm, params in trials:
            naive(rows, algorithm, params)
    theirs = time.perf_counter() - start
    print(f"{len(trials)} trials on {len(rows)} accounts with {rows.shape[1]} columns")
    bench("contest/naive", ours, theirs, "<=1.5", unit="s", ok=ours <= 1.5 * theirs)


def enlarged(view: View, n_rows: int) -> View:
    """Draw accounts with replacement and blur their numbers, so that no two are alike."""
    rng = np.random.default_rng(0)

    def draw(part: pd.DataFrame, size: int) -> pd.DataFrame:
        drawn = part.iloc[rng.integers(len(part), size=size)].reset_index(drop=True)
        return drawn + rng.normal(0, 0.05, drawn.shape)

    n_train = int(0.7 * n_rows)
    train, test = draw(view.train, n_train), draw(view.test, n_rows - n_train)
    test.index += n_train
    return View(train, test, {})


def bench_growth(sizes: list[int]) -> None:
    """Judge a k-means candidate on ever more accounts."""
    customers = next(iter(demo(seed=7, accounts=5000)))
    view = view_of(customers.features, seed=0)
    seconds = []
    for n_rows in sizes:
        large = enlarged(view, n_rows)
        start = time.perf_counter()
        model = KMeansSegmenter(6).fit(large.train)
        judge(
            "kmeans", model, lambda X, s: KMeansSegmenter(6, random_state=s).fit(X), large,
            EvaluationSettings(), seed=0,
        )  # fmt: skip
        seconds.append(time.perf_counter() - start)
    for (small, large), (before, after) in zip(pairwise(sizes), pairwise(seconds), strict=True):
        limit = 1.2 * large / small
        bench(f"contest/growth_{large}", after, before, f"<={limit:g}", unit="s", ok=after <= limit * before)


def main() -> None:
    """Measure the parts that were asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=("naive", "growth"), default=("naive", "growth"))
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    asked = parser.parse_args()
    if "naive" in asked.only:
        bench_naive()
    if "growth" in asked.only:
        bench_growth(asked.sizes)


if __name__ == "__main__":
    main()

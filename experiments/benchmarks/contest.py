"""What the whole contest costs, next to the naive way, and how it grows with the accounts.

naive    The demo's comparison (tuning, finalists, scorecard with refits and intervals, null copies, figures,
         model and MLflow included) against what a notebook does for the same trials: a scikit-learn fit of
         each (KMeans with 10 starts; GaussianMixture; for the autoencoder MLPRegressor of the same layers
         and epochs, then KMeans) and the silhouette over all accounts.
judging  The full scorecards of the finalists against the search that found them, all four segmenters one
         after the other, by `segmentwerk tune` on the demo: nothing else goes on meanwhile.
growth   Judging one k-means candidate by all families on 5,000 to 500,000 accounts, drawn from the demo's
         with replacement and blurred; the ratio is of seconds, the goal that of rows and a fifth.
turns    Contests held in full and in turns: on sets drawn at random, and on accounts drawn from the demo's,
         the same ones measured once. How often the same candidate wins, and the seconds of refits.
value    What the model selected on online_retail explains of the later revenue of held-out accounts, against
         gradient boosting; it must have at most 8 segments of at least 3% each.

    python experiments/benchmarks/contest.py [--only naive judging growth turns value] [--sizes N …]
                                             [--contests N]

Online Retail is looked for in $SEGMENTWERK_DATA, default ../shared/data.
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
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from lib.lines import bench
from lib.replay import field_of, played
from sets.frames import view_of
from sets.generated import generated
from sets.labelled import DATA, demo
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import silhouette_score
from sklearn.mixture import GaussianMixture
from sklearn.neural_network import MLPRegressor

from segmentwerk.api import calls
from segmentwerk.config import CompareSettings
from segmentwerk.core.context import Context
from segmentwerk.core.settings import EvaluationSettings, GoalSettings
from segmentwerk.evaluation.scorecard import View, judge
from segmentwerk.preparation.prepare import prepare
from segmentwerk.segmenters.kmeans import KMeansSegmenter

LAYERS = (256, 128, 16, 128, 256)
EPOCHS = 20
SIZES = (5_000, 50_000, 500_000)
CONTESTS = 40
SAME = 0.95
"""Share of the contests in which the same candidate has to win."""
ACCOUNTS = 600
"""Of a contest on accounts of the demo."""
PARTS = ("naive", "judging", "growth", "turns", "value")
SEGMENTERS = ("rfm_grid", "kmeans", "gaussian_mixture", "autoencoder")


def typed(home: str, *arguments: str) -> str:
    """Run a command and return what it printed."""
    code = "import sys; from segmentwerk.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        check=True,
        env={**os.environ, "SEGMENTWERK_HOME": home},
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


def summary_of(printed: str) -> dict[str, Any]:
    """Read the summary whose path a command prints last."""
    summary: dict[str, Any] = json.loads(Path(printed.splitlines()[-1]).read_text(encoding="utf-8"))
    return summary


def spent() -> np.ndarray:
    """Return the seconds that have passed, and those that this process and its finished children computed."""
    return np.array([time.perf_counter(), sum(os.times()[:4])])


def compared(home: str) -> tuple[np.ndarray, list[tuple[str, dict[str, str]]]]:
    """Run the main job; return its seconds (`spent`) and every trial's parameters."""
    typed(home, "data", "demo")
    start = spent()
    printed = typed(home, "compare")
    seconds = spent() - start
    client = mlflow.MlflowClient(f"sqlite:///{home}/mlflow/mlflow.db")
    parent = client.get_run(summary_of(printed)["run_id"])
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
    start = spent()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for algorithm, params in trials:
            naive(rows, algorithm, params)
    theirs = spent() - start
    print(f"{len(trials)} trials on {len(rows)} accounts with {rows.shape[1]} columns")
    print(f"CPU-seconds: {ours[1]:.0f} against {theirs[1]:.0f}")
    bench("contest/naive", ours[0], theirs[0], "<=0.7", unit="s", ok=ours[0] <= 0.7 * theirs[0])


def bench_judging() -> None:
    """Set the seconds of judging against those of tuning."""
    judging = tuning = 0.0
    with tempfile.TemporaryDirectory() as home:
        typed(home, "data", "demo")
        for name in SEGMENTERS:
            seconds = summary_of(typed(home, "tune", f"segmenter={name}"))["seconds"]
            judging += seconds[f"judge {name}"]
            tuning += seconds[f"tune {name}"]
    bench("contest/judging", judging, tuning, "<=1", unit="s", ok=judging <= tuning)


def demo_view() -> View:
    """Return the demo's accounts as a comparison sees them: with outcome, revenue and prospect features."""
    with tempfile.TemporaryDirectory() as home:
        settings = calls.settings("compare", CompareSettings, {"home": home})
        return prepare(settings, Context("compare", Path(home))).view


def drawn(view: View, n_rows: int, seed: int = 0) -> View:
    """Draw accounts with replacement, with all that is known of them, and blur their numbers."""
    rng = np.random.default_rng(seed)
    n_train = int(0.7 * n_rows)
    parts: dict[str, Any] = {}
    for half, ids in (("train", range(n_train)), ("test", range(n_train, n_rows))):
        rows = rng.integers(len(getattr(view, half)), size=len(ids))
        for name in (half, f"outcome_{half}", f"revenue_{half}", f"prospect_{half}"):
            parts[name] = getattr(view, name).iloc[rows].set_axis(list(ids))
        blur = rng.normal(0, 0.05, (len(ids), len(view.continuous)))
        parts[half] = parts[half].assign(**(parts[half][view.continuous] + blur))
    return View(**parts, discrete=view.discrete)


def bench_growth(sizes: list[int]) -> None:
    """Judge a k-means candidate on ever more accounts."""
    view = demo_view()
    seconds = []
    for n_rows in sizes:
        large = drawn(view, n_rows)
        start = time.perf_counter()
        model = KMeansSegmenter(6).fit(large.train)
        judge(
            "kmeans", model, lambda X, s: KMeansSegmenter(6, random_state=s).fit(X), large,
            EvaluationSettings(), seed=0,
        )  # fmt: skip
        seconds.append(time.perf_counter() - start)
    for (few, many), (before, after) in zip(pairwise(sizes), pairwise(seconds), strict=True):
        limit = 1.2 * many / few
        bench(f"contest/growth_{many}", after, before, f"<={limit:g}", unit="s", ok=after <= limit * before)


def contests(count: int) -> Iterator[tuple[str, View, EvaluationSettings, int]]:
    """Yield name, view, settings and seed: half of them on drawn sets, half on the demo's accounts."""
    settings = EvaluationSettings()
    for seed, data in enumerate(generated(count - count // 2, seed=0)):
        yield data.name, view_of(data.features, seed), settings, seed
    view = demo_view()
    for seed in range(count // 2):
        yield f"demo-{seed}", drawn(view, ACCOUNTS, seed), settings, seed


def bench_turns(count: int) -> None:
    """Hold contests in full, play each again in turns, and count the same winners."""
    results = []
    for name, view, settings, seed in contests(count):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            field = field_of(view, settings, seed)
        one = played(field, settings, GoalSettings(), seed)
        results.append(one)
        print(
            f"{name}: {one.full} in full, {one.in_turns} in turns; {one.halted} of {len(field)} halted, "
            f"{one.seconds_in_turns:.1f} of {one.seconds_full:.1f} s of refits",
            flush=True,
        )
    same = sum(one.full == one.in_turns for one in results)
    bench("contest/turns_same", same, count, f">={SAME}", ok=same >= SAME * count)
    ours, theirs = (sum(getattr(one, f"seconds_{how}") for one in results) for how in ("in_turns", "full"))
    bench("contest/turns_refits", ours, theirs, "<1", unit="s", ok=ours < theirs)


def bench_value() -> None:
    """Set the model selected on Online Retail against gradient boosting."""
    path = DATA / "online_retail" / "online_retail.parquet"
    if not path.exists():
        print(f"{path} is not there: contest/value is left out.")
        return
    with tempfile.TemporaryDirectory() as home:
        summary = summary_of(typed(home, "compare", "+experiments=online_retail", f"source.path={path}"))
    scores = summary["scores"][summary["decision"]["winner"]]
    ours, peer = scores["value/explained"], scores["value/reference"]
    small = scores["substance/n_segments"] > 8 or scores["substance/smallest_share"] < 0.03
    bench("contest/value", ours, peer, ">=0.95", ok=ours >= 0.95 * peer and not small)


def main() -> None:
    """Measure the parts that were asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--contests", type=int, default=CONTESTS)
    arguments = parser.parse_args()
    if "naive" in arguments.only:
        bench_naive()
    if "judging" in arguments.only:
        bench_judging()
    if "growth" in arguments.only:
        bench_growth(arguments.sizes)
    if "turns" in arguments.only:
        bench_turns(arguments.contests)
    if "value" in arguments.only:
        bench_value()


if __name__ == "__main__":
    main()

"""What the search costs beside its trials, and what a second worker brings.

Two questions, both about a k-means trial on 20,000 accounts with 30 features, fitted and scored cheaply as
`segmentwerk compare` does, with one thread:

1. Overhead: the time of a study beyond its trials (drawing parameters, journal, MLflow), a trial,
   against the time of a trial. Goal: under 15%.
2. Workers: trials a minute with two processes on one study against one. Goal: 1.7. Their start, some three
   seconds of imports, is included, so the study must be one that lasts a minute.

    python experiments/benchmarks/tuning.py [--trials N] [--rows N]
"""

from __future__ import annotations

import os

# One thread a process, as workers have; set before NumPy is loaded.
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import statistics
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from lib.lines import bench

from segmentwerk.contest import run_records as records
from segmentwerk.contest.shared_view import SharedView
from segmentwerk.core.settings import EvaluationSettings, TuningSettings
from segmentwerk.core.types import StudyResult, TrialRecord
from segmentwerk.evaluation.scorecard import View, quick
from segmentwerk.segmenters.kmeans import KMeansSegmenter
from segmentwerk.tracking.writer import Store
from segmentwerk.tuning.samplers import LAST_STEP
from segmentwerk.tuning.space import SearchSpace
from segmentwerk.tuning.study import StudyPlan, tune
from segmentwerk.tuning.trials import Report

FEATURES = 30
SPACE = SearchSpace(
    {
        "n_segments": {"type": "int", "low": 5, "high": 8},
        "random_state": {"type": "int", "low": 0, "high": 999},
    }
)


@dataclass(frozen=True)
class KMeansTrial:
    """A trial of the contest; the table is mapped by each process."""

    shared: SharedView

    def __call__(self, params: dict[str, int], report: Report) -> dict[str, float]:
        """Fit, then score cheaply."""
        view = self.shared.open()

        def refit(X: pd.DataFrame, seed: int) -> KMeansSegmenter:
            return KMeansSegmenter(params["n_segments"], random_state=seed).fit(X)

        model = KMeansSegmenter(**params).fit(view.train)
        return quick(model, refit, view, EvaluationSettings(), seed=0, report=partial(report, LAST_STEP))


def accounts(rows: int, seed: int) -> pd.DataFrame:
    """Return overlapping groups of unequal size, standardised."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(scale=1.2, size=(7, FEATURES))
    groups = rng.choice(7, size=rows, p=np.arange(1, 8) / 28)
    table = pd.DataFrame(centres[groups] + rng.normal(size=(rows, FEATURES)))
    return ((table - table.mean()) / table.std()).rename(columns=lambda j: f"x{j}")


def study(objective: KMeansTrial, home: Path, trials: int, workers: int) -> StudyResult:
    """Run a study that is tracked, as in a contest."""
    store = Store(None, home)
    store.prepare("benchmark")

    def log(trial: TrialRecord) -> None:
        with store.run("benchmark", f"trial {trial.number}", key=f"{workers}/{trial.number}") as run:
            run.write(records.of_trial(trial))

    settings = TuningSettings(n_trials=trials, workers=workers, sampler="tpe", pruner="none")
    return tune(StudyPlan(f"workers-{workers}", SPACE, settings, 0, home), objective, on_trial=log)


def main() -> None:
    """Run both comparisons."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=160)
    parser.add_argument("--rows", type=int, default=20_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        table = accounts(chosen.rows * 5 // 4, seed=0)
        view = View(table[: chosen.rows], table[chosen.rows :], {})
        objective = KMeansTrial(SharedView.store(view, home / "view.joblib"))
        study(objective, home / "warm", 1, 1)
        one = study(objective, home, chosen.trials, 1)
        two = study(objective, home, chosen.trials, 2)
    trial = statistics.mean(record.seconds for record in one.trials)
    overhead = one.seconds / chosen.trials - trial
    bench("tuning/overhead", overhead, trial, "<0.15", unit="s", ok=overhead < 0.15 * trial)
    pace_one, pace_two = (60 * chosen.trials / result.seconds for result in (one, two))
    bench("tuning/two_workers", pace_two, pace_one, ">=1.7", unit="/min", ok=pace_two >= 1.7 * pace_one)


if __name__ == "__main__":
    main()

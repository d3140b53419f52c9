"""Measure how much of the quality on the table the selection rule keeps.

Labelled sets, five algorithm families, k = 2 … 11. The labels are hidden from the contest: every
candidate is judged and one is selected as `segmentwerk compare` does. Then the pick's agreement with the
labels (adjusted Rand index) is compared with that of the best candidate, and with that of the candidate
of largest silhouette in the shared space. The rule was fixed beforehand, the same for all sets
(docs/decisions/0003-selection-rule.md).

    python experiments/benchmarks/selection.py [FOLDER] [--drawn N] [--rows N] [--seed N] [--only NAME …]
                                               [--output FILE]

FOLDER holds other sets, which are then used instead: one CSV file each, numeric columns, the last column
`label`. --drawn uses sets drawn at random instead: a change of the rule is tried on those.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from lib.lines import bench
from sets import labelled
from sets.frames import Labelled, view_of
from sets.generated import generated
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import adjusted_rand_score, pairwise_distances_argmin, silhouette_score

from segmentwerk.core.errors import FitError
from segmentwerk.core.settings import EvaluationSettings, GoalSettings
from segmentwerk.core.types import Scorecard
from segmentwerk.evaluation.scorecard import View, judge
from segmentwerk.evaluation.selection import select
from segmentwerk.segmenters.autoencoder import AutoencoderSegmenter
from segmentwerk.segmenters.gaussian_mixture import GaussianMixtureSegmenter
from segmentwerk.segmenters.kmeans import KMeansSegmenter

Fit = Callable[[pd.DataFrame, int, int], Any]
"""``fit(X, k, seed)`` returns a fitted segmenter."""
K = range(2, 12)
SETTINGS = EvaluationSettings(max_segments=max(K))
GOAL_KEPT = 0.80
GOAL_GROUPS = 0.80


class Ward:
    """Ward's hierarchical clustering; other rows go to the nearest centre."""

    complexity = 2

    def __init__(self, k: int) -> None:
        self.k = k

    def fit(self, X: pd.DataFrame) -> Ward:
        """Cut the tree at k segments."""
        if len(X) <= self.k:
            raise FitError(f"{len(X)} rows are too few for {self.k} segments.")
        labels = AgglomerativeClustering(self.k).fit_predict(X)
        self.centers_ = X.groupby(labels).mean().to_numpy()
        self.n_segments_ = self.k
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the segment with the nearest centre."""
        return np.asarray(pairwise_distances_argmin(X.to_numpy(), self.centers_))


def families() -> dict[str, Fit]:
    """Return the families by name; autoencoders of one set of rows and seed share their network."""
    return {
        "kmeans": lambda X, k, seed: KMeansSegmenter(k, random_state=seed).fit(X),
        "diagonal_mixture": lambda X, k, seed: GaussianMixtureSegmenter(
            k, covariance_type="diag", random_state=seed
        ).fit(X),
        "full_mixture": lambda X, k, seed: GaussianMixtureSegmenter(k, random_state=seed).fit(X),
        "ward": lambda X, k, _: Ward(k).fit(X),
        "autoencoder": lambda X, k, seed: AutoencoderSegmenter(k, random_state=seed).fit(X),
    }


@dataclass(frozen=True)
class Judged:
    """One candidate of one set: its scorecard and what the contest is not told."""

    card: Scorecard
    agreement: float
    silhouette: float


def candidates(data: Labelled, view: View, seed: int) -> Iterator[Judged]:
    """Fit and judge every candidate that can be fitted."""
    groups = pd.Series(data.groups, index=data.features.index).loc[view.everyone.index]
    for name, fit in families().items():
        for k in K:

            def refit(X: pd.DataFrame, seed: int, k: int = k, fit: Fit = fit) -> Any:
                return fit(X, k, seed)

            try:
                segmenter = refit(view.train, seed)
            except FitError:
                continue
            card = judge(f"{name}-{k}", segmenter, refit, view, SETTINGS, seed=seed)
            labels = segmenter.predict(view.everyone)
            several = len(np.unique(labels)) > 1
            silhouette = silhouette_score(view.everyone, labels) if several else -1.0
            yield Judged(card, adjusted_rand_score(groups, labels), silhouette)


def contest(data: Labelled, rows: int, seed: int) -> dict[str, object]:
    """Run the contest on one set and compare the picks with the best candidate."""
    chosen = np.sort(np.random.default_rng(seed).permutation(len(data.groups))[:rows])
    data = Labelled(data.name, data.features.iloc[chosen], data.groups[chosen], data.generated)
    judged = list(candidates(data, view_of(data.features, seed), seed))
    by_name = {item.card.candidate: item for item in judged}
    selection = select([item.card for item in judged], SETTINGS, GoalSettings())
    pick, by_silhouette = by_name[selection.winner], max(judged, key=lambda item: item.silhouette)
    best = max(judged, key=lambda item: item.agreement)
    return {
        "set": data.name,
        "rows": len(chosen),
        "groups": data.n_groups,
        "generated": data.generated,
        "pick": pick.card.candidate,
        "pick_segments": pick.card.n_segments,
        "passed": pick.card.passed,
        "ari_pick": pick.agreement,
        "silhouette_pick": by_silhouette.card.candidate,
        "silhouette_segments": by_silhouette.card.n_segments,
        "ari_silhouette": by_silhouette.agreement,
        "best": best.card.candidate,
        "ari_best": best.agreement,
        "kept": kept(pick.agreement, best.agreement),
        "kept_silhouette": kept(by_silhouette.agreement, best.agreement),
    }


def kept(picked: float, best: float) -> float:
    """Share of the best agreement that a pick keeps; 1 where nothing agrees with the labels at all."""
    return max(picked, 0.0) / best if best > 0 else 1.0


def interval(values: pd.Series, seed: int = 0) -> tuple[float, float]:
    """95% bootstrap interval of a mean over sets."""
    rng = np.random.default_rng(seed)
    means = rng.choice(values.to_numpy(), (10_000, len(values))).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def summary(table: pd.DataFrame) -> None:
    """Print what came out."""
    difference = table["kept"] - table["kept_silhouette"]
    low, high = interval(difference)
    mean, peer = table["kept"].mean(), table["kept_silhouette"].mean()
    wins, losses = int((difference > 0.005).sum()), int((difference < -0.005).sum())
    print(
        f"{len(table)} sets: kept {mean:.3f} by the rule, {peer:.3f} by silhouette; difference "
        f"{difference.mean():+.3f}, 95% interval {low:+.3f} to {high:+.3f}; {wins} wins, {losses} losses.\n"
        f"Mean agreement (ARI): rule {table['ari_pick'].mean():.3f}, silhouette "
        f"{table['ari_silhouette'].mean():.3f}, best candidate {table['ari_best'].mean():.3f}."
    )
    bench("selection/kept", mean, peer, f"ours>={GOAL_KEPT}", ok=mean >= GOAL_KEPT)
    bench("selection/difference_low", low, 0.0, "ours>0", ok=low > 0)
    known = table[table["generated"]]
    if len(known):
        ours, other = (
            float(((known[column] - known["groups"]).abs() <= 1).mean())
            for column in ("pick_segments", "silhouette_segments")
        )
        goal = f"ours>={GOAL_GROUPS}"
        bench("selection/segments_within_one", ours, other, goal, ok=ours >= GOAL_GROUPS)


def sets(arguments: argparse.Namespace) -> Iterable[Labelled]:
    """Return the sets that were asked for."""
    if arguments.folder:
        return labelled.folder(arguments.folder)
    if arguments.drawn:
        return generated(arguments.drawn, arguments.seed)
    return chain(labelled.public(), labelled.generated(arguments.seed), labelled.demo(arguments.seed))


def main() -> None:
    """Run the benchmark and print one line a set, then the summary."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, help="folder of CSV files used instead of our sets")
    parser.add_argument("--drawn", type=int, default=0, metavar="N", help="use N sets drawn at random")
    parser.add_argument("--rows", type=int, default=800, help="rows of a set at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", help="names of sets")
    parser.add_argument("--output", type=Path, help="write the table of sets as CSV")
    arguments = parser.parse_args()
    rows = []
    for data in sets(arguments):
        if arguments.only and data.name not in arguments.only:
            continue
        started = time.perf_counter()
        result = contest(data, arguments.rows, arguments.seed)
        rows.append(result)
        shown = " ".join(f"{k}={v:.3f}" if isinstance(v, float) else f"{k}={v}" for k, v in result.items())
        print(f"{shown} seconds={time.perf_counter() - started:.0f}", flush=True)
    if not rows:
        sys.exit("No set was found.")
    table = pd.DataFrame(rows)
    if arguments.output:
        table.round(4).to_csv(arguments.output, index=False)
    summary(table)


if __name__ == "__main__":
    main()

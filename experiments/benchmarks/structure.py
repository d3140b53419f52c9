"""Measure how often the verdict says 'natural' where there are no groups, and where there are.

100 tables without groups (uniform, correlated normal, log-normal, gamma-Poisson, with binaries, real
columns shuffled, heavy tails) and 40 with three or four clear groups. On each, k-means and mixtures with
k = 2 … 5 are judged, one is selected, and the verdict on the winner counts; how many tables had a
candidate that passes every gate is reported beside it. The peer is the usual threshold: a silhouette
above 0.25.

    python experiments/benchmarks/structure.py [--nulls 100] [--groups 40] [--seed N] [--output FILE]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sklearn.datasets
from lib.lines import bench
from sets.frames import numbered, view_of
from sets.labelled import DATA
from sklearn.metrics import silhouette_score

from segmentwerk.core.errors import FitError
from segmentwerk.core.settings import EvaluationSettings, GoalSettings
from segmentwerk.core.types import Scorecard
from segmentwerk.evaluation.scorecard import judge
from segmentwerk.evaluation.selection import select
from segmentwerk.evaluation.structure import verdict
from segmentwerk.segmenters.gaussian_mixture import GaussianMixtureSegmenter
from segmentwerk.segmenters.kmeans import KMeansSegmenter

K = range(2, 6)
SETTINGS = EvaluationSettings(n_bootstrap=100)
USUAL = 0.25
ALGORITHMS: dict[str, Callable[[int, int], Any]] = {
    "kmeans": lambda k, seed: KMeansSegmenter(k, random_state=seed),
    "mixture": lambda k, seed: GaussianMixtureSegmenter(k, random_state=seed),
}


N, D = 600, 8


def _normal(rng: np.random.Generator, d: int = D) -> np.ndarray:
    """Correlated normal rows: two common factors and noise of their own."""
    factors = rng.standard_normal((d, 2))
    return rng.multivariate_normal(np.zeros(d), factors @ factors.T + 0.5 * np.eye(d), N)


def _gamma_poisson(rng: np.random.Generator) -> pd.DataFrame:
    rate = 2 * rng.gamma(1.0, 1.0, (N, 1)) * np.exp(0.5 * _normal(rng))
    return numbered(rng.poisson(rate).astype(float))


def _binaries(rng: np.random.Generator) -> pd.DataFrame:
    """Correlated normal numbers, three of them known only as above or below a threshold."""
    latent = _normal(rng)
    flags = {f"flag{j}": (latent[:, j] > rng.normal(0, 0.7)).astype(int) for j in range(3)}
    return numbered(latent[:, 3:], flags)


def _heavy(rng: np.random.Generator) -> pd.DataFrame:
    """Multivariate t with four degrees of freedom."""
    return numbered(_normal(rng) / np.sqrt(rng.chisquare(4, (N, 1)) / 4))


def _permuted(rng: np.random.Generator) -> pd.DataFrame:
    """Shuffle the columns of a real set one by one."""
    names = ["wine", "breast_cancer", "diabetes", *(["wholesale"] if _wholesale() is not None else [])]
    name = names[rng.integers(len(names))]
    loaded = _wholesale() if name == "wholesale" else getattr(sklearn.datasets, f"load_{name}")().data
    table = np.asarray(loaded)
    return numbered(np.column_stack([rng.permutation(column) for column in table.T])[:N])


def _wholesale() -> np.ndarray | None:
    files = sorted((DATA / "wholesale").glob("*.csv"))
    return pd.read_csv(files[0]).iloc[:, 2:].to_numpy(dtype=np.float64) if files else None


NULLS: dict[str, Callable[[np.random.Generator], pd.DataFrame]] = {
    "uniform": lambda rng: numbered(rng.random((N, D))),
    "normal": lambda rng: numbered(_normal(rng)),
    "log-normal": lambda rng: numbered(np.exp(0.7 * _normal(rng))),
    "gamma-poisson": _gamma_poisson,
    "binaries": _binaries,
    "permuted": _permuted,
    "heavy-tails": _heavy,
}


def _clear(rng: np.random.Generator, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Make normal groups of unequal size whose centres lie at least four deviations apart."""
    shares = 0.1 + rng.dirichlet(np.full(k, 5.0))
    groups = rng.choice(k, size=N, p=shares / shares.sum())
    while True:
        centres = 1.5 * rng.standard_normal((k, D))
        if np.linalg.norm(centres[:, None] - centres, axis=2)[np.triu_indices(k, 1)].min() > 4:
            return centres[groups] + rng.standard_normal((N, D)), groups


def _with_categories(rng: np.random.Generator, k: int) -> pd.DataFrame:
    X, groups = _clear(rng, k)
    odds = rng.dirichlet(np.ones(3), size=(3, k))
    codes = [(rng.random((N, 1)) > each[groups].cumsum(axis=1)).sum(axis=1).clip(max=2) for each in odds]
    return numbered(X, {f"kind{j}": levels for j, levels in enumerate(codes)})


GROUPS: dict[str, Callable[[np.random.Generator, int], pd.DataFrame]] = {
    "normal": lambda rng, k: numbered(_clear(rng, k)[0]),
    "skewed": lambda rng, k: numbered(np.exp(0.5 * _clear(rng, k)[0])),
    "with categories": _with_categories,
}


def refitter(algorithm: str, k: int) -> Callable[[pd.DataFrame, int], Any]:
    """Return a function that fits the algorithm with k segments."""
    return lambda X, seed: ALGORITHMS[algorithm](k, seed).fit(X)


def look(kind: str, features: pd.DataFrame, groups: int, seed: int) -> dict[str, object]:
    """Run the contest on one table and ask for the verdict."""
    view = view_of(features, seed)
    cards: list[Scorecard] = []
    refits, widths = {}, [-1.0]
    for algorithm in ALGORITHMS:
        for k in K:
            refit = refitter(algorithm, k)
            try:
                segmenter = refit(view.train, seed)
            except FitError:
                continue
            name = f"{algorithm}-{k}"
            refits[name] = refit
            cards.append(judge(name, segmenter, refit, view, SETTINGS, seed=seed))
            labels = segmenter.predict(view.everyone)
            widths.append(silhouette_score(view.everyone, labels) if len(np.unique(labels)) > 1 else -1.0)
    winner = select(cards, SETTINGS, GoalSettings()).winner
    card = next(card for card in cards if card.candidate == winner)
    result = verdict(refits[winner], view, SETTINGS, seed=seed, card=card)
    return {
        "kind": kind,
        "groups": groups,
        "winner": winner,
        "segments": card.n_segments,
        "verdict": result.kind,
        "passed": any(card.passed for card in cards),
        "silhouette": max(widths),
        "gain": result.gain,
        "null": result.null_quantile,
    }


def run(nulls: int, groups: int, seed: int, part: slice) -> pd.DataFrame:
    """Look at a part of the tables; one line each."""
    cases = [(kind, 0, i) for i, kind in zip(range(nulls), list(NULLS) * nulls, strict=False)]
    cases += [
        (kind, 3 + i % 2, nulls + i) for i, kind in zip(range(groups), list(GROUPS) * groups, strict=False)
    ]
    rows = []
    for kind, k, number in cases[part]:
        started, rng = time.perf_counter(), np.random.default_rng([seed, number])
        features = GROUPS[kind](rng, k) if k else NULLS[kind](rng)
        rows.append(look(kind, features, k, number))
        shown = " ".join(f"{key}={value}" for key, value in rows[-1].items() if not isinstance(value, float))
        print(f"{number} {shown} seconds={time.perf_counter() - started:.0f}", flush=True)
    return pd.DataFrame(rows)


def summary(table: pd.DataFrame) -> None:
    """Print what came out."""
    table = table.assign(natural=table["verdict"] == "natural", usual=table["silhouette"] > USUAL)
    for (_, kind), part in table.groupby(["groups", "kind"]):
        print(
            f"{kind}: {int(part['natural'].sum())} natural, {int(part['passed'].sum())} with a candidate "
            f"past all gates, {int(part['usual'].sum())} with silhouette > {USUAL}, of {len(part)}"
        )
    null, real = table[table["groups"] == 0], table[table["groups"] > 0]
    right = ((real["segments"] - real["groups"]).abs() <= 1).mean()
    print(f"Segments within one of the groups: {right:.0%} of {len(real)}.")
    wrong, usual = null["natural"].sum(), null["usual"].sum()
    bench("structure/null", wrong, usual, f"ours<={0.05 * len(null):g}", ok=wrong <= 0.05 * len(null))
    tails = null[null["kind"] == "heavy-tails"]
    wrong, usual = tails["natural"].sum(), tails["usual"].sum()
    bench("structure/heavy_tails", wrong, usual, "reported", ok=True)
    found, usual = real["natural"].sum(), real["usual"].sum()
    bench("structure/groups", found, usual, f"ours>={0.95 * len(real):g}", ok=found >= 0.95 * len(real))


def main() -> None:
    """Run the benchmark and print one line a table, then the summary."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--nulls", type=int, default=100)
    parser.add_argument("--groups", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--part", type=int, nargs=2, default=(0, None), help="first table, and one past the last"
    )
    parser.add_argument("--output", type=Path, help="write the table as CSV")
    arguments = parser.parse_args()
    table = run(arguments.nulls, arguments.groups, arguments.seed, slice(*arguments.part))
    if arguments.output:
        table.round(4).to_csv(arguments.output, index=False)
    summary(table)


if __name__ == "__main__":
    main()

"""Stability: whether the same cut comes back when other accounts are drawn.

The candidate's algorithm is refitted on J pairs of halves (A_i, B_i) of all accounts and on bootstrap
samples of them; every refit labels all accounts.

``stability/agreement``: mean adjusted Rand index (Hubert & Arabie 1985) between the labels of A_i and
B_i (Lange et al. 2004; Dolnicar & Leisch 2010, "Evaluation of structure and reproducibility of cluster
solutions using the bootstrap").
``stability/bootstrap_agreement``: the same between the candidate and refits on bootstrap samples.
``stability/prediction_strength``: over accounts unseen by A, the share of pairs in a segment of B that
A also puts together, for the worst segment, both ways round (Tibshirani & Walther 2005).
``stability/jaccard_min``: each segment's best Jaccard overlap with a segment of a refit, mean over the
refits on halves, for the worst segment (Hennig 2007): below 0.5 dissolved, 0.6 doubtful, 0.75 stable.

A refit that fails counts as no agreement at all. Intervals resample accounts and splits together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from time import perf_counter

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy.sparse import csr_array

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.core.errors import FitError
from segmentwerk.core.seeds import derive
from segmentwerk.core.settings import EvaluationSettings
from segmentwerk.evaluation.resampling import Measured, Sample, measured, ratio, sample
from segmentwerk.evaluation.view import Case, Refit, labels

FAMILY = "stability"


@dataclass(frozen=True, eq=False)
class Refitted:
    """One refit: labels of all accounts of the pool (m,), or None where it failed; seconds to fit."""

    labels: IntArray | None
    n_segments: int
    fitted_on: IntArray
    seconds: float


@dataclass(frozen=True, eq=False)
class Refits:
    """Refits of a candidate and the pool of accounts that they label.

    ``pool`` indexes ``view.everyone``; ``fitted_on`` of a refit indexes the pool.
    """

    pool: Sample
    halves: tuple[tuple[Refitted, Refitted], ...]
    bootstraps: tuple[Refitted, ...]


@dataclass(frozen=True, eq=False)
class Again:
    """What one pair of halves told, in the sample and in each draw: plain numbers, whatever was fitted.

    ``agreement`` and ``strength`` (1 + n_draws,), ``overlaps`` (n_segments, 1 + n_draws), ``seconds`` of its
    two fits.
    """

    agreement: FloatArray
    strength: FloatArray
    overlaps: FloatArray
    seconds: tuple[float, float]


OF_PAIRS: dict[str, Callable[[Again], FloatArray]] = {
    "agreement": attrgetter("agreement"),
    "prediction_strength": attrgetter("strength"),
    "jaccard_min": attrgetter("overlaps"),
}
"""Scores that rest on pairs of halves, and what they look at; of several rows, the worst segment counts."""


def refits(
    case: Case, refit: Refit, pairs: Iterable[int] | None = None, bootstraps: Iterable[int] | None = None
) -> Refits:
    """Refit on J pairs of halves and J // 2 bootstrap samples of the pool, ``max_rows`` accounts at most.

    Refits run side by side where the caller's `joblib.parallel_config` says so; results do not depend on it,
    nor on which of them run in one call.

    Parameters
    ----------
    pairs, bootstraps
        Which of them, from 0; all where not given.
    """
    settings = case.settings
    pool = sample(case.labels, settings.max_rows, settings.n_bootstrap, derive(case.seed, FAMILY, "pool"))
    accounts = case.view.everyone.iloc[pool.rows]
    halves = list(_halves(len(accounts), settings.n_splits, case.seed))
    chosen = range(settings.n_splits) if pairs is None else pairs
    tasks: list[tuple[IntArray, tuple[object, ...]]]
    tasks = [(half, ("half", i, "ab"[j])) for i in chosen for j, half in enumerate(halves[i])]
    n_halves = len(tasks)
    rng = np.random.default_rng(derive(case.seed, FAMILY, "bootstrap"))
    drawn = [np.sort(rng.choice(len(accounts), len(accounts))) for _ in range(n_bootstraps(settings))]
    drawing = range(len(drawn)) if bootstraps is None else bootstraps
    tasks += [(drawn[i], ("bootstrap", i)) for i in drawing]
    done: list[Refitted] = Parallel()(
        delayed(_again)(refit, accounts, rows, derive(case.seed, FAMILY, *name)) for rows, name in tasks
    )
    couples = zip(done[:n_halves:2], done[1:n_halves:2], strict=True)
    return Refits(pool, tuple(couples), tuple(done[n_halves:]))


def n_bootstraps(settings: EvaluationSettings) -> int:
    """Return how many bootstrap samples a candidate is refitted on."""
    return settings.n_splits // 2


def _halves(n_rows: int, n_splits: int, seed: int) -> Iterator[tuple[IntArray, IntArray]]:
    rng = np.random.default_rng(derive(seed, FAMILY, "halves"))
    for _ in range(n_splits):
        order = rng.permutation(n_rows)
        yield np.sort(order[: len(order) // 2]), np.sort(order[len(order) // 2 :])


def _again(refit: Refit, accounts: pd.DataFrame, rows: IntArray, seed: int) -> Refitted:
    started = perf_counter()
    try:
        fitted = refit(accounts.iloc[rows], seed)
    except FitError:
        return Refitted(None, 0, rows, perf_counter() - started)
    seconds = perf_counter() - started
    return Refitted(labels(fitted, accounts), int(fitted.n_segments_), rows, seconds)


def measure(case: Case, refitted: Refits) -> tuple[list[Measured], FloatArray]:
    """Measure the family; also return each segment's mean Jaccard overlap, shape (n_segments,)."""
    return conclude(*compared(case, refitted), case.seed)


def compared(case: Case, refitted: Refits) -> tuple[list[Again], list[FloatArray]]:
    """Return what each pair of halves told, and the agreement with each bootstrap sample (1 + n_draws,)."""
    pool = refitted.pool
    own = Refitted(case.labels[pool.rows], case.n_segments, pool.rows, 0.0)
    pairs = [
        Again(
            agreement(a, b, pool.weights),
            prediction_strength(a, b, pool.weights),
            (jaccards(own, a, pool.weights) + jaccards(own, b, pool.weights)) / 2,
            (a.seconds, b.seconds),
        )
        for a, b in refitted.halves
    ]
    return pairs, [agreement(own, other, pool.weights) for other in refitted.bootstraps]


def conclude(
    pairs: Sequence[Again], bootstraps: Sequence[FloatArray], seed: int
) -> tuple[list[Measured], FloatArray]:
    """Turn what pairs of halves and bootstrap samples told into the family, as `measure` does.

    Parameters
    ----------
    seed
        Of the case.
    """
    scores = [measured(FAMILY, name, draws(pairs, name, seed)) for name in OF_PAIRS]
    if bootstraps:
        again = over_splits(bootstraps, derive(seed, FAMILY, "splits"))
        scores.append(measured(FAMILY, "bootstrap_agreement", again))
    return scores, np.stack([pair.overlaps for pair in pairs]).mean(axis=0)[:, 0]


def draws(pairs: Sequence[Again], name: str, seed: int) -> FloatArray:
    """Return the value of a score in `OF_PAIRS` and its bootstrap draws, (1 + n_draws,)."""
    over = over_splits([OF_PAIRS[name](pair) for pair in pairs], derive(seed, FAMILY, "splits"))
    return over if over.ndim == 1 else np.asarray(over.min(axis=0))


def over_splits(by_split: Sequence[FloatArray] | FloatArray, seed: int) -> FloatArray:
    """Mean over splits (axis 0); the draws (last axis, first column aside) resample the splits too."""
    values = np.stack(list(by_split))
    n_splits, n_draws = len(values), values.shape[-1] - 1
    picks = np.random.default_rng(seed).integers(n_splits, size=(n_splits, n_draws))
    drawn = np.mean([values[pick, ..., 1 + np.arange(n_draws)] for pick in picks], axis=0)
    return np.concatenate([values[..., :1].mean(axis=0), np.moveaxis(drawn, 0, -1)], axis=-1)


def tables(a: Refitted, b: Refitted, weights: FloatArray) -> FloatArray:
    """Contingency tables of two labellings for each column of ``weights``: (k_a, k_b, n_columns)."""
    assert a.labels is not None
    assert b.labels is not None
    n = len(a.labels)
    cells = csr_array(
        (np.ones(n), (a.labels * b.n_segments + b.labels, np.arange(n))),
        shape=(a.n_segments * b.n_segments, n),
    )
    return np.asarray(cells @ weights).reshape(a.n_segments, b.n_segments, -1)


def agreement(a: Refitted, b: Refitted, weights: FloatArray) -> FloatArray:
    """Return the adjusted Rand index for each column of ``weights`` (m, n_columns), shape (n_columns,).

    Two labellings that both put every account into one segment agree about nothing: 0.
    """
    if a.labels is None or b.labels is None:
        return np.zeros(weights.shape[1])
    table = tables(a, b, weights)
    together = _pairs(table).sum(axis=(0, 1))
    in_a, in_b = _pairs(table.sum(axis=1)).sum(axis=0), _pairs(table.sum(axis=0)).sum(axis=0)
    expected = ratio(in_a * in_b, _pairs(table.sum(axis=(0, 1))))
    return ratio(together - expected, (in_a + in_b) / 2 - expected)


def _pairs(counts: FloatArray) -> FloatArray:
    return np.asarray(counts * (counts - 1) / 2)


def prediction_strength(a: Refitted, b: Refitted, weights: FloatArray) -> FloatArray:
    """Prediction strength, mean of both directions, for each column of ``weights``, (n_columns,)."""
    if a.labels is None or b.labels is None:
        return np.zeros(weights.shape[1])
    return (_strength(a, b, weights) + _strength(b, a, weights)) / 2


def _strength(trained: Refitted, tested: Refitted, weights: FloatArray) -> FloatArray:
    unseen = weights.copy()
    unseen[trained.fitted_on] = 0
    table = tables(tested, trained, unseen)
    sizes = table.sum(axis=1)
    shares = ratio(_pairs(table).sum(axis=1), _pairs(sizes)).clip(0, 1)
    return np.asarray(np.where(sizes > 1, shares, 0.0).min(axis=0), dtype=np.float64)


def jaccards(own: Refitted, other: Refitted, weights: FloatArray) -> FloatArray:
    """Best Jaccard overlap of each own segment with one of the other's: (k, n_columns)."""
    if own.labels is None or other.labels is None:
        return np.zeros((own.n_segments, weights.shape[1]))
    both = tables(own, other, weights)
    either = both.sum(axis=1, keepdims=True) + both.sum(axis=0, keepdims=True) - both
    return np.asarray(ratio(both, either).max(axis=1))

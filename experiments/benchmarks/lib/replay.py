"""A contest held in full, and played again in turns with what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from segmentwerk.contest.candidates import (
    JUDGE,
    Candidate,
    build,
    fit,
    judge_finalists,
    look_at_one,
    refit_one,
    refitter,
)
from segmentwerk.core.errors import FitError
from segmentwerk.core.seeds import derive
from segmentwerk.core.settings import EvaluationSettings, GoalSettings, SegmenterSettings
from segmentwerk.evaluation.scorecard import View, quick
from segmentwerk.evaluation.turns import Standing, Turn, finish, next_turn

KMEANS = tuple({"n_segments": k} for k in range(2, 9))
MIXTURES = tuple(
    {"n_segments": k, "covariance_type": kind} for k in (2, 4, 6, 8) for kind in ("full", "diag")
)
NETWORKS = tuple({"n_segments": k, "head": head} for k in (3, 6) for head in ("mixture", "kmeans"))
CANDIDATES = {
    "rfm_grid": ("RFMGridSegmenter", {}, ({"levels": 2}, {"levels": 5})),
    "kmeans": ("KMeansSegmenter", {}, KMEANS),
    "gaussian_mixture": ("GaussianMixtureSegmenter", {}, MIXTURES),
    "autoencoder": ("AutoencoderSegmenter", {"epochs": 3}, NETWORKS),
}
"""Class, fixed parameters, and what is tried; networks are trained briefly, as many contests are held."""


@dataclass(frozen=True)
class Played:
    """Who won in full and in turns, and the seconds of refits of each."""

    full: str
    in_turns: str
    seconds_full: float
    seconds_in_turns: float
    halted: int


def field_of(view: View, settings: EvaluationSettings, seed: int) -> dict[str, Standing]:
    """Choose finalists by the cheap objective, as trials are, and measure all of each."""
    found: dict[str, Standing] = {}
    for name, (kind, params, points) in CANDIDATES.items():
        target = f"segmentwerk.segmenters.{name}.{kind}"
        spec = SegmenterSettings(_target_=target, params=params)
        try:
            finalists = [point for _, point in _ranked(name, spec, points, view, settings, seed)]
            finalists = finalists[: settings.n_finalists]
            looked = judge_finalists(name, spec, finalists, view, settings, seed=seed, how=look_at_one)
        except FitError:
            continue
        found |= {one.name: _measured(one, view, settings, seed) for one in looked}
    return found


def _ranked(
    name: str,
    spec: SegmenterSettings,
    points: tuple[Any, ...],
    view: View,
    settings: EvaluationSettings,
    seed: int,
) -> list[tuple[float, dict[str, Any]]]:
    return sorted(_valued(name, spec, points, view, settings, seed), key=lambda one: -one[0])


def _valued(
    name: str,
    spec: SegmenterSettings,
    points: tuple[Any, ...],
    view: View,
    settings: EvaluationSettings,
    seed: int,
) -> Iterator[tuple[float, dict[str, Any]]]:
    share = settings.min_segment_share
    for point in points:
        try:
            model = build(spec, point, min_share=share, seed=derive(seed, name))
            fit(model, view.train, view, seed=seed)
            refit = refitter(spec, point, view, min_share=share)
            yield quick(model, refit, view, settings, seed=seed)["value"], point
        except FitError:
            continue


def _measured(one: Candidate, view: View, settings: EvaluationSettings, seed: int) -> Standing:
    standing = Standing(one.card, ())
    pairs, bootstraps = refit_one(one, view, settings, standing.missing(settings), seed=seed)
    return Standing(one.card, tuple(pairs), tuple(bootstraps))


def played(whole: dict[str, Standing], settings: EvaluationSettings, goal: GoalSettings, seed: int) -> Played:
    """Play a contest again in turns: what is asked for is taken from what was measured."""
    seed = derive(seed, JUDGE)
    field = {
        name: one if one.card.algorithm == settings.baseline else Standing(one.card, one.pairs[:1])
        for name, one in whole.items()
    }
    while turns := next_turn(field, settings, goal, seed=seed):
        for name, turn in turns.items():
            field[name] = _after(field[name], whole[name], turn)
    return Played(
        finish(whole, settings, goal, seed=seed)[1].winner,
        finish(field, settings, goal, seed=seed)[1].winner,
        sum(map(_seconds, whole.values())),
        sum(map(_seconds, field.values())),
        sum(len(one.pairs) < settings.n_splits for one in field.values()),
    )


def _after(known: Standing, whole: Standing, turn: Turn) -> Standing:
    n_pairs, n_bootstraps = len(known.pairs) + len(turn.pairs), len(known.bootstraps) + len(turn.bootstraps)
    return Standing(known.card, whole.pairs[:n_pairs], whole.bootstraps[:n_bootstraps])


def _seconds(standing: Standing) -> float:
    """Seconds of the fits; a fit on a bootstrap sample, of twice the rows, is reckoned as two on halves."""
    halves = [second for pair in standing.pairs for second in pair.seconds]
    return float(np.sum(halves) + 2 * len(standing.bootstraps) * np.mean(halves))

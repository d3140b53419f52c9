"""Fit and judge the finalists of a segmenter: what `compare`, `tune` and `train` have in common."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from hydra.utils import get_class

from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.errors import UNFIT, ConfigError, FitError, brief, nearest
from segmentwerk.core.seeds import derive
from segmentwerk.core.settings import EvaluationSettings, SegmenterSettings
from segmentwerk.core.types import AccountTable, Scorecard
from segmentwerk.evaluation import stability
from segmentwerk.evaluation.scorecard import View, judge, look, sampled
from segmentwerk.evaluation.stability import Again
from segmentwerk.evaluation.turns import Turn
from segmentwerk.segmenters.base import Monitor, Segmenter

log = logging.getLogger(__name__)

JUDGE = "judge"
"""Names the seed with which all candidates are judged (`core.seeds.derive`)."""
ALLOWED_TARGETS = "segmentwerk.segmenters."
"""A config may name classes below this package only: a config file must not run arbitrary code."""


@dataclass(frozen=True)
class Candidate:
    """One fitted segmenter with its scorecard; ``params`` are those that tuning chose."""

    name: str
    spec: SegmenterSettings
    params: dict[str, Any]
    model: Segmenter
    card: Scorecard


def build(spec: SegmenterSettings, params: dict[str, Any], *, min_share: float, seed: int) -> Segmenter:
    """Make an unfitted segmenter from its config and some parameters.

    Raises
    ------
    ConfigError
        If the target is not a segmenter of this package, or has no such parameter.
    """
    segmenter = _class(spec)
    known = segmenter._get_param_names()
    given = {"min_segment_share": min_share, "random_state": seed}
    arguments = {name: value for name, value in given.items() if name in known} | spec.params | params
    for name in arguments:
        if name not in known:
            raise ConfigError(f"{segmenter.__name__} has no parameter {name!r}.", nearest(name, known))
    return segmenter(**arguments)


def complexity(spec: SegmenterSettings) -> int:
    """Return how complex the segmenter's algorithm is, as the scorecard counts it."""
    return _class(spec).complexity


def side_by_side(spec: SegmenterSettings, finalists: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Share finalists out to processes: one each, but for those that begin with the same costly work."""
    return [list(finalists)] if _class(spec).begins_alike else [[params] for params in finalists]


def numbered(name: str, place: int) -> str:
    """Return the name of a segmenter's candidate in the ranking; the one at place 0 is the best of tuning."""
    return f"{name} #{place + 1}" if place else name


def unfit(spec: SegmenterSettings, table: AccountTable) -> str:
    """Say why a segmenter cannot take part: what it is a rule about does not lead; empty where it can."""
    read = [name for name in _class(spec).reads if table.active and name not in table.leading]
    return f"its rule is about {', '.join(read)}, and segments are made of others" if read else ""


def insist_on_fit(spec: SegmenterSettings, table: AccountTable) -> None:
    """Refuse a segmenter that cannot take part.

    Raises
    ------
    ConfigError
        Saying why.
    """
    if why := unfit(spec, table):
        raise ConfigError(f"{short_name(spec)} cannot be fitted: {why}.", "Take another segmenter, or goal.")


def short_name(spec: SegmenterSettings) -> str:
    """Return the name of the segmenter's module, by which its yaml goes, too."""
    return _class(spec).__module__.rpartition(".")[2]


def _class(spec: SegmenterSettings) -> type[Segmenter]:
    if not spec.target.startswith(ALLOWED_TARGETS):
        raise ConfigError(
            f"_target_ {spec.target!r} is not allowed.", f"It must start with {ALLOWED_TARGETS!r}."
        )
    try:
        segmenter: type[Segmenter] = get_class(spec.target)
    except Exception as error:
        raise ConfigError(f"_target_ {spec.target!r} cannot be imported: {error}") from error
    if not issubclass(segmenter, Segmenter):  # what its modules import from elsewhere has a name there, too
        raise ConfigError(f"_target_ {spec.target!r} is no segmenter.", "Name a subclass of Segmenter.")
    return segmenter


def refitter(
    spec: SegmenterSettings, params: dict[str, Any], view: View, *, min_share: float
) -> Callable[[pd.DataFrame, int], Segmenter]:
    """Return a function that fits the same algorithm and parameters on other rows with another seed."""

    def refit(rows: pd.DataFrame, seed: int) -> Segmenter:
        return fit(build(spec, params, min_share=min_share, seed=seed), rows, view, seed=seed)

    return refit


def fit(
    segmenter: Segmenter,
    rows: pd.DataFrame,
    view: View,
    *,
    seed: int,
    monitor: Monitor | None = None,
) -> Segmenter:
    """Fit a segmenter to accounts, with their later outcome or their present segment where it uses one.

    Parameters
    ----------
    view
        Knows of both by account. Rows that stand for no account, those of a copy without groups, get those of
        accounts drawn at random, which nothing in the rows tells of.
    """
    outcome = view.present if segmenter.continues else view.outcome
    if not segmenter.uses_outcome or outcome is None:
        return segmenter.fit(rows, monitor=monitor)
    if rows.index.isin(outcome.index).all():
        return segmenter.fit(rows, outcome.loc[rows.index], monitor=monitor)
    rng = np.random.default_rng(derive(seed, "outcome"))
    return segmenter.fit(rows, rng.choice(outcome.to_numpy(), len(rows)), monitor=monitor)


def judge_one(
    title: str,
    name: str,
    spec: SegmenterSettings,
    params: dict[str, Any],
    view: View,
    evaluation: EvaluationSettings,
    *,
    seed: int,
) -> Candidate:
    """Fit one set of parameters on the training side of the view and judge it on the other.

    Parameters
    ----------
    title
        Name of the candidate in the ranking.
    name
        Name of the algorithm.
    """
    model, refit = _fitted(name, spec, params, view, evaluation, seed)
    card = judge(title, model, refit, view, evaluation, seed=derive(seed, JUDGE), algorithm=name)
    return _candidate(card, spec, params, model)


def look_at_one(
    title: str,
    name: str,
    spec: SegmenterSettings,
    params: dict[str, Any],
    view: View,
    evaluation: EvaluationSettings,
    *,
    seed: int,
) -> Candidate:
    """Do the same as `judge_one` without refits on halves: the scorecard lacks the stability."""
    model, refit = _fitted(name, spec, params, view, evaluation, seed)
    card = look(title, model, refit, view, evaluation, seed=derive(seed, JUDGE), algorithm=name)
    return _candidate(card, spec, params, model)


def refit_one(
    candidate: Candidate, view: View, evaluation: EvaluationSettings, turn: Turn, *, seed: int
) -> tuple[list[Again], list[FloatArray]]:
    """Refit a candidate on some pairs of halves and bootstrap samples, as `judge_one` does on all of them."""
    refit = refitter(candidate.spec, candidate.params, view, min_share=evaluation.min_segment_share)
    case = sampled(candidate.model, view, evaluation, derive(seed, JUDGE))
    return stability.compared(case, stability.refits(case, refit, turn.pairs, turn.bootstraps))


def _fitted(
    name: str,
    spec: SegmenterSettings,
    params: dict[str, Any],
    view: View,
    evaluation: EvaluationSettings,
    seed: int,
) -> tuple[Segmenter, Callable[[pd.DataFrame, int], Segmenter]]:
    share = evaluation.min_segment_share
    unfitted = build(spec, params, min_share=share, seed=derive(seed, name))
    model = fit(unfitted, view.train, view, seed=seed)
    return model, refitter(spec, params, view, min_share=share)


def _candidate(
    card: Scorecard, spec: SegmenterSettings, params: dict[str, Any], model: Segmenter
) -> Candidate:
    return Candidate(card.candidate, spec, params, model, replace(card, params={**spec.params, **params}))


def judge_finalists(
    name: str,
    spec: SegmenterSettings,
    finalists: Sequence[dict[str, Any]],
    view: View,
    evaluation: EvaluationSettings,
    *,
    seed: int,
    how: Callable[..., Candidate] | None = None,
) -> list[Candidate]:
    """Judge the parameters that tuning found best, best first.

    Parameters
    ----------
    how
        `judge_one` or `look_at_one`; the first where not given.

    Raises
    ------
    FitError
        If none of them can be fitted; one that cannot is left out with a warning.
    """
    candidates: list[Candidate] = []
    reasons: list[str] = []
    for params in finalists:
        try:
            title = numbered(name, len(candidates))
            candidates.append((how or judge_one)(title, name, spec, params, view, evaluation, seed=seed))
        except UNFIT as error:
            reasons.append(brief(error))  # judging looks at raw features, which others may quote
            log.warning("A finalist of %s is left out: %s", name, reasons[-1])
    if not candidates:
        raise FitError(f"No finalist of {name} could be judged.", " ".join(reasons))
    return candidates

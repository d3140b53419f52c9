"""The scorecard: every family of measurements and every gate for one candidate."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.errors import FitError
from segmentwerk.core.seeds import derive
from segmentwerk.core.settings import EvaluationSettings
from segmentwerk.core.types import Scorecard
from segmentwerk.evaluation import (
    cost,
    explained,
    gates,
    identifiability,
    separation,
    stability,
    substance,
    targeting,
)
from segmentwerk.evaluation.crossvalidation import held_out_in_turn
from segmentwerk.evaluation.ranking import VALUE
from segmentwerk.evaluation.resampling import Measured
from segmentwerk.evaluation.view import Case, Fitted, Refit, View, labels, thinned

__all__ = ["View", "judge", "look", "quick", "with_stability"]

FAMILIES = tuple(
    part.FAMILY for part in (separation, stability, explained, identifiability, substance, targeting, cost)
)
"""In the order in which a scorecard lists them."""

LOOKED_AT = 10
"""Accounts that samples are drawn from at most, as a multiple of ``max_rows``; shares are of all."""
QUICK_ROWS = 3200
"""Rows that the cheap objective looks at, at most."""
LEAST_EXPLAINED = 0.01
"""Share of an outcome's variance below which the cheap objective makes no difference."""


def judge(
    candidate: str,
    segmenter: Fitted,
    refit: Refit,
    view: View,
    settings: EvaluationSettings,
    *,
    seed: int,
    algorithm: str | None = None,
) -> Scorecard:
    """Measure everything about a fitted candidate.

    Parameters
    ----------
    candidate
        Name of the candidate, unique in the contest.
    segmenter
        Fitted on ``view.train``.
    refit
        Fits the same algorithm with the same parameters to other rows.
    view
        The same for all candidates.
    settings
        How to judge.
    seed
        The same for all candidates, so that they are measured on the same splits and draws.
    algorithm
        Name of the algorithm; the candidate's name without a trailing number where not given.
    """
    case = sampled(segmenter, view, settings, seed)
    pairs, bootstraps = stability.compared(case, stability.refits(case, refit))
    card = look(candidate, segmenter, refit, view, settings, seed=seed, algorithm=algorithm)
    return with_stability(card, pairs, bootstraps, settings, seed=seed)


def look(
    candidate: str,
    segmenter: Fitted,
    refit: Refit,
    view: View,
    settings: EvaluationSettings,
    *,
    seed: int,
    algorithm: str | None = None,
) -> Scorecard:
    """Measure all of a fitted candidate that needs no refits on halves: the scorecard without its stability.

    Parameters are those of `judge`; ``refit`` is called where few accounts are held out in turn only.
    """
    whole = Case.of(segmenter, view, settings, seed)
    case = held_out_in_turn(sampled(segmenter, view, settings, seed), refit)
    measured_scores = [
        *separation.measure(case),
        *explained.measure(case),
        *identifiability.measure(case),
        *substance.measure(whole),
        *_targeting(segmenter, view, settings, seed),
        cost.scoring(segmenter, case.view),
    ]
    params: dict[str, object] = getattr(segmenter, "get_params", dict)()
    return Scorecard(
        candidate=candidate,
        algorithm=algorithm or re.sub(r"\W*\d+$", "", candidate),
        n_segments=whole.n_segments,
        params=dict(params),
        scores=tuple(item.score for item in measured_scores),
        gates=gates.check(whole, {item.score.key: item.score for item in measured_scores}),
        per_segment=_per_segment(whole),
        samples={item.score.key: item.draws.tolist() for item in measured_scores if item.draws.size},
        complexity=int(getattr(segmenter, "complexity", 0)),
        for_outcome=getattr(segmenter, "uses_outcome", False) and not getattr(segmenter, "continues", False),
    )


def sampled(segmenter: Fitted, view: View, settings: EvaluationSettings, seed: int) -> Case:
    """Label the accounts that samples are drawn from: what refits for the stability start with."""
    return Case.of(segmenter, thinned(view, LOOKED_AT * settings.max_rows, seed), settings, seed)


def with_stability(
    card: Scorecard,
    pairs: Sequence[stability.Again],
    bootstraps: Sequence[FloatArray],
    settings: EvaluationSettings,
    *,
    seed: int,
) -> Scorecard:
    """Return a scorecard with its stability, as far as it has been measured.

    Parameters
    ----------
    card
        Of a first `look`.
    pairs, bootstraps
        What `stability.compared` found; of fewer pairs than ``settings.n_splits`` an estimate.
    seed
        That of the look.
    """
    stable, jaccards = stability.conclude(pairs, bootstraps, seed)
    added = [*stable, cost.fitting(pairs)]
    by_key = {score.key: score for score in (*(item.score for item in added), *card.scores)}
    samples = card.samples | {item.score.key: item.draws.tolist() for item in added if item.draws.size}
    order = sorted(by_key, key=lambda key: FAMILIES.index(by_key[key].family))
    return replace(
        card,
        scores=tuple(by_key[key] for key in order),
        samples={key: samples[key] for key in order if key in samples},
        gates=gates.asked_again(card.gates, by_key["stability/jaccard_min"], settings.min_jaccard),
        per_segment=card.per_segment.assign(jaccard=jaccards),
    )


def _targeting(segmenter: Fitted, view: View, settings: EvaluationSettings, seed: int) -> list[Measured]:
    """Judge by past campaigns, where there are any, on the segments that accounts had on the eve."""
    campaigns = [targeting.thinned(campaign, seed) for campaign in view.campaigns]
    assigned = [labels(segmenter, campaign.rows) for campaign in campaigns]
    return targeting.measure(assigned, int(segmenter.n_segments_), campaigns, settings.n_bootstrap, seed)


def _per_segment(case: Case) -> pd.DataFrame:
    accounts = np.bincount(case.labels, minlength=case.n_segments)
    return pd.DataFrame(
        {
            "accounts": accounts,
            "share": case.shares,
            "jaccard": np.nan,
            "revenue_share": substance.revenue_shares(case),
        },
        index=pd.RangeIndex(case.n_segments, name="segment"),
    )


def quick(
    segmenter: Fitted,
    refit: Refit,
    view: View,
    settings: EvaluationSettings,
    *,
    seed: int,
    report: Callable[[float], None] | None = None,
    value_weight: float = 1.0,
) -> dict[str, float]:
    """Measure the primary criteria at reduced fidelity: fewer rows and one pair of halves.

    The objective ``value`` is the weighted geometric mean of the primary criteria and the outcome, so that
    their units do not matter: by default the gain, the agreement, and, where there is an outcome, its
    explained share, which counts as `LEAST_EXPLAINED` at least, lest an outcome that nothing tells of decides
    by its noise. Where another one is not above 0, the objective is the smallest. A least stable segment
    below ``min_jaccard``, which would fail gate G002, lowers it in proportion; the other gates are not asked.

    Parameters
    ----------
    report
        Called with the value so far before the refits. It may raise to prune the trial.
    value_weight
        Weight of the outcome beside 1 for each other criterion.

    Returns
    -------
    dict
        ``value`` (higher is better) and the scores by ``family/name``.

    Raises
    ------
    FitError
        If a segment is empty, only one is filled, or a score is no number.
    """
    limits = {"max_rows": min(settings.max_rows, QUICK_ROWS), "n_splits": 1, "n_bootstrap": 0}
    small = thinned(view, QUICK_ROWS, seed)
    case = Case.of(segmenter, small, settings.model_copy(update=limits), derive(seed, "quick"))
    _refuse_degenerate(case)
    case = held_out_in_turn(case, refit, repetitions=1)
    weights = dict.fromkeys(map(str, settings.primary), 1.0) | {VALUE: value_weight}
    scores = _values([*separation.measure(case), *explained.measure(case)])
    if report:
        report(_objective(scores, weights))
    scores |= _values(stability.measure(case, stability.refits(case, refit))[0])
    scores |= {
        "substance/smallest_share": float(case.shares.min()),
        "substance/n_segments": float(case.n_segments),
    }
    return {"value": _total(scores, weights, settings.min_jaccard), **scores}


def _total(scores: dict[str, float], weights: dict[str, float], min_jaccard: float) -> float:
    """Return the objective, lower in proportion where the least stable segment would fail its gate."""
    total, jaccard = _objective(scores, weights), scores["stability/jaccard_min"]
    if total > 0 and jaccard < min_jaccard:
        total *= jaccard / min_jaccard
    if not np.isfinite(total):
        raise FitError("A score of this trial is no number.", "Look at the parameters of the trial.")
    return total


def _refuse_degenerate(case: Case) -> None:
    empty = int((np.bincount(case.labels_train, minlength=case.n_segments) == 0).sum())
    if empty or case.n_segments < 2:
        raise FitError(
            f"{empty} of {case.n_segments} segments are empty." if empty else "There is one segment only.",
            "Ask for fewer segments, or for more regularisation.",
        )


def _values(scores: list[Measured]) -> dict[str, float]:
    return {item.score.key: item.score.value for item in scores}


def _objective(scores: dict[str, float], weights: dict[str, float]) -> float:
    """Weighted geometric mean of what is measured so far; the smallest where one is not above 0."""
    if VALUE in scores:
        scores = scores | {VALUE: max(scores[VALUE], LEAST_EXPLAINED)}
    known = [key for key, weight in weights.items() if key in scores and weight > 0]
    values = np.array([scores[key] for key in known])
    if not known:
        return 0.0
    if not (values > 0).all():
        return float(values.min())
    return float(np.exp(np.average(np.log(values), weights=[weights[key] for key in known])))

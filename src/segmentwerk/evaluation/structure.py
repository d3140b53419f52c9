"""The verdict on structure, in the words of market segmentation (Dolnicar, Grün & Leisch 2018).

natural
    The segments come back, gaps lie between them (`valley`), and the held-out gain lies above 0 and above
    what the same algorithm gains on copies of the data without groups (`null`).
reproducible
    No gaps, but the same cut comes back when other accounts are drawn.
constructive
    Neither: the cut is a choice. It can be useful all the same.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeVar

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from segmentwerk.core.errors import FitError
from segmentwerk.core.seeds import derive
from segmentwerk.core.settings import EvaluationSettings
from segmentwerk.core.types import Scorecard, Verdict
from segmentwerk.evaluation import separation, stability
from segmentwerk.evaluation.crossvalidation import held_out_in_turn
from segmentwerk.evaluation.null import null_copy
from segmentwerk.evaluation.valley import standing_apart
from segmentwerk.evaluation.view import Case, Refit, View, thinned

NULL_ROWS = 1500
"""Accounts at most in the reduced view and in each null copy."""
LEAST_APART = 0.5
"""Share of the segments that must stand apart."""
EXCEEDED = 0.95
"""Quantile of the null gains that the gain must exceed."""

Result = TypeVar("Result")


class Spread(Protocol):
    """Applies a function to values and keeps their order, as `map` does, or an executor's."""

    def __call__(self, function: Callable[[int], Result], values: Iterable[int], /) -> Iterable[Result]:
        """Return the results."""


@dataclass(frozen=True)
class StructureEvidence:
    """What the verdict stands on; ``null_gains`` is empty where another condition had failed already.

    ``gain`` is that of a refit on ``refitted`` accounts, as the copies have: not the gain in the ranking.
    """

    gain: float
    gain_low: float
    jaccard: float
    apart: float
    null_gains: tuple[float, ...]
    refitted: int

    @property
    def null_quantile(self) -> float:
        """95% quantile of the null gains; NaN without copies."""
        return float(np.quantile(self.null_gains, EXCEEDED)) if self.null_gains else float("nan")


def verdict(
    refit: Refit,
    view: View,
    settings: EvaluationSettings,
    *,
    seed: int,
    card: Scorecard | None = None,
    spread: Spread = map,
) -> Verdict:
    """Say whether the data holds groups, as far as the winner's algorithm can tell.

    Parameters
    ----------
    refit
        Fits the winner's algorithm with its parameters to other rows.
    view
        The accounts that the winner was judged on.
    settings
        ``null_copies`` copies without groups are drawn; 0 leaves that comparison out.
    seed
        Of sub-samples, splits and copies.
    card
        The winner's scorecard; its stability is measured anew where not given.
    spread
        How fits are shared out; ``refit`` must be picklable where they go to other processes.
    """
    try:
        evidence = gather(refit, view, settings, seed=seed, card=card, spread=spread)
    except FitError as error:
        reason = f"Constructive: the algorithm cannot be fitted to fewer accounts ({error.problem})"
        return Verdict("constructive", reason, float("nan"), float("nan"))
    return conclude(evidence, settings)


def gather(
    refit: Refit,
    view: View,
    settings: EvaluationSettings,
    *,
    seed: int,
    card: Scorecard | None = None,
    spread: Spread = map,
) -> StructureEvidence:
    """Measure what the verdict stands on; null copies only where all else speaks for groups."""
    small = thinned(view, NULL_ROWS, seed)
    known = card.score("stability/jaccard_min") if card else None
    jaccard = known.value if known else None
    (evidence,) = spread(partial(_without_copies, refit, small, settings, jaccard), [seed])
    if conclude(evidence, settings).kind != "natural" or settings.null_copies == 0:
        return evidence
    seeds = [derive(seed, "null", i) for i in range(settings.null_copies)]
    nulls = spread(partial(_null_gain, refit, small, settings), seeds)
    return replace(evidence, null_gains=tuple(nulls))


def _without_copies(
    refit: Refit, small: View, settings: EvaluationSettings, jaccard: float | None, seed: int
) -> StructureEvidence:
    """Measure all but the copies on a reduced view; the stability where it is not known."""
    case = Case.of(refit(small.train, derive(seed, "structure", "fit")), small, settings, seed)
    gain = separation.gain(held_out_in_turn(case, refit)).score
    if jaccard is None:
        jaccard = float(stability.measure(case, stability.refits(case, refit))[1].min())
    apart = standing_apart(small.spread, case.labels, derive(seed, "halves"))
    return StructureEvidence(gain.value, gain.low, jaccard, apart, (), len(small.train))


def _null_gain(refit: Refit, view: View, settings: EvaluationSettings, seed: int) -> float:
    """Held-out gain on a copy without groups; one that cannot be fitted gains nothing."""
    copy = null_copy(view, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a copy has no groups to converge to
        try:
            fitted = refit(copy.train, derive(seed, "fit"))
        except FitError:
            return 0.0
    plain = settings.model_copy(update={"n_bootstrap": 0})
    case = held_out_in_turn(Case.of(fitted, copy, plain, seed), refit, repetitions=1)
    return separation.gain(case).score.value


def conclude(evidence: StructureEvidence, settings: EvaluationSettings) -> Verdict:
    """Turn evidence into a verdict and its reason."""
    stable = evidence.jaccard >= settings.min_jaccard
    gaining = evidence.gain_low > 0 and not evidence.gain <= evidence.null_quantile
    gaps = evidence.apart >= LEAST_APART
    overlap = f"the least stable segment overlaps by {evidence.jaccard:.2f} with its like in refits"
    measured = (evidence.gain, evidence.null_quantile, evidence.jaccard, evidence.apart)
    refit = f"a refit on {evidence.refitted:,} accounts"
    if not stable:
        reason = (
            f"Constructive: other accounts give another cut ({overlap}; {settings.min_jaccard:.2f} is asked)."
        )
        return Verdict("constructive", reason, *measured)
    if gaining and gaps:
        against = f" (copies without groups: {evidence.null_quantile:.3f})" if evidence.null_gains else ""
        reason = (
            f"Natural: {evidence.apart:.0%} of the segments have a gap to their neighbours, {refit} gains "
            f"{evidence.gain:.3f} nats per variable on other accounts{against}, and {overlap}."
        )
        return Verdict("natural", reason, *measured)
    missing = [] if gaps else [f"only {evidence.apart:.0%} of the segments have a gap to their neighbours"]
    if not gaining:
        missing.append(
            f"{refit} gains {evidence.gain:.3f} nats per variable, not surely more than without groups"
        )
    reason = f"Reproducible: the same cut comes back ({overlap}), but {' and '.join(missing)}."
    return Verdict("reproducible", reason, *measured)

"""Whether the effect of an arm differs by segment, and by how much.

Three answers: Cochran's Q over the means by segment and arm, with I² (Higgins & Thompson 2002, "Quantifying
heterogeneity in a meta-analysis", Statistics in Medicine 21); the same Q against its distribution when arms
are drawn anew within each segment, as the campaign drew them, after the arms' overall effects are taken off
(Ding, Feller & Miratrix 2016, "Randomization inference for treatment effect variation", JRSS B 78), which
trusts no normal approximation; and the effects, raw and drawn together (`evaluation.effects`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.seeds import derive
from segmentwerk.core.types import Interval
from segmentwerk.evaluation.effects import CellSums, shrunken
from segmentwerk.evaluation.policy import NORMAL_95
from segmentwerk.evaluation.randomised import RandomisedCampaign

PERMUTATIONS = 999


@dataclass(frozen=True)
class SegmentEffect:
    """Effect of one arm in one segment: its mean outcome less that of the arm compared with.

    ``raw`` is seen in the segment alone, ``shrunken`` is what is believed when all segments are looked at;
    ``contacts`` counts those of the arm and of the one compared with.
    """

    segment: int
    arm: int
    against: int
    contacts: int
    raw: Interval
    shrunken: Interval


@dataclass(frozen=True)
class Heterogeneity:
    """Whether effects differ by segment.

    ``q`` is Cochran's Q with ``freedom`` degrees of freedom and ``p_q``; ``i_squared`` the share of its
    spread that noise does not explain; ``p_permutation`` that of the permutation test, NaN where it was not
    asked for; ``spread`` the expected standard deviation of a segment's departure, in the outcome's unit.
    """

    q: float
    freedom: int
    p_q: float
    i_squared: float
    p_permutation: float
    spread: float
    effects: tuple[SegmentEffect, ...]


def measure(campaign: RandomisedCampaign, seed: int, *, permutations: int = PERMUTATIONS) -> Heterogeneity:
    """Test and estimate how effects differ by segment.

    Parameters
    ----------
    permutations
        Draws of the permutation test; 0: none.
    """
    cells = campaign.cells
    q, freedom = (float(part[0]) for part in cochran_q(cells))
    p = permutation_test(campaign, seed, permutations) if permutations and freedom else np.nan
    return Heterogeneity(
        q=q,
        freedom=int(freedom),
        p_q=float(chi2.sf(q, freedom)) if freedom else np.nan,
        i_squared=max(0.0, (q - freedom) / q) if q > 0 else 0.0,
        p_permutation=p,
        spread=float(shrunken(cells).spread[0]),
        effects=tuple(effects(campaign)),
    )


def cochran_q(cells: CellSums) -> tuple[FloatArray, FloatArray]:
    """Return Q of the interaction and its degrees of freedom, each of the shape of the leading axes.

    Q is the weighted sum of squares that levels of segments and effects of arms leave unexplained, the
    weights being the inverse variances of the means.
    """
    known = np.isfinite(cells.variances)
    weight = np.where(known, 1 / np.where(known, cells.variances, 1.0), 0.0)
    mass = weight.sum(axis=-1, keepdims=True)
    level = (weight * cells.means).sum(axis=-1, keepdims=True) / np.maximum(mass, np.finfo(float).tiny)
    share = weight / np.maximum(mass, np.finfo(float).tiny)
    moment = np.einsum("...ka,ab->...ab", weight, np.eye(weight.shape[-1])) - np.einsum(
        "...ka,...kb->...ab", weight, share
    )
    aim = (weight * (cells.means - level)).sum(axis=-2)
    arms = np.einsum("...ab,...b->...a", np.linalg.pinv(moment, hermitian=True), aim)
    centred = arms[..., None, :] - (share * arms[..., None, :]).sum(axis=-1, keepdims=True)
    q = (weight * (cells.means - level - centred) ** 2).sum(axis=(-2, -1))
    filled = known.any(axis=-1).sum(axis=-1) + known.any(axis=-2).sum(axis=-1) - 1
    return q, np.maximum(known.sum(axis=(-2, -1)) - filled, 0)


def permutation_test(campaign: RandomisedCampaign, seed: int, permutations: int) -> float:
    """Return the share of draws of the arms within segments whose Q is at least the one seen.

    The draw that was seen counts among them (Phipson & Smyth 2010), so that p is at least
    1 / (1 + permutations).
    """
    rng = np.random.default_rng(derive(seed, "interaction"))
    cells = campaign.cells
    weights = cells.n[0].sum(axis=1, keepdims=True)
    level = (cells.means[0] * weights).sum(axis=0) / weights.sum()
    bare = campaign.outcome - level[campaign.arm]
    order = np.argsort(campaign.segment, kind="stable")
    segment, arm, bare = campaign.segment[order], campaign.arm[order], bare[order]
    seen, more = float(cochran_q(cells)[0][0]), 0
    for _ in range(permutations):
        drawn = arm[np.lexsort((rng.random(len(arm)), segment))]
        again = RandomisedCampaign(
            segment, drawn, bare + level[drawn], campaign.n_segments, campaign.n_arms, campaign.control
        )
        more += float(cochran_q(again.cells)[0][0]) >= seen
    return (1 + more) / (1 + permutations)


def effects(campaign: RandomisedCampaign, against: int | None = None) -> list[SegmentEffect]:
    """Return the effect of every arm in every segment against one arm: by default control, else the first."""
    base = against if against is not None else campaign.control if campaign.control is not None else 0
    cells = campaign.cells
    means, variances = cells.means[0], cells.variances[0]
    gaps, errors = shrunken(cells).differences(np.eye(campaign.n_arms)[base])
    found = []
    for segment in range(campaign.n_segments):
        for arm in range(campaign.n_arms):
            if arm == base:
                continue
            raw = means[segment, arm] - means[segment, base]
            error = float(np.sqrt(variances[segment, arm] + variances[segment, base]))
            found.append(
                SegmentEffect(
                    segment, arm, base,
                    int(cells.n[0, segment, [arm, base]].sum()),
                    _around(raw, error) if np.isfinite(error) else Interval(np.nan, np.nan, np.nan),
                    _around(gaps[0, segment, arm], errors[0, segment, arm]),
                )
            )  # fmt: skip
    return found


def _around(value: float, error: float) -> Interval:
    return Interval(float(value), float(value - NORMAL_95 * error), float(value + NORMAL_95 * error))

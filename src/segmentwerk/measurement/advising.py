"""From the contacts of one campaign to what to do next."""

from __future__ import annotations

import math
from collections.abc import Iterator

import ibis
import numpy as np
from scipy.stats import norm

from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.types import Interval
from segmentwerk.evaluation.randomised import RandomisedCampaign
from segmentwerk.measurement.advice import NET, Advice, ArmAdvice, Verdict
from segmentwerk.measurement.arm_sums import ArmSums
from segmentwerk.measurement.heterogeneity import SegmentEffect
from segmentwerk.measurement.intervals import Reading
from segmentwerk.measurement.recommendation import NextStep, Recommendation, recommend

FEWEST = 20
"""Contacts that every arm must have for anything to be advised."""
LOOKS = 50_000_000
"""Contacts that are looked at by all permutations together, so that a large campaign ends in minutes."""
LEAST_PERMUTATIONS = 39
"""By which 5% can still be told."""
ALPHA, POWER = 0.05, 0.8
VERDICTS: dict[NextStep, Verdict] = {
    "by_segment": "by_segment",
    "one_arm": "one_arm",
    "nothing": "nothing",
    "too_little": "not_enough",
}


def advise(
    contacts: ibis.Table,
    cells: ArmSums,
    control: str | None,
    outcome: str | None,
    *,
    seed: int,
    permutations: int,
) -> tuple[Advice | None, str]:
    """Say what to do next, or why nothing can be said, as a key that every language has words for.

    Parameters
    ----------
    contacts
        The sound contacts of the campaign.
    outcome
        Column that arms are chosen by; of money the cost of the contact is taken.
    """
    if not cells.arms:
        return None, "nobody"
    if len(cells.arms) < 2:
        return None, "arms"
    if outcome is None:
        return None, "outcome"
    if not cells.segments:
        return None, "segments"
    if min(sum(cells.count(segment, arm) for segment in cells.segments) for arm in cells.arms) < FEWEST:
        return None, "few"
    if not any(cells.by[None, arm].var(outcome) > 0 for arm in cells.arms):
        return None, "same"
    campaign = _campaign(contacts, cells, control, outcome)
    draws = max(min(permutations, LOOKS // len(campaign.arm)), LEAST_PERMUTATIONS)
    return _told(recommend(campaign, seed, permutations=draws), cells, control), ""


def _campaign(contacts: ibis.Table, cells: ArmSums, control: str | None, outcome: str) -> RandomisedCampaign:
    """Fetch segment, arm and outcome of every contact, in the order of the accounts."""
    arms, segments = cells.arms, cells.segments
    rows = contacts.filter(contacts.segment_id >= 0).order_by("account_id")
    value = rows[outcome].cast("float64").fill_null(0.0)
    if outcome in NET and "cost" in cells.told:
        value -= rows.cost.cast("float64").fill_null(0.0)
    arm = ibis.cases(*((rows.arm == name, place) for place, name in enumerate(arms)), else_=-1)
    found = rows.select(segment=rows.segment_id, arm=arm.cast("int64"), value=value).to_pyarrow()
    columns = [found[name].to_numpy() for name in ("segment", "arm", "value")]
    return RandomisedCampaign(
        segment=np.searchsorted(np.array(segments), columns[0].astype(np.int64)),
        arm=columns[1].astype(np.int64),
        outcome=_writable(columns[2]),
        n_segments=len(segments),
        n_arms=len(arms),
        control=arms.index(control) if control is not None else None,
    )


def _writable(values: FloatArray) -> FloatArray:
    return np.array(values, dtype=np.float64)


def _told(found: Recommendation, cells: ArmSums, control: str | None) -> Advice:
    """Return a recommendation with the names of arms and the ids of segments."""
    arms, segments = cells.arms, cells.segments
    together = {
        (segments[one.segment], arms[one.arm]): _reading(one.shrunken, one.contacts)
        for one in found.heterogeneity.effects
    }
    value, differs = found.value, found.heterogeneity
    needed = found.contacts_needed
    return Advice(
        verdict=VERDICTS[found.verdict],
        best=arms[found.best_arm],
        arms=tuple(_by_segment(found, cells, control)),
        together=together,
        values={
            "policy": value.policy,
            "best": value.best_arm,
            "control": value.control,
            "gain": value.gain,
            "uplift": value.uplift,
            "best_uplift": value.best_uplift,
        },
        needed=int(needed) if math.isfinite(needed) else None,
        pvalue=differs.p_permutation,
        q=differs.q,
        q_pvalue=differs.p_q,
    )


def _by_segment(found: Recommendation, cells: ArmSums, control: str | None) -> Iterator[ArmAdvice]:
    """Yield the arm of each segment; where none is advised, the most promising one."""
    effects = {(one.segment, one.arm): one for one in found.heterogeneity.effects}
    for place, segment in enumerate(cells.segments):
        arm = found.arms[place] if found.arms is not None else _promising(found, place)
        one = effects.get((place, arm))
        counted = cells.count(segment, cells.arms[arm])
        if control is not None and cells.arms[arm] != control:
            counted += cells.count(segment, control)
        if one is None:  # the arm that all others are compared with
            yield ArmAdvice(
                segment, cells.arms[arm], Reading(0.0, 0.0, 0.0, counted), 0, found.arms is not None
            )
            continue
        needed = contacts_for(one, found.worthwhile)
        effect = _reading(one.shrunken, counted)
        yield ArmAdvice(segment, cells.arms[arm], effect, needed, found.arms is not None)


def _promising(found: Recommendation, place: int) -> int:
    """Return the measure that is believed to do best in a segment."""
    mine = [one for one in found.heterogeneity.effects if one.segment == place]
    return max(mine, key=lambda one: (one.shrunken.value, -one.arm)).arm


def contacts_for(one: SegmentEffect, worthwhile: float) -> int:
    """Return the contacts that a test in this segment alone takes to show the effect; 0 where it is shown.

    The effect is the one believed, at least one that is worth having; contacts are parted as they were.
    """
    if one.shrunken.low > 0 or one.shrunken.high < 0:
        return 0
    error = (one.raw.high - one.raw.low) / 2 / norm.isf(ALPHA / 2)
    effect = max(abs(one.shrunken.value), worthwhile)
    if not (math.isfinite(error) and effect > 0):
        return 0
    factor = float((norm.isf(ALPHA / 2) + norm.isf(1 - POWER)) * error / effect)
    return math.ceil(one.contacts * factor**2)


def _reading(one: Interval, contacts: int) -> Reading:
    return Reading(float(one.value), float(one.low), float(one.high), contacts)

"""What to do next: treat segments differently, send one arm to all, nothing, or learn more first.

The rule, in this order:

- ``by_segment``: on accounts that did not choose it, the policy "arm by segment" is worth more than the best
  single arm, the lower end of its 95% interval above 0; and effects differ by segment by the permutation
  test at 5%. Either alone would say so wrongly in about one campaign of forty; both are asked.
- ``one_arm``: the best single arm is a measure and does better than control: the lower end of its interval,
  joint over arms (Bonferroni), lies above 0. Without a control: on accounts that did not choose it, it is
  worth more than arms as they were drawn.
- ``nothing``: no measure adds as much as is worth having: the upper end of every arm's interval against
  control, joint over arms, lies below `worthwhile`.
- ``too_little``: none of these is shown; how many contacts would show it is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import norm

from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.seeds import derive
from segmentwerk.core.types import Interval
from segmentwerk.evaluation.policy import PolicyValue, value
from segmentwerk.evaluation.randomised import RandomisedCampaign
from segmentwerk.measurement import heterogeneity
from segmentwerk.measurement.heterogeneity import Heterogeneity

LEVEL = 0.05
POWER = 0.8
WORTHWHILE = 0.05
"""Smallest effect that counts as one, in standard deviations of the outcome, where the caller names none."""

NextStep = Literal["by_segment", "one_arm", "nothing", "too_little"]


@dataclass(frozen=True)
class Recommendation:
    """What a campaign says should be done next.

    Attributes
    ----------
    verdict
        `by_segment`, `one_arm`, `nothing` or `too_little`.
    arms
        Recommended arm of each segment (n_segments,): the same for all unless `by_segment`; None where
        nothing can be recommended (`too_little`, or `nothing` without a control).
    leaning
        What each segment's accounts lean to, after shrinkage, whatever the verdict.
    best_arm
        The best arm for all.
    expected
        Effect of the recommended arm against control (else against the best single arm) in each segment,
        shrunken; empty where no arm is recommended.
    value
        By cross-fitting: policy, best single arm, control, and their differences.
    heterogeneity
        Whether effects differ by segment.
    worthwhile
        The smallest effect that counted as one, in the outcome's unit a contact.
    contacts
        Contacts at hand.
    contacts_needed
        Contacts of such a campaign by which an effect of `worthwhile` against control (without control:
        against the other arms) would be seen in four of five campaigns.
    contacts_to_differ
        Contacts by which a gain as large as the one seen would be seen as such; NaN where none was seen.
    """

    verdict: NextStep
    arms: tuple[int, ...] | None
    leaning: tuple[int, ...]
    best_arm: int
    expected: tuple[Interval, ...]
    value: PolicyValue
    heterogeneity: Heterogeneity
    worthwhile: float
    contacts: int
    contacts_needed: float
    contacts_to_differ: float


def recommend(
    campaign: RandomisedCampaign,
    seed: int,
    *,
    worthwhile: float | None = None,
    permutations: int = heterogeneity.PERMUTATIONS,
) -> Recommendation:
    """Say what to do next, and what that stands on.

    Parameters
    ----------
    worthwhile
        Smallest effect a contact that is worth having, in the outcome's unit; None: `WORTHWHILE` standard
        deviations of it.
    permutations
        Draws of the permutation test.
    """
    least = WORTHWHILE * float(campaign.outcome.std()) if worthwhile is None else worthwhile
    found = value(campaign, seed)
    differs = heterogeneity.measure(campaign, seed, permutations=permutations)
    verdict = _verdict(campaign, found, differs, least)
    if verdict == "one_arm" and permutations and not _surely_works(campaign, seed, permutations):
        verdict = "too_little"
    arms = _arms(campaign, found, verdict)
    return Recommendation(
        verdict=verdict,
        arms=arms,
        leaning=tuple(map(int, found.learned.arms)),
        best_arm=int(found.learned.best_arm),
        expected=_expected(campaign, found, arms),
        value=found,
        heterogeneity=differs,
        worthwhile=least,
        contacts=found.n,
        contacts_needed=_contacts_for(campaign, least),
        contacts_to_differ=_contacts_to_differ(found),
    )


def _verdict(
    campaign: RandomisedCampaign, found: PolicyValue, differs: Heterogeneity, least: float
) -> NextStep:
    if found.gain.low > 0 and differs.p_permutation <= LEVEL:
        return "by_segment"
    measure = int(found.learned.best_arm) != campaign.control
    low, high = _joint_ends(campaign)
    works = found.over_drawn.low > 0 if campaign.control is None else low[found.learned.best_arm] > 0
    if measure and works:
        return "one_arm"
    if high.max() < least:
        return "nothing"
    return "too_little"


def _surely_works(campaign: RandomisedCampaign, seed: int, permutations: int) -> bool:
    """Whether the best arm is ahead of control by more than arms drawn anew within segments are.

    Intervals trust a normal approximation, which a few large orders and a small control break; the largest
    studentised effect over arms needs none (Chung & Romano 2013, "Exact and asymptotically robust
    permutation tests", Annals of Statistics 41). Without a control there is nothing to be ahead of.
    """
    if campaign.control is None:
        return True
    rng = np.random.default_rng(derive(seed, "best arm"))
    order = np.argsort(campaign.segment, kind="stable")
    segment, arm, outcome = campaign.segment[order], campaign.arm[order], campaign.outcome[order]
    seen, more = _furthest(campaign), 0
    for _ in range(permutations):
        drawn = arm[np.lexsort((rng.random(len(arm)), segment))]
        again = RandomisedCampaign(
            segment, drawn, outcome, campaign.n_segments, campaign.n_arms, campaign.control
        )
        more += _furthest(again) >= seen
    return (1 + more) / (1 + permutations) <= LEVEL / 2


def _furthest(campaign: RandomisedCampaign) -> float:
    effect, error = _against(campaign)
    return float((effect / np.maximum(error, np.finfo(float).tiny)).max())


def _joint_ends(campaign: RandomisedCampaign) -> tuple[FloatArray, FloatArray]:
    """Return both ends of joint intervals: of every arm against control (itself: 0), or of pairs of arms."""
    effect, error = _against(campaign)
    reach = norm.isf(LEVEL / 2 / len(effect)) * error
    low, high = effect - reach, effect + reach
    if campaign.control is None:
        return low, high
    return np.insert(low, campaign.control, 0.0), np.insert(high, campaign.control, -np.inf)


def _against(campaign: RandomisedCampaign) -> tuple[FloatArray, FloatArray]:
    """Effects over all segments with their standard errors; without control of the better of each pair."""
    n = np.bincount(campaign.arm, minlength=campaign.n_arms)
    mean = np.bincount(campaign.arm, campaign.outcome) / n
    square = (
        np.bincount(campaign.arm, (campaign.outcome - mean[campaign.arm]) ** 2) / np.maximum(n - 1, 1) / n
    )
    if campaign.control is not None:
        others = [arm for arm in range(campaign.n_arms) if arm != campaign.control]
        pairs = np.array([(arm, campaign.control) for arm in others])
        effect = mean[pairs[:, 0]] - mean[pairs[:, 1]]
    else:
        pairs = np.array(np.triu_indices(campaign.n_arms, 1)).T
        effect = np.abs(mean[pairs[:, 0]] - mean[pairs[:, 1]])
    return np.asarray(effect), np.asarray(np.sqrt(square[pairs].sum(axis=1)))


def _arms(campaign: RandomisedCampaign, found: PolicyValue, verdict: NextStep) -> tuple[int, ...] | None:
    if verdict == "by_segment":
        return tuple(map(int, found.learned.arms))
    if verdict == "one_arm":
        return (int(found.learned.best_arm),) * campaign.n_segments
    if verdict == "nothing" and campaign.control is not None:
        return (campaign.control,) * campaign.n_segments
    return None


def _expected(
    campaign: RandomisedCampaign, found: PolicyValue, arms: tuple[int, ...] | None
) -> tuple[Interval, ...]:
    if arms is None:
        return ()
    base = campaign.control if campaign.control is not None else int(found.learned.best_arm)
    effects = {(one.segment, one.arm): one.shrunken for one in heterogeneity.effects(campaign, against=base)}
    return tuple(effects.get((segment, arm), Interval(0.0, 0.0, 0.0)) for segment, arm in enumerate(arms))


def _contacts_for(campaign: RandomisedCampaign, effect: float) -> float:
    """Contacts by which the least certain arm's effect of a size is seen with `POWER`; NaN without a size."""
    error = float(_against(campaign)[1].max())
    return _contacts(len(campaign.arm), error, effect)


def _contacts_to_differ(found: PolicyValue) -> float:
    error = (found.gain.high - found.gain.low) / 2 / norm.isf(LEVEL / 2)
    return _contacts(found.n, error, found.gain.value)


def _contacts(n: int, error: float, effect: float) -> float:
    if not effect > 0 or not error > 0:
        return np.nan
    return float(np.ceil(n * ((norm.isf(LEVEL / 2) + norm.isf(1 - POWER)) * error / effect) ** 2))

"""The value of treating segments differently, measured on a randomised campaign.

A policy names an arm for each segment. Which policy is best and what it is worth must not be asked of the
same accounts: the arm that happened to do best in a segment looks better than it is, and on real campaigns
"the best arm of each segment" loses against the best arm for all. So the accounts are parted into folds; the
arms are chosen on the others, with effects drawn together across segments (`effects`), and valued on the
fold (cross-fitting: Chernozhukov et al. 2018, "Double/debiased machine learning"; for policies: Zhou, Athey &
Wager 2023, "Offline multi-action policy learning: generalization and optimization"). An account's value under
arm a is doubly robust (Robins, Rotnitzky & Zhao 1994; Athey & Wager 2021, "Policy learning with observational
data", section 2):

    gamma_i(a) = m_sa + 1{A_i = a} / e_ia (Y_i - m_sa),

with ``e`` the known chance of the arm and ``m`` from the other folds. The best single arm is chosen in the
same folds, so that it, too, is valued on accounts that did not choose it. Accounts are parted several times;
an account's value is its mean over the partitions, and intervals rest on the spread between accounts.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.core.errors import InputError
from segmentwerk.core.seeds import derive
from segmentwerk.core.types import Interval
from segmentwerk.evaluation.effects import CellSums, Shrunken, shrunken

FOLDS = 5
REPETITIONS = 5
NORMAL_95 = 1.959964


@dataclass(frozen=True, eq=False)
class RandomisedCampaign:
    """One campaign whose arms were drawn at random, a row a contacted account.

    Attributes
    ----------
    segment
        Segment 0 … n_segments - 1 that the account had when it was contacted (n,).
    arm
        Arm 0 … n_arms - 1 (n,).
    outcome
        Money net of the contact's cost, or 0 and 1, or a rate (n,).
    n_segments, n_arms
        How many there are, empty ones included.
    control
        The arm that is left alone; None where every arm is a measure.
    propensities
        Chance of each arm, (n_arms,) or by row (n, n_arms); None: as often as they came.

    Raises
    ------
    InputError
        If lengths differ, a code or a number is impossible, an arm has no contact, or there is one arm only.
    """

    segment: IntArray
    arm: IntArray
    outcome: FloatArray
    n_segments: int
    n_arms: int
    control: int | None = None
    propensities: FloatArray | None = field(default=None)

    def __post_init__(self) -> None:
        n = len(self.segment)
        if not (len(self.arm) == len(self.outcome) == n) or n == 0:
            raise InputError(f"A campaign needs one arm and one outcome for each of {n} contacts.")
        for name, codes, bound in (
            ("segment", self.segment, self.n_segments),
            ("arm", self.arm, self.n_arms),
        ):
            if codes.min() < 0 or codes.max() >= bound:
                raise InputError(f"A campaign's {name} lies outside 0 … {bound - 1}.")
        if not np.isfinite(self.outcome).all():
            raise InputError("A campaign's outcome is no number.", "Leave out contacts of unknown outcome.")
        counts = np.bincount(self.arm, minlength=self.n_arms)
        if self.n_arms < 2 or counts.min() == 0:
            raise InputError("A campaign needs contacts in two arms or more.", "Leave out empty arms.")
        if not (self.chances > 0).all():
            raise InputError("The chance of an arm is not above 0.", "Give chances above 0 that sum to 1.")

    @property
    def chances(self) -> FloatArray:
        """Chance of each arm by row, (n, n_arms)."""
        given = self.propensities
        if given is None:
            given = np.bincount(self.arm, minlength=self.n_arms) / len(self.arm)
        return np.broadcast_to(np.asarray(given, dtype=np.float64), (len(self.arm), self.n_arms))

    @property
    def cells(self) -> CellSums:
        """Sums by segment and arm."""
        return cell_sums(self, np.zeros(len(self.arm), dtype=np.int64), 1, drop=False)


@dataclass(frozen=True, eq=False)
class LearnedPolicy:
    """What is chosen on some accounts: an arm a segment (…, n_segments), and one arm for all (…,)."""

    arms: IntArray
    best_arm: IntArray
    believed: Shrunken


@dataclass(frozen=True, eq=False)
class PolicyValue:
    """What a policy is worth a contact on accounts that did not choose it, each with its 95% interval.

    Attributes
    ----------
    policy, best_arm, control
        Value of "arm by segment", of the best single arm, and of the control (NaN without one).
    gain
        The policy over the best single arm.
    uplift, best_uplift
        The policy, and the best single arm, over control.
    learned
        What all accounts choose.
    contributions
        By the names above, each account's own part (n,), whose mean is the value.
    """

    policy: Interval
    best_arm: Interval
    control: Interval
    gain: Interval
    uplift: Interval
    best_uplift: Interval
    learned: LearnedPolicy
    contributions: dict[str, FloatArray]
    n: int


def cell_sums(campaign: RandomisedCampaign, folds: IntArray, n_folds: int, *, drop: bool = True) -> CellSums:
    """Sum contacts by fold, segment and arm, (n_folds, n_segments, n_arms); ``drop``: all but the fold."""
    k, a = campaign.n_segments, campaign.n_arms
    place = (folds * k + campaign.segment) * a + campaign.arm
    sums = [
        np.bincount(place, weights, minlength=n_folds * k * a).astype(np.float64).reshape(n_folds, k, a)
        for weights in (None, campaign.outcome, campaign.outcome**2)
    ]
    if drop:
        sums = [part.sum(axis=0) - part for part in sums]
    return CellSums(*sums)


def learn(cells: CellSums) -> LearnedPolicy:
    """Choose the arm of each segment, and the best arm for all, from sums by segment and arm."""
    believed = shrunken(cells)
    means = np.einsum("...ka,...k->...a", believed.means, cells.shares)
    best = means.argmax(axis=-1)
    return LearnedPolicy(believed.means.argmax(axis=-1), best, believed)


def value(
    campaign: RandomisedCampaign, seed: int, *, folds: int = FOLDS, repetitions: int = REPETITIONS
) -> PolicyValue:
    """Value the policy "arm by segment" by repeated cross-fitting.

    Parameters
    ----------
    seed
        The same seed parts the same number of accounts alike.
    folds, repetitions
        How many folds, and how often accounts are parted anew.
    """
    n = len(campaign.arm)
    total = np.zeros((3, n))
    for number in range(repetitions):
        rng = np.random.default_rng(derive(seed, "policy", number))
        fold = (rng.permutation(n) % folds).astype(np.int64)
        total += _valued(campaign, fold, learn(cell_sums(campaign, fold, folds)))
    policy, best, control = total / repetitions
    parts = {"policy": policy, "best_arm": best, "control": control}
    parts |= {"gain": policy - best, "uplift": policy - control, "best_uplift": best - control}
    told = {name: mean_interval(part) for name, part in parts.items()}
    everything = learn(campaign.cells)
    final = LearnedPolicy(everything.arms[0], everything.best_arm[0], _first(everything.believed))
    return PolicyValue(**told, learned=final, contributions=parts, n=n)


def mean_interval(values: FloatArray) -> Interval:
    """Mean of accounts' values with the normal 95% interval; NaN where they are unknown."""
    mean = float(values.mean())
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
    return Interval(mean, mean - NORMAL_95 * error, mean + NORMAL_95 * error)


def _valued(campaign: RandomisedCampaign, fold: IntArray, learned: LearnedPolicy) -> FloatArray:
    """Doubly robust value of each account under policy, best single arm and control, (3, n)."""
    rows, segment = np.arange(len(fold)), campaign.segment
    chances = campaign.chances[rows, campaign.arm]
    means = learned.believed.means[fold, segment]
    surprise = (campaign.outcome - means[rows, campaign.arm]) / chances

    def under(arm: IntArray) -> FloatArray:
        return np.asarray(means[rows, arm] + surprise * (campaign.arm == arm))

    control = np.full(len(fold), np.nan)
    if campaign.control is not None:
        control = under(np.full(len(fold), campaign.control))
    return np.stack([under(learned.arms[fold, segment]), under(learned.best_arm[fold]), control])


def _first(believed: Shrunken) -> Shrunken:
    return Shrunken(believed.means[0], believed.covariances[0], believed.spread[0])

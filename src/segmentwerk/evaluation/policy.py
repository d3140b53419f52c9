"""The value of treating segments differently, measured on a randomised campaign.

A policy names an arm for each segment. Which policy is best and what it is worth must not be asked of the
same accounts: the arm that happened to do best in a segment looks better than it is, and on real campaigns
"the best arm of each segment" loses against the best arm for all. So accounts are put into an order by chance
and parted into `PARTS`; those of each part are valued under the arms that all parts before it choose, with
effects drawn together across segments (`effects`). An account's value under arm a is doubly robust (Robins,
Rotnitzky & Zhao 1994; Athey & Wager 2021, "Policy learning with observational data", section 2):

    gamma_i(a) = m_sa + 1{A_i = a} / e_ia (Y_i - m_sa),

with ``e`` the known chance of the arm and ``m`` from the parts before. The best single arm is chosen in the
same parts, so that it, too, is valued on accounts that did not choose it.

Why one part after the other, and not each part by all others, as cross-fitting usually goes (Chernozhukov et
al. 2018)? Where arms do alike, which one is chosen hangs on chance; two parts that choose for each other then
share their luck, and the usual 95% interval holds the truth in 70 to 80 of 100 campaigns (measured:
docs/concepts/targeting.md). In one direction the values are a martingale, and the interval holds whether or
not the best policy is unique (Luedtke & van der Laan 2016, "Statistical inference for the mean outcome under
a possibly non-unique optimal treatment strategy", Annals of Statistics 44). What it is an interval for: the
mean value of the policies that were chosen on the way, from `LEARNED_FIRST` of the parts on; the policy that
all accounts choose is rather better.

Which order chance gives should decide nothing, so values are means over `REPETITIONS` orders. The error of
one order is kept for values over control. For the gain it is brought to that of a mean over orders: two that
each value a share f of the accounts share f of their noise where policies are the same, which leaves
f + (1 - f) / `REPETITIONS` of the variance, and less where they are not (measured there, too).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.core.errors import InputError
from segmentwerk.core.seeds import derive
from segmentwerk.core.types import Interval
from segmentwerk.evaluation.effects import CellSums, Shrunken, shrunken

PARTS = 10
"""Equal parts of the accounts, in an order by chance."""
LEARNED_FIRST = 3
"""Parts that are only learned from."""
REPETITIONS = 10
"""Orders by chance that values are means over."""
NORMAL_95 = 1.959964
VALUES = ("policy", "best_arm", "control", "gain", "uplift", "best_uplift", "over_drawn")


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
        If lengths differ, there are fewer contacts than `PARTS`, a code or a number is impossible, an arm has
        no contact, or there is one arm only.
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
        if not (len(self.arm) == len(self.outcome) == n) or n < PARTS:
            raise InputError(
                f"A campaign needs {PARTS} contacts at least, not {n}, each with segment, arm and outcome."
            )
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
        return _cell_sums(self, np.zeros(len(self.arm), dtype=np.int64), 1)


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
    over_drawn
        The best single arm over arms as they were drawn.
    learned
        What all accounts choose.
    on_the_way
        What was chosen for the parts that were valued, (repetitions, PARTS - LEARNED_FIRST, …).
    contributions
        By the names above, each account's own part (n,), whose mean is the value.
    n
        Contacts.
    """

    policy: Interval
    best_arm: Interval
    control: Interval
    gain: Interval
    uplift: Interval
    best_uplift: Interval
    over_drawn: Interval
    learned: LearnedPolicy
    on_the_way: LearnedPolicy
    contributions: dict[str, FloatArray]
    n: int


def learn(cells: CellSums) -> LearnedPolicy:
    """Choose the arm of each segment, and the best arm for all, from sums by segment and arm.

    Each segment takes the arm of which most is expected, when all segments are looked at.
    """
    believed = shrunken(cells)
    means = np.einsum("...ka,...k->...a", believed.means, cells.shares)
    best = means.argmax(axis=-1)
    return LearnedPolicy(believed.means.argmax(axis=-1), best, believed)


def value(campaign: RandomisedCampaign, seed: int, *, repetitions: int = REPETITIONS) -> PolicyValue:
    """Value the policy "arm by segment", the best single arm and control on accounts that did not choose.

    Parameters
    ----------
    seed
        The same seed puts the same number of accounts into the same order.
    repetitions
        Orders by chance that values are means over.
    """
    parts = _parts(len(campaign.arm), seed, repetitions)
    chosen = _chosen(campaign, parts)
    orders = [_valued(campaign, part, _at(chosen, number)) for number, part in enumerate(parts)]
    valued = 1 - LEARNED_FIRST / PARTS
    shared = valued + (1 - valued) / repetitions
    told = {}
    for place, name in enumerate(VALUES):
        mean, variance = (np.mean([one[what][place] for one in orders]) for what in (1, 2))
        told[name] = around(float(mean), float(np.sqrt(variance * (shared if name == "gain" else 1.0))))
    contributions = np.mean([one[0] for one in orders], axis=0)
    return PolicyValue(
        **told,
        learned=_at(learn(campaign.cells), 0),
        on_the_way=chosen,
        contributions=dict(zip(VALUES, contributions, strict=True)),
        n=len(campaign.arm),
    )


def around(mean: float, error: float) -> Interval:
    """Return a mean with its normal 95% interval."""
    return Interval(mean, mean - NORMAL_95 * error, mean + NORMAL_95 * error)


def _parts(n: int, seed: int, repetitions: int) -> IntArray:
    """Part 0 … PARTS - 1 of each account in orders by chance, (repetitions, n)."""
    filled = np.arange(n) * PARTS // n
    found = np.empty((repetitions, n), dtype=np.int64)
    for number, row in enumerate(found):
        row[np.random.default_rng(derive(seed, "policy", number)).permutation(n)] = filled
    return found


def _chosen(campaign: RandomisedCampaign, parts: IntArray) -> LearnedPolicy:
    """Choose for each order and part by all parts before, (repetitions, PARTS - LEARNED_FIRST, …)."""
    sums = [_cell_sums(campaign, part, PARTS) for part in parts]
    before = slice(LEARNED_FIRST - 1, PARTS - 1)
    n, total, squares = (
        np.stack([np.cumsum(getattr(one, name), axis=0)[before] for one in sums])
        for name in ("n", "total", "squares")
    )
    return learn(CellSums(n, total, squares))


def _cell_sums(campaign: RandomisedCampaign, part: IntArray, n_parts: int) -> CellSums:
    """Sum contacts by part, segment and arm, (n_parts, n_segments, n_arms)."""
    shape = (n_parts, campaign.n_segments, campaign.n_arms)
    place = np.ravel_multi_index((part, campaign.segment, campaign.arm), shape)
    return CellSums(
        *(
            np.bincount(place, weights, minlength=int(np.prod(shape))).astype(np.float64).reshape(shape)
            for weights in (None, campaign.outcome, campaign.outcome**2)
        )
    )


def _valued(
    campaign: RandomisedCampaign, part: IntArray, chosen: LearnedPolicy
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return contributions (7, n), their means (7,) and the means' variances (7,), ordered as `VALUES`."""
    rows = np.flatnonzero(part >= LEARNED_FIRST)
    own = part[rows] - LEARNED_FIRST
    found = _robust(campaign, rows, own, chosen)
    policy, best, control = found
    found = np.stack(
        [
            policy,
            best,
            control,
            policy - best,
            policy - control,
            best - control,
            best - campaign.outcome[rows],
        ]
    )
    n = np.bincount(own, minlength=PARTS - LEARNED_FIRST)
    centre = np.stack([np.bincount(own, one, minlength=len(n)) for one in found]) / n
    variance = ((found - centre[:, own]) ** 2).sum(axis=1) / len(rows) ** 2
    contributions = np.zeros((len(found), len(part)))
    contributions[:, rows] = found * (len(part) / len(rows))
    return contributions, found.mean(axis=1), variance


def _robust(campaign: RandomisedCampaign, rows: IntArray, own: IntArray, chosen: LearnedPolicy) -> FloatArray:
    """Doubly robust value of some accounts under policy, best single arm and control, (3, m)."""
    here, segment, arm = np.arange(len(rows)), campaign.segment[rows], campaign.arm[rows]
    means = chosen.believed.means[own, segment]
    surprise = (campaign.outcome[rows] - means[here, arm]) / campaign.chances[rows, arm]

    def under(given: IntArray) -> FloatArray:
        return np.asarray(means[here, given] + surprise * (arm == given))

    control = np.full(len(rows), np.nan)
    if campaign.control is not None:
        control = under(np.full(len(rows), campaign.control))
    return np.stack([under(chosen.arms[own, segment]), under(chosen.best_arm[own]), control])


def _at(chosen: LearnedPolicy, number: int) -> LearnedPolicy:
    """Take one case of several."""
    believed = chosen.believed
    return LearnedPolicy(
        chosen.arms[number],
        chosen.best_arm[number],
        Shrunken(believed.means[number], believed.covariances[number], believed.spread[number]),
    )

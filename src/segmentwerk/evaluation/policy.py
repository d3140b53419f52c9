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

One order is what the interval is right for: it holds the truth in 93 to 97 of 100 campaigns (measured:
docs/decisions/0016-effects-by-segment.md). Where candidates are ranked, which order chance gives should
decide nothing: there, values are means over `ORDERS`. Two orders that each value a share f of the accounts
share f of their noise where policies are the same, which leaves f + (1 - f) / R of the variance, and less
where they are not; the interval is then rather too wide.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.core.seeds import derive
from segmentwerk.core.types import Interval
from segmentwerk.evaluation.effects import CellSums, Shrunken, shrunken
from segmentwerk.evaluation.randomised import RandomisedCampaign

PARTS = 10
"""Equal parts of the accounts, in an order by chance."""
LEARNED_FIRST = 3
"""Parts that are only learned from."""
ORDERS = 10
"""Orders by chance that values are means over where candidates are ranked."""
NORMAL_95 = 1.959964
VALUES = ("policy", "best_arm", "control", "gain", "uplift", "best_uplift", "over_drawn")


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
        What was chosen for the parts that were valued, (orders, PARTS - LEARNED_FIRST, …).
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


@dataclass(frozen=True, eq=False)
class _Scores:
    """What an account of a part, segment and arm counts: ``base`` + ``slope`` times its outcome.

    Each is (orders, PARTS - LEARNED_FIRST, n_segments, n_arms).
    """

    base: FloatArray
    slope: FloatArray

    def __sub__(self, other: _Scores) -> _Scores:
        return _Scores(self.base - other.base, self.slope - other.slope)


def learn(cells: CellSums) -> LearnedPolicy:
    """Choose the arm of each segment, and the best arm for all, from sums by segment and arm.

    Each segment takes the arm of which most is expected, when all segments are looked at.
    """
    believed = shrunken(cells)
    means = np.einsum("...ka,...k->...a", believed.means, cells.shares)
    best = means.argmax(axis=-1)
    return LearnedPolicy(believed.means.argmax(axis=-1), best, believed)


def value(campaign: RandomisedCampaign, seed: int, *, orders: int = 1) -> PolicyValue:
    """Value the policy "arm by segment", the best single arm and control on accounts that did not choose.

    Parameters
    ----------
    seed
        The same seed puts the same number of accounts into the same orders.
    orders
        Orders by chance that values are means over.
    """
    n = len(campaign.arm)
    parts = _parts(n, seed, orders)
    sums = [campaign.cells_by(part, PARTS) for part in parts]
    before, after = (slice(LEARNED_FIRST - 1, PARTS - 1), slice(LEARNED_FIRST, PARTS))
    cells = CellSums(*(np.stack([getattr(one, name) for one in sums]) for name in ("n", "total", "squares")))
    chosen = learn(CellSums(*(np.cumsum(one, axis=1)[:, before] for one in _arrays(cells))))
    valued = CellSums(*(one[:, after] for one in _arrays(cells)))
    scores = _scores(campaign, chosen)
    contributions = _contributions(campaign, parts, scores)
    found = {name: _interval(valued, scores[name]) for name in VALUES}
    return PolicyValue(
        **found, learned=_at(learn(campaign.cells), 0), on_the_way=chosen, contributions=contributions, n=n
    )


def around(mean: float, error: float) -> Interval:
    """Return a mean with its normal 95% interval."""
    return Interval(mean, mean - NORMAL_95 * error, mean + NORMAL_95 * error)


def _parts(n: int, seed: int, orders: int) -> IntArray:
    """Part 0 … PARTS - 1 of each account in orders by chance, (orders, n)."""
    filled = np.arange(n) * PARTS // n
    found = np.empty((orders, n), dtype=np.int64)
    for number, row in enumerate(found):
        row[np.random.default_rng(derive(seed, "policy", number)).permutation(n)] = filled
    return found


def _arrays(cells: CellSums) -> tuple[FloatArray, FloatArray, FloatArray]:
    return cells.n, cells.total, cells.squares


def _scores(campaign: RandomisedCampaign, chosen: LearnedPolicy) -> dict[str, _Scores]:
    """Return what accounts count for each of `VALUES`: doubly robust under the arms that were chosen."""
    means = chosen.believed.means
    shape = means.shape[:-1]

    def under(arms: IntArray) -> _Scores:
        own = np.arange(campaign.n_arms) == arms[..., None]
        slope = own / campaign.chances
        return _Scores(np.take_along_axis(means, arms[..., None], axis=-1) - slope * means, slope)

    policy, best = under(chosen.arms), under(np.broadcast_to(chosen.best_arm[..., None], shape))
    control = _Scores(np.full_like(means, np.nan), np.full_like(means, np.nan))
    if campaign.control is not None:
        control = under(np.full(shape, campaign.control))
    drawn = _Scores(np.zeros_like(means), np.ones_like(means))
    told = (policy, best, control, policy - best, policy - control, best - control, best - drawn)
    return dict(zip(VALUES, told, strict=True))


def _contributions(
    campaign: RandomisedCampaign, parts: IntArray, scores: dict[str, _Scores]
) -> dict[str, FloatArray]:
    """Return what each account counts for each of `VALUES`, its mean over the orders (n,)."""
    n, outcome = len(campaign.arm), campaign.outcome
    alone = LEARNED_FIRST * campaign.n_segments * campaign.n_arms
    totals, times = np.zeros((3, n)), np.zeros(n)
    for number, part in enumerate(parts):
        rows = np.flatnonzero(part >= LEARNED_FIRST)
        places = campaign.places(part)[rows] - alone
        times[rows] += 1
        for total, name in zip(totals, VALUES, strict=False):
            base, slope = (getattr(scores[name], what)[number].ravel() for what in ("base", "slope"))
            total[rows] += base[places] + slope[places] * outcome[rows]
    policy, best, control = totals * (n / times.sum())
    drawn = times * (n / times.sum()) * outcome
    told = (policy, best, control, policy - best, policy - control, best - control, best - drawn)
    return dict(zip(VALUES, told, strict=True))


def _interval(valued: CellSums, score: _Scores) -> Interval:
    """Return a mean over orders with its interval."""
    base, slope = score.base, score.slope
    total = (valued.n * base + slope * valued.total).sum(axis=(-2, -1))
    squares = valued.n * base**2 + 2 * base * slope * valued.total + slope**2 * valued.squares
    n = valued.n.sum(axis=(-2, -1))  # (orders, parts)
    mean = total.sum(axis=1) / n.sum(axis=1)
    variance = (squares.sum(axis=(-2, -1)) - total**2 / n).sum(axis=1) / n.sum(axis=1) ** 2
    share = 1 - LEARNED_FIRST / PARTS
    shared = share + (1 - share) / len(mean)
    return around(float(mean.mean()), float(np.sqrt(np.maximum(variance, 0.0).mean() * shared)))


def _at(chosen: LearnedPolicy, number: int) -> LearnedPolicy:
    """Take one case of several."""
    believed = chosen.believed
    return LearnedPolicy(
        chosen.arms[number],
        chosen.best_arm[number],
        Shrunken(believed.means[number], believed.covariances[number], believed.spread[number]),
    )

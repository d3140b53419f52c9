"""What an arm brings beyond control, with intervals made of those of both arms.

An arm and control are independent, so that an interval of their difference, or ratio, is had from each one's
own (the method of variance estimates recovery: Newcombe 1998 for shares; Zou and Donner 2008, "Construction
of confidence limits about effect measures: a general approach", Statistics in Medicine 27). What each arm's
interval knows of its skewness stays: where control is small and few contacts buy, the usual interval with one
standard error for both sides (Welch) is too narrow (docs/decisions/0016-effects-by-segment.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import optimize
from tea_tasting import Proportion
from tea_tasting.aggr import Aggregates

from segmentwerk.measurement.arm_sums import product
from segmentwerk.measurement.intervals import (
    LEAST,
    Estimate,
    MeanOfContacts,
    Reading,
    ShareOfContacts,
    few_paying,
    mean_of,
    missing,
    skewness,
    third_moment,
)

EXPECTED = 5.0
"""Successes and failures that each arm must have for the normal approximation; else Fisher's exact test."""
SMALLEST_RISK, LARGEST_RISK = 1e-12, 0.999
"""Between which the risk of a difference is searched."""


@dataclass(frozen=True)
class Uplift:
    """How much more an arm brings than control: a contact, and relative to control (0.1: a tenth more)."""

    absolute: Reading
    relative: Reading


def uplift_of_share(control: Aggregates, arm: Aggregates, name: str, confidence: float) -> Uplift:
    """Compare the shares of an arm and of control, each contact apart."""
    gone = _absent(control, arm, name)
    if gone:
        return Uplift(gone, gone)
    first, second = (ShareOfContacts(one.count(), float(one.mean(name))) for one in (arm, control))
    return _uplift(first, second, confidence, share_pvalue(control, arm, name))


def uplift_of_money(control: Aggregates, arm: Aggregates, name: str, confidence: float) -> Uplift:
    """Compare the mean money of an arm and of control."""
    gone = _absent(control, arm, name)
    if gone:
        return Uplift(gone, gone)
    return _uplift(mean_of(arm, name), mean_of(control, name), confidence)


def sharpened(control: Aggregates, arm: Aggregates, name: str, before: str, confidence: float) -> Reading:
    """Compare money less what a column of before the contact explains of it (CUPED, Deng et al. 2013)."""
    gone = _absent(control, arm, name)
    if gone:
        return gone
    both = control + arm
    if not both.var(before) > 0:
        return uplift_of_money(control, arm, name, confidence).absolute
    slope, middle = both.cov(name, before) / both.var(before), both.mean(before)
    first, second = (_without(one, name, before, slope, middle) for one in (arm, control))
    return _uplift(first, second, confidence).absolute


def money_back(control: Aggregates, arm: Aggregates, name: str, confidence: float) -> Reading:
    """Return what came back of each unit of cost, less the unit: 0.5 is half more than was spent.

    The uplift of the money over the mean cost, less 1; in the arm, the cost of a contact and what it brought
    go together (delta method).
    """
    gone, n = _absent(control, arm, name), control.count() + arm.count()
    if gone and gone.absent != "no_variation":
        return gone
    cost = arm.mean("cost")
    if not cost > 0:
        return missing("no_cost", n)
    treated, base = mean_of(arm, name), mean_of(control, name)
    back = (treated.value - base.value) / cost
    spread = arm.var(name) - 2 * back * arm.cov(name, "cost") + back**2 * arm.var("cost")
    joint = MeanOfContacts(
        treated.n, treated.value, math.sqrt(max(spread, 0.0) / treated.n), treated.skewness
    )
    low, high = (end / cost - 1 for end in difference(joint, base, confidence))
    return Reading(back - 1, low, high, n)


def difference(first: Estimate, second: Estimate, confidence: float) -> tuple[float, float]:
    """Return both ends of the interval of one value less another.

    Examples
    --------
    Newcombe's ninth example (1998): 56 of 70 less 48 of 80.

    >>> ends = difference(ShareOfContacts(70, 56 / 70), ShareOfContacts(80, 48 / 80), 0.95)
    >>> [round(end, 4) for end in ends]
    [0.0524, 0.3339]
    """
    (low, high), (least, most) = first.ends(confidence), second.ends(confidence)
    gap = first.value - second.value
    below, above = (
        math.hypot(first.value - low, most - second.value),
        math.hypot(high - first.value, second.value - least),
    )
    return gap - below, gap + above


def ratio(first: Estimate, second: Estimate, confidence: float) -> tuple[float, float] | None:
    """Return both ends of the interval of one value over another, by logarithms; None where one may be 0."""
    (low, high), (least, most) = first.ends(confidence), second.ends(confidence)
    if not min(low, least) > 0:
        return None
    below = math.hypot(math.log(first.value / low), math.log(most / second.value))
    above = math.hypot(math.log(high / first.value), math.log(second.value / least))
    value = first.value / second.value
    return value * math.exp(-below), value * math.exp(above)


def risk(first: Estimate, second: Estimate) -> float:
    """Return the p-value of "no difference": the least risk whose interval leaves 0 out."""
    side = 0 if first.value > second.value else 1

    def end(one: float) -> float:
        return difference(first, second, 1 - one)[side]

    def beyond(one: float) -> bool:
        return end(one) > 0 if side == 0 else end(one) < 0

    if not beyond(LARGEST_RISK):
        return 1.0
    if beyond(SMALLEST_RISK):
        return SMALLEST_RISK
    return float(optimize.brentq(end, SMALLEST_RISK, LARGEST_RISK, xtol=SMALLEST_RISK))


def share_pvalue(control: Aggregates, arm: Aggregates, name: str) -> float:
    """Return the p-value of two shares: by the normal approximation, or exactly where successes are few."""
    least = min(one.count() * min(one.mean(name), 1 - one.mean(name)) for one in (control, arm))
    method = "norm" if least >= EXPECTED else "fisher"
    test = Proportion(name, method=method, correction=False)
    return float(test.analyze_aggregates(control, arm).pvalue)


def _absent(control: Aggregates, arm: Aggregates, name: str) -> Reading | None:
    """Say why two arms cannot be compared; None where they can."""
    n = control.count() + arm.count()
    if min(control.count(), arm.count()) < LEAST:
        return missing("few", n)
    if not control.var(name) + arm.var(name) > 0:
        return missing("no_variation", n)
    few = any(few_paying(one, name, control + arm) for one in (control, arm))
    return missing("few_paying", n) if few else None


def _uplift(arm: Estimate, control: Estimate, confidence: float, pvalue: float | None = None) -> Uplift:
    n, chance = arm.n + control.n, risk(arm, control) if pvalue is None else pvalue
    gap = arm.value - control.value
    absolute = Reading(gap, *difference(arm, control, confidence), n, pvalue=chance)
    ends = ratio(arm, control, confidence)
    if ends is None:
        return Uplift(absolute, missing("no_base", n))
    relative = Reading(gap / control.value, ends[0] - 1, ends[1] - 1, n, pvalue=chance)
    return Uplift(absolute, relative)


def _without(one: Aggregates, name: str, before: str, slope: float, middle: float) -> MeanOfContacts:
    """Return the mean of a column less a multiple of another's distance to its middle."""
    n, value = one.count(), float(one.mean(name) - slope * (one.mean(before) - middle))
    variance = one.var(name) - 2 * slope * one.cov(name, before) + slope**2 * one.var(before)
    cubes = (
        one.mean(product(name, name, name))
        - 3 * slope * one.mean(product(name, name, before))
        + 3 * slope**2 * one.mean(product(name, before, before))
        - slope**3 * one.mean(product(before, before, before))
    )
    third = third_moment(cubes, one.mean(name) - slope * one.mean(before), variance, n)
    return MeanOfContacts(n, value, math.sqrt(max(variance, 0.0) / n), skewness(third, variance, n))

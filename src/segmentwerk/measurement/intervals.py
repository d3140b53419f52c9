"""Values with their intervals, from sums: shares, means, and costs of what was reached.

Shares have Wilson's interval (Wilson 1927), means Student's with Hall's correction, differences of means
Welch's; the cost of a success is a ratio of means, whose logarithm has an interval by the delta method (Deng,
Knoblich and Lu 2018).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from scipy import stats
from tea_tasting import Mean, Proportion
from tea_tasting.aggr import Aggregates

from segmentwerk.measurement.arm_sums import cube

LEAST = 5
"""Contacts below which nothing is told: it would tell of single accounts."""
EXPECTED = 5.0
"""Successes and failures that each arm must have for the normal approximation; else Fisher's exact test."""
FLAT = 1e-6
"""Skewness of a mean below which Hall's cubic is a straight line."""


@dataclass(frozen=True)
class Reading:
    """One figure of one group of contacts.

    Attributes
    ----------
    value, low, high
        NaN where it is absent; the ends are those of the interval.
    n
        Contacts that it stands on.
    absent
        Why it cannot be computed, as a key that every language has words for; empty if it can.
    pvalue, adjusted
        Of a comparison: the risk of seeing as much where there is nothing, alone, and over all segments.
    """

    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    n: int = 0
    absent: str = ""
    pvalue: float = math.nan
    adjusted: float = math.nan

    def times(self, factor: float) -> Reading:
        """Return the reading in another unit."""
        low, high = sorted((self.low * factor, self.high * factor))
        return replace(self, value=self.value * factor, low=low, high=high)


def missing(reason: str, n: int = 0) -> Reading:
    """Return what stands in the place of a figure that cannot be computed."""
    return Reading(n=n, absent=reason)


def share(one: Aggregates, name: str, confidence: float) -> Reading:
    """Return the share of contacts with a flag, with Wilson's interval.

    Examples
    --------
    >>> found = share(Aggregates(100, {"x": 0.2}, {"x": 0.16}), "x", 0.95)
    >>> round(found.low, 3), round(found.high, 3)
    (0.133, 0.289)
    """
    n = one.count()
    if n < LEAST:
        return missing("few", n)
    test = stats.binomtest(round(one.mean(name) * n), n)
    found = test.proportion_ci(confidence, method="wilson")
    return Reading(float(one.mean(name)), float(found.low), float(found.high), n)


def mean(one: Aggregates, name: str, confidence: float) -> Reading:
    """Return a mean with Student's interval, moved by the skewness of its error where cubes are summed.

    Few customers spend much, so that Student's own interval is too low on both sides (Hall 1992, "On the
    removal of skewness by transformation", JRSS B 54; inverse by Zhou and Gao 2000).
    """
    n = one.count()
    if n < LEAST:
        return missing("few", n)
    value, spread = float(one.mean(name)), math.sqrt(one.var(name) / n)
    reach, skewness = float(stats.t.ppf((1 + confidence) / 2, n - 1)), _skewness(one, name)
    low, high = (value - spread * _unskewed(end, skewness / math.sqrt(n)) for end in (reach, -reach))
    return Reading(value, low, high, n)


def _skewness(one: Aggregates, name: str) -> float:
    """Return the skewness of a column, as `scipy.stats.skew` does; 0 where nothing varies or is summed."""
    m, variance = one.mean(name), one.var(name) * (one.count() - 1) / one.count()
    if cube(name) not in one.mean_ or not variance > 0:
        return 0.0
    third = one.mean(cube(name)) - 3 * m * (variance + m**2) + 2 * m**3
    return float(third / variance**1.5)


def _unskewed(quantile: float, skewness: float) -> float:
    """Return the value of a studentised mean that Hall's cubic takes to a quantile of Student's t."""
    if abs(skewness) < FLAT:
        return quantile
    inner = 1 + skewness * (quantile - skewness / 6)
    return float(3 / skewness * (math.copysign(abs(inner) ** (1 / 3), inner) - 1))


def cost_per(one: Aggregates, name: str, confidence: float) -> Reading:
    """Return the cost of one success, such as a conversion."""
    n = one.count()
    if n < LEAST:
        return missing("few", n)
    if not one.mean(name) > 0:
        return missing("no_success", n)
    if not one.mean("cost") > 0:
        return missing("no_cost", n)
    value = one.mean("cost") / one.mean(name)
    spread = math.sqrt(max(one.ratio_var("cost", name), 0.0) / n) / value
    reach = math.exp(stats.norm.ppf((1 + confidence) / 2) * spread)
    return Reading(value, value / reach, value * reach, n)


@dataclass(frozen=True)
class Uplift:
    """How much more an arm brings than control: a contact, and relative to control (0.1: a tenth more)."""

    absolute: Reading
    relative: Reading


def uplift(
    control: Aggregates, arm: Aggregates, name: str, confidence: float, *, before: str | None = None
) -> Uplift:
    """Compare the means of an arm and of control, each contact apart (Welch).

    Parameters
    ----------
    before
        A column of before the contact that explains a part of the spread (CUPED, Deng et al. 2013).
    """
    n = control.count() + arm.count()
    if min(control.count(), arm.count()) < LEAST:
        return Uplift(missing("few", n), missing("few", n))
    if not control.var(name) + arm.var(name) > 0:
        return Uplift(missing("no_variation", n), missing("no_variation", n))
    found = Mean(name, before, confidence_level=confidence, equal_var=False, use_t=True).analyze_aggregates(
        control, arm
    )
    absolute = Reading(
        found.effect_size,
        float(found.effect_size_ci_lower),
        float(found.effect_size_ci_upper),
        n,
        pvalue=found.pvalue,
    )
    ends = [float(found.rel_effect_size), float(found.rel_effect_size_ci_lower)]
    ends.append(float(found.rel_effect_size_ci_upper))
    if not (control.mean(name) > 0 and arm.mean(name) > 0 and all(map(math.isfinite, ends))):
        return Uplift(absolute, missing("no_base", n))
    return Uplift(absolute, Reading(ends[0], ends[1], ends[2], n, pvalue=found.pvalue))


def share_pvalue(control: Aggregates, arm: Aggregates, name: str) -> float:
    """Return the p-value of two shares: by the normal approximation, or exactly where successes are few."""
    least = min(one.count() * min(one.mean(name), 1 - one.mean(name)) for one in (control, arm))
    method = "norm" if least >= EXPECTED else "fisher"
    test = Proportion(name, method=method, correction=False)
    return float(test.analyze_aggregates(control, arm).pvalue)


def money_back(control: Aggregates, arm: Aggregates, name: str, confidence: float) -> Reading:
    """Return what came back of each unit of cost, less the unit: 0.5 is half more than was spent.

    The uplift of the money over the mean cost, less 1, with an interval by the delta method in which the cost
    of a contact and what it brought go together.
    """
    n = control.count() + arm.count()
    if min(control.count(), arm.count()) < LEAST:
        return missing("few", n)
    cost = arm.mean("cost")
    if not cost > 0:
        return missing("no_cost", n)
    ratio = (arm.mean(name) - control.mean(name)) / cost
    spread = arm.var(name) - 2 * ratio * arm.cov(name, "cost") + ratio**2 * arm.var("cost")
    scale = math.sqrt(max(spread, 0.0) / arm.count() + control.var(name) / control.count()) / cost
    reach = float(stats.norm.ppf((1 + confidence) / 2)) * scale
    return Reading(ratio - 1, ratio - 1 - reach, ratio - 1 + reach, n)

"""Values of one group of contacts with their intervals, from sums: shares, means, costs of what was reached.

Shares have Wilson's interval (Wilson 1927), means Student's with Hall's correction; the cost of a success is
a ratio of means, whose logarithm has an interval by the delta method (Deng, Knoblich and Lu 2018).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol

from scipy import special, stats
from tea_tasting.aggr import Aggregates

from segmentwerk.measurement.arm_sums import brought, product

LEAST = 5
"""Contacts below which nothing is told: it would tell of single accounts."""
FEWEST_PAYING = 5
"""Contacts that must have brought money for an interval of it (docs/decisions/0016-effects-by-segment.md)."""
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


class Estimate(Protocol):
    """A value of one group of contacts whose interval can be had at any confidence."""

    @property
    def n(self) -> int:
        """Contacts that it stands on."""

    @property
    def value(self) -> float:
        """The value that was seen."""

    def ends(self, confidence: float) -> tuple[float, float]:
        """Return both ends of the interval."""


@dataclass(frozen=True)
class ShareOfContacts:
    """A share of ``n`` contacts."""

    n: int
    value: float

    def ends(self, confidence: float) -> tuple[float, float]:
        """Return Wilson's interval."""
        test = stats.binomtest(round(self.value * self.n), self.n)
        found = test.proportion_ci(confidence, method="wilson")
        return float(found.low), float(found.high)


@dataclass(frozen=True)
class MeanOfContacts:
    """A mean of ``n`` contacts with its standard error, and the skewness of that error.

    Few customers spend much, so that Student's own interval is too low on both sides (Hall 1992, "On the
    removal of skewness by transformation", JRSS B 54; inverse by Zhou and Gao 2000).

    Examples
    --------
    >>> low, high = MeanOfContacts(101, 5.0, 1.0, 0.0).ends(0.95)
    >>> round(low, 3), round(high, 3)
    (3.016, 6.984)
    """

    n: int
    value: float
    error: float
    skewness: float

    def ends(self, confidence: float) -> tuple[float, float]:
        """Return Student's interval moved by Hall's cubic."""
        reach = float(special.stdtrit(self.n - 1, (1 + confidence) / 2))
        low, high = (self.value - self.error * self._unskewed(end) for end in (reach, -reach))
        return low, high

    def _unskewed(self, quantile: float) -> float:
        """Return the value of a studentised mean that Hall's cubic takes to a quantile of Student's t."""
        if abs(self.skewness) < FLAT:
            return quantile
        inner = 1 + self.skewness * (quantile - self.skewness / 6)
        return 3 / self.skewness * (math.cbrt(inner) - 1)


def mean_of(one: Aggregates, name: str) -> MeanOfContacts:
    """Return the mean of a column; its error is taken as unskewed where no cubes are summed."""
    n, variance = one.count(), one.var(name)
    cubes = product(name, name, name)
    third = third_moment(one.mean(cubes), one.mean(name), variance, n) if cubes in one.mean_ else 0.0
    return MeanOfContacts(n, float(one.mean(name)), math.sqrt(variance / n), skewness(third, variance, n))


def third_moment(cubes: float, mean: float, variance: float, n: int) -> float:
    """Return the third central moment of contacts whose cubes have a mean."""
    squares = variance * (n - 1) / n + mean**2
    return cubes - 3 * mean * squares + 2 * mean**3


def skewness(third: float, variance: float, n: int) -> float:
    """Return the skewness of the mean of ``n`` contacts, from moments of one; 0 where nothing varies."""
    inside = variance * (n - 1) / n
    return third / inside**1.5 / math.sqrt(n) if inside > 0 else 0.0


def few_paying(one: Aggregates, name: str, together: Aggregates) -> bool:
    """Whether so few contacts brought money that no interval of it can be trusted.

    Asked of what the group brought, and of what it would if it were like those that it is told with: a group
    that only happens to have brought enough is not told either.
    """
    column, n = brought(name), one.count()
    if column not in one.mean_:
        return False
    return bool(min(round(one.mean(column) * n), together.mean(column) * n) < FEWEST_PAYING)


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
    found = ShareOfContacts(n, float(one.mean(name)))
    return Reading(found.value, *found.ends(confidence), n)


def mean(one: Aggregates, name: str, confidence: float, together: Aggregates | None = None) -> Reading:
    """Return a mean with its interval; ``together`` are the contacts of all arms."""
    n = one.count()
    if n < LEAST:
        return missing("few", n)
    if few_paying(one, name, together or one):
        return missing("few_paying", n)
    found = mean_of(one, name)
    return Reading(found.value, *found.ends(confidence), n)


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

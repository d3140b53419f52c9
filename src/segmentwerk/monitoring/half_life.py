"""Half-lives: after how long half of a segment's customers have left it, from what was seen between dates.

A customer's stay is taken to end at a constant rate. Only whether it ended between two dates is seen, not
when, so that the rate is estimated from interval-censored stays: one who stayed over d days has the
likelihood exp(-rate d), one who left 1 - exp(-rate d). The interval is that of the likelihood ratio
(Wilks 1938), which holds where nobody left, too. A customer that left and came back between two dates
counts as one who stayed: dates far apart show too long half-lives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import chi2

from segmentwerk.core.arrays import FloatArray
from segmentwerk.monitoring.movement import Movement

LEVEL = 0.95
_SLOWEST, _FASTEST = 1e-9, 50.0
"""Rates a day between which is searched."""


@dataclass(frozen=True)
class HalfLife:
    """How long a segment holds its customers.

    ``days`` is the half-life with its 95% interval; infinite where nobody left, NaN where the segment had no
    customers. ``stays`` counts customers over all pairs of dates, ``left`` those that left.
    """

    segment: int
    days: float
    low: float
    high: float
    stays: int
    left: int


def half_lives(movements: Sequence[Movement]) -> tuple[HalfLife, ...]:
    """Return the half-life of each segment, from all pairs of dates.

    Those who have no segment any more left it, too.
    """
    segments = sorted({segment for one in movements for segment in one.segments})
    return tuple(_of(segment, [one for one in movements if segment in one.segments]) for segment in segments)


def _of(segment: int, movements: Sequence[Movement]) -> HalfLife:
    days = np.array([one.days for one in movements], dtype=np.float64)
    stayed = np.array([one.stayed[segment] for one in movements], dtype=np.float64)
    left = np.array([one.before[segment] for one in movements], dtype=np.float64) - stayed
    counts = int(stayed.sum() + left.sum()), int(left.sum())
    if not counts[0]:
        return HalfLife(segment, *(float("nan"),) * 3, *counts)
    rate, slow, fast = _rate(days, stayed, left)
    half = np.log(2.0)
    return HalfLife(segment, _over(half, rate), _over(half, fast), _over(half, slow), *counts)


def _over(value: float, rate: float) -> float:
    return float(value / rate) if rate > 0 else float("inf")


def _rate(days: FloatArray, stayed: FloatArray, left: FloatArray) -> tuple[float, float, float]:
    """Return the likeliest rate a day and the ends of its interval; 0 where nobody left."""

    def likelihood(rate: float) -> float:
        ended = np.log(-np.expm1(-rate * days))
        return float((-rate * days * stayed).sum() + (left * ended)[left > 0].sum())

    def slope(rate: float) -> float:
        return float((-days * stayed).sum() + (left * days / np.expm1(np.minimum(rate * days, 500.0))).sum())

    best = 0.0
    if left.sum():
        best = float(brentq(slope, _SLOWEST, _FASTEST)) if stayed.sum() else _FASTEST
    limit = (likelihood(best) if best else 0.0) - chi2.ppf(LEVEL, 1) / 2
    return best, _end(likelihood, limit, _SLOWEST, best), _end(likelihood, limit, best, _FASTEST)


def _end(likelihood: Callable[[float], float], limit: float, low: float, high: float) -> float:
    """Return the rate at which the likelihood crosses the limit; the end of the range where it does not."""
    if high <= low:
        return high
    begin, end = max(low, _SLOWEST), high
    if (likelihood(begin) - limit) * (likelihood(end) - limit) > 0:
        return 0.0 if low == _SLOWEST else high
    return float(brentq(lambda rate: likelihood(rate) - limit, begin, end))

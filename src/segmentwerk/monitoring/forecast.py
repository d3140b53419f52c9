"""A Markov forecast of the segments' shares at the next date, and whether it may be shown.

Customers go from segment to segment by the shares seen before (a first-order Markov chain), some leave, and
new ones come. Every draw takes one of the past movements at random, so that periods that differ widen the
interval; its rows are drawn from the Dirichlet posterior over that movement's counts, with all movements
together as a prior that weighs like `PRIOR` customers a row; then customers are drawn, so that the interval
holds a new outcome and not only the mean. Entries are drawn likewise: their number from a gamma-Poisson,
their segments from a Dirichlet.

A forecast has to earn its place: every date that has a movement before it is forecast from what was known
then, and compared with "as today", the shares of the date before. It is shown only where it was closer and
its intervals held what happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.errors import InputError
from segmentwerk.core.seeds import derive
from segmentwerk.monitoring.movement import OUTSIDE, Movement

DRAWS = 2000
PRIOR = 10.0
"""Customers a row that all movements together count beside those of one."""
LEAST_COVERED = 0.8
"""Part of the tested shares that must have lain within their 95% intervals: too narrow ones mislead."""
LEAST_TESTED = 2
"""Dates that must have been forecast before a forecast is shown."""
SEASON = 1.5
"""By how much the longest of the periods may exceed the shortest for them to count as alike."""


@dataclass(frozen=True, eq=False)
class Forecast:
    """The shares that segments will have among the customers that have one.

    Attributes
    ----------
    shares
        Index ``segment_id``: ``share``, ``low``, ``high`` (95%) and ``today``.
    """

    until: date
    shares: pd.DataFrame


@dataclass(frozen=True)
class ForecastDate:
    """One date as it was forecast from the dates before.

    ``error`` and ``as_today`` are the share of the customers that the forecast, or the shares of the date
    before, put into another segment: half the sum of the absolute differences of shares (total variation).
    ``covered`` of ``segments`` shares lay within their interval.
    """

    until: date
    error: float
    as_today: float
    covered: int
    segments: int


@dataclass(frozen=True)
class Backtest:
    """How the forecast did on the dates there are."""

    dates: tuple[ForecastDate, ...]

    @property
    def error(self) -> float:
        """Mean error of the forecast; NaN where nothing was tested."""
        return float(np.mean([one.error for one in self.dates])) if self.dates else float("nan")

    @property
    def as_today(self) -> float:
        """Mean error of "as today"; NaN where nothing was tested."""
        return float(np.mean([one.as_today for one in self.dates])) if self.dates else float("nan")

    @property
    def better(self) -> int:
        """Number of dates on which the forecast was closer."""
        return sum(one.error < one.as_today for one in self.dates)

    @property
    def covered(self) -> float:
        """Part of the shares that lay within their intervals; NaN where nothing was tested."""
        total = sum(one.segments for one in self.dates)
        return sum(one.covered for one in self.dates) / total if total else float("nan")

    @property
    def closer(self) -> bool:
        """Whether the forecast was closer on average and on most of the dates."""
        return self.error < self.as_today and 2 * self.better > len(self.dates)

    @property
    def shown(self) -> bool:
        """Whether it was closer on at least `LEAST_TESTED` dates, and its intervals were wide enough."""
        return len(self.dates) >= LEAST_TESTED and self.closer and self.covered >= LEAST_COVERED


def backtest(movements: Sequence[Movement], *, seed: int) -> Backtest:
    """Forecast every date that has a movement before it, and compare with what happened.

    Parameters
    ----------
    movements
        As `movement.over` returns them: in the order of their dates, all with the same states.
    """
    return Backtest(
        tuple(_tested(movements[:place], movements[place], seed) for place in range(1, len(movements)))
    )


def forecast(movements: Sequence[Movement], *, seed: int, days: int | None = None) -> Forecast:
    """Forecast the shares at the date after the last, as far away as the last two are from each other.

    Parameters
    ----------
    days
        Until the date that is forecast; None: those of the last movement.

    Raises
    ------
    InputError
        If there is no movement, or they have different states.
    """
    _check(movements)
    last = movements[-1]
    until = last.until + timedelta(days=last.days if days is None else days)
    now = last.after.to_numpy(dtype=np.float64)
    draws = _drawn(movements, now, np.random.default_rng(derive(seed, f"forecast {until}")))
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    shares = {"share": draws.mean(axis=0), "low": low, "high": high, "today": _shares(now)}
    return Forecast(until, pd.DataFrame(shares, index=pd.Index(last.segments, name="segment_id")))


def alike(movements: Sequence[Movement]) -> bool:
    """Tell whether the periods are about equally long, which one matrix for all of them presumes."""
    days = [one.days for one in movements]
    return bool(days) and max(days) <= SEASON * min(days)


def _check(movements: Sequence[Movement]) -> None:
    if not movements:
        raise InputError("A forecast needs at least two dates.", "Monitor another date: as_of=[…,…].")
    if any(one.segments != movements[0].segments for one in movements):
        raise InputError("The movements are over different segments.", "Make them with one call of over().")


def _tested(past: Sequence[Movement], next_one: Movement, seed: int) -> ForecastDate:
    told = forecast(past, seed=seed, days=next_one.days).shares
    truth = _shares(next_one.after.to_numpy(dtype=np.float64))
    inside = (told["low"].to_numpy() <= truth) & (truth <= told["high"].to_numpy())
    return ForecastDate(
        next_one.until,
        _apart(told["share"].to_numpy(), truth),
        _apart(told["today"].to_numpy(), truth),
        int(inside.sum()),
        len(truth),
    )


def _apart(one: FloatArray, other: FloatArray) -> float:
    return float(np.abs(one - other).sum() / 2)


def _shares(counts: FloatArray) -> FloatArray:
    total = counts.sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(counts, total, out=np.zeros_like(counts), where=total > 0))


def _drawn(movements: Sequence[Movement], now: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return draws of the shares at the next date, (DRAWS, k)."""
    k = len(now)
    leaving = np.stack([_leaving(one) for one in movements])  # (n_periods, k, k + 1)
    coming = np.stack([_coming(one) for one in movements])  # (n_periods, k)
    prior = PRIOR * _rows(leaving.sum(axis=0))
    arrivals = PRIOR * _shares(coming.sum(axis=0) + 0.5)
    found = np.empty((DRAWS, k))
    for draw in range(DRAWS):
        period = rng.integers(len(movements))
        counts = np.zeros(k)
        for row in range(k):
            chances = _dirichlet(leaving[period, row] + prior[row], rng)
            counts += rng.multinomial(int(now[row]), chances)[:k]
        number = rng.poisson(rng.gamma(coming[period].sum() + 0.5))
        counts += rng.multinomial(number, _dirichlet(coming[period] + arrivals, rng))
        found[draw] = counts
    return _shares(found)


def _leaving(movement: Movement) -> FloatArray:
    """Return where the customers of each segment went: to segments, or out (the last column)."""
    segments = movement.segments
    inside = movement.accounts.loc[segments, segments].to_numpy(dtype=np.float64)
    outside = movement.accounts.loc[segments, list(OUTSIDE)].to_numpy(dtype=np.float64)
    return np.column_stack([inside, outside.sum(axis=1)])


def _coming(movement: Movement) -> FloatArray:
    """Return the customers that came into each segment from outside, (k,)."""
    rows = movement.accounts.loc[list(OUTSIDE), movement.segments].to_numpy(dtype=np.float64)
    return np.asarray(rows.sum(axis=0))


def _rows(counts: FloatArray) -> FloatArray:
    """Return shares by row; of an empty row, that all stay where they are."""
    found = _shares(counts)
    for row in np.flatnonzero(counts.sum(axis=1) == 0):
        found[row, row] = 1.0
    return found


def _dirichlet(weights: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Draw shares; where a weight is nothing, so is its share."""
    drawn = rng.gamma(weights)
    total = drawn.sum()
    return np.asarray(drawn / total if total > 0 else np.eye(1, len(weights), int(weights.argmax()))[0])

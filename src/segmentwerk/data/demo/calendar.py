"""The demo world's dates: those it has by itself, and the same years moved to a later as-of date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from segmentwerk.core.errors import InputError
from segmentwerk.data.demo import world
from segmentwerk.data.demo.world import Array


@dataclass(frozen=True)
class Calendar:
    """When the records of a world begin, are looked back on, and end; days count from ``start``.

    The company keeps thirty months of records before the as-of date and six after it, whenever that is. So a
    world of a later date is of the same age; its seasons stand where they belong.
    """

    start: date = world.START
    as_of: date = world.AS_OF
    until: date = world.OUTCOME_UNTIL

    @classmethod
    def at(cls, as_of: date | None) -> Calendar:
        """Return the calendar that looks back from a date; None: the world's own.

        Raises
        ------
        InputError
            If the date is no first of a month, or lies before the world's own.
        """
        if as_of is None:
            return cls()
        if as_of.day != 1 or as_of < world.AS_OF or as_of.year > world.LAST_YEAR:
            raise InputError(
                f"source.demo.as_of={as_of} is no date of the demo world.",
                f"Give the first of a month from {world.AS_OF} to {world.LAST_YEAR}-12-01.",
            )
        by = _months(as_of) - _months(world.AS_OF)
        return cls(*(moved(day, by) for day in (world.START, world.AS_OF, world.OUTCOME_UNTIL)))

    @property
    def days(self) -> int:
        """Days that records lie in."""
        return (self.until - self.start).days

    @property
    def as_of_day(self) -> int:
        """Days from the start to the as-of date."""
        return (self.as_of - self.start).days

    @cached_property
    def months(self) -> Array:
        """The months of the records, (n_months,) datetime64."""
        return np.arange(np.datetime64(self.start, "M"), np.datetime64(self.until, "M"))

    @cached_property
    def edges(self) -> Array:
        """The day on which each month begins, and the last one ends, (n_months + 1,)."""
        first, last = np.datetime64(self.start, "M"), np.datetime64(self.until, "M")
        begins = np.arange(first, last + 1).astype("datetime64[D]")
        return np.asarray((begins - np.datetime64(self.start)).astype(int))

    @property
    def campaigns(self) -> tuple[tuple[str, date], ...]:
        """Names and first days of the campaigns."""
        by = _months(self.as_of) - _months(world.AS_OF)
        return tuple((name, moved(day, by)) for name, day in world.CAMPAIGNS)


def moved(day: date, months: int) -> date:
    """Return the same day of a later month; days beyond the 28th do not occur here."""
    place = _months(day) + months
    return date(place // 12, place % 12 + 1, day.day)


def _months(day: date) -> int:
    return day.year * 12 + day.month - 1

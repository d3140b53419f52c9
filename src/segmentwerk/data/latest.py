"""The last plausible order: a typing error or a date that means never must not move the as-of date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import ibis

from segmentwerk.core.errors import InputError
from segmentwerk.data.contracts import Checked
from segmentwerk.data.hidden import FILE, ROW

EPOCH = date(1970, 1, 1)
NEVER = (date(2100, 1, 1) - EPOCH).days
"""From this day on a date stands for never, however many orders have it."""
YEAR = 366
GAPS = 20
"""A gap is odd from so many usual gaps between days with orders, and from a year."""
SHARE = 0.01
"""Share of all orders that may lie behind an odd gap; more are a business that began again."""


@dataclass(frozen=True)
class Latest:
    """The day of the last plausible order; ``odd`` counts the orders dated later.

    ``file``, ``row`` and ``year`` are those of the first odd one.
    """

    day: date
    odd: int = 0
    file: str = ""
    row: int | None = None
    year: int = 0


def latest(checked: Checked) -> Latest:
    """Return the last plausible order of a checked source that has orders.

    Raises
    ------
    InputError
        If no order has a plausible date.
    """
    orders = _numbered(checked.tables["orders"])
    counts = orders.group_by("day").aggregate(n=orders.count()).order_by("day")
    days = [(row["day"], row["n"]) for row in counts.to_pyarrow().to_pylist()]
    last, odd = split(days)
    if last >= NEVER:
        raise InputError("All orders are dated after the year 2099.", "Correct them, or set source.as_of.")
    if not odd:
        return Latest(EPOCH + timedelta(days=last))
    wrong = _numbered(checked.typed["orders"]).filter(lambda t: t["day"] > last)
    first = wrong.order_by(ROW).limit(1).select(FILE, ROW, year=wrong["ordered_at"].year())
    newest = first.to_pyarrow().to_pylist()[0]
    return Latest(EPOCH + timedelta(days=last), odd, newest[FILE] or "orders", newest[ROW], newest["year"])


def _numbered(orders: ibis.Table) -> ibis.Table:
    """Add the number of each order's day: calendars end before some dates that a database takes."""
    return orders.mutate(day=orders["ordered_at"].cast("date").epoch_days()).filter(
        lambda t: t["day"].notnull()
    )


def split(days: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return the last plausible day and how many orders are later.

    Parameters
    ----------
    days
        Each day with orders, as a number, and how many it has; sorted.

    Examples
    --------
    >>> split([(19_000, 5), (19_010, 4), (19_020, 900), (84_000, 1)])
    (19020, 1)
    """
    known = [(day, n) for day, n in days if day < NEVER] or list(days)
    odd, total = sum(n for _, n in days[len(known) :]), sum(n for _, n in days)
    beyond = 0
    for i in range(len(known) - 1, 1, -1):
        beyond += known[i][1]
        if beyond > max(1, SHARE * total):
            break
        usual = (known[i - 1][0] - known[0][0]) / (i - 1)
        if known[i][0] - known[i - 1][0] > max(YEAR, GAPS * usual):
            return known[i - 1][0], odd + beyond
    return known[-1][0], odd

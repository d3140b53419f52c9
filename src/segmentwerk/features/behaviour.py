"""Behavioural features: when and how much an account buys."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import Any

import ibis

from segmentwerk.core.exact import total
from segmentwerk.features.declare import (
    EVER,
    NOT_NEGATIVE,
    count,
    days_before,
    define,
    ratio,
    relative_change,
)

HALF_YEAR = 182
"""Days of one half of the trend."""
SETTLING = 30
"""Days of history that an earlier period must have at least to be compared with."""

_orders = partial(define, approach="behavioural", table="orders", level="orders", window=EVER)
_days = partial(define, approach="behavioural", table="orders", level="days", window=EVER)


def _bought(t: ibis.Table) -> Any:
    return t.amount > 0


def _last_order(t: ibis.Table, as_of: date) -> Any:
    return days_before(as_of, t.day.max(where=_bought(t)))


def _first_order(t: ibis.Table, as_of: date) -> Any:
    return days_before(as_of, t.day.min(where=_bought(t)))


def spent(t: ibis.Table, as_of: date, first: int, last: int) -> Any:
    """Sum the net money of the orders from ``first`` to ``last`` days before the date (``last`` excluded)."""
    since, until = (ibis.date(as_of - timedelta(days=days)) for days in (first, last))
    return total(ibis.ifelse((t.day >= since) & (t.day < until), t.amount, 0))


def _trend(t: ibis.Table, as_of: date) -> Any:
    """Compare money a day in the last half year with the half year before, as far as the account existed."""
    observed = _first_order(t, as_of) - HALF_YEAR
    observed = ibis.ifelse(observed >= SETTLING, ibis.least(observed, HALF_YEAR), ibis.null("int64"))
    before = spent(t, as_of, 2 * HALF_YEAR, HALF_YEAR) / observed.cast("float64")
    after = spent(t, as_of, HALF_YEAR, 0) / float(HALF_YEAR)
    return ibis.ifelse(observed.notnull(), relative_change(before, after), ibis.null("float64"))


def _seasonality(t: ibis.Table, as_of: date) -> Any:
    """Concentrate the sales on calendar quarters, rescaled from 1/4…1 to 0…1; needs a full year."""
    sold = t.sold.sum()
    squares = sum(
        ratio(ibis.ifelse(t.day.quarter() == quarter, t.sold, 0).sum(), sold) ** 2 for quarter in (1, 2, 3, 4)
    )
    full_year = _first_order(t, as_of) >= 365
    return ibis.ifelse(full_year, (squares - 0.25) / 0.75, ibis.null("float64"))


def _irregularity(t: ibis.Table, _: date) -> Any:
    """Divide the standard deviation of the gaps by their mean; needs two gaps."""
    n, gaps, squares = (x.cast("float64") for x in (t.gap.count(), t.gap.sum(), (t.gap * t.gap).sum()))
    variance = ibis.greatest(n * squares - gaps * gaps, 0.0) / (n * (n - 1.0)).nullif(0.0)
    return variance.sqrt() / (gaps / n.nullif(0.0))


DEFINITIONS = (
    _orders("recency_days", "days", "Days since the last order.", _last_order),
    _orders(
        "frequency",
        "orders",
        "Orders with a positive amount.",
        lambda t, _: count(_bought(t)),
    ),
    _orders("monetary", "money", "Revenue net of returns.", lambda t, _: total(t.amount)),
    _orders("tenure_days", "days", "Days since the first order.", _first_order),
    _days(
        "interpurchase_days",
        "days",
        "Mean days between two purchase days in a row.",
        lambda t, _: ratio(t.gap.sum(), t.gap.count()),
    ),
    _days(
        "interpurchase_cv",
        "ratio",
        "Irregularity: standard deviation of the days between purchases over their mean.",
        _irregularity,
    ),
    _orders(
        "trend",
        "-2 to 2",
        "Relative change of revenue a day, last half year against the half year before.",
        _trend,
        window="364 days before the date",
    ),
    _orders(
        "seasonality",
        "0 to 1",
        "Concentration of sales on calendar quarters: 0 even, 1 all in one.",
        _seasonality,
    ),
    _orders(
        "average_basket",
        "money",
        "Mean amount of an order.",
        lambda t, _: total(t.amount, _bought(t)) / count(_bought(t)).cast("float64").nullif(0.0),
        limits=NOT_NEGATIVE,
    ),
    _orders(
        "lines_per_order",
        "lines",
        "Mean number of lines of an order.",
        lambda t, _: ratio(t.lines.sum(where=_bought(t)), count(_bought(t))),
    ),
    _orders(
        "return_rate",
        "share",
        "Returned and credited money as a share of the money sold.",
        lambda t, _: ratio(t.returned.sum(), t.sold.sum()),
        limits=(0.0, 10.0),  # what was sold before the first known order may come back, too
    ),
)

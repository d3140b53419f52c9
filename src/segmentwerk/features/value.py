"""Value features: what an account is worth."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Any

import ibis

from segmentwerk.core.exact import total
from segmentwerk.features.behaviour import SETTLING, spent
from segmentwerk.features.declare import EVER, YEAR, days_before, define, ratio, relative_change

_orders = partial(define, approach="value", table="orders", level="orders", window=EVER)


def _growth(t: ibis.Table, as_of: date) -> Any:
    """Compare the last year with the year before, as far as the account existed, in money a day."""
    observed = days_before(as_of, t.day.min(where=t.amount > 0)) - 365
    observed = ibis.ifelse(observed >= SETTLING, ibis.least(observed, 365), ibis.null("int64"))
    before = spent(t, as_of, 730, 365) / observed.cast("float64")
    after = spent(t, as_of, 365, 0) / 365.0
    return ibis.ifelse(observed.notnull(), relative_change(before, after), ibis.null("float64"))


DEFINITIONS = (
    _orders(
        "revenue_12m",
        "money",
        "Revenue net of returns.",
        lambda t, as_of: spent(t, as_of, 365, 0),
        window=YEAR,
    ),
    _orders(
        "growth",
        "-2 to 2",
        "Relative change of revenue a day, last year against the year before.",
        _growth,
        window="730 days before the date",
    ),
    _orders(
        "largest_order_share",
        "share",
        "Concentration of revenue: largest order as a share of all orders.",
        lambda t, _: ratio(t.amount.max(), ibis.greatest(t.amount, 0).sum()),
    ),
    _orders(
        "margin_rate",
        "share",
        "Margin as a share of the revenue whose margin is known.",
        lambda t, _: ratio(t.profit.sum(), t.costed.sum()),
        limits=(-10.0, 10.0),  # it may be sold below cost, and returns make the revenue small
        needs=("orders.margin",),
    ),
    _orders(
        "historic_value",
        "money",
        "Historic customer value: margin earned so far.",
        lambda t, _: total(t.profit),
        needs=("orders.margin",),
    ),
)

"""What was known at the as-of date, and what the outcome window holds."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

import ibis

from segmentwerk.core.exact import MONEY, whole
from segmentwerk.core.types import Window
from segmentwerk.features.declare import Tables
from segmentwerk.features.rollup import MEMBERS

_DATED_BY = {
    "orders": "ordered_at",
    "opportunities": "opened_on",
    "activities": "occurred_at",
    "surveys": "answered_on",
    "choices": "answered_on",
    "campaigns": "contacted_at",
}


def midnight(day: date) -> Any:
    """Return the first moment of a day as an Ibis timestamp."""
    return ibis.timestamp(datetime.combine(day, time()))


def cut(tables: Tables, as_of: date) -> dict[str, ibis.Table]:
    """Keep the records dated before midnight of the as-of date, each as it stood then.

    A record without a date cannot be shown to be earlier and is left out, except that an account of
    unknown creation counts as known. A table without its date column is taken as earlier as a whole.
    """
    known = {name: _before(table, _DATED_BY.get(name, ""), as_of) for name, table in tables.items()}
    for name in {"accounts", MEMBERS} & set(known):
        if "created_on" in tables[name].columns:
            created = tables[name].created_on.cast("timestamp")
            known[name] = tables[name].filter(created.isnull() | (created < midnight(as_of)))
    if "opportunities" in known:
        known["opportunities"] = _as_it_stood(known["opportunities"], as_of)
    return known


def _before(table: ibis.Table, column: str, as_of: date) -> ibis.Table:
    if column not in table.columns:
        return table
    return table.filter(table[column].cast("timestamp") < midnight(as_of))


def _as_it_stood(opportunities: ibis.Table, as_of: date) -> ibis.Table:
    """Reopen the opportunities that were closed at or after the as-of date."""
    if "closed_on" not in opportunities.columns:
        return opportunities
    closed = opportunities.closed_on.cast("timestamp") < midnight(as_of)
    return opportunities.mutate(
        stage=ibis.ifelse(closed.fill_null(False), opportunities.stage, "open"),
        closed_on=ibis.ifelse(closed, opportunities.closed_on, ibis.null(opportunities.closed_on.type())),
    )


def outcomes(tables: Tables, window: Window) -> dict[str, ibis.Table]:
    """Aggregate the outcome window by account: ``as_of <= day < outcome_until``, the last day excluded.

    Returns relations with ``account_id`` and their outcome columns: ``future_revenue`` (net of returns)
    and ``active`` (an order with a positive amount) from orders, ``responded`` from campaigns.
    """
    if window.outcome_until is None:
        return {}
    by_name = {}
    if "orders" in tables:
        by_name["orders"] = _future_orders(_between(tables["orders"], "ordered_at", window))
    if "campaigns" in tables and "responded" in tables["campaigns"].columns:
        contacts = _between(tables["campaigns"], "contacted_at", window)
        by_name["campaigns"] = contacts.group_by("account_id").agg(
            responded=contacts.responded.cast("float64").max()
        )
    return by_name


def _between(table: ibis.Table, column: str, window: Window) -> ibis.Table:
    assert window.outcome_until is not None
    moment = table[column].cast("timestamp")
    return table.filter(moment >= midnight(window.as_of), moment < midnight(window.outcome_until))


def _future_orders(orders: ibis.Table) -> ibis.Table:
    lines = orders.mutate(amount=whole(orders.revenue))
    order = lines.group_by("account_id", "order_id").agg(amount=lines.amount.sum())
    return order.group_by("account_id").agg(
        future_revenue=order.amount.sum().cast("float64") * MONEY,
        active=ibis.ifelse(order.amount > 0, 1, 0).max().cast("float64"),
    )

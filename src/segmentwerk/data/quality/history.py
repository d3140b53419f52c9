"""Checks of dates: freshness, dates far from all others, accounts without orders."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from segmentwerk.data.hidden import ROW
from segmentwerk.data.quality.findings import Finding, Inspection, fetch
from segmentwerk.data.quality.probes import examples

DATES = {
    "orders": "ordered_at",
    "opportunities": "opened_on",
    "activities": "occurred_at",
    "surveys": "answered_on",
    "campaigns": "contacted_at",
}
STALE = timedelta(days=90)
FAR = timedelta(days=180)


def check_fresh(inspection: Inspection) -> Iterator[Finding]:
    """Q020 the last record before the as-of date is at most 90 days older than it."""
    title = "records are fresh"
    for name, column in DATES.items():
        table = inspection.table(name, column)
        if table is None or inspection.as_of is None:
            yield Finding("Q020", title, "warning", "not_applicable", name, title)
            continue
        last = _day(table.filter(table[column] < inspection.as_of)[column].max().execute())
        if last is not None and inspection.as_of - last <= STALE:
            yield Finding("Q020", title, "warning", "passed", name, f"last record before as-of: {last}")
        else:
            yield Finding("Q020", title, "warning", "failed", name, f"last record before as-of: {last}")


def check_far_dates(inspection: Inspection) -> Iterator[Finding]:
    """Q021 dates half a year or more outside the span of the middle 99.8%."""
    title = "dates lie together"
    for name, column in DATES.items():
        table = inspection.table(name, column)
        if table is None:
            yield Finding("Q021", title, "warning", "not_applicable", name, title)
            continue
        low, high = _span(inspection.sample(name, column)[0], column)
        if low is None:
            yield Finding("Q021", title, "warning", "not_applicable", name, title)
            continue
        days = _numbered(table, column)
        far = table.filter((days < low - FAR.days) | (days > high + FAR.days))
        count = int(far.count().execute())
        message = f"{column} more than {FAR.days} days from all others" if count else title
        shown = examples(far) if count else ()
        status: Any = "failed" if count else "passed"
        of = inspection.checked.rows[name]
        yield Finding("Q021", title, "warning", status, name, message, count, of, shown)


def _span(table: Any, column: str) -> Any:
    """Return the first and the last day of the middle 99.8%, as numbers; None where there is no date."""
    days = _numbered(table, column)
    known = fetch(table.aggregate(n=days.count()))[0]["n"]
    out = max(0.001, 1 / max(known - 1, 1))  # of few the last but one, so that no odd one hides itself
    return fetch(table.aggregate(low=days.quantile(out), high=days.quantile(1 - out)))[0].values()


def _numbered(table: Any, column: str) -> Any:
    return table[column].cast("date").epoch_days()


def check_idle(inspection: Inspection) -> Iterator[Finding]:
    """Q023 accounts without any order: prospects."""
    title = "accounts have orders"
    accounts, orders = inspection.table("accounts"), inspection.table("orders")
    if accounts is None or orders is None:
        yield Finding("Q023", title, "info", "not_applicable", "accounts", title)
        return
    idle = accounts.filter(accounts["account_id"].notnull()).anti_join(orders, "account_id")
    count, of = int(idle.count().execute()), inspection.checked.rows["accounts"]
    if count:
        message = "accounts without an order: prospects"
        yield Finding(
            "Q023", title, "info", "failed", "accounts", message, count, of, examples(idle.select(ROW))
        )
    else:
        yield Finding("Q023", title, "info", "passed", "accounts", title, 0, of)


def _day(value: Any) -> date | None:
    if value is None or value != value:  # NaT is not equal to itself
        return None
    return value.date() if isinstance(value, datetime) else value

"""Who was contacted, and what followed: one row an account and campaign, in the backend of the source.

What an account did is either told by the campaigns' own table, or taken from its orders between the contact
and the end of the window. Money before the contact is that of the orders, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from segmentwerk.core.exact import total, whole

Tables = Mapping[str, ibis.Table]

COLUMNS = (
    "account_id",
    "campaign",
    "segment_id",
    "arm",
    "begin",
    "end",
    "known",
    "cost",
    "responded",
    "lead",
    "converted",
    "revenue",
    "margin",
    "before",
    "late",
)
"""Of a table of contacts: outcomes are numbers, null where nothing is told of them; flags are 0 or 1.

``known`` is 1 where the account existed when it was contacted, ``before`` the revenue before the contact,
``late`` 1 where an order came after the window, within as many days again.
"""
OUTCOMES = ("responded", "lead", "converted", "revenue", "margin")
KEY = ("account_id", "campaign")
TEXTS = ("account_id", "campaign", "arm")


@dataclass(frozen=True)
class Spans:
    """Days after the contact in which orders count, days before it, and the day before which all is known."""

    window_days: int
    before_days: int
    until: date


def from_campaigns(tables: Tables, segments: pd.DataFrame, spans: Spans) -> ibis.Table:
    """Return the contacts of the table ``campaigns`` that were made before ``spans.until``.

    Several contacts of an account in one campaign are one: from the first on, with the cost of all. An
    account that stands in several arms has the arm null.

    Parameters
    ----------
    tables
        Checked tables of one backend.
    segments
        ``account_id``, ``campaign`` and ``segment_id``: the segment at the time of the contact, -1 for none.
    """
    rows = tables["campaigns"]
    rows = rows.filter(rows.contacted_at < _moment(spans.until))
    told = {name: rows[name].max() for name in ("responded", "converted") if name in rows.columns}
    told |= {name: total(whole(rows[name])) for name in ("cost", "revenue") if name in rows.columns}
    one = rows.group_by(account_id=rows.account_id.cast("string"), campaign=rows.campaign_id).aggregate(
        arm=rows.arm.min(), other=rows.arm.max(), begin=rows.contacted_at.min(), **told
    )
    one = one.mutate(
        arm=ibis.cases((one.arm == one.other, one.arm), else_=ibis.null("string")),
        end=one.begin + ibis.interval(days=spans.window_days),
    ).drop("other")
    if "responded" in told:
        one = one.mutate(lead=one.responded)
    return _complete(one, tables, segments[[*KEY, "segment_id"]], spans)


def from_ledger(tables: Tables, ledger: pd.DataFrame, costs: Mapping[str, float], spans: Spans) -> ibis.Table:
    """Return the contacts that were recorded when measures were planned, with the orders that followed.

    Parameters
    ----------
    ledger
        Rows of the ledger: ``account_id``, ``segment_id``, ``campaign``, ``measure``, ``arm``, ``from_date``
        and ``until_date``.
    costs
        Money an account by measure; a measure that is not there has no cost that is known.
    """
    rows = ledger.drop_duplicates([*KEY, "arm"])
    torn = rows.duplicated(list(KEY), keep=False)
    begin = pd.to_datetime(rows["from_date"])
    end = pd.to_datetime(rows["until_date"]).fillna(begin + pd.Timedelta(days=spans.window_days))
    one = pd.DataFrame(
        {
            "account_id": rows["account_id"].astype(object),
            "campaign": rows["campaign"].astype(object),
            "segment_id": rows["segment_id"].astype("int64"),
            "arm": rows["arm"].astype(object).where(~torn, None),
            "begin": begin.astype("datetime64[us]"),
            "end": end.astype("datetime64[us]"),
            "cost": np.where(rows["arm"] == "control", 0.0, rows["measure"].map(dict(costs))),
        }
    ).drop_duplicates(list(KEY))
    one = one[one["begin"] < pd.Timestamp(spans.until)]
    return _complete(_uploaded(one.drop(columns="segment_id")), tables, one[[*KEY, "segment_id"]], spans)


def kept(contacts: ibis.Table) -> ibis.Table:
    """Return the contacts computed once, as a temporary table of their backend, gone with its connection.

    Its rows are in the order of the accounts: sums of them depend on the order in their last digits.
    """
    backend = ibis.get_backend(contacts)
    return backend.create_table(ibis.util.gen_name("contacts"), contacts.order_by(*KEY), temp=True)


def _uploaded(frame: pd.DataFrame) -> ibis.Table:
    """Return a frame as a table in memory, its texts as Arrow keeps them: no object an account."""
    columns = {
        name: pa.array(frame[name], type=pa.string() if name in TEXTS else None, from_pandas=True)
        for name in frame
    }
    return ibis.memtable(pa.table(columns))


def _complete(one: ibis.Table, tables: Tables, segments: pd.DataFrame, spans: Spans) -> ibis.Table:
    """Add segments, orders and whether the account existed; what nothing is told of becomes null."""
    one = one.left_join(_uploaded(segments), list(KEY)).drop("account_id_right", "campaign_right")
    found = one.mutate(segment_id=one.segment_id.fill_null(-1).cast("int64"))
    if "orders" in tables:
        found = _with_orders(found, tables["orders"], spans)
    if "opportunities" in tables and "lead" not in found.columns:
        found = _with_leads(found, tables["opportunities"], spans)
    found = _with_known(found, tables)
    absent = {name: ibis.null("float64") for name in COLUMNS if name not in found.columns}
    found = found.mutate(**absent)
    numbers = {name: found[name].cast("float64") for name in ("cost", *OUTCOMES, "before", "late")}
    moments = {name: found[name].cast("timestamp") for name in ("begin", "end")}  # of one precision
    return found.mutate(**numbers, **moments).select(*COLUMNS)


def _with_orders(found: ibis.Table, orders: ibis.Table, spans: Spans) -> ibis.Table:
    """Add what was ordered before, within and after the window; what campaigns tell themselves stays."""
    margin = orders.margin if "margin" in orders.columns else ibis.null("float64")
    lines = orders.select(
        buyer=orders.account_id.cast("string"),
        day=orders.ordered_at,
        money=whole(orders.revenue),
        earned=whole(margin),
    )
    lines = lines.filter(lines.day < _moment(spans.until))
    spans_of = found.select("account_id", "campaign", "begin", "end")
    t = spans_of.inner_join(lines, spans_of.account_id == lines.buyer)
    within, after = (t.day >= t.begin) & (t.day < t.end), (t.day >= t.end)
    after &= t.day < t.end + ibis.interval(days=spans.window_days)
    before = (t.day < t.begin) & (t.day >= t.begin - ibis.interval(days=spans.before_days))
    sums: dict[str, Any] = {"before": total(t.money, before)}
    own = "converted" not in found.columns and "revenue" not in found.columns
    if own:
        sums |= {
            "converted": (within & (t.money > 0)).ifelse(1, 0).max(),
            "revenue": total(t.money, within),
            "late": (after & (t.money > 0)).ifelse(1, 0).max(),
        }
        if "margin" in orders.columns:
            sums["margin"] = total(t.earned, within)
    made = t.group_by(account_id=t.account_id, campaign=t.campaign).aggregate(**sums)
    joined = found.left_join(made, list(KEY)).drop("account_id_right", "campaign_right")
    # A margin that no order tells stays unknown: else nobody's would look like nothing earned.
    return joined.mutate(**{name: joined[name].fill_null(0) for name in sums if name != "margin"})


def _with_leads(found: ibis.Table, opportunities: ibis.Table, spans: Spans) -> ibis.Table:
    """Add whether an opportunity was opened within the window."""
    if "opened_on" not in opportunities.columns:
        return found
    opened = opportunities.select(
        who=opportunities.account_id.cast("string"), day=opportunities.opened_on.cast("timestamp")
    )
    opened = opened.filter(opened.day < _moment(spans.until))
    of = found.select("account_id", "campaign", "begin", "end")
    t = of.inner_join(opened, of.account_id == opened.who)
    inside = (t.day >= t.begin) & (t.day < t.end)
    made = t.group_by(account_id=t.account_id, campaign=t.campaign).aggregate(lead=inside.ifelse(1, 0).max())
    joined = found.left_join(made, list(KEY)).drop("account_id_right", "campaign_right")
    return joined.mutate(lead=joined.lead.fill_null(0))


def _with_known(found: ibis.Table, tables: Tables) -> ibis.Table:
    """Add whether the account existed when it was contacted; of unknown age it did."""
    accounts = tables.get("accounts")
    if accounts is None or "created_on" not in accounts.columns:
        return found.mutate(known=ibis.literal(1))
    since = accounts.select(who=accounts.account_id.cast("string"), since=accounts.created_on)
    joined = found.left_join(since, found.account_id == since.who).drop("who")
    early = (joined.begin.cast("date") < joined.since.cast("date")).fill_null(False)
    return joined.mutate(known=ibis.cases((early, 0), else_=1)).drop("since")


def _moment(day: date) -> Any:
    return ibis.timestamp(day.isoformat())

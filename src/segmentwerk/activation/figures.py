"""What the business has of each account and of each segment, in money, as of a date.

A year is the 365 days before the as-of date; money is net of returns. A figure that the tables cannot give
is left out, and `Book.absent` says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd

from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.errors import InputError

Tables = Mapping[str, ibis.Table]

YEAR = 365
SLACK = 31
"""Days by which the first order may come after the beginning of the year before, for it to count as whole."""
SUMS = (
    "accounts",
    "customers",
    "prospects",
    "revenue",
    "revenue_before",
    "margin",
    "margin_revenue",
    "potential",
    "predicted",
    "bought_before",
    "stayed",
    "contacted",
    "responded",
    "reachable_accounts",
)
"""What is summed over the accounts of a segment; every other figure is made of these."""
CONTACTS = ("email", "phone", "post")
"""Channels of which one must be open for an account to count as reachable."""
REASONS = {
    "margin": "no_margin",
    "margin_rate": "no_margin",
    "growth": "short_history",
    "retention": "short_history",
    "potential": "no_potential",
    "share_of_wallet": "no_potential",
    "predicted": "no_prediction",
    "response": "no_campaigns",
    "reachable": "no_contacts",
}
"""Why a figure is absent, as a key that every language has words for."""


@dataclass(frozen=True)
class Book:
    """One row an account, index ``account_id`` sorted and unique.

    Columns are those of `SUMS` that the tables give, and ``recency_days`` (NaN without an order). Counts are
    0 or 1 an account; money is that of the last year, ``revenue_before`` that of the year before it.
    ``absent``: figures that cannot be computed, with a key of `REASONS`.
    """

    accounts: pd.DataFrame
    as_of: date
    absent: dict[str, str] = field(default_factory=dict)


def book(
    tables: Tables,
    ids: pd.Index,
    as_of: date,
    *,
    potential: pd.Series | None = None,
    predicted: pd.Series | None = None,
    reachable: pd.DataFrame | None = None,
) -> Book:
    """Gather what the business has of each account.

    Parameters
    ----------
    tables
        Checked tables of one Ibis backend.
    ids
        Ids of the accounts, text.
    potential, predicted
        Money a year and account that could be sold more, and that is predicted (by account id).
    reachable
        One bool column a channel (by account id): whether the account may be addressed by it.

    Raises
    ------
    InputError
        If an account comes twice.
    """
    if ids.has_duplicates:
        twice = int(ids.duplicated().sum())
        raise InputError(f"{twice} accounts come twice.", "Make account_id unique in the source.")
    rows = pd.DataFrame(index=pd.Index(sorted(ids), name="account_id"))
    rows["accounts"] = 1.0
    if "orders" in tables:
        rows = rows.join(_spent(tables["orders"], as_of))
    if "campaigns" in tables:
        rows = rows.join(_answered(tables["campaigns"], as_of))
    given = {"potential": potential, "predicted": predicted}
    rows = rows.assign(**{name: values for name, values in given.items() if values is not None})
    if reachable is not None:
        rows["reachable_accounts"] = reachable[list(CONTACTS)].any(axis=1)
    rows["customers"] = (rows["orders"] > 0) if "orders" in rows else 1.0
    rows["prospects"] = 1.0 - rows["customers"].astype("float64")
    counted = [name for name in SUMS if name in rows]
    rows[counted] = rows[counted].astype("float64").fillna(0.0)
    if "potential" in rows:  # of a customer: what a prospect would buy is a guess of another kind
        rows["potential"] = rows["potential"].where(rows["customers"] > 0, 0.0)
    kept = [*counted, *(["recency_days"] if "recency_days" in rows else [])]
    return Book(rows[kept], as_of, _absent(rows))


def _spent(orders: ibis.Table, as_of: date) -> pd.DataFrame:
    """Return money and order counts by account; a year that the orders do not reach back to is left out."""
    t = _before(orders, "ordered_at", as_of)
    now, before = _within(t, as_of, YEAR, 0), _within(t, as_of, 2 * YEAR, YEAR)
    asked = {
        "orders": t.order_id.nunique(where=t.revenue > 0),
        "revenue": t.revenue.sum(where=now),
        "last": t.ordered_at.max(where=t.revenue > 0),
        "stayed": (now & (t.revenue > 0)).any(),
    }
    if "margin" in t.columns:
        costed = now & t.margin.notnull()
        asked |= {"margin": t.margin.sum(where=costed), "margin_revenue": t.revenue.sum(where=costed)}
    first = t.ordered_at.min().execute()
    if pd.notna(first) and pd.Timestamp(first).date() <= as_of - timedelta(days=2 * YEAR - SLACK):
        asked |= {
            "revenue_before": t.revenue.sum(where=before),
            "bought_before": (before & (t.revenue > 0)).any(),
        }
    rows = _by_account(t, asked)
    rows["recency_days"] = (pd.Timestamp(as_of) - pd.to_datetime(rows.pop("last"))).dt.days
    if "bought_before" in rows:  # who stayed is asked of those who bought before
        rows["stayed"] = rows["stayed"].astype(bool) & rows["bought_before"].astype(bool)
    else:
        del rows["stayed"]
    if "margin" in rows and not rows["margin"].notna().any():
        rows = rows.drop(columns=["margin", "margin_revenue"])
    return rows


def _answered(campaigns: ibis.Table, as_of: date) -> pd.DataFrame:
    """Return how often each account was contacted, not held back, and how often it responded."""
    t = _before(campaigns, "contacted_at", as_of)
    if "responded" not in t.columns:
        return pd.DataFrame()
    told = (t.arm != "control") & t.responded.notnull()
    return _by_account(t, {"contacted": told.sum(), "responded": t.responded.sum(where=told)})


def recent(tables: Tables, ids: pd.Index, as_of: date, days: Sequence[int]) -> pd.DataFrame:
    """Return revenue and whether there was an order, by account, in the last days of several lengths.

    Columns ``revenue_90`` and ``ordered_90`` for 90 days; 0 where there was nothing.
    """
    rows = pd.DataFrame(index=pd.Index(sorted(ids), name="account_id"))
    if "orders" not in tables or not days:
        return rows
    t = _before(tables["orders"], "ordered_at", as_of)
    asked = {}
    for length in sorted(set(days)):
        window = _within(t, as_of, length, 0)
        asked[f"revenue_{length}"] = t.revenue.sum(where=window)
        asked[f"ordered_{length}"] = (window & (t.revenue > 0)).any()
    return rows.join(_by_account(t, asked)).astype("float64").fillna(0.0)


def _before(table: ibis.Table, column: str, as_of: date) -> ibis.Table:
    return table.filter(table[column] < ibis.timestamp(as_of.isoformat()))


def _within(t: ibis.Table, as_of: date, begin: int, end: int) -> Any:
    """Say which rows lie between ``begin`` and ``end`` days before a date."""
    first, last = (ibis.timestamp((as_of - timedelta(days=days)).isoformat()) for days in (begin, end))
    return (t.ordered_at >= first) & (t.ordered_at < last)


def _by_account(t: ibis.Table, asked: Mapping[str, Any]) -> pd.DataFrame:
    rows: pd.DataFrame = t.group_by("account_id").aggregate(**asked).to_pyarrow().to_pandas()
    return rows.set_index("account_id")


def _absent(rows: pd.DataFrame) -> dict[str, str]:
    """Name the figures that cannot be computed from these columns."""
    needed = {
        "margin": "margin",
        "margin_rate": "margin",
        "growth": "revenue_before",
        "retention": "bought_before",
        "potential": "potential",
        "share_of_wallet": "potential",
        "predicted": "predicted",
        "response": "contacted",
        "reachable": "reachable_accounts",
    }
    return {figure: REASONS[figure] for figure, column in needed.items() if column not in rows}


def by_segment(accounts: Book, segment_ids: pd.Series) -> pd.DataFrame:
    """Return the figures of each segment, index ``segment_id``.

    Parameters
    ----------
    segment_ids
        Segment of each account by id; accounts without one (-1) are left out.
    """
    known = segment_ids[segment_ids >= 0]
    columns = [name for name in SUMS if name in accounts.accounts]
    sums = accounts.accounts.loc[known.index, columns].groupby(known.to_numpy()).sum()
    found = pd.DataFrame(figures({name: sums[name].to_numpy() for name in columns}), index=sums.index)
    return found.rename_axis("segment_id")


def row(table: pd.DataFrame, segment_id: int) -> dict[str, float]:
    """Return one row of a table by segment, by its columns."""
    return {str(name): float(table[name].to_dict()[segment_id]) for name in table.columns}


def figures(sums: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return all figures from sums over accounts; arrays of any shape.

    ``growth`` is relative to the year before, ``share_of_wallet`` what is bought of what could be,
    ``retention`` the share of last year's buyers that bought again, ``response`` that of contacts that
    responded; NaN where nothing is there to divide by.
    """
    found = dict(sums)
    for name, above, below in (
        ("growth", "revenue", "revenue_before"),
        ("margin_rate", "margin", "margin_revenue"),
        ("retention", "stayed", "bought_before"),
        ("response", "responded", "contacted"),
        ("reachable", "reachable_accounts", "accounts"),
    ):
        if above in sums and below in sums:
            found[name] = _ratio(sums[above], sums[below])
    if "growth" in found:
        found["growth"] = found["growth"] - 1.0
    if "potential" in sums and "revenue" in sums:
        found["share_of_wallet"] = _ratio(sums["revenue"], sums["revenue"] + sums["potential"])
    return found


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    found: FloatArray = np.full(np.shape(above), np.nan)
    np.divide(above, below, out=found, where=np.asarray(below) > 0)
    return found

"""What each segment buys more than the others: products, categories, channels, days and months.

Of products and categories, the share of customers that bought counts; of channels, weekdays and months, each
customer is one vote that is split over its orders, so that frequent buyers do not speak for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import pandas as pd

from segmentwerk.core.errors import InputError
from segmentwerk.core.lifts import lifts

YEAR = 365
SUPPORT = 5.0
"""Customers of the segment, votes counted in part, that something needs to be told of."""
ITEMS = {"category": "category", "product": "product_id"}
"""Kinds of which customers are counted, with the column of the orders."""
VOTES = ("channel", "weekday", "month")
"""Kinds of which votes are counted."""
KINDS = (*ITEMS, *VOTES)


@dataclass(frozen=True)
class Affinities:
    """What was found.

    Attributes
    ----------
    table
        One row a segment and item: ``segment_id``, ``kind``, ``item`` (a weekday 0 Monday … 6, a month
        1 … 12, else the source's word), ``count`` of ``customers``, ``share`` (shrunken), ``lift`` with its
        95% interval ``low`` and ``high``.
    customers
        Customers of each segment that bought in the year.
    missing
        Kinds that the orders do not tell, or of which there is only one.
    """

    table: pd.DataFrame
    customers: Mapping[int, int]
    missing: tuple[str, ...]

    @property
    def more(self) -> pd.DataFrame:
        """What a segment surely has more of, with enough support, the largest lift first."""
        found = self.table[(self.table["low"] > 1.0) & (self.table["count"] >= SUPPORT)]
        return found.sort_values(["segment_id", "kind", "lift", "item"], ascending=[True, True, False, True])


def counts(orders: ibis.Table, as_of: date) -> pd.DataFrame:
    """Return ``account_id``, ``kind``, ``item`` and ``count`` in the year before a date.

    ``count`` is 1 of what an account bought, or the part of its orders. Lines that were returned, or that
    cost nothing, are not counted.
    """
    first, last = (ibis.timestamp((as_of - timedelta(days=days)).isoformat()) for days in (YEAR, 0))
    t = orders.filter((orders.ordered_at >= first) & (orders.ordered_at < last) & (orders.revenue > 0))
    t = t.mutate(weekday=t.ordered_at.day_of_week.index(), month=t.ordered_at.month())
    parts = []
    for kind in KINDS:
        column = ITEMS.get(kind, kind)
        if column not in t.columns:
            continue
        lines = t.filter(t[column].notnull())
        grouped = lines.group_by(account_id=lines.account_id, item=lines[column].cast("string"))
        found: pd.DataFrame = grouped.aggregate(count=lines.order_id.nunique()).to_pyarrow().to_pandas()
        parts.append(found.assign(kind=kind))
    rows = pd.concat(parts, ignore_index=True).astype({"count": "float64"})
    total = rows.groupby(["account_id", "kind"])["count"].transform("sum")
    rows["count"] = (rows["count"] / total).where(rows["kind"].isin(VOTES), 1.0)
    return rows[["account_id", "kind", "item", "count"]]


def analyse(rows: pd.DataFrame, segment_ids: pd.Series) -> Affinities:
    """Compare each segment with all customers.

    Parameters
    ----------
    rows
        As `counts` returns them.
    segment_ids
        Segment by account id; -1: none.

    Raises
    ------
    InputError
        If fewer than two segments bought anything.
    """
    known = segment_ids[segment_ids >= 0].astype("int64")
    rows = rows.assign(segment_id=rows["account_id"].map(known)).dropna(subset="segment_id")
    rows["segment_id"] = rows["segment_id"].astype("int64")
    if rows["segment_id"].nunique() < 2:
        raise InputError(
            "Fewer than two segments bought anything in the year before the as-of date.",
            "Set an earlier as_of, or look whether orders have a revenue.",
        )
    buyers = rows.drop_duplicates("account_id")
    sizes = buyers["segment_id"].value_counts()
    wide = rows.pivot_table(
        index=["kind", "item"], columns="segment_id", values="count", aggfunc="sum", fill_value=0.0
    )
    table = wide.reset_index().melt(["kind", "item"], value_name="count")
    table["segment_id"] = table["segment_id"].astype("int64")
    table = table.sort_values(["segment_id", "kind", "item"], ignore_index=True)
    several = table.groupby("kind")["item"].transform("nunique") > 1
    table = table[several].reset_index(drop=True)
    table["customers"] = table["segment_id"].map(sizes)
    overall = rows.groupby(["kind", "item"])["count"].sum().rename("all")
    base = table.join(overall, on=["kind", "item"])["all"] / len(buyers)
    table = table.join(lifts(table["count"], table["customers"], base))
    missing = tuple(kind for kind in KINDS if kind not in set(table["kind"]))
    return Affinities(table, {int(str(k)): int(v) for k, v in sizes.sort_index().items()}, missing)

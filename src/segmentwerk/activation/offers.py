"""What the accounts of a segment buy, and which of them do not: categories and products to offer.

The share of a segment's customers that buy an item is shrunken towards the share of all customers
(`core.lifts`); its lift is that share over the overall one, with the interval of the posterior.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd

from segmentwerk.core.arrays import BoolArray
from segmentwerk.core.lifts import lifts

Tables = Mapping[str, ibis.Table]

YEAR = 365
SUPPORT = 5
"""Buyers in the segment that an item needs, to be told of and offered."""
MOST = 10
"""Items of a segment that are offered."""
LEVELS = (("category", "category"), ("product", "product_id"))
"""Kinds of items, with the column of the orders that names them."""
COLUMNS = [
    "segment_id",
    "kind",
    "item",
    "buyers",
    "customers",
    "share",
    "lift",
    "low",
    "high",
    "spend",
    "without",
    "money",
]


@dataclass(frozen=True)
class Offers:
    """What to offer to whom.

    Attributes
    ----------
    segments
        One row a segment and item, the most money first: ``kind`` (category or product), ``item``,
        ``buyers`` of ``customers``, shrunken ``share`` of buyers, ``lift`` with its 95% interval ``low`` and
        ``high``, ``spend`` (median money a year of the segment's buyers), ``without`` (customers that do not
        buy it), ``money``: ``without`` times ``share`` times ``spend``.
    accounts
        By account id, the best item that it does not buy: ``kind``, ``item``, ``money`` expected a year.
    """

    segments: pd.DataFrame
    accounts: pd.DataFrame


def bought(tables: Tables, as_of: date) -> pd.DataFrame:
    """Return ``account_id``, ``kind``, ``item`` and ``spend``: what was bought in the year before a date.

    Items whose lines sum to nothing or less, after returns, were not bought.
    """
    none = pd.DataFrame({name: pd.Series(dtype=object) for name in ("account_id", "kind", "item")})
    none["spend"] = pd.Series(dtype="float64")
    if "orders" not in tables:
        return none
    t = tables["orders"]
    first, last = (ibis.timestamp((as_of - timedelta(days=days)).isoformat()) for days in (YEAR, 0))
    t = t.filter((t.ordered_at >= first) & (t.ordered_at < last))
    parts = [none]
    for kind, column in LEVELS:
        if column not in t.columns:
            continue
        lines = t.filter(t[column].notnull()).group_by(account_id=t.account_id, item=t[column])
        spent = lines.aggregate(spend=t.revenue.sum())
        found = spent.filter(spent.spend > 0).to_pyarrow().to_pandas().assign(kind=kind)
        if found["item"].nunique() > 1:
            parts.append(found)
    return (
        pd.concat(parts, ignore_index=True)[["account_id", "kind", "item", "spend"]]
        if len(parts) > 1
        else none
    )


def find(purchases: pd.DataFrame, segment_ids: pd.Series) -> Offers:
    """Find the items that a segment buys more than others do, and who of it does not.

    Parameters
    ----------
    purchases
        As `bought` returns them.
    segment_ids
        (n_customers,) segment of each customer by account id; -1: none.
    """
    known = segment_ids[segment_ids >= 0].sort_index()
    rows = purchases.assign(segment_id=purchases["account_id"].map(known)).dropna(subset="segment_id")
    if rows.empty:
        empty = pd.DataFrame(columns=["kind", "item", "money"], index=pd.Index([], name="account_id"))
        return Offers(pd.DataFrame(columns=COLUMNS), empty)
    rows["segment_id"] = rows["segment_id"].astype("int64")
    items = _items(rows, known.value_counts())
    items = items[(items["buyers"] >= SUPPORT) & (items["low"] > 1.0) & (items["without"] > 0)]
    items = items.sort_values(
        ["segment_id", "money", "kind", "item"], ascending=[True, False, True, True]
    ).reset_index(drop=True)
    return Offers(items, _of_accounts(rows, items, known))


def _items(rows: pd.DataFrame, sizes: pd.Series) -> pd.DataFrame:
    overall = rows.groupby(["kind", "item"]).size().rename("all_buyers")
    found = (
        rows.groupby(["segment_id", "kind", "item"])
        .agg(buyers=("spend", "size"), spend=("spend", "median"))
        .reset_index()
        .join(overall, on=["kind", "item"])
    )
    found["customers"] = found["segment_id"].map(sizes)
    base = found["all_buyers"] / sizes.sum()
    found = found.join(lifts(found["buyers"], found["customers"], base))
    found["without"] = found["customers"] - found["buyers"]
    found["money"] = found["without"] * found["share"] * found["spend"]
    return found[COLUMNS]


def _of_accounts(rows: pd.DataFrame, items: pd.DataFrame, segment_ids: pd.Series) -> pd.DataFrame:
    """Return for each account the item of most money, of its segment's first ones, that it does not buy."""
    parts = []
    for number, some in items.groupby("segment_id"):
        members = segment_ids.index[segment_ids == number]
        offered = some.head(MOST).assign(expected=lambda table: table["share"] * table["spend"])
        offered = offered.sort_values("expected", ascending=False, kind="stable")
        has = _has(rows[rows["segment_id"] == number], members, offered)
        best = (~has).argmax(axis=1)
        open_ = ~has.all(axis=1)
        parts.append(
            pd.DataFrame(
                {
                    "kind": offered["kind"].to_numpy()[best],
                    "item": offered["item"].to_numpy()[best],
                    "money": offered["expected"].to_numpy()[best],
                },
                index=members,
            )[open_]
        )
    found = pd.concat(parts) if parts else pd.DataFrame(columns=["kind", "item", "money"])
    return found.rename_axis("account_id").sort_index()


def _has(rows: pd.DataFrame, members: pd.Index, offered: pd.DataFrame) -> BoolArray:
    """Say which account buys which offered item, (n_members, n_items)."""
    places = offered.reset_index(drop=True).reset_index(names="place")[["kind", "item", "place"]]
    bought = rows.merge(places, on=["kind", "item"])
    has = np.zeros((len(members), len(offered)), dtype=bool)
    has[members.get_indexer(pd.Index(bought["account_id"])), bought["place"]] = True
    return has

"""Affinities counted by hand."""

from datetime import date

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from segmentwerk.analysis import affinity
from segmentwerk.core.errors import InputError

ORDERS = """
account_id order_id ordered_at          revenue category channel
a          1        2023-01-02T10:00:00 10      tools    web
a          1        2023-01-02T10:00:00 10      parts    web
a          2        2023-01-03T10:00:00 10      tools    phone
a          3        2023-01-09T10:00:00 -5      other    phone
b          4        2023-06-05T10:00:00 10      tools    web
b          5        2021-06-05T10:00:00 10      parts    web
b          6        2024-01-01T00:00:00 10      parts    web
"""


def table_of(text):
    rows = [line.split() for line in text.strip().splitlines()]
    frame = pd.DataFrame(rows[1:], columns=rows[0]).astype({"revenue": float})
    frame["ordered_at"] = pd.to_datetime(frame["ordered_at"]).astype("datetime64[us]")
    return ibis.memtable(pa.Table.from_pandas(frame, preserve_index=False))


def test_customers_count_once_and_votes_are_split_over_orders():
    """2 January 2023 is a Monday; returns and other years do not count."""
    rows = affinity.counts(table_of(ORDERS), date(2024, 1, 1))
    found = rows.set_index(["account_id", "kind", "item"])["count"].to_dict()
    assert found == {
        ("a", "category", "tools"): 1.0,
        ("a", "category", "parts"): 1.0,
        ("b", "category", "tools"): 1.0,
        ("a", "channel", "web"): 0.5,
        ("a", "channel", "phone"): 0.5,
        ("b", "channel", "web"): 1.0,
        ("a", "weekday", "0"): 0.5,
        ("a", "weekday", "1"): 0.5,
        ("b", "weekday", "0"): 1.0,
        ("a", "month", "1"): 1.0,
        ("b", "month", "6"): 1.0,
    }


def bought(pairs):
    rows = [(f"{segment}{n}", "category", item, 1.0) for segment, item, count in pairs for n in range(count)]
    return pd.DataFrame(rows, columns=["account_id", "kind", "item", "count"])


def test_the_lift_is_shrunken_towards_one():
    """30 of 40 in segment 1 and 10 of 60 in segment 2: base 0.4; (30 + 8) / 60 over 0.4."""
    rows = bought([("x", "tools", 30), ("y", "tools", 10), ("x", "parts", 40), ("y", "parts", 60)])
    accounts = [f"x{n}" for n in range(40)] + [f"y{n}" for n in range(60)]
    segments = pd.Series([1] * 40 + [2] * 60, index=accounts)
    found = affinity.analyse(rows, segments)
    row = found.table.set_index(["segment_id", "item"]).loc[(1, "tools")]
    assert row["lift"] == pytest.approx((30 + 20 * 0.4) / 60 / 0.4)
    assert row["low"] < row["lift"] < row["high"]
    assert list(found.more["item"]) == ["tools"]
    assert found.customers == {1: 40, 2: 60}
    assert found.missing == ("product", "channel", "weekday", "month")


def test_what_all_buy_alike_is_told_of_nobody():
    """20 tables in which segments say nothing: intervals of 95% are wrong in a few cells of 200."""
    wrong = cells = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        accounts = [f"a{n}" for n in range(400)]
        segments = pd.Series(rng.integers(1, 5, 400), index=accounts)
        pairs = [(a, "category", item, 1.0) for a in accounts for item in "pqrst" if rng.random() < 0.3]
        found = affinity.analyse(
            pd.DataFrame(pairs, columns=["account_id", "kind", "item", "count"]), segments
        )
        wrong += len(found.more)
        cells += len(found.table)
    assert wrong / cells < 0.04


def test_one_segment_alone_is_refused():
    with pytest.raises(InputError, match="Fewer than two segments"):
        affinity.analyse(bought([("x", "tools", 3)]), pd.Series([1, 1, 1], index=["x0", "x1", "x2"]))


def test_what_a_segment_never_bought_has_a_lift_below_one():
    rows = bought([("x", "tools", 30), ("y", "parts", 30)])
    segments = pd.Series([1] * 30 + [2] * 30, index=[f"{s}{n}" for s in "xy" for n in range(30)])
    found = affinity.analyse(rows, segments).table.set_index(["segment_id", "item"])
    assert found.loc[(1, "parts"), "count"] == 0
    assert found.loc[(1, "parts"), "lift"] == pytest.approx(20 * 0.5 / 50 / 0.5)

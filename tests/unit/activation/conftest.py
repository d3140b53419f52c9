"""A small book of orders, every figure of which can be computed by hand."""

from datetime import date

import ibis
import pandas as pd
import pytest

AS_OF = date(2026, 1, 1)
LINES = [  # account, day, revenue, margin, category, product
    ("a", "2024-03-01", 100.10, 30.0, "tools", "t1"),  # the year before
    ("a", "2025-01-01", 200.20, 50.0, "tools", "t1"),  # the first day of the last year
    ("a", "2025-12-31", 50.05, None, "paint", "p1"),  # no margin known
    ("a", "2025-12-31", -10.01, -3.0, "tools", "t1"),  # a return
    ("b", "2024-12-31", 300.30, 60.0, "tools", "t2"),  # the last day of the year before
    ("c", "2024-01-02", 70.0, 20.0, "paint", "p1"),  # the first day of the year before
    ("c", "2025-06-01", 80.0, 25.0, "paint", "p1"),
    ("d", "2025-06-02", 1000.0, 400.0, "tools", "t2"),
    ("e", "2023-12-01", 5.0, 1.0, "tools", "t1"),  # before both years
    ("a", "2026-01-01", 9999.0, 9999.0, "tools", "t1"),  # not before the date
]
CAMPAIGNS = [
    ("a", "2025-05-01", "catalogue", 1),
    ("a", "2025-06-01", "catalogue", 0),
    ("b", "2025-05-01", "control", 1),
    ("c", "2025-05-01", "catalogue", None),
    ("d", "2026-02-01", "catalogue", 1),
]
SEGMENTS = {"a": 1, "b": 1, "c": 2, "d": 2, "e": 2, "f": -1}


@pytest.fixture
def lines():
    frame = pd.DataFrame(LINES, columns=["account_id", "day", "revenue", "margin", "category", "product_id"])
    frame["ordered_at"] = pd.to_datetime(frame.pop("day"))
    frame["order_id"] = [f"o{number}" for number in range(len(frame))]
    return frame


@pytest.fixture
def tables(lines):
    campaigns = pd.DataFrame(CAMPAIGNS, columns=["account_id", "contacted_at", "arm", "responded"])
    campaigns["contacted_at"] = pd.to_datetime(campaigns["contacted_at"])
    return {"orders": ibis.memtable(lines), "campaigns": ibis.memtable(campaigns)}


@pytest.fixture
def segment_ids():
    return pd.Series(SEGMENTS).rename_axis("account_id")

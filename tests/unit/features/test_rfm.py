"""Recency, frequency and monetary value of Online Retail against plain pandas, written independently."""

import os
from datetime import date
from pathlib import Path

import ibis
import pandas as pd
import pytest

from segmentwerk.core.settings import FeatureSettings
from segmentwerk.core.types import Window
from segmentwerk.features.table import build

DATA = Path(os.environ.get("SEGMENTWERK_DATA", Path(__file__).parents[4] / "shared" / "data"))
FILE = DATA / "online_retail" / "online_retail.parquet"
AS_OF, UNTIL = pd.Timestamp("2011-09-01"), pd.Timestamp("2011-12-10")

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the real data sets are not here")


@pytest.fixture(scope="module")
def table():
    lines = ibis.duckdb.connect().read_parquet(FILE)
    lines = lines.filter(lines.CustomerID.notnull())
    orders = lines.select(
        account_id=lines.CustomerID.cast("string"),
        order_id=lines.InvoiceNo,
        ordered_at=lines.InvoiceDate,
        revenue=lines.Quantity * lines.UnitPrice,
        product_id=lines.StockCode,
    )
    window = Window(date(2011, 9, 1), date(2011, 12, 10))
    return build({"orders": orders}, window, FeatureSettings(), source="online_retail", digest="0")


@pytest.fixture(scope="module")
def lines():
    lines = pd.read_parquet(FILE).dropna(subset="CustomerID")
    lines["account_id"] = lines["CustomerID"].astype("int64").astype("str")
    lines["money"] = lines["Quantity"] * lines["UnitPrice"]
    return lines


@pytest.fixture(scope="module")
def expected(lines):
    past = lines[lines["InvoiceDate"] < AS_OF]
    invoices = past.groupby(["account_id", "InvoiceNo"]).agg(
        money=("money", "sum"), day=("InvoiceDate", "min")
    )
    bought = invoices[invoices["money"] > 0].reset_index()
    bought["days"] = (AS_OF - bought["day"].dt.normalize()).dt.days
    customers = bought.groupby("account_id").agg(
        recency_days=("days", "min"),
        frequency=("InvoiceNo", "nunique"),
        tenure_days=("days", "max"),
        average_basket=("money", "mean"),
    )
    return customers.assign(monetary=past.groupby("account_id")["money"].sum()).astype("float64")


def test_rfm_of_every_customer(table, expected):
    found = table.features.loc[table.customers, list(expected)]
    assert len(found) == 3317
    pd.testing.assert_frame_equal(
        found, expected, rtol=0, atol=1e-6, check_names=False, check_index_type=False
    )


def test_total_revenue_to_the_penny(table, lines):
    past = lines[lines["InvoiceDate"] < AS_OF]
    of_customers = past[past["account_id"].isin(table.customers)]
    assert table.features["monetary"].sum() == pytest.approx(of_customers["money"].sum(), abs=0.005)


def test_outcomes(table, lines):
    window = lines[(lines["InvoiceDate"] >= AS_OF) & (lines["InvoiceDate"] < UNTIL)]
    future = window.groupby("account_id")["money"].sum().reindex(table.outcomes.index).fillna(0.0)
    pd.testing.assert_series_equal(
        table.outcomes["future_revenue"], future, rtol=0, atol=1e-6, check_names=False, check_index_type=False
    )
    assert table.outcomes.notna().all(axis=None)

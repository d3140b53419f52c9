"""Every declared feature against values worked out by hand on the book of conftest.py."""

from datetime import date, datetime

import ibis
import numpy as np
import pyarrow as pa
import pytest

from segmentwerk.core.errors import ConfigError, InputError
from segmentwerk.core.settings import FeatureSettings
from segmentwerk.core.types import Window
from segmentwerk.data.columns import COLUMNS
from segmentwerk.features.table import absent, build, catalogue

ACCOUNT_A = {
    "recency_days": 122,  # 2023-09-01
    "frequency": 4,  # o1 to o4; r5 is a credit
    "monetary": 150 + 200 + 250 + 100 - 30,
    "tenure_days": 396,  # 2022-12-01
    "interpurchase_days": (90 + 184) / 2,
    "interpurchase_cv": np.std([90, 184], ddof=1) / 137,
    "trend": 2 * (320 - 200) / (320 + 200),  # 182 days each
    "seasonality": ((150**2 + 200**2 + 400**2) / 750**2 - 0.25) / 0.75,
    "average_basket": 700 / 4,
    "lines_per_order": 6 / 4,
    "return_rate": 80 / 750,
    "n_products": 3,
    "n_categories": 2,
    "category_concentration": 0.8**2 + 0.2**2,  # tools 600, parts 150
    "main_category": "tools",
    "main_channel": "web",
    "online_share": 450 / 750,
    "revenue_12m": 200 + 250 + 100 - 30,
    "growth": 2 * (520 / 365 - 150 / 31) / (520 / 365 + 150 / 31),  # 31 days known before the last year
    "largest_order_share": 250 / 700,
    "margin_rate": 190 / 620,  # the line of 50 has no margin
    "historic_value": 190,
    "web_count_12m": 1,
    "email_count_12m": 2,
    "meeting_count_12m": 0,
    "ticket_count_12m": 0,  # the ticket comes at midnight of the date
    "web_recency_days": 2,
    "email_recency_days": 30,
    "email_click_rate": 0.5,
    "campaign_response_rate": 0.5,
    "win_rate": 2 / 3,  # the fourth was closed on the date, the fifth never
    "lead_source": "fair",
    "employees": 9,
    "annual_revenue": 1000,
    "age_years": 34,
    "payment_terms_days": 30,
    "subsidiaries": 1,
    "family_size": 3,
    "family_revenue_12m": 0.3,
    "size_class": "micro",
    "industry": "steel",
    "subindustry": "wire",
    "ownership": "family",
    "country": "DE",
    "region": "Berlin",
    "urbanity": "urban",
    "climate_zone": "Cfb",
    "site_distance_km": 0,
}


@pytest.mark.parametrize(("name", "value"), ACCOUNT_A.items())
def test_account_a(table, name, value):
    found = table.features.loc["A", name]
    assert found == value if isinstance(value, str) else found == pytest.approx(value, rel=1e-12, abs=1e-12)


def test_every_declared_feature_is_worked_out_by_hand(table):
    assert set(table.names()) == set(ACCOUNT_A)


def test_the_accounts_are_those_known_at_the_date(table):
    # C ordered later only, D was created on the date, E has no orders, F has a credit only.
    assert list(table.features.index) == ["A", "B", "C", "E", "F"]
    assert table.orders.to_dict() == {"A": 4, "B": 1, "C": 0, "E": 0, "F": 0}
    assert list(table.customers) == ["A", "B"]


def test_one_order_leaves_rates_unknown(table):
    account = table.features.loc["B"]
    assert account["recency_days"] == 1
    assert account["monetary"] == pytest.approx(0.3, abs=1e-12)
    unknown = ["interpurchase_days", "interpurchase_cv", "trend", "seasonality", "growth", "margin_rate"]
    assert account[unknown].isna().all()
    assert account["main_channel"] is None


def test_an_account_without_orders_has_unknowns_not_zeros(table):
    of_orders = [feature.name for feature in table.catalogue if feature.table == "orders"]
    assert table.features.loc[["C", "E", "F"], of_orders].isna().all(axis=None)
    assert len(of_orders) == 22


def test_firmographics_at_their_edges(table):
    features = table.features
    assert features["size_class"].to_list() == ["micro", "small", "large", None, None]
    assert np.isnan(features.loc["B", "age_years"])  # founded after the date
    assert features["family_size"].to_list()[:4] == [3, 3, 3, 1]
    assert features["family_revenue_12m"].to_list()[:4] == pytest.approx([0.3, 520, 520.3, 0])


def test_distance_is_to_the_nearest_site(table):
    distance = table.features["site_distance_km"]
    assert distance["E"] == pytest.approx(0, abs=1e-9)  # in Hamburg
    assert distance["B"] == pytest.approx(504.2, abs=0.5)  # Munich to Berlin
    assert np.isnan(distance["C"])


def test_outcomes_cover_the_window_and_nothing_else(table):
    outcomes = table.outcomes
    assert list(outcomes) == ["future_revenue", "log_future_revenue", "active", "responded"]
    assert outcomes["future_revenue"].to_list() == [999 + 80 - 20, 0, 500, 0, 0]
    assert outcomes["log_future_revenue"].to_list() == pytest.approx([np.log(1060), 0, np.log(501), 0, 0])
    assert outcomes["active"].to_list() == [1, 0, 1, 0, 0]
    assert outcomes["responded"].to_list() == [0, 1, 0, 0, 0]


def test_frames_keep_the_promise_of_the_account_table(table):
    assert table.features.index.name == "account_id"
    assert table.features.index.is_monotonic_increasing
    assert list(table.features) == [feature.name for feature in table.catalogue]
    assert (table.features[table.names("numeric")].dtypes == "float64").all()
    assert (table.features[table.names("categorical")].dtypes == "object").all()
    assert table.orders.dtype == "int64"
    assert table.outcomes.index.equals(table.features.index)
    named = {feature.name for feature in catalogue()}
    assert set(table.names()) <= named
    assert len(named) == len(catalogue())


def test_a_value_beyond_all_bounds_is_refused(window, settings):
    row = {"account_id": ["a"], "order_id": ["1"], "ordered_at": [datetime(2023, 1, 1)], "revenue": [1e300]}
    with pytest.raises(InputError, match="ConversionException"):
        build({"orders": ibis.memtable(pa.table(row))}, window, settings, source="book", digest="0")


def test_nothing_personal_is_a_feature(table):
    personal = {name for one in COLUMNS.values() for name, column in one.items() if column.personal}
    assert {"name", "email", "address", "agent", "consent_email"} <= personal
    assert not personal & set(table.names())


def test_orders_alone_are_enough(book, window):
    columns = ["account_id", "order_id", "ordered_at", "revenue"]
    tables = {"orders": ibis.memtable(book["orders"].select(columns))}
    found = build(tables, Window(window.as_of), FeatureSettings(), source="book", digest="0")
    assert list(found.features.index) == ["A", "B", "F"]
    assert found.outcomes.shape == (3, 0)
    assert {"recency_days", "frequency", "monetary"} <= set(found.names())
    reasons = absent(tables, FeatureSettings())
    assert reasons["margin_rate"] == "there is no column 'orders.margin'"
    assert reasons["industry"] == reasons["untapped_potential"] == "there is no table 'accounts'"
    assert set(reasons) == {feature.name for feature in catalogue()} - set(found.names())


def test_accounts_alone_are_all_customers(book, window):
    tables = {"accounts": ibis.memtable(book["accounts"])}
    found = build(tables, window, FeatureSettings(), source="book", digest="0")
    assert found.orders.to_dict() == {"A": 1, "B": 1, "C": 1, "E": 1}
    assert found.outcomes.shape == (4, 0)


def test_features_and_approaches_can_be_left_out(book, window):
    tables = {name: ibis.memtable(rows) for name, rows in book.items()}
    settings = FeatureSettings(exclude=["geographic", "trend"])
    found = build(tables, window, settings, source="book", digest="0")
    assert not {"trend", "country"} & set(found.names())
    assert absent(tables, settings)["trend"] == "left out by features.exclude"


def test_unknown_exclusion_names_the_nearest(book, window):
    tables = {name: ibis.memtable(rows) for name, rows in book.items()}
    with pytest.raises(ConfigError, match="Did you mean 'seasonality'"):
        build(tables, window, FeatureSettings(exclude=["seasonalty"]), source="book", digest="0")


def test_input_that_cannot_be_used_is_refused(book, window, settings):
    orders, accounts = ibis.memtable(book["orders"]), ibis.memtable(book["accounts"])
    cases = (
        ("neither a table 'accounts' nor 'orders'", {}, window),
        ("No account is known before 1999-01-01", {"orders": orders}, Window(date(1999, 1, 1))),
        ("not after 2024-01-01", {"orders": orders}, Window(window.as_of, window.as_of)),
        ("4 account ids more than once", {"accounts": accounts.union(accounts)}, window),
    )
    for message, tables, dates in cases:
        with pytest.raises(InputError, match=message):
            build(tables, dates, settings, source="book", digest="0")

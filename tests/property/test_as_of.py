"""No record dated at or after the as-of date changes a feature."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import ibis
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from segmentwerk.core.settings import FeatureSettings
from segmentwerk.core.types import AccountTable, Window
from segmentwerk.features.table import build

AS_OF = date(2024, 1, 1)
MIDNIGHT = datetime(2024, 1, 1)
IDS = tuple("abcdefgh")
SCHEMAS = {
    "accounts": {
        "account_id": pa.string(),
        "parent_account_id": pa.string(),
        "industry": pa.string(),
        "created_on": pa.date32(),
    },
    "orders": {
        "account_id": pa.string(),
        "order_id": pa.string(),
        "ordered_at": pa.timestamp("us"),
        "revenue": pa.float64(),
        "margin": pa.float64(),
        "product_id": pa.string(),
        "category": pa.string(),
        "channel": pa.string(),
    },
    "activities": {
        "account_id": pa.string(),
        "occurred_at": pa.timestamp("us"),
        "kind": pa.string(),
        "action": pa.string(),
    },
    "opportunities": {
        "account_id": pa.string(),
        "opened_on": pa.date32(),
        "closed_on": pa.date32(),
        "stage": pa.string(),
    },
    "campaigns": {
        "account_id": pa.string(),
        "contacted_at": pa.timestamp("us"),
        "responded": pa.float64(),
    },
}

ids = st.sampled_from(IDS)
before = st.datetimes(MIDNIGHT - timedelta(days=900), MIDNIGHT - timedelta(microseconds=1))
after = st.one_of(st.just(MIDNIGHT), st.datetimes(MIDNIGHT, MIDNIGHT + timedelta(days=400)))
cents = st.integers(-50_000, 100_000).map(lambda n: n / 100)


def order(moment: st.SearchStrategy[datetime]) -> st.SearchStrategy[dict]:
    return st.fixed_dictionaries(
        {
            "account_id": ids,
            "order_id": st.sampled_from([str(n) for n in range(12)]),
            "ordered_at": moment,
            "revenue": cents,
            "margin": st.none() | cents,
            "product_id": st.sampled_from("pqr"),
            "category": st.none() | st.sampled_from("xyz"),
            "channel": st.sampled_from(["web", "phone"]),
        }
    )


def activity(moment: st.SearchStrategy[datetime]) -> st.SearchStrategy[dict]:
    kinds = st.sampled_from(["web", "email", "meeting", "ticket"])
    actions = st.none() | st.sampled_from(["click", "sent"])
    return st.fixed_dictionaries({"account_id": ids, "occurred_at": moment, "kind": kinds, "action": actions})


def campaign(moment: st.SearchStrategy[datetime]) -> st.SearchStrategy[dict]:
    return st.fixed_dictionaries(
        {"account_id": ids, "contacted_at": moment, "responded": st.sampled_from([0.0, 1.0])}
    )


def account(key: str, moment: st.SearchStrategy[datetime]) -> st.SearchStrategy[dict]:
    return st.fixed_dictionaries(
        {
            "account_id": st.just(key),
            "parent_account_id": st.none() | ids,
            "industry": st.none() | st.sampled_from(["steel", "food"]),
            "created_on": moment.map(datetime.date),
        }
    )


@st.composite
def opportunity(draw: st.DrawFn) -> tuple[dict, dict]:
    """The same opportunity as it stood and as it became: opened before, closed before or after."""
    opened = draw(before).date()
    closed = draw(st.none() | st.dates(opened, AS_OF + timedelta(days=300)))
    stage = draw(st.sampled_from(["won", "lost"])) if closed else "open"
    became = {"account_id": draw(ids), "opened_on": opened, "closed_on": closed, "stage": stage}
    still_open = closed is None or closed >= AS_OF
    stood = became | {"closed_on": None, "stage": "open"} if still_open else became
    return stood, became


@st.composite
def worlds(draw: st.DrawFn) -> tuple[dict[str, list], dict[str, list]]:
    """A world known at the date, and the same with anything dated at or after the date added."""
    pairs = draw(st.lists(opportunity(), max_size=8))
    known = {
        "accounts": [draw(account(key, before)) for key in IDS[:4]],
        "orders": draw(st.lists(order(before), min_size=1, max_size=30)),
        "activities": draw(st.lists(activity(before), max_size=15)),
        "campaigns": draw(st.lists(campaign(before), max_size=8)),
        "opportunities": [stood for stood, _ in pairs],
    }
    late = draw(st.lists(opportunity(), max_size=2))
    more = {
        "accounts": [draw(account(key, after)) for key in draw(st.sets(st.sampled_from(IDS[4:])))],
        "orders": draw(st.lists(order(after), max_size=15)),
        "activities": draw(st.lists(activity(after), max_size=8)),
        "campaigns": draw(st.lists(campaign(after), max_size=6)),
        "opportunities": [won | {"opened_on": AS_OF, "closed_on": AS_OF} for _, won in late],
    }
    later = {name: rows + more[name] for name, rows in known.items()}
    later["opportunities"] = [became for _, became in pairs] + more["opportunities"]
    return known, {name: draw(st.permutations(rows)) for name, rows in later.items()}


def table(world: dict[str, list], window: Window) -> AccountTable:
    tables = {
        name: ibis.memtable(pa.Table.from_pylist(rows, schema=pa.schema(SCHEMAS[name])))
        for name, rows in world.items()
    }
    return build(tables, window, FeatureSettings(), source="world", digest="0")


@settings(max_examples=5, deadline=None, derandomize=True, phases=[Phase.generate])
@given(worlds())
def test_later_records_change_no_feature(pair):
    known, later = pair
    expected = table(known, Window(AS_OF))
    found = table(later, Window(AS_OF, date(2025, 6, 1)))
    pd.testing.assert_frame_equal(found.features, expected.features, check_exact=True)
    pd.testing.assert_series_equal(found.orders, expected.orders)


def test_an_order_of_the_last_moment_before_counts():
    """The property above would hold for features that see nothing at all."""
    row = {"account_id": "a", "order_id": "1", "revenue": 5.0}
    last = MIDNIGHT - timedelta(microseconds=1)
    found = table({"orders": [row | {"ordered_at": last}]}, Window(AS_OF))
    assert found.features.loc["a", "monetary"] == pytest.approx(5.0)
    assert found.features.loc["a", "recency_days"] == 1

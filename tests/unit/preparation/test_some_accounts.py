"""Features of some accounts are those that they have among all, and which some is no matter of the engine."""

import hashlib
from datetime import date
from types import SimpleNamespace

import ibis
import numpy as np
import pandas as pd
import pytest

from segmentwerk.core.settings import FeatureSettings
from segmentwerk.core.types import Window
from segmentwerk.features import table as features
from segmentwerk.preparation import some_accounts

WINDOW = Window(date(2024, 1, 1), date(2024, 4, 1))
N = 240
IDS = np.array([f"K-{number:04d} ü" for number in range(N)])


@pytest.fixture(scope="module")
def tables():
    """Accounts in families, some without orders, and their order lines, in a database of their own."""
    rng = np.random.default_rng(5)
    con, days = ibis.duckdb.connect(), rng.integers(0, 640, 3000)
    accounts = pd.DataFrame(
        {
            "account_id": IDS,
            "industry": rng.choice(["steel", "food"], N),
            "parent_account_id": np.where(rng.random(N) < 0.4, rng.choice(IDS, N), None),
        }
    )
    orders = pd.DataFrame(
        {
            "account_id": rng.choice(IDS[:200], 3000),
            "order_id": [f"o{number}" for number in rng.integers(0, 1500, 3000)],
            "ordered_at": np.datetime64("2022-06-01", "us") + days.astype("timedelta64[D]"),
            "revenue": rng.integers(-500, 9000, 3000) / 100,
        }
    )
    for name, rows in (("accounts", accounts), ("orders", orders)):
        con.con.register("given", rows)
        con.raw_sql(f"CREATE TABLE {name} AS SELECT * FROM given")
        con.con.unregister("given")
    return {"accounts": con.table("accounts"), "orders": con.table("orders")}


@pytest.fixture(scope="module")
def everyone(tables):
    return built(tables)


def built(tables, **more):
    return features.build(tables, WINDOW, FeatureSettings(), source="s", digest="d", **more)


def ids_of(some) -> set[str]:
    return set(some["accounts"].account_id.execute())


def test_a_sample_is_drawn_by_a_hash_of_the_id_alone(tables):
    some = some_accounts.sample(tables, 0.3)
    first = {name: int(hashlib.md5(name.encode()).hexdigest()[:8], 16) for name in IDS}
    assert ids_of(some) == {name for name, place in first.items() if place < int(0.3 * 16**8)}
    assert set(some["orders"].account_id.execute()) <= ids_of(some)
    assert ids_of(some) < ids_of(some_accounts.sample(tables, 0.6))
    assert ids_of(some_accounts.sample(tables, 1.0)) == set(IDS)


def test_features_of_a_sample_are_those_among_all(tables, everyone):
    some = built(some_accounts.sample(tables, 0.3), learned=everyone.definitions, whole=tables)
    known = some.features.index
    assert 40 < len(known) < 110
    assert everyone.features.loc[known, "family_revenue_12m"].gt(0).any()
    pd.testing.assert_frame_equal(some.features, everyone.features.loc[known])
    pd.testing.assert_frame_equal(some.outcomes, everyone.outcomes.loc[known])


def test_families_of_a_sample_alone_would_be_cut(tables, everyone):
    some = built(some_accounts.sample(tables, 0.3), learned=everyone.definitions)
    family = everyone.features.loc[some.features.index, "family_size"]
    assert some.features["family_size"].lt(family).any()


def test_parts_are_all_accounts_and_leave_nothing_behind(tables, everyone):
    before = set(tables["orders"].get_backend().list_tables())
    rows = []
    for number in range(3):
        with some_accounts.part(tables, number, 3) as some:
            rows.append(built(some, learned=everyone.definitions, whole=tables).features)
    assert min(map(len, rows)) > 40
    pd.testing.assert_frame_equal(pd.concat(rows).sort_index(), everyone.features)
    assert set(tables["orders"].get_backend().list_tables()) == before


def test_one_part_is_the_tables_themselves(tables):
    with some_accounts.part(tables, 0, 1) as some:
        assert some == tables


def test_accounts_are_counted_only_where_rows_are_many(tables):
    orders = SimpleNamespace(
        tables={"orders": tables["orders"]}, rows={"orders": 3000}, rejected={"orders": 0}
    )
    assert some_accounts.count(orders, 5000) == 3000
    assert some_accounts.count(orders, 1000) == tables["orders"].account_id.nunique().execute() <= 200

"""The same expressions give the same table on DuckDB and on a real PostgreSQL server."""

from datetime import date

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from postgres import postgres_server
from segmentwerk.core.types import Window
from segmentwerk.features import rollup
from segmentwerk.features.table import build, catalogue

PURCHASES = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
SPEND = {"p": 6.25, "q": 3.74, "v": 15.44}

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


@pytest.fixture(scope="module")
def connection():
    with postgres_server() as url:
        backend = ibis.connect(url)
        try:
            yield backend
        finally:
            backend.disconnect()


def random_tables(seed: int) -> dict[str, pa.Table]:
    """A few hundred accounts with order lines to the cent, ties in categories, and a survey with gaps."""
    rng = np.random.default_rng(seed)
    ids = np.array([f"{number:04d}" for number in range(300)])
    n = 6000
    minutes = rng.integers(0, 900 * 1440, n).astype("timedelta64[m]")
    orders = pd.DataFrame(
        {
            "account_id": rng.choice(ids[:250], n),
            "order_id": [f"o{number}" for number in rng.integers(0, 3000, n)],
            "ordered_at": np.datetime64("2022-01-01", "us") + minutes,
            "revenue": rng.choice([-25.5, 0.0, 10.01, 19.99, 333.33], n),
            "margin": np.where(rng.random(n) < 0.1, np.nan, rng.integers(-500, 9000, n) / 100),
            "product_id": rng.choice(["p", "q", "r", "s"], n),
            "category": rng.choice(np.array(["x", "y", None], dtype=object), n),
            "channel": rng.choice(["Web", "phone", "fair"], n),
        }
    )
    accounts = pd.DataFrame(
        {
            "account_id": ids,
            "industry": rng.choice(np.array(["steel", "food", None], dtype=object), 300),
            "employees": np.where(rng.random(300) < 0.2, np.nan, rng.integers(1, 900, 300)),
            "founded_year": rng.integers(1900, 2020, 300),
            "parent_account_id": np.where(rng.random(300) < 0.3, rng.choice(ids, 300), None),
            "latitude": rng.uniform(47, 55, 300),
            "longitude": rng.uniform(6, 15, 300),
            "created_on": np.datetime64("2021-01-01") + rng.integers(0, 1400, 300).astype("timedelta64[D]"),
        }
    )
    taste = rng.standard_normal((300, 2)).repeat([4, 4], axis=1)
    score = np.clip(np.round(3 + taste + 0.7 * rng.standard_normal((300, 8))), 1, 5)
    surveys = pd.DataFrame(score, index=ids, columns=[f"Frage {k}?" for k in range(8)])
    surveys = surveys.melt(ignore_index=False, var_name="item", value_name="score")
    surveys = surveys.rename_axis("account_id").reset_index().sample(frac=0.9, random_state=seed)
    frames = {"accounts": accounts, "orders": orders, "surveys": surveys}
    return {name: pa.Table.from_pandas(frame, preserve_index=False) for name, frame in frames.items()}


def random_choices(seed: int) -> pa.Table:
    """Forty accounts choose five times between two alternatives of two attributes."""
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product(
        [[f"{n:04d}" for n in range(40)], list("tuvwx"), ["left", "right"], ["price", "speed"]],
        names=["account_id", "task_id", "alternative_id", "attribute"],
    )
    rows = index.to_frame(index=False)
    rows["value"] = rng.uniform(-1, 1, len(rows)).round(2)
    left = rng.integers(0, 2, 200).repeat(4).astype(bool)
    rows["chosen"] = (left == (rows["alternative_id"] == "left")).astype("int64")
    return pa.Table.from_pandas(rows.sample(frac=1, random_state=seed), preserve_index=False)


def both(connection, tables, window, settings, prefix, learned=None):
    for name, rows in tables.items():
        connection.create_table(f"{prefix}_{name}", rows)
    there = {name: connection.table(f"{prefix}_{name}") for name in tables}
    here = {name: ibis.memtable(rows) for name, rows in tables.items()}
    return tuple(build(t, window, settings, source="s", digest="0", learned=learned) for t in (there, here))


@pytest.fixture(scope="module")
def built(connection, book, window, settings):
    """Each set of tables, built on the server and here."""
    choices = {"accounts": random_tables(3)["accounts"], "choices": random_choices(4)}
    names = ["price", "speed"]
    known = {"attributes": names, "mean": [-1.0, 0.5], "spread": [0.8, 1.0], "made_up": 256, "told": names}
    value = {"lifetime": {"purchases": PURCHASES, "spend": SPEND}}
    random, later = random_tables(3), Window(date(2024, 1, 1), date(2024, 6, 1))
    return {
        "book": both(connection, book, window, settings, "book"),
        "choices": both(connection, choices, window, settings, "choices", {"partworths": known}),
        "random": both(connection, random, later, settings, "random"),
        "value": both(connection, {"orders": random["orders"]}, later, settings, "value", value),
    }


@pytest.mark.parametrize("name", ["book", "choices", "random", "value"])
def test_the_same_table(built, name):
    there, here = built[name]
    assert there.catalogue == here.catalogue
    pd.testing.assert_frame_equal(there.features, here.features, rtol=0, atol=1e-9)
    pd.testing.assert_frame_equal(there.outcomes, here.outcomes, rtol=0, atol=1e-9)
    pd.testing.assert_series_equal(there.orders, here.orders)


def test_the_same_companies(connection, settings):
    """Parents are drawn at random: many generations, circles and all."""
    window, tables = Window(date(2024, 1, 1), date(2024, 6, 1)), random_tables(5)
    found = []
    for name, rows in tables.items():
        connection.create_table(f"family_{name}", rows)
    there = {name: connection.table(f"family_{name}") for name in tables}
    for side in (there, {name: ibis.memtable(rows) for name, rows in tables.items()}):
        rolled, joined, belonging = rollup.rolled_up(side, "s")
        built = build(rolled, window, settings, source="s", digest="0")
        found.append((built.features, joined, belonging.order_by("account_id").to_pandas()))
    assert found[0][1] == found[1][1]
    assert found[0][1].several > 10
    pd.testing.assert_frame_equal(found[0][0], found[1][0], rtol=0, atol=1e-9)
    pd.testing.assert_frame_equal(found[0][2], found[1][2])


def test_every_feature_and_outcome_was_compared_on_known_values(built):
    tables = [there for there, _ in built.values()]
    known = {name for table in tables for name in table.features.columns[table.features.notna().any()]}
    numbered = {f.name for f in catalogue() if f.name.startswith(("survey_factor_", "partworth_"))}
    assert {f.name for f in catalogue()} - numbered <= known
    assert {"survey_factor_1", "survey_factor_2", "partworth_1", "partworth_2"} <= known
    outcomes = {name for table in tables for name in table.outcomes}
    assert outcomes == {"future_revenue", "log_future_revenue", "active", "responded"}
    assert built["choices"][0].features["partworth_2"].notna().sum() > 30  # those created before the date
    assert built["random"][0].features["survey_factor_1"].notna().sum() > 200
    assert built["value"][0].features["predicted_value_12m"].gt(0).sum() > 200

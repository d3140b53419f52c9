"""Every shape of source ends with a described, registered and scored model, or with one clear refusal.

The shapes are the corners of what people have: one table or both, no categorical attribute or no numeric one,
one column of each kind, one to three features, few accounts, all of it at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from command_line import SMALL, in_process

SETTINGS = [
    *(
        word
        for word in SMALL
        if not word.startswith(("source.", "+segmenters.autoencoder", "segmenters.kmeans"))
    ),
    "candidates=[rfm_grid,kmeans]",
    "segmenters.kmeans.n_trials=9",
]
ATTRIBUTES: dict[str, Callable[[np.random.Generator, int], object]] = {
    "industry": lambda rng, n: rng.choice(["retail", "crafts", "trade"], n),
    "region": lambda rng, n: rng.choice(["North", "South"], n),
    "country": lambda rng, n: rng.choice(["DE", "AT", "CH"], n),
    "ownership": lambda rng, n: ["private"] * n,
    "employees": lambda rng, n: rng.integers(1, 400, n),
    "annual_revenue": lambda rng, n: np.exp(rng.normal(13, 1, n)).round(),
    "founded_year": lambda rng, n: rng.integers(1950, 2020, n),
    "payment_terms_days": lambda rng, n: rng.choice([14, 30, 60], n),
    "latitude": lambda rng, n: rng.uniform(47, 54, n),
    "longitude": lambda rng, n: rng.uniform(6, 15, n),
    "created_on": lambda rng, n: ["2022-03-01"] * n,
    "name": lambda rng, n: [f"Firm {i}" for i in range(n)],
}
EXTRAS = {
    "margin": lambda rng, o: (o["revenue"] * rng.uniform(0.1, 0.4, len(o))).round(2),
    "quantity": lambda rng, o: rng.integers(1, 20, len(o)),
    "product_id": lambda rng, o: rng.choice([f"P{i}" for i in range(12)], len(o)),
    "category": lambda rng, o: rng.choice(["tools", "paint", "wood"], len(o)),
    "channel": lambda rng, o: rng.choice(["web", "shop"], len(o)),
}
ALL_BUT_RFM = (
    "tenure_days,interpurchase_days,interpurchase_cv,trend,seasonality,average_basket,lines_per_order"
)
ALL_BUT_RFM += ",return_rate,value"


@dataclass(frozen=True)
class Shape:
    """A source: how many accounts, which attributes, which order columns, and how it must end."""

    n: int = 100
    attributes: tuple[str, ...] | None = None
    orders: tuple[str, ...] | None = ()
    settings: tuple[str, ...] = ()
    refusal: str = ""
    """What the one message says; empty: a model results."""
    turn: Callable[[pd.DataFrame], pd.DataFrame] = lambda orders: orders


def turn_constant(orders: pd.DataFrame) -> pd.DataFrame:
    """Everybody orders the same on the same two days."""
    twice = orders.drop_duplicates("account_id")
    days = [twice.assign(ordered_at=day, revenue=100.0) for day in ("2024-01-01", "2024-06-01")]
    return pd.concat(days).assign(order_id=[f"O{i}" for i in range(2 * len(twice))])


NO_ORDERS = ("source.as_of=2025-12-01",)
WINDOW = ("source.as_of=2025-06-01", "source.outcome_until=2025-12-01")
SHAPES = {
    "orders, 39 accounts": Shape(39, refusal="39 accounts .* At least 40"),
    "orders, 40 accounts": Shape(40),
    "orders, 70 accounts": Shape(70),
    "orders, 100 accounts": Shape(),
    "orders, 300 accounts": Shape(300),
    "orders with categories": Shape(orders=("category", "channel")),
    "orders with everything": Shape(orders=tuple(EXTRAS)),
    "orders with an outcome window": Shape(300, settings=WINDOW),
    "accounts of both kinds": Shape(
        attributes=("industry", "region", "employees", "annual_revenue"), orders=None, settings=NO_ORDERS
    ),
    "accounts, 40": Shape(40, ("industry", "employees"), None, NO_ORDERS),
    "accounts, 39": Shape(39, ("industry", "employees"), None, NO_ORDERS, "39 accounts .* At least 40"),
    "accounts, one category": Shape(attributes=("industry",), orders=None, settings=NO_ORDERS),
    "accounts, one number": Shape(attributes=("annual_revenue",), orders=None, settings=NO_ORDERS),
    "accounts, two numbers": Shape(
        attributes=("annual_revenue", "founded_year"), orders=None, settings=NO_ORDERS
    ),
    "accounts, three categories": Shape(
        attributes=("industry", "region", "country"), orders=None, settings=NO_ORDERS
    ),
    "accounts, one level only": Shape(
        attributes=("ownership",), orders=None, settings=NO_ORDERS, refusal="No feature varies"
    ),
    "accounts, ids only": Shape(attributes=(), orders=None, settings=NO_ORDERS, refusal="feature"),
    "accounts without a date": Shape(attributes=("industry",), orders=None, refusal="source.as_of"),
    "both, no category": Shape(attributes=("annual_revenue", "founded_year")),
    "both, no number": Shape(attributes=("industry", "region")),
    "both, ids only": Shape(attributes=()),
    "both, numbers left": Shape(
        attributes=("industry", "employees"), settings=("features.exclude=[industry,size_class]",)
    ),
    "both, outcome window": Shape(300, ("industry", "employees"), settings=WINDOW),
    "both, everything": Shape(300, tuple(ATTRIBUTES), tuple(EXTRAS), WINDOW),
    "one feature": Shape(settings=(f"features.exclude=[frequency,monetary,{ALL_BUT_RFM}]",)),
    "two features": Shape(settings=(f"features.exclude=[monetary,{ALL_BUT_RFM}]",)),
    "three features": Shape(settings=(f"features.exclude=[{ALL_BUT_RFM}]",)),
    "all alike": Shape(turn=turn_constant, refusal="No feature varies|No segmenter could be fitted"),
    "returns only": Shape(
        turn=lambda orders: orders.assign(revenue=-orders["revenue"]), refusal="accounts with orders|feature"
    ),
    "each ordered once": Shape(turn=lambda orders: orders.drop_duplicates("account_id")),
    "no outcome in the window": Shape(
        300, settings=("source.as_of=2026-06-01", "source.outcome_until=2026-12-01")
    ),
}
FAST = {
    "orders, 100 accounts",
    "accounts of both kinds",
    "accounts, one category",
    "accounts, one number",
    "accounts, ids only",
    "both, everything",
    "one feature",
    "all alike",
    "each ordered once",
}


def write(shape: Shape, folder: Path) -> None:
    """Write the tables of a shape as CSV."""
    rng = np.random.default_rng(4)
    ids = [f"K{i:04d}" for i in range(shape.n)]
    folder.mkdir()
    if shape.orders is not None:
        owner = np.repeat(np.arange(shape.n), 1 + rng.poisson(rng.gamma(2, 3, shape.n)))
        days = rng.integers(0, 700, len(owner)) * np.linspace(0.3, 1, shape.n)[owner]
        orders = pd.DataFrame(
            {
                "order_id": [f"O{i}" for i in range(len(owner))],
                "account_id": np.array(ids)[owner],
                "ordered_at": pd.Timestamp("2024-01-01") + pd.to_timedelta(days.astype(int), unit="D"),
                "revenue": np.exp(rng.normal(5, 1, shape.n)[owner] + rng.normal(0, 0.4, len(owner))).round(2),
            }
        )
        orders = orders.assign(**{name: EXTRAS[name](rng, orders) for name in shape.orders})
        shape.turn(orders).to_csv(folder / "orders.csv", index=False)
    if shape.attributes is not None:
        given = {name: ATTRIBUTES[name](rng, shape.n) for name in shape.attributes}
        pd.DataFrame({"account_id": ids, **given}).to_csv(folder / "accounts.csv", index=False)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in FAST else pytest.mark.slow) for name in SHAPES]
)
def test_a_shape_ends_well(name: str, home: Path, monkeypatch, capsys) -> None:
    shape = SHAPES[name]
    write(shape, home / "tables")
    source = ["source=csv_folder", f"source.path='{home / 'tables'}'"]
    done = in_process(
        "compare", *source, *shape.settings, *SETTINGS, home=home, monkeypatch=monkeypatch, capsys=capsys
    )
    assert "This is a bug" not in done.stderr
    store = f"sqlite:///{home}/mlflow/mlflow.db"
    client = mlflow.MlflowClient(store, registry_uri=store)
    if shape.refusal:
        assert done.code == 2
        (said,) = [line for line in done.stderr.splitlines() if line.startswith("segmentwerk: ")]
        assert pd.Series([said]).str.contains(shape.refusal).all(), said
        assert client.search_model_versions() == []
        return
    assert done.code == 0, done.stderr
    described_and_registered(done.summary, client)
    scored(done.summary, home, monkeypatch, capsys)


def described_and_registered(summary: dict, client: mlflow.MlflowClient) -> None:
    """Each segment has a name and a summary; the registry has the version, with a card."""
    model = summary["model"]
    assert len(model["segments"]) > 1
    assert all(segment["name"] and segment["summary"] for segment in model["segments"])
    (version,) = client.search_model_versions()
    assert int(version.version) == model["version"]
    assert all(segment["name"] in version.description for segment in model["segments"])


def scored(summary: dict, home: Path, monkeypatch, capsys) -> None:
    """The registered model labels each account as the comparison did, from CSV."""
    model = summary["model"]
    pd.read_parquet(model["accounts"]).to_csv(home / "accounts.csv", index=False)
    done = in_process(
        "score", f"input='{home}/accounts.csv'", f"output='{home}/out.csv'", f"model={model['uri']}",
        home=home, monkeypatch=monkeypatch, capsys=capsys,
    )  # fmt: skip
    assert done.code == 0, done.stderr
    found = pd.read_csv(home / "out.csv", dtype={"account_id": str}).set_index("account_id")
    known = pd.read_parquet(model["assignments"]).set_index("account_id")
    assert found["segment_id"].to_dict() == known["segment_id"].to_dict()


def test_every_fast_shape_exists() -> None:
    assert set(SHAPES) >= FAST
    assert len(SHAPES) >= 30

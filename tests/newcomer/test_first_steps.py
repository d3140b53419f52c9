"""`make run`'s verb to a champion and `score`, as a newcomer gives them: nothing in the environment helps."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from command_line import SMALL

READ = """
import sys
import mlflow
mlflow.set_tracking_uri(sys.argv[1])
for _ in range(2):
    model = mlflow.pyfunc.load_model("models:/b2b-segments@champion")
    assert len(model.predict(model.input_example)) == 1
"""


def write_orders(folder: Path, n_accounts: int = 300) -> None:
    """Write an order list of three kinds of customers, and nothing else about them."""
    rng = np.random.default_rng(0)
    kind = rng.choice(3, n_accounts)
    counts = 2 + rng.poisson(np.array([2, 9, 25])[kind])
    owner = np.repeat(np.arange(n_accounts), counts)
    late = np.array([300, 0, 100])[kind][owner]
    days = rng.integers(late, 730)
    orders = pd.DataFrame(
        {
            "order_id": [f"O{i}" for i in range(len(owner))],
            "account_id": [f"K{i:04d}" for i in owner],
            "ordered_at": pd.Timestamp("2024-12-31") - pd.to_timedelta(days, unit="D"),
            "revenue": np.round(np.exp(rng.normal(np.array([4.0, 5.5, 8.0])[kind][owner], 0.4)), 2),
        }
    )
    folder.mkdir()
    orders.to_csv(folder / "orders.csv", index=False)


def registered(newcomer) -> dict[Path, bytes]:
    """Return every file of the registry's own folder of the model."""
    (model,) = newcomer.folder.rglob("MLmodel")
    return {path: path.read_bytes() for path in model.parent.rglob("*") if path.is_file()}


def check(newcomer, *given: str) -> None:
    """Compare to a champion, and score the table of accounts that the comparison wrote."""
    model = newcomer.segmentwerk("compare", *given)["model"]
    assert (model["version"], model["champion"]) == (1, True)
    accounts = pd.read_parquet(model["accounts"])
    accounts.to_csv(newcomer.folder / "accounts.csv", index=False)
    before = registered(newcomer)
    opened = newcomer.run(sys.executable, "-c", READ, f"sqlite:///{newcomer.home}/mlflow/mlflow.db")
    assert opened.returncode == 0, opened.stderr
    for name in ("segments.csv", "again.parquet"):
        done = newcomer.segmentwerk("score", "input=accounts.csv", f"output={name}")
        assert (done["result"]["scored"], done["result"]["rejected"]) == (len(accounts), 0)
    assert registered(newcomer) == before
    found = pd.read_csv(newcomer.folder / "segments.csv", dtype={"account_id": str})
    assert set(found["account_id"]) == set(accounts["account_id"])
    assert set(found["segment_id"]) <= {segment["id"] for segment in model["segments"]}
    assert (
        found["segment_id"].tolist()
        == pd.read_parquet(newcomer.folder / "again.parquet")["segment_id"].tolist()
    )


def test_the_generated_world(newcomer):
    check(newcomer, *SMALL)


def test_orders_alone(newcomer):
    write_orders(newcomer.folder / "Aufträge 2024")
    newcomer.hand_over()
    small = [word for word in SMALL if not word.startswith("source.")]
    check(
        newcomer, *small, "candidates=[rfm_grid,kmeans]", "source=csv_folder", "source.path='Aufträge 2024'"
    )

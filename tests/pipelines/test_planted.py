"""Three kinds of customers are planted in a table of orders: the comparison finds these, and no others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from command_line import SMALL, segmentwerk

KINDS = {
    # how many; orders a year; money of an order; days since the last order
    "often and little": (130, 40.0, 90.0, 5),
    "seldom and much": (90, 5.0, 6000.0, 30),
    "gone": (80, 14.0, 500.0, 320),
}
TWO = ["candidates=[rfm_grid,kmeans]", "segmenters.kmeans.n_trials=9"]
END = pd.Timestamp("2026-01-01")


def planted(seed: int = 3) -> tuple[pd.DataFrame, pd.Series]:
    """Return order lines of two years, and the kind of each account."""
    rng = np.random.default_rng(seed)
    lines, truth = [], {}
    for kind, (n, rate, money, last) in KINDS.items():
        for _ in range(n):
            account = f"K{rng.permutation(10**6)[0]:06d}"
            truth[account] = kind
            until = last * rng.uniform(0.7, 1.3)
            orders = 2 + rng.poisson(rate * rng.uniform(0.8, 1.2) * (730 - until) / 365)
            ago = np.concatenate([[until], rng.uniform(until, 730, orders - 1)])
            level = money * np.exp(rng.normal(0, 0.2))
            lines += [(account, END - pd.Timedelta(days=day), level * rng.uniform(0.7, 1.3)) for day in ago]
    frame = pd.DataFrame(lines, columns=["account_id", "ordered_at", "revenue"])
    frame = frame.sample(frac=1, random_state=seed).reset_index(drop=True)
    frame.insert(0, "order_id", [f"O{i}" for i in range(len(frame))])
    return frame, pd.Series(truth)


pytestmark = pytest.mark.xdist_group("planted")  # one process makes the comparison, once for both


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> tuple[dict, pd.Series]:
    """The summary of a comparison of that table, and the truth."""
    folder: Path = tmp_path_factory.mktemp("planted")
    orders, truth = planted()
    (folder / "tables").mkdir()
    orders.to_csv(folder / "tables" / "orders.csv", index=False)
    small = [word for word in SMALL if not word.startswith("source.")]
    source = ["source=csv_folder", f"source.path={folder / 'tables'}", "source.as_of=2026-01-01"]
    done = segmentwerk("compare", *source, *small, *TWO, home=folder)
    assert done.code == 0, done.stderr
    return done.summary, truth


def agreement(labels: pd.Series, truth: pd.Series) -> float:
    """Return the adjusted Rand index: 1 for the same groups, about 0 for labels by chance."""
    return float(adjusted_rand_score(truth.loc[labels.index], labels))


def test_the_winner_finds_the_planted_kinds(found) -> None:
    summary, truth = found
    assigned = pd.read_parquet(summary["model"]["assignments"]).set_index("account_id")
    assert set(assigned.index) == set(truth.index)
    assert summary["decision"]["winner"] == "kmeans"
    assert summary["decision"]["n_segments"] == len(KINDS)
    assert summary["decision"]["verdict"] == "natural"
    assert agreement(assigned["segment_id"], truth) > 0.95
    held_out = assigned[assigned["held_out"]]
    assert len(held_out) > 50
    assert agreement(held_out["segment_id"], truth) > 0.95


def test_the_limit_is_missed_by_a_rule_of_thumb_and_by_one_segment_too_few(found) -> None:
    summary, truth = found
    path = Path(summary["model"]["assignments"]).with_name("candidates.parquet")
    candidates = pd.read_parquet(path).set_index("account_id")
    assert agreement(candidates["rfm_grid"], truth) < 0.6
    assert agreement(truth.replace("gone", "seldom and much"), truth) < 0.7

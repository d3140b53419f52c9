"""Untapped potential: what an account spends against what firmographic peers spend."""

from __future__ import annotations

import pandas as pd

from segmentwerk.core.types import Feature
from segmentwerk.features.declare import YEAR, CannotLearnError, Learned, Step

SMALLEST = 10
"""Customers needed to call a median the spending of peers."""

_FEATURE = Feature(
    "untapped_potential",
    "numeric",
    "-2 to 2",
    "value",
    "orders",
    YEAR,
    "Median revenue of peers (same industry and size class) against own: 2 all untapped, 0 like peers.",
)


def learn(rows: pd.DataFrame) -> Learned:
    """Learn the median revenue of customers of each industry and size class, each industry, and all."""
    customers = rows[rows["orders"] > 0]
    if len(customers) < SMALLEST:
        raise CannotLearnError(f"{len(customers)} customers, at least {SMALLEST} needed")
    spent = customers["revenue_12m"]
    return {
        "narrow": _medians(spent, _narrow(customers)),
        "wide": _medians(spent, customers["industry"]),
        "all": float(spent.median()),
    }


def apply(rows: pd.DataFrame, learned: Learned) -> pd.DataFrame:
    """Compare each customer with the narrowest group of peers that was large enough."""
    peers = spending(rows, learned)
    own = rows["revenue_12m"]
    scale = peers.abs() + own.abs()
    change = 2.0 * (peers - own) / scale.where(scale > 0)
    return change.where(scale != 0, 0.0).to_frame(_FEATURE.name)


def spending(rows: pd.DataFrame, learned: Learned) -> pd.Series:
    """Return what peers of each account typically spend in a year, in money (n_rows,)."""
    peers = _narrow(rows).map(learned["narrow"])
    return peers.fillna(rows["industry"].map(learned["wide"])).astype("float64").fillna(learned["all"])


def _narrow(rows: pd.DataFrame) -> pd.Series:
    """Name the industry and size class; unknown where either is."""
    if "size_class" not in rows:
        return rows["industry"]
    return rows["industry"] + "|" + rows["size_class"]


def _medians(spent: pd.Series, group: pd.Series) -> dict[str, float]:
    groups = spent.groupby(group).agg(["median", "size"])
    return {str(name): float(m) for name, m in groups.loc[groups["size"] >= SMALLEST, "median"].items()}


STEP = Step(
    name="peers",
    features=(_FEATURE,),
    learn=learn,
    apply=apply,
    reads=("revenue_12m", "industry"),
    prefers=("size_class",),
)

"""What a version remembers of its training's accounts (`core.reference`), from tables to aggregates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.core.reference import (
    COMMON,
    AnswersReference,
    LevelsReference,
    Logs,
    NumberReference,
    PartReference,
)
from segmentwerk.core.types import Feature

BINS = 10
"""As is usual for the population stability index."""
DIGITS = 3
"""Significant digits of a bound: an exact one would be an account's value."""
MONEY, TODAY = "money", "as of the date"
"""Unit and window of features (`core.types.Feature`)."""
LEAST_PART = 30
"""Customers of a level that is looked at by itself."""


def numbers(customers: pd.DataFrame, features: Sequence[Feature]) -> dict[str, NumberReference]:
    """Return bins and counts of each number that any customer has."""
    found = {}
    for feature in features:
        if feature.kind != "numeric" or feature.name not in customers:
            continue
        values = customers[feature.name].to_numpy(dtype=np.float64)
        known = values[np.isfinite(values)]
        if len(known) >= COMMON:
            found[feature.name] = _number(known, len(values) - len(known))
    return found


def _number(known: FloatArray, unknown: int) -> NumberReference:
    bounds = np.quantile(known, np.arange(1, BINS) / BINS)
    edges = np.unique([rounded(bound) for bound in bounds])
    low, high = (rounded(bound) for bound in np.quantile(known, [0.001, 0.999]))
    return NumberReference(
        edges=tuple(edges.tolist()),
        counts=tuple(binned(known, edges).tolist()),
        unknown=unknown,
        low=low,
        high=high,
        logs=logs(known),
    )


def binned(known: FloatArray, edges: Sequence[float] | FloatArray) -> IntArray:
    """Count known values by bin, (len(edges) + 1,); a bound belongs to the bin below it."""
    places = np.searchsorted(np.asarray(edges, dtype=np.float64), known, side="left")
    return np.bincount(places, minlength=len(edges) + 1).astype(np.int64)


def rounded(value: float) -> float:
    """Return a number with few significant digits."""
    return float(f"{value:.{DIGITS}g}")


def logs(values: FloatArray) -> Logs | None:
    """Return what is kept of the logarithms of positive values; None where there are too few."""
    positive = np.log(values[values > 0])
    if len(positive) < COMMON:
        return None
    return Logs(n=len(positive), mean=float(positive.mean()), deviation=float(positive.std()))


def levels(customers: pd.DataFrame, features: Sequence[Feature]) -> dict[str, LevelsReference]:
    """Return how many customers have which level of each category."""
    found = {}
    for feature in features:
        if feature.kind != "categorical" or feature.name not in customers:
            continue
        column = customers[feature.name]
        counts = column.dropna().astype(str).value_counts().sort_index()
        common = counts[counts >= COMMON]
        found[feature.name] = LevelsReference(
            counts={str(level): int(count) for level, count in common.items()},
            other=int(counts.sum() - common.sum()),
            unknown=int(column.isna().sum()),
        )
    return found


def parts(customers: pd.DataFrame, features: Sequence[Feature]) -> tuple[PartReference, ...]:
    """Return the money of the customers of each level that enough of them have."""
    money = [f.name for f in features if own_money(f) and f.name in customers]
    found = []
    for feature in features:
        if feature.kind != "categorical" or feature.name not in customers or not money:
            continue
        column = customers[feature.name].dropna().astype(str)
        for level, rows in sorted(column.groupby(column).groups.items()):
            if len(rows) >= LEAST_PART:
                found.append(_part(customers.loc[rows, money], feature.name, str(level)))
    return tuple(found)


def own_money(feature: Feature) -> bool:
    """Return whether a feature is money of the account itself, not of the family that it belongs to."""
    return feature.unit == MONEY and (feature.table == "orders" or feature.window == TODAY)


def _part(rows: pd.DataFrame, category: str, level: str) -> PartReference:
    kept = {str(name): logs(rows[name].to_numpy(dtype=np.float64)) for name in rows}
    return PartReference(
        category=category,
        level=level,
        accounts=len(rows),
        logs={name: one for name, one in kept.items() if one is not None},
    )


def answers(said: pd.DataFrame, customers: pd.Index, segments: Sequence[int]) -> AnswersReference:
    """Return what a model said of accounts.

    Parameters
    ----------
    said
        Index: account ids; ``segment_id``, ``confidence``, ``basis``, ``is_outlier``.
    segments
        Ids of the model's segments.
    """
    here = said.index.isin(customers)
    theirs, others = said[here], said[~here]
    known = theirs[theirs["segment_id"].isin(segments)]
    confidence = known["confidence"].to_numpy(dtype=np.float64)
    return AnswersReference(
        segments=_counts(known["segment_id"], segments),
        outliers=int(known["is_outlier"].sum()),
        answered=len(known),
        confidence=float(confidence.mean()) if len(known) else 0.0,
        confidence_deviation=float(confidence.std()) if len(known) else 0.0,
        bases={str(basis): int(n) for basis, n in theirs["basis"].value_counts().sort_index().items()},
        prospects=len(others),
        prospect_segments=_counts(others["segment_id"], segments),
    )


def _counts(ids: pd.Series, segments: Sequence[int]) -> dict[int, int]:
    counts = ids.value_counts()
    return {int(segment): int(counts.get(segment, 0)) for segment in segments}

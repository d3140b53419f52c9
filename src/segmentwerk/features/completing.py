"""From the rows that an engine computed to features: types, unknown values, and what steps add.

Rows of some accounts give what rows of all would give, once everything is learned: so a table can be
completed part by part, on this machine or where a cluster keeps it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from segmentwerk.core.types import Feature
from segmentwerk.features import engagement
from segmentwerk.features.catalogue import STEPS, in_order
from segmentwerk.features.declare import CannotLearnError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Completed:
    """Features, outcomes and orders by account, the features' declarations, and what steps learned."""

    features: pd.DataFrame
    outcomes: pd.DataFrame
    orders: pd.Series
    catalogue: tuple[Feature, ...]
    learned: dict[str, object]


@dataclass(frozen=True)
class Completion:
    """How rows are completed; plain data, so that it can be sent to another process.

    Attributes
    ----------
    declared
        The features that the rows hold already.
    steps
        Names of the steps that follow.
    names
        Columns that a step reads, by the short name that the rows have for them.
    outcomes
        Columns of the window after the as-of date.
    unwanted
        Names of features that are not given.
    with_orders
        Whether the source has orders.
    learned
        What steps learned before; None: they learn from these rows.
    """

    declared: tuple[Feature, ...]
    steps: tuple[str, ...]
    names: Mapping[str, str]
    outcomes: tuple[str, ...]
    unwanted: frozenset[str]
    with_orders: bool
    learned: Mapping[str, Any] | None

    def complete(self, rows: pd.DataFrame) -> Completed:
        """Complete rows whose index is the account's id."""
        rows = rows.rename(columns=dict(self.names))
        rows["orders"] = rows["orders"].fillna(0).astype("int64") if self.with_orders else 1
        rows = _typed(rows, self.declared)
        features, rows, kept = self._learn(rows)
        chosen = in_order(feature for feature in features if feature.name not in self.unwanted)
        return Completed(
            rows[[feature.name for feature in chosen]],
            _outcomes(rows, self.outcomes),
            rows["orders"],
            chosen,
            kept,
        )

    @property
    def catalogue(self) -> tuple[Feature, ...]:
        """The features that it gives by what was learned before, in order."""
        known = self.learned or {}
        given = (
            feature for step in STEPS if step.name in self.steps for feature in step.given(known[step.name])
        )
        return in_order(one for one in (*self.declared, *given) if one.name not in self.unwanted)

    def _learn(self, rows: pd.DataFrame) -> tuple[list[Feature], pd.DataFrame, dict[str, object]]:
        """Add what the steps give; a step that cannot learn is left out, said in the log."""
        features, kept = list(self.declared), dict[str, object]()
        for step in (step for step in STEPS if step.name in self.steps):
            try:
                known = step.learn(rows) if self.learned is None else self.learned[step.name]
            except CannotLearnError as reason:
                log.info("Without %s: %s.", step.name, reason)
                continue
            kept[step.name] = known
            features = [*features, *step.given(known)]
            rows = rows.join(step.apply(rows, known))
        return features, rows, kept


def _typed(rows: pd.DataFrame, features: Sequence[Feature]) -> pd.DataFrame:
    """Give numbers as float64 with NaN and categories as object with None.

    Features of orders are known of customers only; counts of activities are zero where there is none.
    """
    columns = {}
    for feature in features:
        column = rows[feature.name]
        if feature.table == "orders":
            column = column.where(rows["orders"] > 0)
        if feature.kind == "categorical":
            columns[feature.name] = column.astype(object).where(column.notna(), None)
        elif feature.name in engagement.COUNTS:
            columns[feature.name] = column.astype("float64").fillna(0.0)
        else:
            columns[feature.name] = column.astype("float64")
    return rows.assign(**columns)


def _outcomes(rows: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Fill accounts without a record in the window with zero, and add the logarithm of the revenue."""
    outcomes = rows[list(names)].astype("float64").fillna(0.0)
    if "future_revenue" in outcomes:
        revenue = outcomes["future_revenue"].clip(lower=0.0)
        outcomes.insert(1, "log_future_revenue", np.log1p(revenue))
    return outcomes

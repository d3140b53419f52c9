"""One row an account as of a date."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import ibis
import numpy as np
import pandas as pd

from segmentwerk.core.errors import InputError
from segmentwerk.core.settings import FeatureSettings
from segmentwerk.core.types import AccountTable, Feature, Window
from segmentwerk.features import engagement, levels, past, rollup
from segmentwerk.features.catalogue import (
    STEPS,
    absent,
    catalogue,
    definitions,
    excluded,
    impossible,
    in_order,
)
from segmentwerk.features.declare import CannotLearnError, Definition, Step, Tables

__all__ = ["absent", "build", "catalogue"]

log = logging.getLogger(__name__)


def build(
    tables: Tables,
    window: Window,
    settings: FeatureSettings,
    *,
    source: str,
    digest: str,
    learned: Mapping[str, Any] | None = None,
) -> AccountTable:
    """Build the account table from checked tables, all of one Ibis backend.

    Parameters
    ----------
    tables
        By name; `accounts` or `orders` at least. Accounts are those created before ``window.as_of``
        (or at an unknown date) and those that ordered before it.
    window
        Features see records before midnight of ``as_of``; outcomes see ``as_of <= day < outcome_until``.
    learned
        `AccountTable.definitions` of the table that a model was trained on; features are then computed
        by them. None: learn anew.

    Raises
    ------
    InputError
        If there is neither `accounts` nor `orders`, no account before the date, an id that comes twice,
        a value that cannot be computed with, or an outcome window that ends before it begins.
    ConfigError
        If ``settings.exclude`` names something unknown.
    """
    _check_input(tables, window)
    declared, steps = _plan(tables, settings, learned)
    known, ahead = rollup.merged(past.cut(tables, window.as_of)), past.outcomes(tables, window)
    related = [step.relate(known, (learned or {}).get(step.name)) for step in steps if step.relate]
    relations = [*(relation for relation, _ in related), *ahead.values()]
    rows = _execute(levels.assemble(known, declared, window.as_of, relations), window)
    rows = rows.rename(columns={short: name for _, names in related for short, name in names.items()})
    rows["orders"] = rows["orders"].fillna(0).astype("int64") if "orders" in tables else 1
    features = [definition.feature for definition in declared]
    rows = _typed(rows, features)
    features, rows, kept = _learn(steps, features, rows, learned)
    chosen = in_order(feature for feature in features if feature not in excluded(settings))
    return AccountTable(
        features=rows[[feature.name for feature in chosen]],
        outcomes=_outcomes(rows, [name for part in ahead.values() for name in part.columns[1:]]),
        orders=rows["orders"],
        catalogue=chosen,
        window=window,
        source=source,
        digest=digest,
        definitions=kept,
    )


def _check_input(tables: Tables, window: Window) -> None:
    if not {"accounts", "orders"} & set(tables):
        raise InputError("There is neither a table 'accounts' nor 'orders'.", "Map one in source.tables.")
    if window.outcome_until is not None and window.outcome_until <= window.as_of:
        raise InputError(
            f"The outcome window ends on {window.outcome_until}, not after {window.as_of}.",
            "Set source.outcome_until later than source.as_of.",
        )


def _plan(
    tables: Tables, settings: FeatureSettings, learned: Mapping[str, Any] | None
) -> tuple[list[Definition], list[Step]]:
    """Choose the declared features to compute, those that a step reads included, and the steps."""
    unwanted = {feature.name for feature in excluded(settings)}
    missing = impossible(tables, settings, learn=learned is None)
    steps = [
        step
        for step in STEPS
        if not all(feature.name in unwanted or feature.name in missing for feature in step.features)
        and (learned is None or step.name in learned)
    ]
    read = {name for step in steps for name in (*step.reads, *step.prefers)}
    dropped = set(missing) | (unwanted - read)
    return [d for d in definitions(settings) if d.feature.name not in dropped], steps


def _execute(expression: ibis.Table, window: Window) -> pd.DataFrame:
    try:
        rows: pd.DataFrame = expression.to_pyarrow().to_pandas().set_index("account_id").sort_index()
    except duckdb.Error as error:  # its message may quote a customer's value
        raise InputError(
            f"The features cannot be computed from these tables ({type(error).__name__}).",
            "Look for impossible values with `segmentwerk data check`.",
        ) from error
    if len(rows) == 0:  # not rows.empty, which is true without columns, too
        raise InputError(f"No account is known before {window.as_of}.", "Set a later source.as_of.")
    if rows.index.has_duplicates:
        n = int(rows.index.duplicated().sum())
        raise InputError(f"Table 'accounts' gives {n} account ids more than once.", "Make account_id unique.")
    return rows


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


def _learn(
    steps: Sequence[Step], features: list[Feature], rows: pd.DataFrame, learned: Mapping[str, Any] | None
) -> tuple[list[Feature], pd.DataFrame, dict[str, object]]:
    """Add what the steps give; a step that cannot learn is left out, said in the log."""
    kept: dict[str, object] = {}
    for step in steps:
        try:
            known = step.learn(rows) if learned is None else learned[step.name]
        except CannotLearnError as reason:
            log.info("Without %s: %s.", step.name, reason)
            continue
        kept[step.name] = known
        features = [*features, *step.given(known)]
        rows = rows.join(step.apply(rows, known))
    return features, rows, kept


def _outcomes(rows: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Fill accounts without a record in the window with zero, and add the logarithm of the revenue."""
    outcomes = rows[list(names)].astype("float64").fillna(0.0)
    if "future_revenue" in outcomes:
        revenue = outcomes["future_revenue"].clip(lower=0.0)
        outcomes.insert(1, "log_future_revenue", np.log1p(revenue))
    return outcomes

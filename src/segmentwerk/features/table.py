"""One row an account as of a date: declared features joined into one query, executed once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import ibis
import numpy as np
import pandas as pd

from segmentwerk.core.errors import ConfigError, InputError, nearest
from segmentwerk.core.settings import FeatureSettings
from segmentwerk.core.types import AccountTable, Feature, Window
from segmentwerk.features import assortment, behaviour, engagement, firmographics, geography, past, value
from segmentwerk.features.declare import Definition, Tables
from segmentwerk.features.levels import LEVELS

_DEFINITIONS: tuple[Definition, ...] = (
    *behaviour.DEFINITIONS,
    *assortment.DEFINITIONS,
    *value.DEFINITIONS,
    *engagement.DEFINITIONS,
    *firmographics.DEFINITIONS,
    *geography.DEFINITIONS,
)
_ORDERS = "orders_before_date"
"""Helper column: number of orders, null where there is none."""


def catalogue() -> tuple[Feature, ...]:
    """Return every feature that can be built, in column order."""
    return tuple(definition.feature for definition in _DEFINITIONS)


def absent(tables: Tables, settings: FeatureSettings) -> dict[str, str]:
    """Say which features cannot or shall not be built from these tables, each with the reason.

    Raises
    ------
    ConfigError
        If ``settings.exclude`` names neither a feature nor an approach.
    """
    _check_excluded(settings)
    reasons = {definition.feature.name: _reason(definition, tables, settings) for definition in _DEFINITIONS}
    return {name: reason for name, reason in reasons.items() if reason}


def _check_excluded(settings: FeatureSettings) -> None:
    known = {name for feature in catalogue() for name in (feature.name, feature.approach)}
    for name in settings.exclude:
        if name not in known:
            raise ConfigError(f"features.exclude names {name!r}, which is no feature.", nearest(name, known))


def _reason(definition: Definition, tables: Tables, settings: FeatureSettings) -> str:
    if {definition.feature.name, definition.feature.approach} & set(settings.exclude):
        return "left out by features.exclude"
    for need in (*LEVELS[definition.level].needs, *definition.needs):
        table, _, column = need.partition(".")
        if table not in tables:
            return f"there is no table {table!r}"
        if column and column not in tables[table].columns:
            return f"there is no column {need!r}"
    return ""


def build(
    tables: Tables, window: Window, settings: FeatureSettings, *, source: str, digest: str
) -> AccountTable:
    """Build the account table from checked tables, all of one Ibis backend.

    Parameters
    ----------
    tables
        By name; `accounts` or `orders` at least. Accounts are those created before ``window.as_of``
        (or at an unknown date) and those that ordered before it.
    window
        Features see records before midnight of ``as_of``; outcomes see ``as_of <= day < outcome_until``.

    Raises
    ------
    InputError
        If there is neither `accounts` nor `orders`, no account before the date, or an empty window.
    ConfigError
        If ``settings.exclude`` names something unknown.
    """
    _check_input(tables, window)
    missing = absent(tables, settings)
    definitions = [definition for definition in _DEFINITIONS if definition.feature.name not in missing]
    known = past.cut(tables, window.as_of)
    ahead = past.outcomes(tables, window)
    parts = [*_features(known, definitions, window), *ahead.values()]
    frame = _join(_base(known), parts).to_pandas().set_index("account_id").sort_index()
    if frame.empty:
        raise InputError(f"No account is known before {window.as_of}.", "Set an earlier source.as_of.")
    features = tuple(definition.feature for definition in definitions)
    orders = frame[_ORDERS].fillna(0).astype("int64") if "orders" in tables else _ones(frame)
    return AccountTable(
        features=_typed(frame, features, orders),
        outcomes=_outcomes(frame, [name for part in ahead.values() for name in part.columns[1:]]),
        orders=orders.rename("orders"),
        catalogue=features,
        window=window,
        source=source,
        digest=digest,
    )


def _check_input(tables: Tables, window: Window) -> None:
    if not {"accounts", "orders"} & set(tables):
        raise InputError("There is neither a table 'accounts' nor 'orders'.", "Map one in source.tables.")
    if window.outcome_until is not None and window.outcome_until <= window.as_of:
        raise InputError(
            f"The outcome window ends on {window.outcome_until}, not after {window.as_of}.",
            "Set source.outcome_until later than source.as_of.",
        )


def _base(tables: Tables) -> ibis.Table:
    """Return the ids of all accounts known at the date."""
    ids = [tables[name].select("account_id").distinct() for name in ("accounts", "orders") if name in tables]
    return ids[0] if len(ids) == 1 else ibis.union(*ids, distinct=True)


def _features(tables: Tables, definitions: Sequence[Definition], window: Window) -> list[ibis.Table]:
    """Aggregate each level once by account."""
    parts = []
    for name, level in LEVELS.items():
        wanted = [definition for definition in definitions if definition.level == name]
        if not wanted and not (name == "orders" and "orders" in tables):
            continue
        relation = level.relate(tables)
        columns = {d.feature.name: d.express(relation, window.as_of) for d in wanted}
        if name == "orders":
            columns[_ORDERS] = (relation.amount > 0).cast("int64").sum()
        if level.grouped:
            parts.append(relation.group_by("account_id").agg(**columns))
        else:
            parts.append(relation.select("account_id", **columns))
    return parts


def _join(base: ibis.Table, parts: Sequence[ibis.Table]) -> ibis.Table:
    def add(left: ibis.Table, right: ibis.Table) -> ibis.Table:
        return left.left_join(right, "account_id").drop("account_id_right")

    return reduce(add, parts, base)


def _typed(frame: pd.DataFrame, features: Sequence[Feature], orders: pd.Series) -> pd.DataFrame:
    """Give numbers as float64 with NaN and categories as object with None, in catalogue order."""
    columns = {}
    for feature in features:
        column = frame[feature.name]
        if feature.table == "orders":
            column = column.where(orders > 0)
        if feature.kind == "numeric":
            columns[feature.name] = column.astype("float64")
        else:
            columns[feature.name] = column.astype(object).where(column.notna(), None)
    typed = pd.DataFrame(columns, index=frame.index)
    counts = [d.feature.name for d in engagement.COUNTS if d.feature.name in columns]
    typed[counts] = typed[counts].fillna(0.0)
    return typed


def _outcomes(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Fill accounts without a record in the window with zero, and add the logarithm of the revenue."""
    outcomes = frame[list(names)].astype("float64").fillna(0.0)
    if "future_revenue" in outcomes:
        revenue = outcomes["future_revenue"].clip(lower=0.0)
        outcomes.insert(1, "log_future_revenue", np.log1p(revenue))
    return outcomes


def _ones(frame: pd.DataFrame) -> pd.Series:
    return pd.Series(1, index=frame.index, dtype="int64")

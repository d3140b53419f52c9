"""One row an account as of a date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import ibis
import pandas as pd

from segmentwerk.core.errors import InputError
from segmentwerk.core.settings import FeatureSettings
from segmentwerk.core.types import AccountTable, Window
from segmentwerk.features import levels, past, rollup
from segmentwerk.features.catalogue import STEPS, absent, catalogue, definitions, excluded, impossible
from segmentwerk.features.completing import Completion
from segmentwerk.features.declare import Definition, Step, Tables

__all__ = ["absent", "ask", "build", "catalogue"]


@dataclass(frozen=True)
class AccountQuery:
    """The query that gives one row an account, not run yet, and how its rows are completed."""

    relation: ibis.Table
    completion: Completion


def build(
    tables: Tables,
    window: Window,
    settings: FeatureSettings,
    *,
    source: str,
    digest: str,
    learned: Mapping[str, Any] | None = None,
    whole: Tables | None = None,
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
    whole
        The tables of all accounts, where ``tables`` hold the records of some of them: features of a
        company's family look at its other accounts, too.

    Raises
    ------
    InputError
        If there is neither `accounts` nor `orders`, no account before the date, an id that comes twice,
        a value that cannot be computed with, or an outcome window that ends before it begins.
    ConfigError
        If ``settings.exclude`` names something unknown.
    """
    query = ask(tables, window, settings, learned=learned, whole=whole)
    done = query.completion.complete(_execute(query.relation, window))
    return AccountTable(
        features=done.features,
        outcomes=done.outcomes,
        orders=done.orders,
        catalogue=done.catalogue,
        window=window,
        source=source,
        digest=digest,
        definitions=done.learned,
    )


def ask(
    tables: Tables,
    window: Window,
    settings: FeatureSettings,
    *,
    learned: Mapping[str, Any] | None = None,
    whole: Tables | None = None,
) -> AccountQuery:
    """Return the query behind `build`, for an engine that keeps the rows; parameters as there."""
    _check_input(tables, window)
    declared, steps = _plan(tables, settings, learned)
    known, ahead = rollup.merged(past.cut(tables, window.as_of)), past.outcomes(tables, window)
    everyone = known if whole is None or whole is tables else rollup.merged(past.cut(whole, window.as_of))
    related = [step.relate(known, (learned or {}).get(step.name)) for step in steps if step.relate]
    relations = [*(relation for relation, _ in related), *ahead.values()]
    return AccountQuery(
        levels.assemble(known, declared, window.as_of, relations, everyone),
        Completion(
            declared=tuple(definition.feature for definition in declared),
            steps=tuple(step.name for step in steps),
            names={short: name for _, names in related for short, name in names.items()},
            outcomes=tuple(name for part in ahead.values() for name in part.columns[1:]),
            unwanted=frozenset(feature.name for feature in excluded(settings)),
            with_orders="orders" in tables,
            learned=learned,
        ),
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

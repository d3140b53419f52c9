"""From a company's raw tables to ours: one SELECT a table, written in the source's yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import sqlglot
from sqlglot import exp

from segmentwerk.core.errors import ConfigError, InputError, nearest
from segmentwerk.core.settings import TableSettings
from segmentwerk.data.columns import Column

FILE, ROW = "_file", "_row"
"""Hidden columns that say where a row lies; rows count from 1, a header does not."""
Hint = Literal["text", "number", "date"]
LOST, RULE = "_lost_", "_rule_"
"""Prefixes of hidden flags: a value that could not be read (``_lost_KIND_COLUMN``), a source's rule that
rejects the row (``_rule_NAME``)."""


@dataclass(frozen=True)
class RawInput:
    """One raw table: the SELECT that reads it, its own columns and the hidden ones that it carries."""

    query: str
    columns: tuple[str, ...]
    hidden: tuple[str, ...] = ()


def select(
    table: str, settings: TableSettings, inputs: Mapping[str, RawInput], known: tuple[str, ...]
) -> str:
    """Return the DuckDB SQL that maps raw inputs to one of our tables.

    Parameters
    ----------
    table
        The name of our table, for messages.
    known
        The columns that our table may have.

    Raises
    ------
    ConfigError
        If the mapping is no SQL, or names a column that our table does not have.
    InputError
        If an expression needs a raw column that is not there, naming the nearest one.
    """
    used = [name for name in inputs if name.lower() in _tables_in(table, settings.origin)]
    raw = sorted({column for name in used for column in inputs[name].columns})
    columns = _mapped(table, settings, [*raw, *_aliases_in(settings.origin)], known) or _identity(
        table, raw, known
    )
    aliases = _aliases(settings.origin, inputs)
    lost = _lost(aliases, [*columns.values(), settings.where or ""])
    rules = {f"{RULE}{name}": f"coalesce({sql}, false)" for name, sql in settings.reject.items() if sql}
    everything = {**columns, **_place(aliases), **lost, **rules}
    selection = ",\n  ".join(f'{sql} AS "{name}"' for name, sql in everything.items())
    context = ",\n".join(f'"{name}" AS ({inputs[name].query})' for name in used)
    where = _where(settings.where, lost)
    return f"WITH {context}\nSELECT\n  {selection}\nFROM {settings.origin}{where}"


def hints(tables: Mapping[str, TableSettings], known: Mapping[str, Mapping[str, Column]]) -> dict[str, Hint]:
    """Return the kind of each raw column that the mapping hands to one of our columns as it is."""
    found: dict[str, Hint] = {}
    for table, settings in tables.items():
        ours = known.get(table, {})
        named = settings.columns or {name: f'"{name}"' for name in ours}
        for name, sql in named.items():
            tree = _parse(f"SELECT {sql}", f"tables.{table}.columns.{name}").expressions[0]
            if isinstance(tree, exp.Column) and name in ours:
                kind = ours[name].kind
                found.setdefault(tree.name.lower(), "date" if kind == "timestamp" else kind)
    return found


def absent(
    settings: TableSettings, declared: Mapping[str, object], present: Mapping[str, object]
) -> str | None:
    """Return the first declared input that the table needs and that is not there; None if all are."""
    needed = _tables_in("origin", settings.origin)
    return next((name for name in declared if name.lower() in needed and name not in present), None)


def _parse(sql: str, where: str) -> Any:
    try:
        return sqlglot.parse_one(sql, read="duckdb")
    except sqlglot.errors.ParseError as error:
        detail = error.errors[0]["description"] if error.errors else str(error)
        raise ConfigError(f"{where} is no DuckDB SQL: {detail}") from error


def _tables_in(table: str, origin: str) -> set[str]:
    tree = _parse(f"SELECT 1 FROM {origin}", f"tables.{table}.origin")
    return {node.name.lower() for node in tree.find_all(exp.Table)}


def _aliases_in(origin: str) -> list[str]:
    return [
        node.alias for node in sqlglot.parse_one(f"SELECT 1 FROM {origin}", read="duckdb").find_all(exp.Alias)
    ]


def _mapped(table: str, settings: TableSettings, raw: list[str], known: tuple[str, ...]) -> dict[str, str]:
    mapped = {}
    for name, sql in settings.columns.items():
        if name not in known:
            raise ConfigError(f"Our table {table!r} has no column {name!r}.", nearest(name, known))
        missing = _missing(sql, f"tables.{table}.columns.{name}", raw)
        if missing is None:
            mapped[name] = sql
        elif name not in settings.optional:
            raise InputError(
                f"The data has no column {missing!r}, which {table}.{name} is read from.",
                nearest(missing, raw),
            )
    for name, condition in settings.reject.items():
        missing = _missing(condition, f"tables.{table}.reject.{name}", raw) if condition else None
        if missing is not None:
            raise InputError(
                f"The data has no column {missing!r}, which rule {name!r} needs.", nearest(missing, raw)
            )
    return mapped


def _missing(sql: str, where: str, raw: list[str]) -> str | None:
    present = {column.lower() for column in raw}
    names = (node.name for node in _parse(f"SELECT {sql}", where).find_all(exp.Column))
    return next((name for name in names if name.lower() not in present), None)


def _identity(table: str, raw: list[str], known: tuple[str, ...]) -> dict[str, str]:
    """Map an input that already uses our names; refuse one that is nearly ours."""
    ours = {column.lower(): column for column in raw}
    absent = [name for name in known if name not in ours]
    for column in raw:
        guess = nearest(column.lower(), absent) if column.lower() not in known else ""
        if guess.startswith("Did you mean"):
            raise InputError(f"Table {table!r} has no column {column!r}.", guess)
    return {name: f'"{ours[name]}"' for name in known if name in ours}


def _aliases(origin: str, inputs: Mapping[str, RawInput]) -> dict[str, RawInput]:
    """Return the inputs that stand in the FROM clause itself, not in a subquery, by their alias."""
    select = sqlglot.parse_one(f"SELECT 1 FROM {origin}", read="duckdb")
    nodes = [clause.this for clause in (select.args.get("from_"), *select.args.get("joins", [])) if clause]
    named = {name.lower(): raw for name, raw in inputs.items()}
    return {
        node.alias_or_name: named[node.name.lower()]
        for node in nodes
        if isinstance(node, exp.Table) and node.name.lower() in named
    }


def _place(aliases: Mapping[str, RawInput]) -> dict[str, str]:
    """Say where a row lies: in the first input of the FROM clause; elsewhere unknown."""
    lead, raw = next(iter(aliases.items()), ("", None))
    if raw is None or ROW not in raw.hidden:
        return {}
    return {name: f'"{lead}"."{name}"' for name in (FILE, ROW)}


def _lost(aliases: Mapping[str, RawInput], expressions: list[str]) -> dict[str, str]:
    """Carry the flags of unreadable values in the columns that the mapping uses."""
    text = " ".join(expressions).lower()
    return {
        flag: f'coalesce("{alias}"."{flag}", false)'
        for alias, raw in aliases.items()
        for flag in raw.hidden
        if flag.startswith(LOST) and flag.removeprefix(LOST).split("_", 1)[1].lower() in text
    }


def _where(condition: str | None, lost: Mapping[str, str]) -> str:
    """Filter rows, but keep the unreadable ones, so that they reach the quarantine."""
    return f"\nWHERE {' OR '.join([f'({condition})', *lost.values()])}" if condition else ""

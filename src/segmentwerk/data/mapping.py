"""From a company's raw tables to ours: one SELECT a table, written in the source's yaml."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import sqlglot
from sqlglot import exp

from segmentwerk.core.errors import ConfigError, InputError, nearest
from segmentwerk.core.settings import TableSettings, UnclearSettings
from segmentwerk.data.columns import ColumnSpec
from segmentwerk.data.hidden import FILE, ROW, HiddenColumns, Unreadable, rule
from segmentwerk.data.sqltext import literal, named

Hint = Literal["text", "number", "date"]
EVERYTHING = "*"
TOLD = 20
"""Values that a message names at most."""
WORDS = re.compile(r"\$([a-z_]+)")
IDS = ("account_id", "parent_account_id", "order_id", "opportunity_id", "task_id")
"""Our columns whose values name an account, or one record of it."""


@dataclass(frozen=True)
class RawInput:
    """One raw table: the SELECT that reads it, its own columns and the hidden ones that it carries."""

    query: str
    columns: tuple[str, ...]
    hidden: tuple[str, ...] = ()
    absent: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Aliases of which no column is there (they are null), with the names that were looked for."""


def select(
    table: str, settings: TableSettings, inputs: Mapping[str, RawInput], known: Mapping[str, ColumnSpec]
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
    origin = _parse(f"SELECT 1 FROM {settings.origin}", f"tables.{table}.origin")
    tables = {node.name.lower() for node in origin.find_all(exp.Table)}
    used = {name: raw for name, raw in inputs.items() if name.lower() in tables}
    there = {column for raw in used.values() for column in (*raw.columns, *raw.hidden)}
    there |= {node.alias for node in origin.find_all(exp.Alias)}
    there |= {column.name for node in origin.find_all(exp.TableAlias) for column in node.columns}
    columns = _mapped(table, settings, _Known(frozenset(there), _looked_for(used)), tuple(known))
    if not settings.columns:
        raw_columns = sorted(column for raw in used.values() for column in raw.columns)
        columns = _identity(table, raw_columns, tuple(known))
    joined = _joined(origin, used)
    lost = _lost(joined, columns, settings.where, known)
    rules = {rule(name): f"coalesce({sql}, false)" for name, sql in settings.reject.items() if sql}
    flags = {flag.name: sql for flag, sql in lost.items()}
    everything = {**columns, **_place(joined), **flags, **rules}
    selection = ",\n  ".join(f"{sql} AS {named(name)}" for name, sql in everything.items())
    context = ",\n".join(f"{named(name)} AS ({raw.query})" for name, raw in used.items())
    return f"WITH {context}\nSELECT\n  {selection}\nFROM {settings.origin}{_where(settings.where, lost)}"


def hints(
    tables: Mapping[str, TableSettings], known: Mapping[str, Mapping[str, ColumnSpec]]
) -> dict[str, Hint]:
    """Return the kind of each raw column that becomes one of our columns as it is, or part of an id."""
    hints_by_column: dict[str, Hint] = {}
    for table, settings in tables.items():
        ours = known.get(table, {})
        mapped = settings.columns or {name: named(name) for name in ours}
        for name, sql in mapped.items():
            tree = _parse(f"SELECT {sql}", f"tables.{table}.columns.{name}").expressions[0]
            if isinstance(tree, exp.Column) and name in ours:
                kind = ours[name].kind
                hints_by_column.setdefault(tree.name.lower(), "date" if kind == "timestamp" else kind)
            elif name in IDS and not tree.find(exp.Add, exp.Sub, exp.Mul, exp.Div):
                for column in tree.find_all(exp.Column):
                    hints_by_column.setdefault(column.name.lower(), "text")
    return hints_by_column


def used(
    tables: Mapping[str, TableSettings], known: Mapping[str, Mapping[str, ColumnSpec]]
) -> frozenset[str]:
    """Return all names in the mapping, in lower case, and `EVERYTHING` where it reads by a pattern."""
    names: set[str] = set()
    for table, settings in tables.items():
        conditions = [settings.where, *settings.reject.values()]
        expressions = [settings.unclear.when, settings.unclear.value] if settings.unclear else []
        selected = [*settings.columns.values(), *expressions, *(text for text in conditions if text)]
        sql = f"SELECT {', '.join(selected) or '*'} FROM {settings.origin}"
        tree = _parse(sql, f"tables.{table}")
        names |= {node.name.lower() for node in tree.find_all(exp.Identifier)}
        names |= set() if settings.columns else {name.lower() for name in known.get(table, ())}
        names |= {EVERYTHING} if tree.find(exp.Columns) else set()
    return frozenset(names)


def in_words(
    tables: Mapping[str, TableSettings], words: Mapping[str, Sequence[str]]
) -> dict[str, TableSettings]:
    """Write the company's own words into the SQL of the mapping, in place of ``$NAME``.

    Raises
    ------
    ConfigError
        If the mapping uses words that the source does not have.
    """

    def spell(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: spell(inner) for key, inner in value.items()}
        return WORDS.sub(listed, value) if isinstance(value, str) else value

    def listed(found: re.Match[str]) -> str:
        if found[1] not in words:
            raise ConfigError(f"The mapping uses ${found[1]}, but there is no source.words.{found[1]}.")
        return f"({', '.join(literal(word.lower()) for word in words[found[1]]) or 'NULL'})"

    return {
        name: TableSettings.model_validate({**spell(given.model_dump()), "optional": given.optional})
        for name, given in tables.items()
    }


@dataclass(frozen=True)
class Private:
    """Lower-case names of raw columns that hold ids of accounts and records, and personal data."""

    ids: frozenset[str] = frozenset()
    personal: frozenset[str] = frozenset()


def private(tables: Mapping[str, TableSettings], known: Mapping[str, Mapping[str, ColumnSpec]]) -> Private:
    """Return the raw columns that the mapping reads ids or personal data from, whatever they are called."""
    ids: set[str] = set()
    personal: set[str] = set()
    for table, settings in tables.items():
        origin = _parse(f"SELECT 1 FROM {settings.origin}", f"tables.{table}.origin")
        ours = known.get(table, {})
        for name in settings.columns or ours:
            read = _sources(settings.columns.get(name, named(name)), origin)
            if name in ours and ours[name].personal:
                personal |= read
            elif name in IDS:
                ids |= read
    return Private(frozenset(ids), frozenset(personal))


def _sources(sql: str, origin: Any) -> set[str]:
    """Return the columns that an expression reads, and those behind the names that a subquery gives."""
    read = {name.lower() for _, name in _columns_in(sql)}
    behind = {
        column.name.lower()
        for alias in origin.find_all(exp.Alias)
        if alias.alias.lower() in read
        for column in alias.find_all(exp.Column)
    }
    return read | behind


def unclear(settings: TableSettings, doubt: UnclearSettings, inputs: Mapping[str, RawInput]) -> str:
    """Return the SQL that lists the values whose meaning the data does not tell, the commonest first."""
    context = ",\n".join(f"{named(name)} AS ({inputs[name].query})" for name in needs(settings, inputs))
    return (
        f"WITH {context}\nSELECT {doubt.value} AS value FROM {settings.origin} WHERE {doubt.when} "
        f"GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT {TOLD}"
    )


def needs(settings: TableSettings, inputs: Iterable[str]) -> list[str]:
    """Return the inputs that the table is read from."""
    origin = _parse(f"SELECT 1 FROM {settings.origin}", "origin")
    tables = {node.name.lower() for node in origin.find_all(exp.Table)}
    return [name for name in inputs if name.lower() in tables]


def _parse(sql: str, where: str) -> Any:
    try:
        return sqlglot.parse_one(sql, read="duckdb")
    except sqlglot.errors.ParseError as error:
        detail = error.errors[0]["description"] if error.errors else str(error)
        raise ConfigError(f"{where} is no DuckDB SQL: {detail}") from error
    except sqlglot.errors.TokenError as error:
        detail = "a text or a comment in it has no end"
        raise ConfigError(f"{where} is no DuckDB SQL: {detail}") from error


def _columns_in(sql: str, where: str = "the mapping") -> list[tuple[str, str]]:
    """Return the qualifier and the name of each column in an expression."""
    return [(node.table, node.name) for node in _parse(f"SELECT {sql}", where).find_all(exp.Column)]


@dataclass(frozen=True)
class _Known:
    """The raw columns that are there, and what was looked for in vain for those that are not."""

    columns: frozenset[str]
    looked_for: Mapping[str, tuple[str, ...]]

    def missing(self, sql: str, where: str) -> str | None:
        """Return the first column of an expression that is not there; None if all are."""
        there = {column.lower() for column in self.columns}
        for table, name in _columns_in(sql, where):
            column = table if table.lower() in there else name  # a field of a nested column needs that column
            if column.lower() not in there or column in self.looked_for:
                return column
        return None

    def refusal(self, column: str, purpose: str) -> InputError:
        """Return the error for a column that is missing."""
        names = self.looked_for.get(column, (column,))
        shown = [name for name in HiddenColumns.of(self.columns).shown if name not in self.looked_for]
        return InputError(
            f"The data has no column {' or '.join(map(repr, names))}, which {purpose}.",
            nearest(names[0], shown),
        )


def _looked_for(used: Mapping[str, RawInput]) -> dict[str, tuple[str, ...]]:
    return {alias: names for raw in used.values() for alias, names in raw.absent.items()}


def _mapped(table: str, settings: TableSettings, there: _Known, known: tuple[str, ...]) -> dict[str, str]:
    mapped = {}
    for name, sql in settings.columns.items():
        if name not in known:
            raise ConfigError(f"Our table {table!r} has no column {name!r}.", nearest(name, known))
        missing = there.missing(sql, f"tables.{table}.columns.{name}")
        if missing is None:
            mapped[name] = sql
        elif name not in settings.optional:
            raise there.refusal(missing, f"{table}.{name} is read from")
    for name, condition in settings.reject.items():
        if condition and (missing := there.missing(condition, f"tables.{table}.reject.{name}")):
            raise there.refusal(missing, f"rule {name!r} needs")
    return mapped


def _identity(table: str, raw: list[str], known: tuple[str, ...]) -> dict[str, str]:
    """Map an input that already uses our names; refuse one that is nearly ours."""
    ours = {column.lower(): column for column in raw}
    absent = [name for name in known if name not in ours]
    for column in raw:
        close = difflib.get_close_matches(column.lower(), absent, n=1, cutoff=0.85)
        if close and column.lower() not in known:
            raise InputError(
                f"Column {column!r} of table {table!r} is none of ours.", f"Did you mean {close[0]!r}?"
            )
    return {name: named(ours[name]) for name in known if name in ours}


def _joined(origin: Any, used: Mapping[str, RawInput]) -> dict[str, RawInput]:
    """Return the inputs whose rows the FROM clause hands on one by one, by their alias."""
    nodes = [clause.this for clause in (origin.args.get("from_"), *origin.args.get("joins", [])) if clause]
    by_name = {name.lower(): raw for name, raw in used.items()}
    relations = {node.alias_or_name: _behind(node, by_name) for node in nodes}
    return {alias: raw for alias, raw in relations.items() if raw is not None}


def _behind(node: Any, by_name: Mapping[str, RawInput]) -> RawInput | None:
    """Return the input whose rows a node of the FROM clause hands on, one by one, with all their columns."""
    if isinstance(node, exp.Table):
        return by_name.get(node.name.lower())
    inner = node.this if isinstance(node, exp.Subquery) else None
    if not isinstance(inner, exp.Select) or not any(isinstance(one, exp.Star) for one in inner.expressions):
        return None
    changed = any(inner.args.get(clause) for clause in ("joins", "group", "distinct", "laterals"))
    return None if changed else _behind(inner.args["from_"].this, by_name)


def _place(joined: Mapping[str, RawInput]) -> dict[str, str]:
    """Say where a row lies: in the first input of the FROM clause; elsewhere unknown."""
    lead, raw = next(iter(joined.items()), ("", None))
    if raw is None or ROW not in raw.hidden:
        return {}
    return {name: f"{named(lead)}.{named(name)}" for name in (FILE, ROW)}


def _lost(
    joined: Mapping[str, RawInput],
    columns: Mapping[str, str],
    where: str | None,
    known: Mapping[str, ColumnSpec],
) -> dict[Unreadable, str]:
    """Carry the flags of unreadable values in the columns that the mapping uses."""
    read = {ours: {name.lower() for _, name in _columns_in(sql)} for ours, sql in columns.items()}
    chosen = {name.lower() for _, name in _columns_in(where or "true")}
    expressions = {}
    for alias, raw in joined.items():
        for hidden, flag in HiddenColumns.of(raw.hidden).unreadable.items():
            readers = [ours for ours, names in read.items() if flag.column.lower() in names]
            whole = flag.column.lower() in chosen or any(known[ours].required for ours in readers)
            for ours in [""] if whole else readers:
                sql = f"coalesce({named(alias)}.{named(hidden)}, false)"
                expressions[flag._replace(ours=ours)] = sql
    return expressions


def _where(condition: str | None, lost: Mapping[Unreadable, str]) -> str:
    """Filter rows, but keep those that cannot be used, so that they reach the quarantine."""
    unusable = [sql for flag, sql in lost.items() if not flag.ours]
    return f"\nWHERE {' OR '.join([f'({condition})', *unusable])}" if condition else ""

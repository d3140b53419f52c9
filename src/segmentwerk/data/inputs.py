"""Open one raw input (Parquet, CSV, Excel or a database table) as a SELECT over its own columns."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import ibis
import sqlglot
from sqlglot import exp

from segmentwerk.core.errors import ConfigError, InputError, nearest
from segmentwerk.core.kept_tables import made
from segmentwerk.core.settings import InputSettings
from segmentwerk.data import dialect, discovery, sqltext
from segmentwerk.data.cleaning import NOUNS
from segmentwerk.data.dialect import ColumnRead, Kind
from segmentwerk.data.hidden import FILE, ROW, HiddenColumns
from segmentwerk.data.loading import LoadedTable, load
from segmentwerk.data.mapping import RawInput
from segmentwerk.data.sqltext import literal, named

READER = ("file_row_number", "_path")
"""Columns that the reader of Parquet adds."""
_DIALECTS = {"postgres": "postgres", "pyspark": "spark"}
"""Engines that are told a view in their own dialect, by Ibis' name for them."""
DAMAGED = "Write the file again: it is damaged, or no Parquet file."


@dataclass(frozen=True)
class Opened:
    """One raw input, what was understood of it in words, and the digest of its content."""

    raw: RawInput
    notes: tuple[str, ...]
    digest: str


def sql(con: Any, place: str, query: str, remedy: str = "Check the source's yaml.") -> ibis.Table:
    """Return the lazy table of a DuckDB SELECT, transpiled to the connection's own dialect.

    Raises
    ------
    InputError
        If the backend refuses it.
    """
    try:
        if con.name in _DIALECTS:
            return _view(con, query)
        return con.sql(query, dialect="duckdb")
    except Exception as error:  # each backend raises its own kind
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise InputError(f"{place} cannot be read: {reason}.", remedy) from error


def _view(con: Any, query: str) -> ibis.Table:
    """Return a temporary view: Ibis 12 cannot infer the schema of a query on PostgreSQL with sqlglot 30.

    On Spark a view has a name, so that the next query is not one text with all others in it.
    """
    tree = sqlglot.parse_one(query, read="duckdb")
    tree = inlined(tree) if con.name == "pyspark" else tree
    return made(con, "VIEW", tree.sql(_DIALECTS[con.name]))


def inlined(query: Any) -> Any:
    """Put what a query names ahead in the places of the names: of a view with WITH Spark finds no cache."""
    ahead = query.find(exp.With)
    if ahead is None:
        return query
    given = {one.alias.lower(): one.this for one in ahead.pop().expressions}
    for table in list(query.find_all(exp.Table)):
        if not table.db and table.name.lower() in given:
            table.replace(given[table.name.lower()].copy().subquery(table.alias_or_name))
    return query


def open_table(con: Any, name: str, given: InputSettings) -> Opened:
    """Open a table of the database that ``con`` is connected to.

    Raises
    ------
    ConfigError
        If the input names no table.
    InputError
        If there is no such table.
    """
    if given.table is None:
        raise ConfigError(f"inputs.{name} names no table.", "A source with a url reads tables, not files.")
    table = ".".join(named(part) for part in given.table.split("."))
    query = f"SELECT * FROM {table}"
    if con.name == "pyspark":
        _insist_on_catalogued(con, given.table)
    elif "." not in given.table and given.table not in con.list_tables():
        raise discovery.missing(
            f"table {given.table!r} in the database", given.table, sorted(con.list_tables())
        )
    columns = tuple(sql(con, f"Table {given.table}", query).columns)
    return Opened(
        RawInput(query, columns), (f"{name}: table {given.table}, {len(columns)} columns",), given.table
    )


def _insist_on_catalogued(con: Any, table: str) -> None:
    """Refuse what is no table of Spark's catalogue: it would take ``parquet./folder`` for a file to read."""
    if not con._session.catalog.tableExists(table):
        raise discovery.missing(f"table {table!r} in Spark's catalogue", table, sorted(con.list_tables()))


def open_on_cluster(con: Any, name: str, files: Sequence[Path]) -> Opened:
    """Open Parquet files that every machine of a cluster sees at the same place.

    Raises
    ------
    InputError
        If a file is of another kind, or cannot be read there.
    """
    others = [file.name for file in files if discovery.suffix(file) not in discovery.PARQUET]
    if others:
        raise InputError(
            f"Spark reads Parquet only, not {others[0]}.", "Convert it, or leave source.url out."
        )
    view = ibis.util.gen_name("segmentwerk")
    try:
        frame = con._session.read.option("mergeSchema", "true").parquet(*(file.as_uri() for file in files))
        frame.createTempView(view)
    except Exception as error:  # py4j and Spark raise their own kinds
        raise InputError(
            f"Spark cannot read {_files(files)} ({type(error).__name__}).",
            "Every worker must see the files at the same path. " + DAMAGED,
        ) from error
    columns = tuple(frame.columns)
    note = f"{name}: {_files(files)}, Parquet on Spark, {len(columns)} columns"
    return Opened(RawInput(f"SELECT * FROM {named(view)}", columns), (note,), name)


def open_parquet(con: Any, name: str, files: Sequence[Path]) -> Opened:
    """Open Parquet files where they lie.

    Raises
    ------
    InputError
        If a file is no Parquet file.
    """
    listed, place = sqltext.files(files), str(files[0])
    plain = f"SELECT * FROM read_parquet({listed}, union_by_name = true)"
    own = sql(con, place, plain, DAMAGED).columns
    if taken := [name for name in own if name.lower() in READER]:
        raise InputError(f"{place} has a column called {taken[0]!r}.", "Give it another name.")
    left = [named(name) for name in own if name.lower() in (FILE, ROW)]  # ours say where a row lies
    query = (
        f"SELECT * EXCLUDE ({', '.join([*READER, *left])}), "
        f"file_row_number + 1 AS {ROW}, parse_filename(_path) AS {FILE} "
        f"FROM read_parquet({listed}, union_by_name = true, filename = '_path', file_row_number = true)"
    )
    columns = [column for column in sql(con, place, query, DAMAGED).columns if column not in (FILE, ROW)]
    rest = f"; left out: {', '.join(left)}" if left else ""
    note = f"{name}: {_files(files)}, Parquet, {len(columns)} columns{rest}"
    return Opened(RawInput(query, tuple(columns), (ROW, FILE)), (note,), discovery.digest(files))


def open_texts(
    con: Any,
    name: str,
    given: InputSettings,
    files: Sequence[Path],
    hints: Mapping[str, Kind],
    used: Collection[str],
    *,
    scratch: Path | None = None,
) -> Opened:
    """Read CSV files or Excel workbooks into the connection, each in its own dialect.

    Parameters
    ----------
    hints
        Kinds of columns that the mapping asks for, by lower-case name.
    used
        Names of the columns that the mapping reads, in lower case; `EVERYTHING` stands for all.
    scratch
        Where copies may lie while they are read; None: the system's own place.

    Raises
    ------
    InputError
        If a file cannot be read as a table.
    """
    con.raw_sql("ATTACH IF NOT EXISTS ':memory:' AS held (COMPRESS)")
    wanted = {*used, *map(str.lower, given.columns)}
    tables = [f"held.{named(f'{name} {i}')}" for i in range(len(files))]
    with _of(name):
        loaded = [
            load(con.con, file, given, wanted, table, scratch)
            for file, table in zip(files, tables, strict=True)
        ]
    header = tuple(dict.fromkeys(column for text in loaded for column in text.header))
    if unknown := sorted(set(given.columns) - set(header)):
        raise ConfigError(f"inputs.{name}.columns: there is no {unknown[0]!r}.", nearest(unknown[0], header))
    read = _decided(con.con, loaded, {**hints, **_behind(given.aliases, hints)}, given)
    _join(con, f"held.{named(name)}", loaded, read)
    columns = tuple(dict.fromkeys(column.name for part in read for column in part))
    flags = sorted({column.flag for part in read for column in part if column.kind != "text"})
    raw = RawInput(f"SELECT * FROM held.{named(name)}", columns, (ROW, FILE, *flags))
    notes = [_note(name, text, part) for text, part in zip(loaded, read, strict=True)]
    return Opened(raw, (*notes, *_lost(con.con, name, flags)), discovery.digest(files))


@contextmanager
def _of(name: str) -> Iterator[None]:
    """Let a remedy name the key of this input."""
    try:
        yield
    except InputError as error:
        remedy = error.remedy.replace("inputs.NAME", f"source.inputs.{name}")
        raise InputError(error.problem, remedy) from error


def _join(
    con: Any, table: str, loaded: Sequence[LoadedTable], read: Sequence[tuple[ColumnRead, ...]]
) -> None:
    """Read the cells of all files into one table, by the names of their columns."""
    selects = [
        dialect.read(text.table, part, literal(text.path.name))
        for text, part in zip(loaded, read, strict=True)
    ]
    con.raw_sql(f"CREATE TABLE {table} AS {' UNION ALL BY NAME '.join(selects)}")
    for text in loaded:
        con.raw_sql(f"DROP TABLE {text.table}")


def _note(name: str, text: LoadedTable, read: Sequence[ColumnRead]) -> str:
    """Say how a file was read, and each column that is used; of the others, how many there are."""
    used = [" ".join(str(column).split()) for column in read if column.name in text.used]
    rest = len(read) - len(used)
    parts = [*used, *([f"{rest} more that nothing uses"] if rest else [])]
    return f"{name}: {text.path.name}, {', '.join(text.words)}: {', '.join(parts)}"


def _lost(con: duckdb.DuckDBPyConnection, name: str, flags: Sequence[str]) -> list[str]:
    """Say how many values of each column cannot be read, since a mapping may pass over them in silence."""
    if not flags:
        return []
    sums = ", ".join(f"count_if({named(flag)}), min({ROW}) FILTER ({named(flag)})" for flag in flags)
    counts = con.execute(f"SELECT {sums} FROM held.{named(name)}").fetchall()[0]
    counted = zip(HiddenColumns.of(flags).unreadable.values(), counts[::2], counts[1::2], strict=True)
    return [
        f"{name}: {n:,} {'value' if n == 1 else 'values'} of {lost.column}: not {NOUNS[lost.kind]}, "
        f"the first in row {row}"
        for lost, n, row in counted
        if n
    ]


def _behind(aliases: Mapping[str, Sequence[str]], hints: Mapping[str, Kind]) -> dict[str, Kind]:
    """Hand the hint for an alias to the columns that it may stand for."""
    return {
        name.lower(): hints[alias.lower()]
        for alias, names in aliases.items()
        if alias.lower() in hints
        for name in names
    }


def _decided(
    con: duckdb.DuckDBPyConnection,
    loaded: Sequence[LoadedTable],
    hints: Mapping[str, Kind],
    given: InputSettings,
) -> list[tuple[ColumnRead, ...]]:
    """Decide how the columns of each file are read; columns of which files disagree stay text in all."""
    read = [dialect.decide(con, text.table, text.used, hints, given, text.delimiter) for text in loaded]
    kinds: dict[str, set[Kind]] = {}
    for part in read:
        for column in part:
            kinds.setdefault(column.name.lower(), set()).add(column.kind)
    mixed = [name for name, kinds_of_column in kinds.items() if len(kinds_of_column) > 1]
    if not mixed:
        return read
    hints = {**hints, **dict.fromkeys(mixed, "text")}
    return [dialect.decide(con, text.table, text.used, hints, given, text.delimiter) for text in loaded]


def renamed(opened: Opened, name: str, aliases: Mapping[str, Sequence[str]]) -> Opened:
    """Give columns their short names; an alias of which no column is there becomes null."""
    if not aliases:
        return opened
    raw = opened.raw
    there = {column.lower(): column for column in raw.columns}
    new_columns = {
        alias: next((there[n.lower()] for n in names if n.lower() in there), None)
        for alias, names in aliases.items()
    }
    new = {column: alias for alias, column in new_columns.items() if column is not None}
    kept = {column: new.get(column, column) for column in raw.columns}
    hidden = {name: name for name in raw.hidden}
    for name, flag in HiddenColumns.of(raw.hidden).unreadable.items():
        hidden[name] = flag._replace(column=new.get(flag.column, flag.column)).name
    parts = [f"{named(old)} AS {named(alias)}" for old, alias in {**kept, **hidden}.items()]
    absent = {alias: tuple(aliases[alias]) for alias, column in new_columns.items() if column is None}
    parts += [f"CAST(NULL AS VARCHAR) AS {named(alias)}" for alias in absent]
    query = f"SELECT {', '.join(parts)} FROM ({raw.query}) AS given"
    notes = tuple(f"{name}: no {' or '.join(names)}" for names in absent.values())
    columns = (*kept.values(), *absent)
    return replace(
        opened, raw=RawInput(query, columns, tuple(hidden.values()), absent), notes=opened.notes + notes
    )


def _files(files: Sequence[Path]) -> str:
    return files[0].name if len(files) == 1 else f"{len(files)} files"

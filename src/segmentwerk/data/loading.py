"""Load the cells of a text or a workbook as text into a table, without what stands around the table."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import duckdb

from segmentwerk.core.settings import InputSettings
from segmentwerk.data import discovery, surroundings, textfile
from segmentwerk.data.hidden import ROW
from segmentwerk.data.mapping import EVERYTHING
from segmentwerk.data.sqltext import literal, named

log = logging.getLogger(__name__)

UNUSED = 200
"""Columns that nothing uses and that are kept all the same, for the quality report."""
LARGE = 1 << 26
"""Bytes from which it is said that a file is being read."""
CELLS = 200_000
"""Cells that are looked at, at most, to tell rows from totals."""


@dataclass(frozen=True)
class LoadedTable:
    """One file whose cells lie as text in a table of the connection.

    ``header`` names all its columns, ``used`` those that the mapping reads; ``words`` say how it was
    read and what was left out.
    """

    path: Path
    table: str
    delimiter: str
    header: tuple[str, ...]
    used: frozenset[str]
    words: tuple[str, ...]


def load(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    given: InputSettings,
    wanted: Collection[str],
    table: str,
    scratch: Path | None = None,
) -> LoadedTable:
    """Load one file.

    Parameters
    ----------
    wanted
        Names of the columns that the mapping reads, in lower case; of others `UNUSED` are loaded.
    scratch
        Where a copy may lie while it is read; None: the system's own place.

    Raises
    ------
    InputError
        If it cannot be read as a table.
    """
    if path.stat().st_size > LARGE:
        log.info("Reading %s (%d MB) ...", path.name, path.stat().st_size >> 20)
    if discovery.suffix(path) in discovery.EXCEL:
        loaded = _workbook(con, path, given, wanted, table)
    else:
        loaded = _text(con, path, given, wanted, table, scratch)
    return loaded


def _text(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    given: InputSettings,
    wanted: Collection[str],
    table: str,
    scratch: Path | None,
) -> LoadedTable:
    file = textfile.understand(path, given, wanted)
    columns, used = _chosen(file.header, wanted)
    if scratch is not None:
        scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        below = textfile.load(con, file, columns, table, Path(folder))
    mark = {"\t": "tab"}.get(file.delimiter, file.delimiter)
    words = (
        f"{file.encoding}, fields split by {mark}",
        *_around(file.skip, below + _without_footer(con, table)),
        *_without_headers(con, table, columns),
        *_without_totals(con, table, columns),
        *_left(file.header, columns),
    )
    return LoadedTable(path, table, file.delimiter, file.header, used, words)


def _workbook(
    con: duckdb.DuckDBPyConnection, path: Path, given: InputSettings, wanted: Collection[str], table: str
) -> LoadedTable:
    from segmentwerk.data import workbook  # its reader is needed for workbooks only

    sheet = workbook.read(path, given, wanted)
    columns, used = _chosen(sheet.header, wanted)
    workbook.store(con, sheet, columns, table)
    words = (
        f"sheet {sheet.name}",
        *(("some formulas have no results: save it in a spreadsheet program",) if sheet.uncomputed else ()),
        *((f"not {', '.join(sheet.others)}",) if sheet.others else ()),
        *_around(sheet.above, sheet.below),
        *_without_headers(con, table, columns),
        *_without_totals(con, table, columns),
        *_left(sheet.header, columns),
    )
    return LoadedTable(path, table, "", sheet.header, used, words)


def _chosen(header: tuple[str, ...], wanted: Collection[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return the columns to load, and those of them that are used."""
    used = frozenset(name for name in header if name.lower() in wanted or EVERYTHING in wanted)
    spare = [name for name in header if name not in used][:UNUSED]
    kept = used | set(spare)
    return tuple(name for name in header if name in kept), used


def _around(above: int, below: int) -> tuple[str, ...]:
    parts = [
        f"{n} {'line' if n == 1 else 'lines'} {where} the table"
        for n, where in ((above, "above"), (below, "below"))
        if n
    ]
    return (f"left out: {' and '.join(parts)}",) if parts else ()


def _left(header: tuple[str, ...], columns: tuple[str, ...]) -> tuple[str, ...]:
    more = len(header) - len(columns)
    return (f"{more:,} more columns, which nothing uses, are left out",) if more else ()


def _without_footer(con: duckdb.DuckDBPyConnection, table: str) -> int:
    """Remove the last rows that are notes or totals; return how many they are."""
    first, last = _first(con, table), _rows(con, table, f"ORDER BY {ROW} DESC LIMIT {surroundings.TAIL}")
    below = surroundings.footer([cells for _, cells in reversed(last)], surroundings.usually_filled(first))
    if below:
        con.execute(f"DELETE FROM {table} WHERE {ROW} >= {last[below - 1][0]}")
    return below


def _without_totals(con: duckdb.DuckDBPyConnection, table: str, columns: tuple[str, ...]) -> tuple[str, ...]:
    """Remove rows of totals among the others, and say which; the word is in one of the first columns."""
    pattern = literal(f"(?i)({surroundings.TOTAL.pattern})( *[(:*=].*)?")
    words = " OR ".join(f"regexp_full_match(trim({named(name)}), {pattern})" for name in columns[:3])
    maybe = _rows(con, table, f"WHERE {words} ORDER BY {ROW} LIMIT {CELLS // len(columns) + 1}")
    usual = surroundings.usually_filled(_first(con, table)) if maybe else 0
    totals = [row for row, cells in maybe if surroundings.is_total(cells, usual)]
    if not totals:
        return ()
    con.execute(f"DELETE FROM {table} WHERE {ROW} IN ({', '.join(map(str, totals))})")
    named_rows = ", ".join(map(str, totals[:5])) + (", ..." if len(totals) > 5 else "")
    return (f"left out: {'rows' if len(totals) > 1 else 'row'} {named_rows} (totals)",)


def _without_headers(con: duckdb.DuckDBPyConnection, table: str, columns: tuple[str, ...]) -> tuple[str, ...]:
    """Remove rows that repeat the names of the columns, as in files that were put behind each other."""
    same = " AND ".join(f"trim({named(name)}) = {literal(name)}" for name in columns[:20])
    repeated = con.execute(f"DELETE FROM {table} WHERE {same}").fetchall()[0][0]
    return (f"left out: names of columns that are repeated {repeated} times",) if repeated else ()


def _first(con: duckdb.DuckDBPyConnection, table: str) -> list[list[str | None]]:
    columns = len(con.execute(f"DESCRIBE {table}").fetchall())
    return [cells for _, cells in _rows(con, table, f"ORDER BY {ROW} LIMIT {CELLS // columns + 1}")]


def _rows(con: duckdb.DuckDBPyConnection, table: str, which: str) -> list[tuple[int, list[str | None]]]:
    rows = con.execute(f"SELECT * FROM {table} {which}").fetchall()
    return [(row[0], list(row[1:])) for row in rows]

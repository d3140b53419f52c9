"""Account tables to score: CSV, Parquet, folders of them and Ibis tables, streamed in bounded memory."""

from __future__ import annotations

import difflib
import gzip
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from segmentwerk.core.errors import InputError
from segmentwerk.core.settings import InputSettings
from segmentwerk.data import numbers
from segmentwerk.data.files import PARQUET, TEXT, find, suffix
from segmentwerk.data.textfile import understand

ID = "account_id"
ROW = "_row"
MEMORY = "512MB"
_SAMPLE_ROWS = 10_000


@dataclass
class Chunk:
    """Rows as the model wants them, and what is wrong with them.

    ``frame`` has `ROW` (1 is the first row below the header), `ID` where the input has it, float64
    numbers and texts; ``faults`` maps a row's position to (column, what is wrong).
    """

    frame: pd.DataFrame
    faults: dict[int, tuple[str, str]] = field(default_factory=dict)


@dataclass
class Source:
    """An opened input.

    Attributes
    ----------
    rows
        Number of readable rows.
    unreadable
        Lines of text files that are no row, each with its file, its number and what is wrong.
    missing, ignored
        Columns of the model that the input lacks; columns of the input that the model does not know.
    """

    con: duckdb.DuckDBPyConnection
    query: str
    numeric: list[str]
    rows: int
    first_rows: pd.Series
    unreadable: list[str]
    missing: tuple[str, ...]
    ignored: tuple[str, ...]

    def chunks(self, size: int, skip: int) -> Iterator[Chunk]:
        """Yield chunks of ``size`` rows in the order of the input, leaving out the first ``skip`` chunks."""
        reader = self.con.execute(f"{self.query} OFFSET {skip * size}").to_arrow_reader(size)
        for table in _exactly(reader, size):
            yield self._check(table.to_pandas())

    def _check(self, frame: pd.DataFrame) -> Chunk:
        """Find the rows that cannot be scored; a row's first fault counts."""
        chunk = Chunk(frame)
        if ID in frame:
            for position in frame.index[frame[ID].isna()]:
                chunk.faults[position] = (ID, "is missing")
            first = frame[ID].map(self.first_rows)
            for position in frame.index[first.notna() & (first != frame[ROW])]:
                chunk.faults.setdefault(position, (ID, f"is there already, in row {int(first[position])}"))
        for name in self.numeric:
            for position in frame.index[frame.pop(_bad(name))]:
                chunk.faults.setdefault(position, (name, "is not a finite number"))
        return chunk


def open_source(
    given: Path | Any, numeric: Sequence[str], categorical: Sequence[str], scratch: Path
) -> Source:
    """Open a file, a folder of files or an Ibis table.

    Parameters
    ----------
    numeric, categorical
        The model's columns.
    scratch
        Where large intermediate results may lie.

    Raises
    ------
    InputError
        If it is missing or unreadable, or holds none of the model's columns.
    """
    con = duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": str(scratch / "spill")})
    con.execute("SET enable_progress_bar = false")  # DuckDB draws one on stdout where there is no script file
    try:
        relation, from_text = _relation(given, scratch)
        con.execute(f"CREATE VIEW given AS SELECT * FROM {relation}")
        types = {name: str(kind) for name, kind, *_ in con.execute("DESCRIBE given").fetchall()}
        check_columns(given, list(types), [*numeric, *categorical])
        rows = _count(con, from_text=from_text)
        first_rows = _first_rows(con) if ID in types else pd.Series(dtype="int64")
        numbers_there = [name for name in numeric if name in types]
        decimal = _decimal(con, numbers_there) if from_text else "."
    except duckdb.Error as error:
        raise InputError(f"{given} cannot be read: {_first_line(error)}", "Give CSV or Parquet.") from error
    return Source(
        con=con,
        query=_query(types, numbers_there, categorical, decimal),
        numeric=numbers_there,
        rows=rows,
        first_rows=first_rows,
        unreadable=_unreadable(con) if from_text else [],
        missing=tuple(name for name in (*numeric, *categorical) if name not in types),
        ignored=tuple(sorted(set(types) - {*numeric, *categorical, ID})),
    )


def _query(
    types: Mapping[str, str], numeric: Sequence[str], categorical: Sequence[str], decimal: numbers.DecimalSign
) -> str:
    columns = [f"row_number() OVER () AS {ROW}"]
    columns += [f"{_text(name)} AS {_quoted(name)}" for name in (ID, *categorical) if name in types]
    for name in numeric:
        columns += _number(name, types[name], decimal)
    return f"SELECT {', '.join(columns)} FROM given"


def _relation(given: Path | Any, scratch: Path) -> tuple[str, bool]:
    """Return the SQL that reads the input, and whether its cells are texts."""
    if not isinstance(given, Path):
        given.to_parquet(scratch / "input.parquet")
        return _parquet([scratch / "input.parquet"]), False
    given = given.resolve()
    folder, pattern = (given, "*") if given.is_dir() else (given.parent, given.name)
    files = find(folder, pattern, alone=given.is_dir())
    if suffix(files[0]) in PARQUET:
        return _parquet(files), False
    if suffix(files[0]) not in TEXT:
        raise InputError(f"{files[0]} is neither CSV nor Parquet.", "Save it as CSV or Parquet.")
    return _texts(files, scratch), True


def _parquet(files: Sequence[Path]) -> str:
    return f"read_parquet({[str(file) for file in files]}, union_by_name = true)"


def _texts(files: Sequence[Path], scratch: Path) -> str:
    """Return SQL for all cells as text; the first file says how the others are written."""
    first = understand(files[0], InputSettings())
    if first.encoding not in ("utf-8", "utf-8-sig"):
        files = [_in_utf8(file, first.encoding, scratch) for file in files]
    columns = ", ".join(f"{_literal(name)}: 'VARCHAR'" for name in first.header)
    return (
        f"read_csv({[str(file) for file in files]}, columns = {{{columns}}}, auto_detect = false, "
        f"header = true, delim = {_literal(first.delimiter)}, quote = '\"', escape = '\"', nullstr = '', "
        f"skip = {first.skip}, store_rejects = true)"
    )


def _in_utf8(file: Path, encoding: str, scratch: Path) -> Path:
    copy = scratch / f"{file.stem}.utf-8.csv"
    unpack = gzip.open if file.suffix == ".gz" else open
    try:
        with (
            unpack(file, "rt", encoding=encoding, newline="") as text,
            copy.open("w", encoding="utf-8") as target,
        ):
            shutil.copyfileobj(text, target)
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not written in {encoding}.", "Save it in UTF-8.") from error
    return copy


def check_columns(given: object, found: Sequence[str], known: Sequence[str]) -> None:
    """Refuse an input that is not an account table, or whose id column seems misspelt."""
    if not set(found) & set(known):
        raise InputError(
            f"{given} has none of the model's columns; it has: {', '.join(found)}.",
            f"Expected some of: {', '.join(known)}.",
        )
    if ID not in found and (close := difflib.get_close_matches(ID, found, n=1)):
        raise InputError(f"{given} has no column {ID!r}.", f"Rename {close[0]!r} to {ID!r}.")


def _decimal(con: duckdb.DuckDBPyConnection, names: Sequence[str]) -> numbers.DecimalSign:
    """Return the comma where the texts can only be read with it, else the point."""
    evidence = {sign: _matches(con, names, numbers.evidence(sign)) for sign in (",", ".")}
    return "," if evidence[","] > evidence["."] else "."


def _matches(con: duckdb.DuckDBPyConnection, names: Sequence[str], pattern: str) -> int:
    if not names:
        return 0
    counts = " + ".join(f"count(*) FILTER (regexp_matches({_quoted(name)}, '{pattern}'))" for name in names)
    ((found,),) = con.execute(f"SELECT {counts} FROM (SELECT * FROM given LIMIT {_SAMPLE_ROWS})").fetchall()
    return int(found)


def _number(name: str, kind: str, decimal: numbers.DecimalSign) -> list[str]:
    """Return SQL for the value of a number, and whether there is one that cannot be used."""
    column = _quoted(name)
    if kind == "VARCHAR":
        given = numbers.known(numbers.plain(name))
        value = numbers.number(given, decimal)
    else:
        given, value = column, f"CAST({column} AS DOUBLE)"
    known = f"CASE WHEN isfinite({value}) THEN {value} END"  # NaN means unknown
    bad = f"({given}) IS NOT NULL AND ({value} IS NULL OR isinf({value}))"
    return [f"{known} AS {column}", f"{bad} AS {_quoted(_bad(name))}"]


def _text(name: str) -> str:
    return f"nullif(trim(CAST({_quoted(name)} AS VARCHAR)), '')"


def _bad(name: str) -> str:
    return f"bad {name}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _count(con: duckdb.DuckDBPyConnection, *, from_text: bool) -> int:
    """Count the rows; lines of text are read whole, so that broken ones show."""
    cells = ", count(COLUMNS(*))" if from_text else ""
    ((rows, *_),) = con.execute(
        f"SELECT count(*){cells} FROM given"
    ).fetchall()  # all: rejects come at the end
    return int(rows)


def _first_rows(con: duckdb.DuckDBPyConnection) -> pd.Series:
    """Return the first row of every id that comes more than once."""
    numbered = f"SELECT row_number() OVER () AS row, {_text(ID)} AS id FROM given"
    twice = (
        f"SELECT id, min(row) AS row FROM ({numbered}) WHERE id IS NOT NULL GROUP BY id HAVING count(*) > 1"
    )
    return con.execute(twice).df().set_index("id")["row"]


def _unreadable(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the lines that have more or fewer fields than the header."""
    found = con.execute(
        "SELECT file_path, line, max(error_message) FROM reject_errors JOIN reject_scans "
        "USING (scan_id, file_id) GROUP BY file_path, line ORDER BY file_path, line"
    ).fetchall()
    return [f"{Path(file).name} line {line}: {problem}" for file, line, problem in found]


def _exactly(reader: pa.RecordBatchReader, size: int) -> Iterator[pa.Table]:
    """Cut a stream of batches into tables of ``size`` rows; only the last may be shorter."""
    waiting: list[pa.RecordBatch] = []
    for batch in reader:
        waiting.append(batch)
        while sum(map(len, waiting)) >= size:
            table = pa.Table.from_batches(waiting)
            yield table.slice(0, size)
            waiting = table.slice(size).to_batches()
    if any(len(batch) for batch in waiting):
        yield pa.Table.from_batches(waiting)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]

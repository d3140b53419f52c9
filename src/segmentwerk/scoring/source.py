"""Account tables to score: CSV, Parquet, folders of them and Ibis tables, streamed in bounded memory."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import psutil
import pyarrow as pa

from segmentwerk.core.errors import InputError
from segmentwerk.core.interruption import stoppable
from segmentwerk.data.discovery import PARQUET, TEXT, find, suffix
from segmentwerk.data.hidden import ROW
from segmentwerk.data.textfile import too_large
from segmentwerk.scoring import cells, parquets, texts
from segmentwerk.scoring.cells import ID, NO_LIMITS, Cells, Part, Wanted
from segmentwerk.shipped.model_catalogue import Limits

THREADS = 8
"""At most: each holds rows of all columns."""
LEAST = 512 * 2**20
"""Bytes that a table is given in any case."""
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Where a container's share of the memory stands."""


@dataclass
class Chunk:
    """Rows as the model wants them, and what is wrong with them.

    ``frame`` has `ROW` (1 is the first row below the header), `ID` where the input has it, float64
    numbers and texts; ``faults`` maps a row's position to (column, what is wrong).
    """

    frame: pd.DataFrame
    faults: dict[int, tuple[str, str]] = field(default_factory=dict)


@dataclass
class AccountSource:
    """An opened input.

    Attributes
    ----------
    possible
        What numbers can be at all, by column.
    columns
        The model's columns that are there, by what `scoring.cells` calls them (``id``, ``t0``, ``n0``, …).
    rows
        Number of readable rows.
    unreadable
        Lines of text files that are no row, each with its file, its number and what is wrong.
    missing, ignored
        Columns of the model that the input lacks; columns of the input that the model does not know.
    """

    given: object
    con: duckdb.DuckDBPyConnection
    possible: Mapping[str, Limits]
    columns: Mapping[str, str]
    rows: int
    first_rows: pd.Series
    unreadable: list[str]
    missing: tuple[str, ...]
    ignored: tuple[str, ...]

    def chunks(self, size: int, skip: int) -> Iterator[Chunk]:
        """Yield chunks of ``size`` rows in the order of the input, leaving out the first ``skip`` chunks.

        Raises
        ------
        InputError
            If the input cannot be read to its end.
        """
        with _reading(self.given):
            numbered = f"SELECT row_number() OVER () AS {ROW}, * FROM cells OFFSET {skip * size}"
            for table in _exactly(self.con.execute(numbered).to_arrow_reader(size), size):
                yield self._check(table)

    def _check(self, table: pa.Table) -> Chunk:
        """Find the rows that cannot be scored; a row's first fault counts."""
        frame = table.select([ROW, *self.columns]).rename_columns([ROW, *self.columns.values()]).to_pandas()
        chunk = Chunk(frame)
        if ID in frame:
            for position in frame.index[frame[ID].isna()]:
                chunk.faults[position] = (ID, "is missing")
            first = frame[ID].map(self.first_rows)
            for position in frame.index[first.notna() & (first != frame[ROW])]:
                chunk.faults.setdefault(position, (ID, f"is there already, in row {int(first[position])}"))
        numeric = {name: place[1:] for place, name in self.columns.items() if place.startswith("n")}
        rest = cells.rest(self.con.cursor(), {name: table[f"r{place}"] for name, place in numeric.items()})
        for name in numeric:
            values = frame[name].to_numpy()
            bad = np.isinf(values)
            if name in rest:
                values = np.where(np.isnan(values), rest[name].values, values)
                bad = np.isinf(values) | rest[name].lost
                frame[name] = values
            limits = self.possible.get(name, NO_LIMITS)
            wrong = (
                (bad, "is not a finite number"),
                (values < limits.least, limits.below),
                (values > limits.most, limits.above),
            )
            for where, reason in wrong:
                for position in np.flatnonzero(where):
                    chunk.faults.setdefault(int(position), (name, reason))
        return chunk


def open_source(given: Path | Any, wanted: Wanted, scratch: Path) -> AccountSource:
    """Open a file, a folder of files or an Ibis table.

    Parameters
    ----------
    wanted
        The model's columns.
    scratch
        Where large intermediate results may lie, among them the wanted cells of text files.

    Raises
    ------
    InputError
        If it is missing or unreadable, or holds none of the model's columns.
    """
    with _reading(given):
        con = _connect(scratch)
        parts = _parts(con, given, wanted, scratch)
        names = insist(given, parts, wanted)
        con.execute(f"CREATE VIEW cells AS {' UNION ALL '.join(part.select for part in parts)}")
        ((rows,),) = con.execute("SELECT count(*) FROM cells").fetchall()
        first_rows = _first_rows(con)
    here = {"id": ID, **{f"t{i}": name for i, name in enumerate(wanted.categorical)}}
    here |= {f"n{i}": name for i, name in enumerate(wanted.numeric)}
    return AccountSource(
        given=given,
        con=con,
        possible=wanted.possible,
        columns={place: name for place, name in here.items() if name in names},
        rows=int(rows),
        first_rows=first_rows,
        unreadable=[f"{part.file.name} {line}" for part in parts for line in part.unreadable],
        missing=tuple(name for name in wanted.features if name not in names),
        ignored=tuple(sorted(names - {*wanted.features, ID})),
    )


def insist(given: object, parts: Sequence[Part], wanted: Wanted) -> set[str]:
    """Return all columns of an input.

    Raises
    ------
    InputError
        If a file is no account table, its id column seems misspelt, or only other files have one.
    """
    for part in parts:
        _check_columns(part.file if len(parts) > 1 else given, part.names, wanted.features)
    names = {name for part in parts for name in part.names}
    without = next((part.file for part in parts if ID not in part.names), None)
    if ID in names and without is not None:
        raise InputError(f"{without} has no column {ID!r}, which other files have.", "Score it by itself.")
    return names


def _check_columns(given: object, columns: Sequence[str], known: Sequence[str]) -> None:
    if not set(columns) & set(known):
        shown = ", ".join(columns) if len(columns) <= 20 else f"{', '.join(columns[:20])}, … ({len(columns)})"
        raise InputError(
            f"{given} has none of the model's columns; it has: {shown}.",
            f"Expected some of: {', '.join(known)}.",
        )
    if ID not in columns and (close := difflib.get_close_matches(ID, columns, n=1)):
        raise InputError(f"{given} has no column {ID!r}.", f"Rename {close[0]!r} to {ID!r}.")


def files_of(given: Path) -> tuple[Path, ...]:
    """Return the files that an input stands for, all of one kind.

    Raises
    ------
    InputError
        If nothing is there, or something that is neither CSV nor Parquet.
    """
    given = given.resolve()
    folder, pattern = (given, "*") if given.is_dir() else (given.parent, given.name)
    files = find(folder, pattern, alone=given.is_dir())
    for file in files:
        if suffix(file) not in (*PARQUET, *TEXT):
            raise InputError(f"{file} is neither CSV nor Parquet.", "Save it as CSV or Parquet.")
    return files


@contextmanager
def _reading(given: object) -> Iterator[None]:
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise too_large(given) from error
    except duckdb.Error as error:
        raise InputError(f"{given} cannot be read: {_first_line(error)}", "Give CSV or Parquet.") from error


def _connect(scratch: Path) -> duckdb.DuckDBPyConnection:
    """Return a connection that takes half of the memory that is free, and the disk beyond that."""
    free = psutil.virtual_memory().available
    for file in map(Path, LIMITS):
        text = file.read_text().strip() if file.is_file() else ""
        free = min(free, int(text)) if text.isdigit() else free
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{max(free // 2, LEAST)}B",
        "temp_directory": str(scratch / "spill"),
        "threads": min(os.cpu_count() or 1, THREADS),
    }
    con = stoppable(duckdb.connect(config=config))
    con.execute("PRAGMA disable_progress_bar")  # else one is drawn on stdout where there is no script file
    return con


def _parts(con: duckdb.DuckDBPyConnection, given: Path | Any, wanted: Wanted, scratch: Path) -> list[Cells]:
    if not isinstance(given, Path):
        given.to_parquet(scratch / "input.parquet")
        return parquets.read(con, [scratch / "input.parquet"], wanted)
    files = files_of(given)
    if suffix(files[0]) in PARQUET:
        return parquets.read(con, files, wanted)
    (scratch / "cells").mkdir(exist_ok=True)
    return [
        texts.read(con, file, wanted, scratch / "cells" / f"{number:06d}.parquet")
        for number, file in enumerate(files)
    ]


def _first_rows(con: duckdb.DuckDBPyConnection) -> pd.Series:
    """Return the first row of every id that comes more than once."""
    numbered = "SELECT row_number() OVER () AS row, id FROM cells"
    twice = (
        f"SELECT id, min(row) AS row FROM ({numbered}) WHERE id IS NOT NULL GROUP BY id HAVING count(*) > 1"
    )
    return con.execute(twice).df().set_index("id")["row"]


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

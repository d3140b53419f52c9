"""Account tables as a CRM exports them: many columns that no model knows, as Parquet and as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
from lib.models import CATEGORICAL, NUMERIC

from segmentwerk.core.interruption import stoppable
from segmentwerk.data.sqltext import literal

UNKNOWN = (
    ("Amount", "({h} % 1000000) / 100.0"),
    ("Count", "CAST({h} % 50 AS INTEGER)"),
    ("Choice", "'Option ' || ({h} % 12)"),
    ("Day", "DATE '2015-01-01' + CAST({h} % 4000 AS INTEGER)"),
    ("Note", "CASE WHEN {h} % 2 = 0 THEN 'Called, \"' || ({h} % 1000) || '\" again' END"),
)
"""Kinds of columns that the model does not know; a note must be quoted in CSV."""
ROW_GROUP = 20_480
"""Rows held before they are written, of all columns together."""
BYTES = 16
"""On disk for one cell of both files together, generously."""


def connect(scratch: Path) -> duckdb.DuckDBPyConnection:
    """Return a connection in whose bounds a table of any size can be written."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": "4GB",
        "temp_directory": str(scratch / "spill"),
        "preserve_insertion_order": False,
    }
    con = stoppable(duckdb.connect(config=config))
    con.execute("SET enable_progress_bar = false")
    return con


def write_parquet(con: duckdb.DuckDBPyConnection, path: Path, n_columns: int, n_rows: int) -> None:
    """Write accounts with the model's columns and others up to a number of columns; the same each time."""
    cells = ", ".join(_cells(n_columns))
    options = f"FORMAT parquet, ROW_GROUP_SIZE {ROW_GROUP}"
    con.execute(f"COPY (SELECT {cells} FROM range({n_rows}) AS t(i)) TO {literal(str(path))} ({options})")


def write_csv(con: duckdb.DuckDBPyConnection, source: Path, path: Path) -> None:
    """Write the same table as CSV."""
    con.execute(f"COPY (FROM read_parquet({literal(str(source))})) TO {literal(str(path))} (FORMAT csv)")


def _cells(n_columns: int) -> Iterator[str]:
    """Yield SQL for each column; the model's stand among the first, a twentieth of their cells unknown."""
    yield "printf('A%09d', i) AS account_id"
    yield f"1 + {_hash(0)} % 30 AS frequency"
    for place, name in enumerate(NUMERIC[1:], 1):
        yield f"{_mostly(place, f'round(exp({_hash(place)} % 4000 / 1000.0 - 2), 2)')} AS {name}"
    for place, name in enumerate(CATEGORICAL, len(NUMERIC)):
        level = f"'level ' || ({_hash(place)} % 12)"
        yield f"{_mostly(place, level)} AS {name}"
    for place in range(1 + len(NUMERIC) + len(CATEGORICAL), n_columns):
        kind, value = UNKNOWN[place % len(UNKNOWN)]
        yield f'{value.format(h=_hash(place))} AS "{kind} {place}"'


def _hash(place: int) -> str:
    return f"hash(i, {place})"


def _mostly(place: int, value: str) -> str:
    return f"CASE WHEN hash(i, {-place}) % 20 > 0 THEN {value} END"

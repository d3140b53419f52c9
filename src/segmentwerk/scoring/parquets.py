"""Parquet files to score, read where they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from segmentwerk.core.errors import InputError
from segmentwerk.data import sqltext
from segmentwerk.data.sqltext import named
from segmentwerk.scoring.cells import ID, Cells, Column, Wanted, places, select

EXACT = {"FLOAT": 2**24, "DOUBLE": 2**53}
"""The first whole number that a type of fractions cannot tell from the next one."""


def read(con: duckdb.DuckDBPyConnection, files: Sequence[Path], wanted: Wanted) -> list[Cells]:
    """Return a SELECT for each run of files that have the same columns.

    Raises
    ------
    InputError
        If a column of the model is there twice, or is of a type that it cannot have.
    """
    runs = [list(run) for _, run in groupby(files, lambda file: _schema(con, file))]
    return [_cells(con, run, wanted) for run in runs]


def _cells(con: duckdb.DuckDBPyConnection, files: Sequence[Path], wanted: Wanted) -> Cells:
    names, columns = _schema(con, files[0])
    found = {name: columns[place] for name, place in places(files[0], names, wanted).items()}
    for name, column in found.items():
        if not column.fits(name, wanted):
            right = "numbers" if name in wanted.numeric else "texts"
            raise InputError(
                f"Column {name!r} of {files[0]} holds values of type {column.type}.", f"Write it as {right}."
            )
    relation = _relation(files)
    _insist_on_ids(con, files[0], found, relation)
    return Cells(files[0], select(con, found, wanted, relation), names)


def _schema(con: duckdb.DuckDBPyConnection, file: Path) -> tuple[tuple[str, ...], tuple[Column, ...]]:
    """Return a file's names as they are written, and its columns as DuckDB calls them."""
    described = con.execute(f"DESCRIBE SELECT * FROM {_relation([file])}").fetchall()
    names = tuple(pq.read_schema(file).names)
    return names, tuple(Column(named(name), kind) for name, kind, *_ in described)


def _relation(files: Sequence[Path]) -> str:
    return f"read_parquet({sqltext.files(files)}, hive_partitioning = false)"


def _insist_on_ids(
    con: duckdb.DuckDBPyConnection, file: Path, columns: Mapping[str, Column], relation: str
) -> None:
    """Refuse ids that were stored as fractions too large to be exact: two accounts would become one."""
    column = columns.get(ID)
    if column is None or column.kind not in EXACT:
        return
    bound = EXACT[column.kind]
    query = f"SELECT count(*) FROM {relation} WHERE abs({column.sql}) >= {bound} AND NOT isnan({column.sql})"
    if con.execute(query).fetchall()[0][0]:
        raise InputError(
            f"Column {ID!r} of {file} holds ids as floating-point numbers whose last digits may be lost.",
            "Write ids as texts or whole numbers.",
        )

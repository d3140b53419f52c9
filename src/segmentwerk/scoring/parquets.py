"""Parquet files to score, read where they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from segmentwerk.core.errors import InputError
from segmentwerk.data import sqltext
from segmentwerk.data.numbers import DecimalSign
from segmentwerk.data.sqltext import named
from segmentwerk.scoring.cells import ID, Cells, FileColumn, Wanted, places, select, signs

EXACT = {"FLOAT": 2**24, "DOUBLE": 2**53}
"""The first whole number that a type of fractions cannot tell from the next one."""


@dataclass(frozen=True)
class ParquetFiles:
    """Neighbouring files that have the same columns; ``found`` are those of the model."""

    files: tuple[Path, ...]
    names: tuple[str, ...]
    found: Mapping[str, FileColumn]
    signs: Mapping[str, DecimalSign]

    @property
    def relation(self) -> str:
        """SQL for their rows."""
        return _relation(self.files)


def read(con: duckdb.DuckDBPyConnection, files: Sequence[Path], wanted: Wanted) -> list[Cells]:
    """Return a SELECT for each run of files that have the same columns.

    Raises
    ------
    InputError
        If a column of the model is there twice, or is of a type that it cannot have.
    """
    return [
        Cells(run.files[0], run.names, select(run.found, run.signs, wanted, run.relation))
        for run in opened(con, files, wanted)
    ]


def opened(con: duckdb.DuckDBPyConnection, files: Sequence[Path], wanted: Wanted) -> list[ParquetFiles]:
    """Look at the columns of Parquet files; raises as `read`."""
    runs = []
    for (names, columns), group in groupby(files, lambda file: _schema(con, file)):
        alike = tuple(group)
        columns_by_name = {name: columns[place] for name, place in places(alike[0], names, wanted).items()}
        _insist_on_types(alike[0], columns_by_name, wanted)
        _insist_on_ids(con, alike[0], columns_by_name, _relation(alike))
        runs.append(
            ParquetFiles(alike, names, columns_by_name, signs(con, columns_by_name, wanted, _relation(alike)))
        )
    return runs


def _insist_on_types(file: Path, columns: Mapping[str, FileColumn], wanted: Wanted) -> None:
    for name, column in columns.items():
        if not column.fits(name, wanted):
            right = "numbers" if name in wanted.numeric else "texts"
            raise InputError(
                f"Column {name!r} of {file} holds values of type {column.type}.", f"Write {right} there."
            )


def _schema(con: duckdb.DuckDBPyConnection, file: Path) -> tuple[tuple[str, ...], tuple[FileColumn, ...]]:
    """Return a file's names as they are written, and its columns as DuckDB calls them."""
    described = con.execute(f"DESCRIBE SELECT * FROM {_relation([file])}").fetchall()
    names = tuple(pq.read_schema(file).names)
    return names, tuple(FileColumn(named(name), kind) for name, kind, *_ in described)


def _relation(files: Sequence[Path]) -> str:
    return f"read_parquet({sqltext.files(files)}, hive_partitioning = false)"


def _insist_on_ids(
    con: duckdb.DuckDBPyConnection, file: Path, columns: Mapping[str, FileColumn], relation: str
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

"""Excel workbooks: the cells of one sheet as text, dates in ISO 8601, numbers with a decimal point."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from itertools import zip_longest
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pyarrow as pa
from openpyxl.utils.exceptions import InvalidFileException

from segmentwerk.core.errors import InputError, nearest
from segmentwerk.data.textfile import unique

Row = tuple[int, list[str | None]]
LEADING_ZEROS = re.compile(r"0{2,}")
"""A number format such as ``00000``: the cell holds 123 and shows 00123."""


def load(con: duckdb.DuckDBPyConnection, path: Path, sheet: str | None, table: str) -> str:
    """Load one sheet into a table of the connection and return the sheet's name.

    The header is the first row that is not empty; empty rows below it are left out. Formulas give
    their stored results.

    Raises
    ------
    InputError
        If the file is no workbook, or the sheet is not there or empty.
    """
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, OSError) as error:
        raise InputError(f"{path} is no Excel workbook.", "Save it as .xlsx.") from error
    try:
        if sheet is not None and sheet not in book.sheetnames:
            raise InputError(f"{path} has no sheet {sheet!r}.", nearest(sheet, book.sheetnames))
        chosen = sheet or book.sheetnames[0]
        rows = _rows(book[chosen])
        position, header = next(rows, (0, []))
        if not header:
            raise InputError(
                f"Sheet {chosen!r} of {path} is empty.", "Name another sheet: inputs.NAME.sheet."
            )
        names = unique([text or "" for text in header])
        _store(con, table, names, ((row - position, cells) for row, cells in rows))
    finally:
        book.close()
    return str(chosen)


def _rows(sheet: Any) -> Iterator[Row]:
    """Yield the number and the cells of each row that is not empty."""
    for number, row in enumerate(sheet.iter_rows(), 1):
        cells = [_text(cell) for cell in row]
        if any(cells):
            yield number, cells


def _text(cell: Any) -> str | None:
    value = cell.value
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and LEADING_ZEROS.fullmatch(cell.number_format):
        return str(value).zfill(len(cell.number_format))
    return str(value)


def _store(con: duckdb.DuckDBPyConnection, table: str, names: tuple[str, ...], rows: Iterable[Row]) -> None:
    columns: dict[str, list[Any]] = {"_row": [], **{name: [] for name in names}}
    for number, cells in rows:
        columns["_row"].append(number)
        for name, text in zip_longest(names, cells[: len(names)]):
            columns[name].append(text)
    kinds = [("_row", pa.int64()), *((name, pa.string()) for name in names)]
    con.register("_sheet", pa.table(columns, schema=pa.schema(kinds)))
    con.execute(f"CREATE TABLE {table} AS SELECT * FROM _sheet")
    con.unregister("_sheet")

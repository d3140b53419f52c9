"""Workbooks (Excel, LibreOffice): one sheet as text, dates in ISO 8601, numbers with a decimal point."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from segmentwerk.core.errors import InputError, nearest
from segmentwerk.core.settings import InputSettings
from segmentwerk.data import surroundings
from segmentwerk.data.hidden import ROW
from segmentwerk.data.sheetxml import SheetXml
from segmentwerk.data.sqltext import named
from segmentwerk.data.textfile import unique

Cells = list[str | None]
WHOLE = 1e15
"""From here on a whole number has more digits than a workbook keeps."""


@dataclass(frozen=True)
class Sheet:
    """The table in one sheet.

    ``rows`` have their numbers, counted from the header; ``above`` counts the filled rows before it,
    ``below`` those behind the table's end; ``others`` are the names of the visible sheets behind it
    where none was named.
    """

    name: str
    header: tuple[str, ...]
    rows: Sequence[tuple[int, Cells]]
    above: int
    below: int
    others: tuple[str, ...] = ()
    uncomputed: bool = False
    """Whether there are formulas whose results the file does not hold."""


def read(path: Path, given: InputSettings, wanted: Collection[str] = ()) -> Sheet:
    """Read the table of one sheet: the one that is named, else the first visible one that holds cells.

    Rows without any cell are left out. Formulas give their stored results.

    Parameters
    ----------
    wanted
        Names of columns that are looked for, in lower case: they tell the header from titles.

    Raises
    ------
    InputError
        If the file is no workbook, is protected by a password, or the sheet is not there or empty.
    """
    sheet, others = _chosen(path, _opened(path), given.sheet)
    cells = _cells(path, sheet)
    if not cells:
        raise InputError(
            f"Sheet {sheet.name!r} of {path} is empty.", "Name another sheet: inputs.NAME.sheet."
        )
    records = [record for _, record in cells]
    head = _head(path, cells, given.header_line, wanted)
    usual = surroundings.usually_filled(records[head + 1 :])
    below = surroundings.footer(records[head + 1 :], usual)
    number, names = cells[head]
    rows = [(row - number, record) for row, record in cells[head + 1 : len(cells) - below]]
    header = unique([text or "" for text in names])
    uncomputed = SheetXml(path, sheet.name).is_uncomputed()
    return Sheet(sheet.name, header, rows, head, below, others, uncomputed)


def _head(path: Path, cells: Sequence[tuple[int, Cells]], line: int | None, wanted: Collection[str]) -> int:
    if line is None:
        return surroundings.header_position([record for _, record in cells], wanted)
    for position, (row, _) in enumerate(cells):
        if row == line:
            return position
    raise InputError(f"{path} has no names of columns in row {line}.", "Check inputs.NAME.header_line.")


def _opened(path: Path) -> CalamineWorkbook:
    remedy = "Open it in a spreadsheet program, and save it as .xlsx without a password or as CSV."
    try:
        return CalamineWorkbook.from_path(str(path))
    except PasswordError as error:
        raise InputError(f"{path} is protected by a password.", remedy) from error
    except (CalamineError, OSError) as error:
        raise InputError(f"{path} is no Excel workbook.", remedy) from error


def _chosen(path: Path, book: CalamineWorkbook, wanted: str | None) -> tuple[CalamineSheet, tuple[str, ...]]:
    """Return the sheet to read, and the names of visible sheets behind it."""
    if wanted is not None:
        if wanted not in book.sheet_names:
            raise InputError(f"{path} has no sheet {wanted!r}.", nearest(wanted, book.sheet_names))
        return _sheet(path, book, wanted), ()
    of_cells = [one for one in book.sheets_metadata if one.typ == SheetTypeEnum.WorkSheet]
    visible = [one.name for one in of_cells if one.visible == SheetVisibleEnum.Visible]
    names = visible or [one.name for one in of_cells]
    for i, name in enumerate(names, 1):
        sheet = _sheet(path, book, name)
        if sheet.height:
            return sheet, tuple(names[i:])
    raise InputError(f"{path} has no sheet with cells.", "Name another file.")


def _sheet(path: Path, book: CalamineWorkbook, name: str) -> CalamineSheet:
    SheetXml(path, name).refuse_if_vast()
    try:
        return book.get_sheet_by_name(name)
    except CalamineError as error:
        remedy = "Open it in a spreadsheet program, and save it as .xlsx or CSV."
        raise InputError(f"Sheet {name!r} of {path} cannot be read: {error}.", remedy) from error


def _cells(path: Path, sheet: CalamineSheet) -> list[tuple[int, Cells]]:
    """Return the rows that are not empty, with their numbers in the sheet."""
    top, left = sheet.start or (0, 0)
    widths = SheetXml(path, sheet.name).padded()
    rows = []
    for i, values in enumerate(sheet.to_python(), top + 1):
        cells = [_text(value) for value in values]
        if any(cells):
            rows.append((i, cells))
            for j in widths.get(i, {}):
                cells[j - left] = _padded(cells[j - left], widths[i][j])
    return rows


def _text(value: Any) -> str | None:
    if value == "":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < WHOLE:
        return str(int(value))
    return str(value)


def _padded(text: str | None, width: int) -> str | None:
    """Return a whole number with the zeros that the sheet shows before it."""
    return text.zfill(width) if text is not None and text.isdigit() else text


def store(con: duckdb.DuckDBPyConnection, sheet: Sheet, columns: Sequence[str], table: str) -> None:
    """Store the chosen columns of a sheet as a table of the connection, with the row number ``_row``."""
    places = [sheet.header.index(name) for name in columns]
    arrays = {ROW: pa.array([row for row, _ in sheet.rows], pa.int64())}
    for name, place in zip(columns, places, strict=True):
        arrays[name] = pa.array([cells[place] for _, cells in sheet.rows], pa.string())
    con.register("_sheet", pa.table(arrays))
    con.execute(f"CREATE TABLE {table} AS SELECT {', '.join(map(named, arrays))} FROM _sheet")
    con.unregister("_sheet")

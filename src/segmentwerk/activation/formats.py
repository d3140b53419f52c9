"""Write rows as CSV, XLSX or a table of a warehouse, in the form that a tool reads."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pyarrow as pa
import pyarrow.compute as pc

from segmentwerk.core.addresses import redacted
from segmentwerk.core.errors import ConfigError, InputError
from segmentwerk.core.interruption import stoppable
from segmentwerk.core.sink_settings import SinkFileSettings
from segmentwerk.data.sqltext import literal, named

FORMULA = r"^\s*[=+@\x{FF1D}\x{FF0B}\x{FF20}\x{FF0D}-]|^[\t\r\n]"
"""Texts that a spreadsheet would run as a formula, also with the wide signs of East Asian keyboards."""
HARMLESS = r"[+-]?[0-9 ()./,%-]*"
"""Numbers, telephone numbers among them, which can call nothing."""
CONTROL = r"[\x00-\x08\x0B\x0C\x0E-\x1F]"
EXCEL_ROWS, EXCEL_CELL = 1_048_576, 32_767
BATCH = 10_000
CRLF = "\r\n"
_BEGIN = datetime(2000, 1, 1)
"""When workbooks say that they were made: the same rows are the same file."""
Row = Sequence[Any]


def insist(table: pa.Table, name: str, file: SinkFileSettings) -> None:
    """Refuse before anything is written what the tool cannot take.

    Raises
    ------
    InputError
        If a text is too long for it, or cannot be written in its encoding.
    """
    most = min(file.max_length or EXCEL_CELL, EXCEL_CELL) if file.format == "xlsx" else file.max_length
    for column in table.column_names:
        texts = table[column].cast(pa.string())
        lengths = pc.utf8_length(texts)
        longest = pc.max(lengths).as_py() or 0
        if most is not None and longest > most:
            rows = pc.sum(pc.greater(lengths, most)).as_py()
            raise InputError(
                f"{name}: column {column!r} holds {rows} texts longer than the {most} characters that the "
                f"tool takes (the longest: {longest}).",
                f"Shorten them in the sink's yaml: left(…, {most}).",
            )
    if file.format == "csv" and not file.encoding.startswith("utf"):
        con = stoppable(duckdb.connect())
        try:
            con.register("given", table)
            for row in _batches(con, table, file):
                _encoded(",".join(row), name, file)
        finally:
            con.close()


def _encoded(text: str, name: str, file: SinkFileSettings, encoding: str | None = None) -> bytes:
    try:
        return text.encode(encoding or file.encoding)
    except UnicodeEncodeError as error:
        raise InputError(
            f"{name}: a text holds {text[error.start]!r}, which {file.encoding} cannot write.",
            f"Set sink.files.{name}.encoding=utf-8, or let sink.files.{name}.replace name it.",
        ) from error


def write(table: pa.Table, folder: Path, name: str, file: SinkFileSettings) -> list[Path]:
    """Write rows as one file, or as several where the tool takes no more in one.

    Parameters
    ----------
    table
        Their columns only.
    """
    con = stoppable(duckdb.connect())
    try:
        con.execute("SET TimeZone = 'UTC'")
        con.register("given", table)
        rows = _batches(con, table, file)
        writing = _workbooks if file.format == "xlsx" else _texts
        parts = writing(rows, table.column_names, folder, name, file)
    finally:
        con.close()
    if len(parts) == 1:
        whole = folder / f"{name}.{file.format}"
        parts[0].rename(whole)
        return [whole]
    return parts


def _batches(con: duckdb.DuckDBPyConnection, table: pa.Table, file: SinkFileSettings) -> Iterator[Row]:
    """Yield rows of texts; for workbooks numbers and dates stay what they are."""
    types = {row[0]: row[1] for row in con.execute("DESCRIBE given").fetchall()}
    cells = ", ".join(_cell(name, types[name], file) for name in table.column_names)
    result = con.execute(f"SELECT {cells} FROM given")
    while rows := result.fetchmany(BATCH):
        yield from rows


def _cell(name: str, kind: str, file: SinkFileSettings) -> str:
    """Return SQL of a column in the tool's form."""
    quoted = named(name)
    if kind == "VARCHAR":
        clean = f"regexp_replace({quoted}, {literal(CONTROL)}, ' ', 'g')"
        if file.replace is not None:
            clean = f"trim(regexp_replace({clean}, {literal(file.replace)}, ' ', 'g'))"
        if file.format == "xlsx":
            return f"regexp_replace({clean}, '\\r\\n?', chr(10), 'g')"  # XML knows no carriage return
        runs = f"regexp_matches({clean}, {literal(FORMULA)})"
        risky = f"{runs} AND NOT regexp_full_match({clean}, {literal(HARMLESS)})"
        return f"coalesce(CASE WHEN {risky} THEN '''' || {clean} ELSE {clean} END, '')"
    if file.format == "xlsx":
        return f"CAST({quoted} AS DOUBLE)" if kind.startswith("DECIMAL") else quoted
    if kind == "DATE" or kind.startswith("TIMESTAMP"):
        return f"coalesce(strftime({quoted}, {literal(file.date_format)}), '')"
    text = f"coalesce(CAST({quoted} AS VARCHAR), '')"
    decimal = kind in ("DOUBLE", "FLOAT") or kind.startswith("DECIMAL")
    return f"replace({text}, '.', ',')" if decimal and file.decimal == "," else text


def _texts(
    rows: Iterable[Row], header: Sequence[str], folder: Path, name: str, file: SinkFileSettings
) -> list[Path]:
    """Write CSV: quotation marks where they are needed, doubled inside."""
    parts: list[Path] = []
    buffer = io.StringIO(newline="")
    writer = csv.writer(
        buffer, delimiter=file.delimiter, lineterminator=CRLF
    )  # by which cells with either are quoted

    def encoded(row: Row, encoding: str) -> bytes:
        buffer.seek(0)
        buffer.truncate()
        writer.writerow(row)
        return _encoded(buffer.getvalue().removesuffix(CRLF) + file.line_end, name, file, encoding)

    further = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}.get(file.encoding, file.encoding)
    title = encoded(header, file.encoding)  # with the mark of its encoding, if that has one
    stream = None
    try:
        count = size = 0
        for row in rows:
            line = encoded(row, further)
            full = count == file.max_rows or (
                file.max_bytes is not None and size + len(line) > file.max_bytes
            )
            if stream is None or full:
                if stream is not None:
                    stream.close()
                parts.append(folder / f"{name}-{len(parts) + 1}.csv")
                stream = parts[-1].open("wb")
                count, size = 0, stream.write(title)
            size += stream.write(line)
            count += 1
    finally:
        if stream is not None:
            stream.close()
    return parts


def _workbooks(
    rows: Iterable[Row], header: Sequence[str], folder: Path, name: str, file: SinkFileSettings
) -> list[Path]:
    """Write XLSX: texts are texts, whatever they begin with, and stay so when they are edited."""
    import xlsxwriter  # only this format needs it

    parts: list[Path] = []
    most = min(file.max_rows or EXCEL_ROWS, EXCEL_ROWS - 1)
    pending = iter(rows)
    row = next(pending, None)
    while row is not None:
        parts.append(folder / f"{name}-{len(parts) + 1}.xlsx")
        with xlsxwriter.Workbook(str(parts[-1]), {"constant_memory": True}) as book:
            book.set_properties({"created": _BEGIN})
            sheet = book.add_worksheet(name[:31])
            bold, text = book.add_format({"bold": True}), book.add_format({"quote_prefix": True})
            day = book.add_format({"num_format": "yyyy-mm-dd"})
            sheet.freeze_panes(1, 0)
            for at, title in enumerate(header):
                sheet.write_string(0, at, title, bold)
            for line in range(1, most + 1):
                for at, value in enumerate(row):
                    _put(sheet, line, at, value, text, day)
                row = next(pending, None)
                if row is None:
                    break
    return parts


def _put(sheet: Any, line: int, at: int, value: object, text: Any, day: Any) -> None:
    if isinstance(value, str):
        sheet.write_string(line, at, value, text)
    elif isinstance(value, bool):
        sheet.write_boolean(line, at, value)
    elif isinstance(value, int | float):
        sheet.write_number(line, at, value)
    elif isinstance(value, date):
        sheet.write_datetime(line, at, value, day)
    elif value is not None:
        sheet.write_string(line, at, str(value), text)


def connected(url: str, setting: str = "sink.url") -> Any:
    """Connect to a warehouse, whose address a setting holds.

    Raises
    ------
    ConfigError
        If the address is of no database that Ibis knows.
    InputError
        If it cannot be connected to.
    """
    try:
        return ibis.connect(url)
    except (ValueError, ImportError) as error:
        raise ConfigError(
            f"{setting}={redacted(url)} is no address of a database.",
            "Give postgres://USER@HOST/DATABASE (pip install 'segmentwerk[postgres]'), or duckdb://FILE.",
        ) from error
    except Exception as error:  # each backend raises its own kind; the message may hold the password
        raise InputError(
            f"Cannot connect to {redacted(url)}: {type(error).__name__}.",
            "Check the address, the user and the password.",
        ) from error


def store(table: pa.Table, url: str, name: str) -> None:
    """Replace a table of a warehouse by what it should hold.

    Raises
    ------
    ConfigError, InputError
        If it cannot be connected to or written.
    """
    con = connected(url)
    try:
        draft = f"{name}__draft"
        con.raw_sql(f"DROP TABLE IF EXISTS {named(draft)}")  # what Ibis 12 says to drop is no SQL
        con.create_table(draft, schema=ibis.Schema.from_pyarrow(table.schema))
        con.insert(draft, table)
        con.raw_sql(
            f"BEGIN; DROP TABLE IF EXISTS {named(name)}; "
            f"ALTER TABLE {named(draft)} RENAME TO {named(name)}; COMMIT"
        )
    except Exception as error:
        raise InputError(
            f"Cannot write table {name!r} at {redacted(url)}: {type(error).__name__}.",
            "The user needs the right to create and replace it.",
        ) from error
    finally:
        con.disconnect()

"""Text tables (CSV): encoding, delimiter and header of a file, and the relation of its cells as text.

DuckDB reads the cells. Its sniffer does not choose the delimiter: of a table with a footer it makes
one column. Python's reader goes through a file that DuckDB refuses, and finds the line at fault.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import duckdb

from segmentwerk.core.errors import InputError
from segmentwerk.core.settings import InputSettings
from segmentwerk.data import encoding as encodings
from segmentwerk.data import sqltext, surroundings
from segmentwerk.data.hidden import FILE, ROW, is_taken
from segmentwerk.data.sqltext import literal, named

DELIMITERS = (";", "\t", ",", "|")
UTF8 = ("utf-8", "utf-8-sig")
LONGEST = 1 << 26
"""Bytes that one line may have, 64 MiB; it is tried where DuckDB's own two million do not do."""
csv.field_size_limit((1 << 31) - 1)


@dataclass(frozen=True)
class TextFile:
    """What was understood of a text file before its columns."""

    path: Path
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    skip: int = 0
    """Records before the header, empty lines counted: Excel writes ``sep=;``, reports have titles."""


def understand(path: Path, given: InputSettings, wanted: Collection[str] = ()) -> TextFile:
    """Find out the encoding, the delimiter and the header of a file.

    Parameters
    ----------
    wanted
        Names of columns that are looked for, in lower case: they tell the header from titles.

    Raises
    ------
    InputError
        If the file is empty, cannot be decoded, or has no such header line.
    """
    encoding = given.encoding or encodings.detect(path)
    with encodings.opened(path, encoding) as stream:
        text = stream.read(encodings.SAMPLE)
    if not text.strip("\ufeff \t\r\n\0"):
        raise InputError(f"{path} is empty.", "Give a file with a header and rows.")
    declared = re.match(r"sep=(.)\r?\n", text)
    delimiter = given.delimiter or (declared[1] if declared else _delimiter(text, wanted))
    records = _records(text, delimiter)
    skip = _skip(path, records, given.header_line, 1 if declared else 0, wanted)
    return TextFile(path, encoding, delimiter, unique(records[skip]), skip)


def _skip(
    path: Path, records: Sequence[list[str]], line: int | None, least: int, wanted: Collection[str]
) -> int:
    """Return how many records stand before the header."""
    if line is None:
        return least + surroundings.header_position(records[least:], wanted)
    if line > len(records) or not records[line - 1]:
        raise InputError(f"{path} has no names of columns in line {line}.", "Check inputs.NAME.header_line.")
    return line - 1


def unique(header: Sequence[str]) -> tuple[str, ...]:
    """Trim the names of columns, name the nameless, and give a repeated name the next free number.

    Examples
    --------
    >>> unique(["Town", "Town_2", " Town", ""])
    ('Town', 'Town_2', 'Town_3', 'column_4')
    """
    given = [name.strip() or f"column_{position}" for position, name in enumerate(header, 1)]
    given = [f"column{name}" if is_taken(name) else name for name in given]
    free = {FILE, ROW} | {name.lower() for name in given}
    taken = {FILE, ROW}  # the names of hidden columns
    last: dict[str, int] = {}
    names = []
    for name in given:
        new, number = name, last.get(name.lower(), 1)
        while new.lower() in taken or (new != name and new.lower() in free):
            number += 1
            new = f"{name}_{number}"
        last[name.lower()] = number
        taken.add(new.lower())
        names.append(new)
    return tuple(names)


def _delimiter(text: str, wanted: Collection[str]) -> str:
    """Choose the delimiter by which a header is found, and most lines have as many fields as it."""
    marks = [mark for mark in DELIMITERS if mark in text]
    return max(marks, key=lambda mark: _regularity(text, mark, wanted), default=",")


def _regularity(text: str, delimiter: str, wanted: Collection[str]) -> tuple[bool, int, float, int]:
    records = _records(text, delimiter)
    position = surroundings.header_position(records, wanted)
    header, rows = records[position], [row for row in records[position + 1 :] if row]
    hits = len({name.strip().lower() for name in header} & set(wanted))
    same = sum(len(row) == len(header) for row in rows) / len(rows) if rows else 1.0
    return (len(header) > 1, hits, same, len(header))


def _records(text: str, delimiter: str) -> list[list[str]]:
    """Return the records of the beginning of a file; the last one may be cut."""
    lines = io.StringIO(text, newline="")
    return list(islice(csv.reader(lines, delimiter=delimiter), surroundings.USUAL)) or [[]]


def load(
    con: duckdb.DuckDBPyConnection, file: TextFile, columns: Sequence[str], table: str, folder: Path
) -> int:
    """Load cells of a file as text into a table of the connection, with the row number ``_row``.

    Parameters
    ----------
    columns
        The columns to load, of those in the header.
    folder
        Where a copy in UTF-8 may lie while the file is read.

    Returns
    -------
    int
        How many lines below the table are left out: notes and totals with other fields than the header.

    Raises
    ------
    InputError
        If a line has more or fewer fields than the header, naming the line, or the memory does not do.
    """
    path = file.path if file.encoding in UTF8 else _in_utf8(file, folder / "utf-8.csv")
    try:
        _store(con, file, columns, path, file.skip, table)
    except duckdb.OutOfMemoryException as error:
        raise too_large(file.path) from error
    except duckdb.Error as error:
        copy = folder / "even.csv"
        left = _evened(file, copy)
        try:
            _store(con, file, columns, copy, 0, table)
        except duckdb.OutOfMemoryException as exhausted:
            raise too_large(file.path) from exhausted
        except duckdb.Error:
            raise _broken(file, "") from error
        return left
    return 0


def _store(
    con: duckdb.DuckDBPyConnection,
    file: TextFile,
    columns: Sequence[str],
    path: Path,
    skip: int,
    table: str,
) -> None:
    kinds = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in file.header)
    packed = "gzip" if encodings.is_packed(path) else "none"  # not by the ending alone
    options = (
        f"columns = {{{kinds}}}, auto_detect = false, header = true, skip = {skip}, "
        f"compression = '{packed}', hive_partitioning = false, delim = {literal(file.delimiter)}, "
        "quote = '\"', escape = '\"', comment = '', nullstr = ''"
    )
    if path != file.path:
        longest = max(1 << 21, min(path.stat().st_size, LONGEST))
        options += f", max_line_size = {longest}, buffer_size = {max(1 << 25, 2 * longest)}"  # else 16 times
    chosen = ", ".join(named(name) for name in columns)
    cells = f"SELECT row_number() OVER () AS {ROW}, {chosen} FROM read_csv({sqltext.file(path)}, {options})"
    con.execute(f"CREATE TABLE {table} AS {cells}")


def _in_utf8(file: TextFile, copy: Path) -> Path:
    with (
        encodings.opened(file.path, file.encoding) as source,
        copy.open("w", encoding="utf-8", newline="") as target,
    ):
        while text := source.read(encodings.SAMPLE):
            target.write(text)
    return copy


def _evened(file: TextFile, copy: Path) -> int:
    """Write the rows in one way of ending lines, without the footer; return how many lines that has."""
    odd: list[tuple[int, list[str]]] = []
    rows: list[list[str]] = []  # the first ones
    with (
        encodings.opened(file.path, file.encoding) as source,
        copy.open("w", encoding="utf-8", newline="") as target,
    ):
        writer = csv.writer(target, delimiter=file.delimiter, lineterminator="\n")
        for line, record in _numbered(file, source):
            if len(record) != len(file.header):
                odd.append((line, record))
            elif odd:  # the table goes on below, so that this is no footer
                raise _broken(file, f" line {odd[0][0]}")
            else:
                writer.writerow(record)
                rows += [record] if len(rows) < surroundings.USUAL else []
    usual = surroundings.usually_filled(rows[1:])
    if surroundings.footer([record for _, record in odd], usual) < len(odd):
        raise _broken(file, f" line {odd[0][0]}")
    return len(odd)


def _numbered(file: TextFile, source: io.TextIOWrapper) -> Iterator[tuple[int, list[str]]]:
    """Yield the records from the header on that are not empty, with the numbers of their last lines."""
    reader = csv.reader(source, delimiter=file.delimiter, strict=True)
    try:
        for record in islice(reader, file.skip, None):
            if len(record) == len(file.header) + 1 and not record[-1]:
                record.pop()  # each line ends with a delimiter
            if record:
                yield reader.line_num, record
    except csv.Error as error:
        raise _broken(file, f" line {reader.line_num}") from error


def too_large(path: object) -> InputError:
    """Say that a table takes more memory than DuckDB may use."""
    return InputError(
        f"Reading {path} takes more memory than is free.",
        "Save it as Parquet, which takes least, split it into several files, or give more memory.",
    )


def _broken(file: TextFile, place: str) -> InputError:
    fields = f"{len(file.header)} fields split by {file.delimiter!r}"
    return InputError(
        f"{file.path}{place} cannot be read as {fields}.",
        "Quote fields that hold the delimiter, a quote or a line end; "
        "if the table begins further down, say where: inputs.NAME.header_line=LINE",
    )

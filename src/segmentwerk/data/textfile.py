"""Text tables (CSV): encoding, delimiter and header of a file, and the relation of its cells as text."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from segmentwerk.core.errors import ConfigError, InputError
from segmentwerk.core.settings import InputSettings
from segmentwerk.data import sqltext
from segmentwerk.data.mapping import FILE, ROW
from segmentwerk.data.sqltext import literal

SAMPLE = 1 << 20
DELIMITERS = (";", "\t", ",", "|")
BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
FALLBACK = "cp1252"


@dataclass(frozen=True)
class TextFile:
    """What was understood of a text file before its columns."""

    path: Path
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    skip: int = 0
    """Lines before the header: Excel writes ``sep=;``."""


def understand(path: Path, given: InputSettings) -> TextFile:
    """Find out the encoding, the delimiter and the header of a file.

    A file that is valid UTF-8 to its end is read as UTF-8, any other as Windows-1252.

    Raises
    ------
    InputError
        If the file is empty or cannot be decoded.
    """
    encoding = given.encoding or _encoding(path)
    text = _sample(path, encoding)
    if not text.strip():
        raise InputError(f"{path} is empty.", "Give a file with a header and rows.")
    said = re.match(r"sep=(.)\r?\n", text)
    text = text[said.end() :] if said else text
    try:
        delimiter = given.delimiter or (said[1] if said else _delimiter(text))
        header = _records(text, delimiter)[0]
    except (csv.Error, IndexError) as error:
        raise InputError(f"{path} is no table of text: {error}.", "Save it as CSV in UTF-8.") from error
    return TextFile(path, encoding, delimiter, unique(header), 1 if said else 0)


def unique(header: list[str]) -> tuple[str, ...]:
    """Trim the names of columns, name the nameless, and number the repeated."""
    seen = {FILE: 1, ROW: 1}  # the names of hidden columns are taken
    names = []
    for position, given in enumerate(header, 1):
        name = given.strip() or f"column_{position}"
        count = seen[name.lower()] = seen.get(name.lower(), 0) + 1
        names.append(name if count == 1 else f"{name}_{count}")
    return tuple(names)


def _open(path: Path) -> Any:
    return gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")


def _chunks(path: Path) -> Iterator[bytes]:
    with _open(path) as stream:
        while chunk := stream.read(SAMPLE):
            yield chunk


def _encoding(path: Path) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for position, chunk in enumerate(_chunks(path)):
            if position == 0:
                marked = next((name for bom, name in BOMS.items() if chunk.startswith(bom)), None)
                if marked is not None:
                    return marked
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return FALLBACK
    except (OSError, EOFError) as error:
        raise InputError(f"{path} cannot be unpacked: {error}.", "Fetch it again.") from error
    return "utf-8"


def _sample(path: Path, encoding: str) -> str:
    """Return whole lines from the beginning of the file."""
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
        with _open(path) as stream:
            text = decoder.decode(stream.read(SAMPLE))
            return text + decoder.decode(stream.readline()) if len(text) > SAMPLE // 4 else text
    except LookupError as error:
        raise ConfigError(
            f"There is no encoding called {encoding!r}.", "Known are utf-8, cp1252, …"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not written in {encoding}.", "Set inputs.NAME.encoding.") from error


def _delimiter(text: str) -> str:
    """Choose the delimiter that cuts most lines into as many fields as the header has."""
    first = text.splitlines()[0]
    return max(
        (mark for mark in DELIMITERS if mark in first), key=lambda mark: _regularity(text, mark), default=","
    )


def _regularity(text: str, delimiter: str) -> tuple[float, int]:
    header, *rows = _records(text, delimiter)
    same = sum(len(row) == len(header) for row in rows)
    return (same / len(rows) if rows else 1.0, len(header))


def _records(text: str, delimiter: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return [record for record, _ in zip(reader, range(2000), strict=False) if record]


def load(con: duckdb.DuckDBPyConnection, file: TextFile, table: str, folder: Path) -> None:
    """Load the cells of a file as text into a table of the connection, with the row number ``_row``.

    Parameters
    ----------
    folder
        Where a copy in UTF-8 may lie while the file is read.

    Raises
    ------
    InputError
        If a line has more or fewer fields than the header, naming the line.
    """
    path = file.path if file.encoding in ("utf-8", "utf-8-sig") else _in_utf8(file, folder)
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in file.header)
    options = (
        f"columns = {{{columns}}}, auto_detect = false, header = true, skip = {file.skip}, "
        f"delim = {literal(file.delimiter)}, quote = '\"', escape = '\"', comment = '', nullstr = '', "
        f"{sqltext.packing(path)}"
    )
    cells = f"SELECT row_number() OVER () AS _row, * FROM read_csv({sqltext.file(path)}, {options})"
    try:
        con.execute(f"CREATE TABLE {table} AS {cells}")
    except duckdb.Error as error:
        raise _broken(file, error) from error
    finally:
        if path != file.path:
            path.unlink()


def _in_utf8(file: TextFile, folder: Path) -> Path:
    copy = folder / "utf-8.csv"
    decoder = codecs.getincrementaldecoder(file.encoding)()
    try:
        with copy.open("w", encoding="utf-8", newline="") as target:
            for chunk in _chunks(file.path):
                target.write(decoder.decode(chunk))
            target.write(decoder.decode(b"", final=True))
    except UnicodeDecodeError as error:
        raise InputError(
            f"{file.path} is not written in {file.encoding}.", "Set inputs.NAME.encoding."
        ) from error
    return copy


def _broken(file: TextFile, error: Any) -> InputError:
    line = re.search(r"Line: (\d+)", str(error))
    place = f"{file.path} line {line[1]}" if line else str(file.path)
    fields = f"{len(file.header)} fields split by {file.delimiter!r}"
    return InputError(
        f"{place} cannot be read as {fields}.", "Quote fields that hold the delimiter, a quote or a line end."
    )

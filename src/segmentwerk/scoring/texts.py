"""CSV files to score: each by its own header, encoding and delimiter, no cell read in vain."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb

from segmentwerk.core.errors import InputError
from segmentwerk.core.settings import InputSettings
from segmentwerk.data import sqltext
from segmentwerk.data.numbers import DecimalSign
from segmentwerk.data.sqltext import literal
from segmentwerk.data.textfile import TextFile, understand
from segmentwerk.scoring.cells import ID, Cells, FileColumn, Wanted, places, select, signs

UTF8 = ("utf-8", "utf-8-sig")
ROW_GROUP = 20_480
"""Rows that a thread holds before it writes them: few, since there may be many columns."""
REJECTED = "rejected_lines"
LINE, LONGEST = 2_000_000, 200_000_000
"""Bytes of the longest line as a rule, and of the longest at all."""
BUFFER = 16 * LINE
"""Bytes that a thread reads at once; by itself the reader takes 16 times the longest line, unread or not."""


def read(con: duckdb.DuckDBPyConnection, file: Path, wanted: Wanted, target: Path) -> Cells:
    """Copy the wanted cells of a CSV file into the Parquet file ``target``.

    Raises
    ------
    InputError
        If the file is no table, or has a column of the model twice.
    """
    copy = target.with_suffix(".csv")
    try:
        text = opened(con, file, wanted, copy)
        unreadable = text.stage(con, wanted, target)
    finally:
        copy.unlink(missing_ok=True)
    return Cells(file, text.shown, f"SELECT * FROM read_parquet({sqltext.file(target)})", unreadable)


def opened(con: duckdb.DuckDBPyConnection, file: Path, wanted: Wanted, copy: Path) -> CsvFile:
    """Look at the beginning of a CSV file, which is written to ``copy`` where DuckDB cannot read it itself.

    Raises
    ------
    InputError
        If the file is no table, or has a column of the model twice.
    """
    given = understand(file, InputSettings(), {name.lower() for name in (ID, *wanted.features)})
    text = CsvFile(given, file, copy, before_header(given))
    return (text if given.encoding in UTF8 else text.copied()).looked_at(con, wanted)


@dataclass(frozen=True)
class CsvFile:
    """A CSV file as DuckDB reads it.

    Attributes
    ----------
    path
        The file itself or its copy in UTF-8.
    names
        The columns as they are written; None where there is no name.
    places, signs
        Where the model's columns stand, and their decimal signs.
    """

    given: TextFile
    path: Path
    copy: Path
    skip: int
    names: tuple[str | None, ...] = ()
    places: Mapping[str, int] = field(default_factory=dict)
    signs: Mapping[str, DecimalSign] = field(default_factory=dict)

    @property
    def shown(self) -> tuple[str, ...]:
        """The columns' names, made up where there is none."""
        return tuple(name or f"column_{place}" for place, name in enumerate(self.names, 1))

    @property
    def columns(self) -> dict[str, FileColumn]:
        """The model's columns in `relation`."""
        return {name: FileColumn(f"c{place}") for name, place in self.places.items()}

    @property
    def lengths(self) -> tuple[int, int]:
        """The bytes that a line may have in a first reading, and in a second where that is too little."""
        packed = self.path.suffix.lower() == ".gz"
        most = LONGEST if packed else min(self.path.stat().st_size, LONGEST)
        return LINE, max(LINE, most)

    def copied(self) -> CsvFile:
        """Return the same text in UTF-8, all lines ending in a line feed."""
        try:
            with lines(self.given) as source, self.copy.open("w", encoding="utf-8") as target:
                shutil.copyfileobj(source, target)
        except UnicodeDecodeError as error:
            where = f"{self.given.path} is not written in {self.given.encoding}."
            raise InputError(where, "Save it in UTF-8.") from error
        return replace(self, path=self.copy)

    def looked_at(self, con: duckdb.DuckDBPyConnection, wanted: Wanted) -> CsvFile:
        """Return the text with its header and decimal signs."""
        first = self.relation("ignore_errors = true", header="false")
        try:
            row = con.execute(f"SELECT * FROM {first} LIMIT 1").fetchone() or self.given.header
            names = tuple(name and name.strip() for name in row)
            text = replace(self, names=names, places=places(self.given.path, names, wanted))
            return replace(text, signs=text._signs(con, wanted))
        except duckdb.InvalidInputException:
            return self._mended().looked_at(con, wanted)

    def _signs(self, con: duckdb.DuckDBPyConnection, wanted: Wanted) -> dict[str, DecimalSign]:
        """Return the decimal signs of the first rows, read again where lines among them are too long."""
        signs_by_column: dict[str, DecimalSign] = {}
        usual: DecimalSign = "," if self.given.delimiter == ";" else "."
        if not self.places.keys() & set(wanted.numeric):
            return signs_by_column
        for longest in self.lengths:
            signs_by_column = signs(con, self.columns, wanted, self.relation(_keeping(longest)), usual)
            if not _too_long(_rejected(con)):
                break
        return signs_by_column

    def stage(self, con: duckdb.DuckDBPyConnection, wanted: Wanted, target: Path) -> tuple[str, ...]:
        """Write the wanted cells; return the lines that have more or fewer fields than the header."""
        try:
            for longest in self.lengths:
                cells = select(self.columns, self.signs, wanted, self.relation(_keeping(longest)))
                con.execute(
                    f"COPY ({cells}) TO {literal(str(target))} (FORMAT parquet, ROW_GROUP_SIZE {ROW_GROUP})"
                )
                bad = _rejected(con)
                if not _too_long(bad):
                    break
        except duckdb.InvalidInputException:
            return self._mended().stage(con, wanted, target)
        return tuple(f"line {line}: {problem}" for line, problem in bad.items())

    def _mended(self) -> CsvFile:
        """Return the copy of a file that DuckDB cannot read, as when its lines end in different ways."""
        if self.path == self.copy:
            raise InputError(f"{self.given.path} is no table of text.", "Save it as CSV in UTF-8.")
        return self.copied()

    def relation(self, options: str, header: str = "true") -> str:
        """Return SQL for all cells as text, called by their place (``c0``, ``c1``, …)."""
        columns = ", ".join(f"c{place}: 'VARCHAR'" for place in range(len(self.given.header)))
        return (
            f"read_csv({sqltext.file(self.path)}, columns = {{{columns}}}, auto_detect = false, "
            f"header = {header}, skip = {self.skip}, delim = {literal(self.given.delimiter)}, quote = '\"', "
            f"escape = '\"', comment = '', nullstr = '', hive_partitioning = false, "
            f"{sqltext.packing(self.path)}, {options})"
        )


def _keeping(longest: int) -> str:
    """Return the reader's options by which it leaves out lines that are no row, and keeps what is wrong."""
    room = f"max_line_size = {longest}, buffer_size = {max(BUFFER, 2 * longest)}"
    return f"store_rejects = true, rejects_table = '{REJECTED}', {room}"


def _too_long(problems: Mapping[int, str]) -> bool:
    return any("line size" in problem for problem in problems.values())


def _rejected(con: duckdb.DuckDBPyConnection) -> dict[int, str]:
    """Take the lines that the last scan rejected, with what is wrong."""
    query = f"SELECT line, max(error_message) FROM {REJECTED} GROUP BY line ORDER BY line"
    reasons = dict(con.execute(query).fetchall())
    con.execute(f"DROP TABLE {REJECTED}")
    return reasons


def before_header(text: TextFile) -> int:
    """Count the lines before a file's header; DuckDB would take an empty one for it."""
    with lines(text) as rows:
        return next((n for n, line in enumerate(rows) if n >= text.skip and line.strip()), text.skip)


def lines(text: TextFile) -> Any:
    """Open a file's text; whatever ends a line becomes a line feed."""
    unpack: Any = gzip.open if text.path.suffix.lower() == ".gz" else open
    return unpack(text.path, "rt", encoding=text.encoding)

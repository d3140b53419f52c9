"""CSV files to score: each by its own header, encoding and delimiter; columns that nobody needs stay unread."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from segmentwerk.core.errors import InputError
from segmentwerk.core.settings import InputSettings
from segmentwerk.data import sqltext
from segmentwerk.data.sqltext import literal
from segmentwerk.data.textfile import TextFile, understand
from segmentwerk.scoring.cells import Cells, Column, Wanted, places, select

ROW_GROUP = 20_480
"""Rows that a thread holds before it writes them: few, since there may be many columns."""
LINE, LONGEST = 2_000_000, 200_000_000
"""Bytes of the longest line as a rule, and of the longest at all; the reader's memory follows."""


def read(con: duckdb.DuckDBPyConnection, file: Path, wanted: Wanted, target: Path) -> Cells:
    """Copy the wanted cells of a CSV file into the Parquet file ``target``.

    Raises
    ------
    InputError
        If the file is no table, or has a column of the model twice.
    """
    text = understand(file, InputSettings())
    copy = target.with_suffix(".csv")
    relation = _Relation(text, file, before_header(text))
    try:
        if text.encoding not in ("utf-8", "utf-8-sig"):
            relation = relation.copied(copy)
        try:
            return relation.staged(con, wanted, target)
        except duckdb.InvalidInputException:  # lines that end in different ways
            return relation.copied(copy).staged(con, wanted, target)
    finally:
        copy.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Relation:
    """A text file as DuckDB reads it; ``path`` is the file itself or its copy."""

    text: TextFile
    path: Path
    skip: int

    def copied(self, copy: Path) -> _Relation:
        """Return the same text in UTF-8, all lines ending in a line feed."""
        try:
            with lines(self.text) as source, copy.open("w", encoding="utf-8") as target:
                shutil.copyfileobj(source, target)
        except UnicodeDecodeError as error:
            where = f"{self.text.path} is not written in {self.text.encoding}."
            raise InputError(where, "Save it in UTF-8.") from error
        return replace(self, path=copy)

    def staged(self, con: duckdb.DuckDBPyConnection, wanted: Wanted, target: Path) -> Cells:
        """Write the wanted cells, and find the lines that have more or fewer fields than the header."""
        names = self._header(con)
        columns = {n: Column(f"c{place}") for n, place in places(self.text.path, names, wanted).items()}
        bad: dict[int, str] = {}
        for longest in (LINE, LONGEST):
            self._copy(con, columns, wanted, target, longest)
            bad = self._rejected(con)
            if not any("line size" in problem for problem in bad.values()):
                break
        return Cells(
            self.text.path,
            f"SELECT * FROM read_parquet({sqltext.file(target)})",
            tuple(name or f"column_{place}" for place, name in enumerate(names, 1)),
            tuple(f"line {line}: {problem}" for line, problem in bad.items()),
        )

    def _header(self, con: duckdb.DuckDBPyConnection) -> tuple[str | None, ...]:
        """Return the names of the columns as they are written; None where there is none."""
        first = self._sql("ignore_errors = true", header="false")
        row = con.execute(f"SELECT * FROM {first} LIMIT 1").fetchone() or self.text.header
        return tuple(name and name.strip() for name in row)

    def _copy(
        self,
        con: duckdb.DuckDBPyConnection,
        columns: Mapping[str, Column],
        wanted: Wanted,
        target: Path,
        longest: int,
    ) -> None:
        sample, everything = (
            self._sql(f"{option} = true, max_line_size = {longest}")
            for option in ("ignore_errors", "store_rejects")
        )
        usual = "," if self.text.delimiter == ";" else "."
        cells = select(con, columns, wanted, sample, usual).replace(sample, everything)
        con.execute(f"COPY ({cells}) TO {literal(str(target))} (FORMAT parquet, ROW_GROUP_SIZE {ROW_GROUP})")

    def _sql(self, options: str, header: str = "true") -> str:
        columns = ", ".join(f"c{place}: 'VARCHAR'" for place in range(len(self.text.header)))
        return (
            f"read_csv({sqltext.file(self.path)}, columns = {{{columns}}}, auto_detect = false, "
            f"header = {header}, skip = {self.skip}, delim = {literal(self.text.delimiter)}, quote = '\"', "
            f"escape = '\"', comment = '', nullstr = '', hive_partitioning = false, {options})"
        )

    def _rejected(self, con: duckdb.DuckDBPyConnection) -> dict[int, str]:
        found = con.execute(
            "SELECT line, max(error_message) FROM reject_errors WHERE scan_id = "
            "(SELECT max(scan_id) FROM reject_scans) AND scan_id IN "
            "(SELECT scan_id FROM reject_scans WHERE file_path = $1) GROUP BY line ORDER BY line",
            [str(self.path)],
        )
        return dict(found.fetchall())


def before_header(text: TextFile) -> int:
    """Count the lines before a file's header; DuckDB would take an empty one for it."""
    with lines(text) as found:
        return next((n for n, line in enumerate(found) if n >= text.skip and line.strip()), text.skip)


def lines(text: TextFile) -> Any:
    """Open a file's text; whatever ends a line becomes a line feed."""
    unpack: Any = gzip.open if text.path.suffix.lower() == ".gz" else open
    return unpack(text.path, "rt", encoding=text.encoding)

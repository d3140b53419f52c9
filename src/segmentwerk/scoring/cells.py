"""The columns of a model in a file's SELECT: by name, whatever the file's own order, notation and types.

Every file gets the same columns, called by their place so that no name of a user's can clash: ``id``, a
text ``t0``, ``t1``, … for each categorical column, and for each numeric one its value ``n0``, ``n1``, …
with what is left to read in ``r0``, ``r1``, …: the decimal sign and the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from segmentwerk.core.arrays import BoolArray, FloatArray
from segmentwerk.core.errors import InputError
from segmentwerk.data import numbers
from segmentwerk.data.numbers import DecimalSign
from segmentwerk.shipped.model_catalogue import ACCOUNT, Catalogue, Limits

ID = ACCOUNT
_SAMPLE_ROWS = 10_000
_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
FRACTIONS = ("FLOAT", "DOUBLE", "DECIMAL")
NUMBERS = (*_WHOLE, *(f"U{kind}" for kind in _WHOLE), *FRACTIONS, "BOOLEAN")
_TEXTS = ("VARCHAR", "ENUM", "UUID")

NO_LIMITS = Limits()
"""Of numbers in models of earlier releases."""


@dataclass(frozen=True)
class Wanted:
    """The model's columns, and what its numbers can be at all (see ``possible`` in the catalogue)."""

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    possible: Mapping[str, Limits] = field(default_factory=dict)

    @classmethod
    def of(cls, catalogue: Catalogue) -> Wanted:
        """Return what a model's catalogue says."""
        possible = dict(zip(catalogue.numeric, catalogue.possible, strict=True))
        return cls(catalogue.numeric, catalogue.categorical, possible)

    @property
    def features(self) -> tuple[str, ...]:
        """The columns of which one at least must be there."""
        return (*self.numeric, *self.categorical)


@dataclass(frozen=True)
class Part:
    """A file of the input (the first where several are alike) and the columns that it has."""

    file: Path
    names: tuple[str, ...]


@dataclass(frozen=True)
class Cells(Part):
    """A part of the input that can be read.

    Attributes
    ----------
    unreadable
        Its lines that are no row, each with its number and what is wrong.
    """

    select: str
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileColumn:
    """A column of a file: SQL for its values, and their type in DuckDB."""

    sql: str
    type: str = "VARCHAR"

    @property
    def kind(self) -> str:
        """The type without its details."""
        return "LIST" if self.type.endswith("]") else self.type.split("(")[0]

    def fits(self, name: str, wanted: Wanted) -> bool:
        """Tell whether such values can be read as the model's column ``name``."""
        if name in wanted.numeric:
            return self.kind in (*NUMBERS, "VARCHAR", "ENUM")
        return self.kind in (*NUMBERS, *_TEXTS) and (name, self.kind) != (ID, "BOOLEAN")

    def text(self) -> str:
        """Return SQL for a trimmed text; a whole number that is stored as a fraction loses its ``.0``."""
        if self.kind not in FRACTIONS:
            return numbers.trimmed(self.sql if self.kind == "VARCHAR" else f"CAST({self.sql} AS VARCHAR)")
        whole = f"TRY_CAST({self.sql} AS HUGEINT)"
        text = f"CAST(CASE WHEN {whole} = {self.sql} THEN {whole} END AS VARCHAR)"
        return f"CASE WHEN NOT isnan({self.sql}) THEN coalesce({text}, CAST({self.sql} AS VARCHAR)) END"

    def number(self, sign: DecimalSign) -> tuple[str, str]:
        """Return SQL for the number that most texts are, and for the text where it is none."""
        if self.kind in NUMBERS:
            return f"CAST({self.sql} AS DOUBLE)", "CAST(NULL AS VARCHAR)"
        text = f"CAST({self.sql} AS VARCHAR)" if self.kind == "ENUM" else self.sql
        value = numbers.simple(text, sign)
        return value, f"CASE WHEN {value} IS NULL THEN '{sign}' || {text} END"


def places(file: Path, names: Iterable[str | None], wanted: Wanted) -> dict[str, int]:
    """Return where each of the model's columns stands among the columns of a file.

    Raises
    ------
    InputError
        If one is there twice.
    """
    place_by_name: dict[str, int] = {}
    known = {ID, *wanted.features}
    for place, name in enumerate(names):
        if name is not None and name in place_by_name:
            raise InputError(f"{file} has the column {name!r} twice.", "Rename or remove one of them.")
        if name is not None and name in known:
            place_by_name[name] = place
    return place_by_name


def select(
    columns: Mapping[str, FileColumn], signs: Mapping[str, DecimalSign], wanted: Wanted, relation: str
) -> str:
    """Return the SELECT of the model's columns from a relation; a column that is not there is null.

    Parameters
    ----------
    signs
        The decimal sign of each numeric column that is there.
    """
    null = "CAST(NULL AS VARCHAR)"
    texts = [columns[name].text() if name in columns else null for name in (ID, *wanted.categorical)]
    parts = [f"{texts[0]} AS id", *(f"{text} AS t{place}" for place, text in enumerate(texts[1:]))]
    for place, name in enumerate(wanted.numeric):
        value, rest = columns[name].number(signs[name]) if name in columns else ("CAST(NULL AS DOUBLE)", null)
        parts += [f"{value} AS n{place}", f"{rest} AS r{place}"]
    return f"SELECT {', '.join(parts)} FROM {relation}"


def signs(
    con: duckdb.DuckDBPyConnection,
    columns: Mapping[str, FileColumn],
    wanted: Wanted,
    relation: str,
    fallback: DecimalSign = ".",
) -> dict[str, DecimalSign]:
    """Return each number's decimal sign: by what its texts can only be read with, else as the other ones'.

    Parameters
    ----------
    fallback
        The sign where nothing in the relation tells it.
    """
    here = {name: columns[name] for name in wanted.numeric if name in columns}
    texts = {name: column for name, column in here.items() if column.kind in ("VARCHAR", "ENUM")}
    counts = dict.fromkeys(here, (0, 0)) | _evidence(con, texts, relation)
    total = (sum(comma for comma, _ in counts.values()), sum(point for _, point in counts.values()))
    usual = _more(*total) or fallback
    return {name: _more(*count) or usual for name, count in counts.items()}


def _more(comma: int, point: int) -> DecimalSign | None:
    return None if comma == point else "," if comma > point else "."


def _evidence(
    con: duckdb.DuckDBPyConnection, columns: Mapping[str, FileColumn], relation: str
) -> dict[str, tuple[int, int]]:
    """Count the texts of a sample that can only be read with a decimal comma, and only with a point."""
    if not columns:
        return {}
    cells = ", ".join(f"CAST({c.sql} AS VARCHAR) AS c{place}" for place, c in enumerate(columns.values()))
    counts = ", ".join(f"count_if(regexp_matches(x, '{numbers.evidence(sign)}'))" for sign in (",", "."))
    evidence = con.execute(
        f"SELECT CAST(name[2:] AS INTEGER), {counts} FROM (UNPIVOT (SELECT {cells} FROM {relation} "
        f"LIMIT {_SAMPLE_ROWS}) ON COLUMNS(*) INTO NAME name VALUE x) GROUP BY name"
    ).fetchall()
    names = list(columns)
    return {names[place]: (comma, point) for place, comma, point in evidence}


class Rest(NamedTuple):
    """What the texts of a column that are not written plainly say.

    ``values`` (n,) has their numbers, NaN elsewhere; ``lost`` (n,) tells where a text is none.
    """

    values: FloatArray
    lost: BoolArray


def rest(con: duckdb.DuckDBPyConnection, columns: Mapping[str, pa.ChunkedArray]) -> dict[str, Rest]:
    """Read what `select` left, each text once, in all columns together; a column that is done has no entry.

    Parameters
    ----------
    columns
        Decimal sign and text of each cell, null where there is nothing to read.
    """
    left = {name: texts for name, texts in columns.items() if texts.null_count < len(texts)}
    if not left:
        return {}
    together = pa.chunked_array([part for texts in left.values() for part in texts.chunks])
    codes = together.combine_chunks().dictionary_encode()
    careful = _careful(con, codes.dictionary)
    at = codes.indices.fill_null(len(codes.dictionary)).to_numpy().reshape(len(left), -1)
    return {name: Rest(careful.values[row], careful.lost[row]) for name, row in zip(left, at, strict=True)}


def _careful(con: duckdb.DuckDBPyConnection, words: pa.Array) -> Rest:
    """Read texts by the whole grammar; one place more stands for cells without a text."""
    con.register("words", pa.table({"x": words}))
    known = f"SELECT x[1] AS sign, {numbers.known(numbers.trimmed('x[2:]'))} AS k FROM words"
    comma, point = (numbers.number("k", sign) for sign in (",", "."))
    table = con.execute(
        f"SELECT CASE WHEN sign = ',' THEN {comma} ELSE {point} END AS value, k IS NOT NULL AS known "
        f"FROM ({known})"
    ).to_arrow_table()
    values = np.append(table["value"].to_numpy(), np.nan)
    unread = np.append(table["value"].is_null().to_numpy() & table["known"].to_numpy(), False)
    return Rest(values, unread)

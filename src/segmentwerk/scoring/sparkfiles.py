"""The files to score as Spark reads them, by the same rules as the local engine."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb

from segmentwerk.core.errors import InputError
from segmentwerk.data import numbers
from segmentwerk.data.discovery import PARQUET, suffix
from segmentwerk.data.hidden import REASON, ROW
from segmentwerk.data.numbers import DecimalSign
from segmentwerk.scoring import parquets, texts
from segmentwerk.scoring.cells import FRACTIONS, ID, NO_LIMITS, NUMBERS, FileColumn, Part, Wanted
from segmentwerk.scoring.source import files_of, insist
from segmentwerk.scoring.texts import UTF8, CsvFile
from segmentwerk.shipped.model_catalogue import Limits

COLUMN = "_column"
_CORRUPT = "_corrupt"
_BLANKS = f"' \t\r\n{numbers.SPACES}'"
_PLAIN: dict[DecimalSign, str] = {
    ".": r"[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?",
    ",": r"[+-]?([0-9]{1,3}([.][0-9]{3})+|[0-9]+)?(,[0-9]*)?",
}
"""How a number is written plainly; Spark alone would read 12d and 1f, too."""


@dataclass(frozen=True)
class Table:
    """The model's columns, called by their place as in `scoring.cells`, and where a number is unreadable.

    Attributes
    ----------
    features
        The features that are there, by their place.
    possible
        What numbers can be at all, by feature.
    missing, ignored
        Columns of the model that the input lacks; columns of the input that the model does not know.
    """

    frame: Any
    has_id: bool
    features: Mapping[str, str]
    possible: Mapping[str, Limits]
    missing: tuple[str, ...]
    ignored: tuple[str, ...]

    @classmethod
    def read(cls, spark: Any, given: Path, wanted: Wanted) -> Table:
        """Open the input and number its rows.

        Raises
        ------
        InputError
            As `scoring.source.open_source`, and for what Spark cannot read.
        """
        from pyspark.sql import functions as f

        files = files_of(given)
        read = _parquet if suffix(files[0]) in PARQUET else _texts
        with reading(given), duckdb.connect() as con:
            parts, frames = read(spark, con, files, wanted)
            names = insist(given, parts, wanted)
            frame = reduce(lambda one, other: one.union(other), frames)
        places = {f"n{i}": name for i, name in enumerate(wanted.numeric)}
        places |= {f"t{i}": name for i, name in enumerate(wanted.categorical)}
        return cls(
            frame.withColumn(ROW, f.monotonically_increasing_id()),
            ID in names,
            {place: name for place, name in places.items() if name in names},
            wanted.possible,
            tuple(name for name in wanted.features if name not in names),
            tuple(sorted(names - {ID, *wanted.features})),
        )

    def checked(self) -> Any:
        """Return the features by their place, and why a row cannot be scored."""
        from pyspark.sql import Window
        from pyspark.sql import functions as f

        frame = self.frame.withColumn(ID, f.col("id") if self.has_id else f.col(ROW).cast("string"))
        faults = [(f.col(_CORRUPT).isNotNull(), "", "has more or fewer fields than the header")]
        if self.has_id:
            turn = f.row_number().over(Window.partitionBy(ID).orderBy(ROW))
            frame = frame.withColumn("_turn", turn)
            faults += [(f.col(ID).isNull(), ID, "is missing"), (f.col("_turn") > 1, ID, "is there already")]
        for place, name in self.features.items():
            if place.startswith("n"):
                lost = f.col(f"b{place[1:]}") | (f.abs(f.col(place)) == f.lit(float("inf")))
                faults.append((lost, name, "is not a finite number"))
                limits, number = self.possible.get(name, NO_LIMITS), f.nanvl(f.col(place), f.lit(None))
                faults.append((number < limits.least, name, limits.below))
                faults.append((number > limits.most, name, limits.above))
        reason, column = f.lit(None).cast("string"), f.lit(None).cast("string")
        for bad, name, text in reversed(faults):
            reason, column = f.when(bad, text).otherwise(reason), f.when(bad, name).otherwise(column)
        return frame.select(ROW, ID, *self.features, column.alias(COLUMN), reason.alias(REASON))


@contextmanager
def reading(given: object) -> Iterator[None]:
    """Turn the errors of Spark and DuckDB inside the block into ours."""
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, duckdb.Error) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{given} cannot be read: {reason}", "Give CSV or Parquet.") from error


def _texts(
    spark: Any, con: duckdb.DuckDBPyConnection, files: Sequence[Path], wanted: Wanted
) -> tuple[list[Part], list[Any]]:
    """Read CSV files, in one go where neighbours are written alike."""
    spark.conf.set("spark.sql.legacy.javaCharsets", "true")  # else it refuses Windows' encodings
    with tempfile.TemporaryDirectory() as scratch:
        looks = [texts.opened(con, file, wanted, Path(scratch) / "copy.csv") for file in files]
    frames = []
    for _, group in groupby(looks, _writing):
        alike = list(group)
        first = alike[0]
        if unread := next((look.given.path for look in alike if look.given.skip), None):
            raise InputError(
                f"{unread} has lines before its header.", "Remove them, or set scoring.engine=local."
            )
        columns = [f"c{place} string" for place in range(len(first.names))]
        frame = spark.read.csv(
            _paths(look.given.path for look in alike),
            schema=", ".join([*columns, f"{_CORRUPT} string"]),
            header=True,
            sep=first.given.delimiter,
            encoding="utf-8" if first.given.encoding == "utf-8-sig" else first.given.encoding,
            multiLine=True,  # a line may end inside quotes
            quote='"',
            escape='"',
            **({"lineSep": "\n"} if _is_uneven(first) else {}),
            maxCharsPerColumn=-1,
            maxColumns=max(len(columns) + 1, 512),
            columnNameOfCorruptRecord=_CORRUPT,
        )
        frames.append(_selected(frame, first.columns, first.signs, wanted))
    return [Part(look.given.path, look.shown) for look in looks], frames


def _writing(look: CsvFile) -> tuple[Any, ...]:
    """Return what files must have in common for Spark to read them in one go."""
    return look.names, look.signs, look.given.encoding, look.given.delimiter, _is_uneven(look)


def _is_uneven(look: CsvFile) -> bool:
    """Tell whether lines end in different ways; `scoring.texts` copied the file for that alone."""
    return look.path == look.copy and look.given.encoding in UTF8


def _parquet(
    spark: Any, con: duckdb.DuckDBPyConnection, files: Sequence[Path], wanted: Wanted
) -> tuple[list[Part], list[Any]]:
    from pyspark.sql import functions as f

    runs = parquets.opened(con, files, wanted)
    frames = []
    for run in runs:
        frame = spark.read.parquet(*_paths(run.files)).withColumn(_CORRUPT, f.lit(None).cast("string"))
        columns = {n: FileColumn(f"`{n.replace('`', '``')}`", column.type) for n, column in run.found.items()}
        frames.append(_selected(frame, columns, run.signs, wanted))
    return [Part(run.files[0], run.names) for run in runs], frames


def _paths(files: Iterable[Path]) -> list[str]:
    """Return paths in which Spark finds no pattern.

    Raises
    ------
    InputError
        If Spark would overlook a file.
    """
    paths = list(files)
    for file in paths:
        if file.name[0] in "._":
            raise InputError(f"Spark overlooks {file}.", "Give the file a name that begins with a letter.")
    return [re.sub(r"([\[\]{}*?\\])", r"\\\1", str(file)) for file in paths]


def _selected(
    frame: Any, columns: Mapping[str, FileColumn], signs: Mapping[str, DecimalSign], wanted: Wanted
) -> Any:
    """Return the model's columns by their place; a column that is not there is null."""
    from pyspark.sql import functions as f

    parts = [f.expr(_text(columns[ID]) if ID in columns else "CAST(NULL AS STRING)").alias("id")]
    for place, name in enumerate(wanted.categorical):
        parts.append(
            f.expr(_text(columns[name]) if name in columns else "CAST(NULL AS STRING)").alias(f"t{place}")
        )
    for place, name in enumerate(wanted.numeric):
        value, bad = "CAST(NULL AS DOUBLE)", "false"
        if name in columns:
            value, bad = _number(columns[name], signs[name])
        parts += [f.expr(value).alias(f"n{place}"), f.expr(bad).alias(f"b{place}")]
    return frame.select(*parts, _CORRUPT)


def _text(column: FileColumn) -> str:
    """Return Spark SQL for a trimmed text; a whole number that is stored as a fraction loses its ``.0``."""
    text = f"CAST({column.sql} AS STRING)"
    if column.kind in FRACTIONS:
        whole = f"try_cast({column.sql} AS DECIMAL(38, 0))"
        text = (
            f"CASE WHEN {whole} = {column.sql} THEN CAST({whole} AS STRING) "
            f"WHEN NOT isnan({column.sql}) THEN {text} END"
        )
    return f"nullif(trim(BOTH {_BLANKS} FROM {text}), '')"


def _number(column: FileColumn, sign: DecimalSign) -> tuple[str, str]:
    """Return Spark SQL for a number, and for whether there is something that is none."""
    if column.kind in NUMBERS:
        return f"CAST({column.sql} AS DOUBLE)", "false"
    given = _text(column)
    words = ", ".join(f"'{word}'" for word in numbers.NOTHING)
    digits = given if sign == "." else f"replace(replace({given}, '.', ''), ',', '.')"
    plain = f"{given} RLIKE '^{_PLAIN[sign]}$'"
    value = f"CASE WHEN {plain} THEN try_cast({digits} AS DOUBLE) END"
    return value, f"coalesce(lower({given}) NOT IN ({words}) AND {value} IS NULL, false)"

"""Decide how the columns of a text table are read: text, number, date or flag, and in which notation.

A column that the mapping hands to one of our columns as it is takes that column's kind, so that an id
stays text and a word among numbers is found. Elsewhere a kind needs 95% of the column's values.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import duckdb

from segmentwerk.core.settings import InputSettings
from segmentwerk.data import dates, numbers, ranges
from segmentwerk.data.hidden import FILE, ROW, VALUE, Unreadable
from segmentwerk.data.sqltext import named

Kind = Literal["text", "number", "date", "flag"]
SHARE = 0.95
DISTINCT = 2000
SAMPLE_ROWS = 50_000
BATCH = 50
"""Columns that are measured by one query, so that none of them is long."""
DIGITS = ("yyyymmdd", *dates.EPOCHS)
"""Ways to write a date that look like any number."""
YES = ("true", "yes", "y", "ja", "j", "wahr")
NO = ("false", "no", "n", "nein", "falsch")


@dataclass(frozen=True)
class ColumnRead:
    """How one column is read; ``form`` is the decimal sign of a number or the way a date is written.

    ``classes`` says that it holds size classes such as 11-50.
    """

    name: str
    kind: Kind
    form: str = ""
    ambiguous: bool = False
    classes: bool = False

    def __str__(self) -> str:
        doubt = " (ambiguous)" if self.ambiguous else ", classes by their middle" if self.classes else ""
        return f"{self.name}: {self.kind}{' ' + self.form if self.form else ''}{doubt}"

    @property
    def flag(self) -> str:
        """The hidden column that says that there is a value which cannot be read."""
        return Unreadable(self.kind, self.name).name

    @property
    def decimal(self) -> numbers.DecimalSign:
        """The decimal sign of a column of numbers."""
        return "," if self.form == "decimal ," else "."

    def value(self) -> str:
        """Return SQL for the value, null where it cannot be read, over the text of `read`."""
        text = named(self.name)
        if self.kind == "number":
            number = numbers.number(text, self.decimal)
            return f"coalesce({number}, {ranges.middle(text)})" if self.classes else number
        if self.kind == "date":
            return dates.moment(text, self.form)
        if self.kind == "flag":
            return f"CASE WHEN lower({text}) IN {YES} THEN true WHEN lower({text}) IN {NO} THEN false END"
        return text


def read(table: str, columns: tuple[ColumnRead, ...], place: str) -> str:
    """Return the SELECT that reads a table of texts, with the hidden columns of `mapping`.

    It works in stages, so that no text is taken apart twice. ``place`` is SQL for the file's name.
    """
    others = [column for column in columns if column.kind != "text"]
    trimmed = ", ".join(f"{numbers.plain(c.name)} AS {named(c.name)}" for c in columns)
    known = ", ".join(f"{numbers.known(_bare(named(c.name)))} AS {named(c.name)}" for c in others)
    values = "".join(f", {c.value()} AS {named(VALUE + c.name)}" for c in others)
    chosen = ", ".join(
        named(c.name) if c.kind == "text" else f"{named(VALUE + c.name)} AS {named(c.name)}" for c in columns
    )
    lost = "".join(
        f", {named(c.name)} IS NOT NULL AND {named(VALUE + c.name)} IS NULL AS {named(c.flag)}"
        for c in others
    )
    query = f"SELECT {ROW}, {trimmed} FROM {table}"
    query = f"SELECT * REPLACE ({known}) FROM ({query})" if others else query
    query = f"SELECT *{values} FROM ({query})"
    return f"SELECT {chosen}, {ROW}, {place} AS {FILE}{lost} FROM ({query})"


def decide(
    con: duckdb.DuckDBPyConnection,
    table: str,
    used: Collection[str],
    hints: Mapping[str, Kind],
    given: InputSettings,
    delimiter: str,
) -> tuple[ColumnRead, ...]:
    """Decide how each column of a table of texts is read.

    Parameters
    ----------
    used
        Columns that the mapping reads; the others stay text, which costs nothing.
    hints
        Kinds that the mapping asks for, by lower-case column name.
    delimiter
        Of the file; a semicolon speaks for a decimal comma where nothing else does.
    """
    names = [row[0] for row in con.execute(f"DESCRIBE {table}").fetchall() if row[0] != ROW]
    measured = _measure(con, table, [name for name in names if name in used])
    total = {
        sign: sum(m[sign] for m in measured.values() if _kind(m, None) == "number") for sign in (".", ",")
    }
    comma = total[","] > total["."] or (total[","] == total["."] and delimiter == ";")
    decimal = given.decimal or ("," if comma else ".")
    wanted = {name: given.columns.get(name) or hints.get(name.lower()) for name in measured}
    kinds = {name: _kind(m, wanted[name]) for name, m in measured.items()}
    day_first = _day_first([m for name, m in measured.items() if kinds[name] == "date"], comma)
    columns = []
    for name in names:
        kind = kinds.get(name, "text")
        if kind == "number":
            columns.append(_number(name, measured[name], given.decimal, decimal))
        elif kind == "date":
            columns.append(_date(name, measured[name], given.date_format, day_first))
        else:
            columns.append(ColumnRead(name, kind))
    return tuple(columns)


def _measure(con: duckdb.DuckDBPyConnection, table: str, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Count, for each column, how many distinct values of a sample fit each reading; some columns a query."""
    parts = [names[first : first + BATCH] for first in range(0, len(names), BATCH)]
    return {name: m for part in parts for name, m in _measured(con, table, part).items()}


def _measured(con: duckdb.DuckDBPyConnection, table: str, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    rows = con.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
    step = rows // SAMPLE_ROWS + 1
    texts = ", ".join(f"{numbers.plain(name)} AS {named(name)}" for name in names)
    result = con.execute(
        f"WITH cells AS (UNPIVOT (SELECT {texts} FROM {table} WHERE {ROW} % {step} = 0 OR {ROW} <= 100) "
        "ON COLUMNS(*) INTO NAME heading VALUE x), "
        "texts AS (SELECT DISTINCT heading, x FROM cells "
        f"QUALIFY dense_rank() OVER (PARTITION BY heading ORDER BY hash(x), x) <= {DISTINCT}), "
        f"known AS (SELECT *, {numbers.known(_bare('x'))} AS k FROM texts) "
        f"SELECT heading, {_metrics()} FROM known GROUP BY heading"
    )
    keys = [item[0] for item in result.description or []]
    measured = {row[0]: dict(zip(keys, row, strict=True)) for row in result.fetchall()}
    empty = dict.fromkeys(keys, 0)
    return {name: measured.get(name, empty) for name in names}


def _bare(text: str) -> str:
    """Return SQL for a value without the apostrophe by which a spreadsheet program marks a text."""
    return f"ltrim({text}, chr(39))"


def _metrics() -> str:
    counts = {
        "known": "k IS NOT NULL",
        "ids": "regexp_full_match(x, '0[0-9]+|[0-9]{16,}')",
        "flags": f"lower(x) IN {YES + NO}",
        "marks": "regexp_matches(x, '[.,]')",
        "number ,": f"({numbers.number('k', ',')}) IS NOT NULL",
        "number .": f"({numbers.number('k', '.')}) IS NOT NULL",
        ",": f"regexp_matches(x, '{numbers.evidence(',')}')",
        ".": f"regexp_matches(x, '{numbers.evidence('.')}')",
        "classes": f"({ranges.middle('k')}) IS NOT NULL",
        **{name: f"({dates.moment('k', name)}) IS NOT NULL" for name in dates.FORMS},
    }
    return ", ".join(f'count_if({sql}) AS "{name}"' for name, sql in counts.items())


def _kind(m: Mapping[str, Any], wanted: Kind | None) -> Kind:
    if wanted in ("number", "flag") and m["flags"] > max(m["number ,"], m["number ."]):
        return "flag"
    if wanted is not None:
        return wanted
    if not m["known"]:
        return "text"
    if m["flags"] == m["known"]:
        return "flag"
    if m["ids"]:
        return "text"
    if max(m[name] for name in dates.FORMS if name not in DIGITS) >= SHARE * m["known"]:
        return "date"
    return "number" if max(m["number ,"], m["number ."]) >= SHARE * m["known"] else "text"


def _number(name: str, m: Mapping[str, Any], given: str | None, decimal: str) -> ColumnRead:
    """Read by the column's own evidence, else as the rest of the file."""
    own = "," if m[","] > m["."] else "." if m["."] > m[","] else None
    classes = m["classes"] > 0 and m["classes"] >= ranges.SHARE * m["known"]
    doubt = given is None and own is None and m["marks"] > 0 and not classes
    return ColumnRead(name, "number", f"decimal {given or own or decimal}", doubt, classes)


def _day_first(columns: list[Mapping[str, Any]], comma: bool) -> bool:
    """Tell whether the day stands before the month, by dates that fit one order only."""
    month = sum(m[a] for m in columns for a in dates.SWAPPED)
    day = sum(m[b] for m in columns for b in dates.SWAPPED.values())
    return day > month or (day == month and comma)


def _date(name: str, m: Mapping[str, Any], given: str | None, day_first: bool) -> ColumnRead:
    if given is not None:
        return ColumnRead(name, "date", given)
    form = max(dates.FORMS, key=lambda base: m[base])
    twin = {**dates.SWAPPED, **{b: a for a, b in dates.SWAPPED.items()}}.get(form)
    doubt = twin is not None and m[twin] == m[form]
    if doubt and twin is not None and (form in dates.SWAPPED) == day_first:
        form = twin
    return ColumnRead(name, "date", form, doubt)

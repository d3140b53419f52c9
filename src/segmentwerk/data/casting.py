"""Cast mapped columns to our types; what cannot be cast is flagged, never silently lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis
from ibis.expr import datatypes as dt

from segmentwerk.core.errors import InputError
from segmentwerk.data.cleaning import NOUNS
from segmentwerk.data.columns import ColumnSpec, Kind
from segmentwerk.data.hidden import FILE, ROW, Unreadable

DTYPES: dict[Kind, dt.DataType] = {
    "text": dt.string,
    "number": dt.float64,
    "timestamp": dt.timestamp,
    "date": dt.date,
}


def typed(name: str, table: ibis.Table, columns: Mapping[str, ColumnSpec]) -> ibis.Table:
    """Return the table in our types, with a flag (`Unreadable`) for each column that lost values.

    Raises
    ------
    InputError
        If a required column's type cannot become ours.
    """
    changes: dict[str, Any] = {}
    for column, declared in columns.items():
        if column in table.columns:
            value, lost = _cast(f"{name}.{column}", table[column], declared)
            changes[column] = value
            if lost is not None:
                ours = "" if declared.required else column
                changes[Unreadable(declared.kind, column, ours).name] = lost
    if ROW not in table.columns:
        changes |= {FILE: ibis.literal(name), ROW: _number(table)}
    return table.mutate(**changes)


def _number(table: ibis.Table) -> Any:
    """Return a row's number as the rows come; on Spark they have no order, and one worker would count all."""
    if table.get_backend().name == "pyspark":
        return ibis.null("int64")
    return ibis.row_number().over() + 1


def _cast(place: str, value: Any, declared: ColumnSpec) -> tuple[Any, Any]:
    given, kind, wanted = value.type(), declared.kind, DTYPES[declared.kind]
    if given.is_null():
        return ibis.null(wanted), None
    if kind == "text":
        return _as_text(value), None
    if given.is_string():
        return _cast_kind(place, value, kind)
    numeric, dated = given.is_numeric() or given.is_boolean(), given.is_date() or given.is_timestamp()
    fits = numeric if kind == "number" else dated
    if not fits and not declared.required:
        return ibis.null(wanted), value.notnull()
    if not fits:
        raise InputError(
            f"{place} is of type {given}, not {NOUNS[kind]}.", "Cast it in the source's mapping."
        )
    return (value if given.copy(nullable=True) == wanted else value.cast(wanted)), None


def _cast_kind(place: str, value: Any, kind: Kind) -> tuple[Any, Any]:
    if value.get_backend().name != "duckdb":  # elsewhere a failing cast ends the query
        raise InputError(f"{place} is text, not {NOUNS[kind]}.", "Cast it in the source's mapping.")
    cast = value.try_cast(DTYPES[kind])
    return cast, value.notnull() & (value != "") & cast.isnull()


def _as_text(value: Any) -> Any:
    """Write a key as text; a whole number that is stored as a fraction loses its ``.0``."""
    if value.type().is_string() and value.type().length is None:
        return value
    text = value.cast(dt.string)
    if value.type().is_floating():
        text = ibis.ifelse(value.isnan(), ibis.null(dt.string), text)
    fraction = value.type().is_floating() or value.type().is_decimal()
    return text.re_replace(r"\.0+$", "") if fraction else text

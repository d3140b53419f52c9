"""Checks of whole columns: filled, constant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import ibis

from segmentwerk.data.columns import COLUMNS
from segmentwerk.data.hidden import HiddenColumns
from segmentwerk.data.quality.findings import Finding, Inspection, Severity, fetch

NEARLY_EMPTY = 0.1
OFTEN_MISSING = 0.5


def check_columns(inspection: Inspection) -> Iterator[Finding]:
    """Q010 nearly empty columns, Q011 columns often missing, Q012 columns that hold one value only."""
    for name, table in _all(inspection):
        columns = HiddenColumns.of(table.columns).shown
        facts = _facts(table, columns)
        rows = max(int(facts["rows"]), 1)
        shares = {column: int(facts[f"filled {column}"] or 0) / rows for column in columns}
        empty = [column for column in columns if shares[column] < NEARLY_EMPTY]
        sparse = [column for column in columns if NEARLY_EMPTY <= shares[column] < OFTEN_MISSING]
        same = [column for column in columns if column not in empty and facts[f"same {column}"] and rows > 1]
        filled = {column: f"{column} ({shares[column]:.0%} filled)" for column in columns}
        yield _listed(
            "Q010", "warning", name, "columns are filled", "nearly empty", [filled[c] for c in empty]
        )
        yield _listed(
            "Q011", "info", name, "columns are mostly filled", "often missing", [filled[c] for c in sparse]
        )
        yield _listed("Q012", "warning", name, "columns vary", "one value only", same)


def _facts(table: ibis.Table, columns: Sequence[str]) -> dict[str, Any]:
    facts: dict[str, Any] = {"rows": table.count()}
    for column in columns:
        value = table[column]
        facts[f"filled {column}"] = _filled(table, column)
        plain = value.type().is_primitive() or value.type().is_string()
        facts[f"same {column}"] = value.min() == value.max() if plain else ibis.literal(False)
    return fetch(table.aggregate(**facts))[0]


def _filled(table: ibis.Table, column: str) -> Any:
    value = table[column]
    if value.type().is_string():
        return (value.notnull() & (value != "")).sum()
    if value.type().is_floating():
        return (value.notnull() & ~value.isnan()).sum()
    return value.count()


def _listed(code: str, severity: Severity, table: str, title: str, what: str, columns: list[str]) -> Finding:
    if not columns:
        return Finding(code, title, severity, "passed", table, title)
    return Finding(code, title, severity, "failed", table, f"{what}: {', '.join(columns)}", len(columns))


def _all(inspection: Inspection) -> Iterator[tuple[str, ibis.Table]]:
    """Yield our tables, and the raw ones under their own names, for columns that are not mapped."""
    yield from inspection.checked.typed.items()
    ours = {column for columns in COLUMNS.values() for column in columns}
    for name, table in inspection.raw.items():
        others = [column for column in table.columns if column.lower() not in ours]
        if others:
            yield f"raw {name}", table.select(others)

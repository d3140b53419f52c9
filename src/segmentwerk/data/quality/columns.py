"""Checks of whole columns: filled, constant, personal data where none should be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ibis

from segmentwerk.data.columns import COLUMNS
from segmentwerk.data.privacy import CONTACT
from segmentwerk.data.quality.findings import Finding, Inspection, fetch

NEARLY_EMPTY = 0.1
OFTEN_MISSING = 0.5


def check_filled(inspection: Inspection) -> Iterator[Finding]:
    """Q010 columns that are nearly empty (below 10% filled); Q011 columns often missing (below 50%)."""
    for name, table in _all(inspection):
        columns = [column for column in table.columns if not column.startswith("_")]
        counts = fetch(table.aggregate([_filled(table, column).name(column) for column in columns], by=[]))[0]
        rows = max(int(table.count().execute()), 1)
        shares = {column: int(counts[column] or 0) / rows for column in columns}
        empty = [column for column in columns if shares[column] < NEARLY_EMPTY]
        sparse = [column for column in columns if NEARLY_EMPTY <= shares[column] < OFTEN_MISSING]
        yield _listed("Q010", "columns are filled", name, empty, shares, "nearly empty")
        yield _listed("Q011", "columns are mostly filled", name, sparse, shares, "often missing")


def _filled(table: ibis.Table, column: str) -> Any:
    value = table[column]
    if value.type().is_string():
        return (value.notnull() & (value != "")).sum()
    if value.type().is_floating():
        return (value.notnull() & ~value.isnan()).sum()
    return value.count()


def _listed(
    code: str, title: str, table: str, columns: list[str], shares: dict[str, float], what: str
) -> Finding:
    if not columns:
        return Finding(code, title, "warning" if code == "Q010" else "info", "passed", table, title)
    words = ", ".join(f"{column} ({shares[column]:.0%} filled)" for column in columns)
    severity: Any = "warning" if code == "Q010" else "info"
    return Finding(code, title, severity, "failed", table, f"{what}: {words}", len(columns), len(shares))


def check_constant(inspection: Inspection) -> Iterator[Finding]:
    """Q012 columns that hold one value only."""
    title = "columns vary"
    for name, table in _all(inspection):
        columns = [column for column in table.columns if not column.startswith("_")]
        scalar = [column for column in columns if table[column].type().is_primitive() or _text(table[column])]
        if not scalar:
            continue
        extremes = [
            f for c in scalar for f in (table[c].min().name(f"low {c}"), table[c].max().name(f"high {c}"))
        ]
        found = fetch(table.aggregate(extremes))[0]
        same = [
            c for c in scalar if found[f"low {c}"] is not None and found[f"low {c}"] == found[f"high {c}"]
        ]
        if same:
            message = f"one value only: {', '.join(same)}"
            yield Finding("Q012", title, "warning", "failed", name, message, len(same), len(scalar))
        else:
            yield Finding("Q012", title, "warning", "passed", name, title, 0, len(scalar))


def check_personal(inspection: Inspection) -> Iterator[Finding]:
    """Q090 e-mail addresses or telephone numbers in columns that may become features."""
    title = "features hold no personal data"
    for name, table in inspection.checked.typed.items():
        texts = [
            column
            for column, declared in COLUMNS[name].items()
            if declared.kind == "text" and not declared.personal and not column.endswith("_id")
        ]
        present = [column for column in texts if column in table.columns]
        if not present:
            yield Finding("Q090", title, "error", "not_applicable", name, title)
            continue
        hits = [table[column].re_search(CONTACT).sum().name(column) for column in present]
        counts = fetch(table.aggregate(hits))[0]
        bad = {column: int(count) for column, count in counts.items() if count}
        message = f"e-mail addresses or telephone numbers in: {', '.join(bad)}" if bad else title
        status: Any = "failed" if bad else "passed"
        yield Finding("Q090", title, "error", status, name, message, sum(bad.values()))


def _all(inspection: Inspection) -> Iterator[tuple[str, ibis.Table]]:
    """Yield our tables, and the raw ones under their own names, for columns that are not mapped."""
    yield from inspection.checked.typed.items()
    ours = {column for columns in COLUMNS.values() for column in columns}
    for name, table in inspection.raw.items():
        others = [column for column in table.columns if column.lower() not in ours]
        if others:
            yield f"raw {name}", table.select(others)


def _text(value: Any) -> bool:
    return bool(value.type().is_string())

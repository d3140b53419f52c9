"""The first of all checks: what contracts and cleaning rules found, and whole columns, filled or constant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import ibis

from segmentwerk.data.columns import COLUMNS
from segmentwerk.data.hidden import HiddenColumns
from segmentwerk.data.judging import Fault
from segmentwerk.data.quality.findings import Finding, Inspection, Severity, fetch

NEARLY_EMPTY = 0.1
OFTEN_MISSING = 0.5
RULES: dict[str, tuple[str, str, Severity]] = {
    "not_a": ("Q001", "values can be read", "error"),
    "missing": ("Q002", "required values are there", "warning"),
    "key_used_twice": ("Q003", "keys are used once", "error"),
    "orphan": ("Q005", "accounts are known", "warning"),
    "infinite": ("Q006", "numbers are finite", "error"),
    "power": ("Q044", "ids are whole", "error"),
    "impossible": ("Q007", "values are possible", "warning"),
    "personal": ("Q090", "features hold no personal data", "warning"),
    "source": ("Q008", "rows pass the source's own rules", "info"),
}
"""Kind of rule -> code, title and severity; repeated rows have a check of their own (Q032), and NaN is
how pandas writes what is missing."""


def check_rules(inspection: Inspection) -> Iterator[Finding]:
    """Report each rule that found something, and pass each table where a kind of rule found nothing."""
    checked = inspection.checked
    for table, rows in checked.rows.items():
        faults = [fault for fault in checked.faults if fault.table == table]
        for kind, (code, title, severity) in RULES.items():
            mine = [fault for fault in faults if _kind(fault) == kind]
            if kind == "orphan" and (table == "accounts" or "accounts" not in checked.rows):
                yield Finding(code, title, severity, "not_applicable", table, title)
            elif not mine and kind != "source":
                yield Finding(code, title, severity, "passed", table, title, 0, rows)
            for fault in mine:
                yield _finding(fault, code, title, severity, rows)


def _kind(fault: Fault) -> str:
    name = fault.rule.name
    kind, _, column = name.partition(":")
    if column and kind.startswith("not_a_"):
        return "not_a"
    return kind if kind in RULES or kind in ("exact_duplicate", "nan") else "source"


def _finding(fault: Fault, code: str, title: str, severity: Severity, rows: int) -> Finding:
    action = "quarantined" if fault.rule.blank is None else "blanked"
    money = f", revenue {fault.revenue:,.2f}" if fault.revenue is not None else ""
    message = f"{fault.rule.reason} ({action}{money})"
    examples = () if fault.row is None else (fault.row,)
    if severity == "error" and fault.rule.blank is not None:
        severity = "warning"  # the row is used all the same
    return Finding(code, title, severity, "failed", fault.table, message, fault.rows, rows, examples)


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

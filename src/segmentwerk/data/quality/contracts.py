"""What the contracts and the cleaning rules found, as findings."""

from __future__ import annotations

from collections.abc import Iterator

from segmentwerk.data.judging import Fault
from segmentwerk.data.quality.findings import Finding, Inspection, Severity

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

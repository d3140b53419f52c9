"""The quality report: what is wrong with the data, by stable code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from segmentwerk.data.contracts import Checked


@dataclass(frozen=True)
class Finding:
    """The answer of one quality check.

    ``rows`` counts the rows concerned, ``of`` the rows looked at, ``examples`` gives row numbers.
    """

    code: str
    title: str
    severity: Literal["error", "warning", "info"]
    status: Literal["passed", "failed", "not_applicable"]
    table: str
    message: str
    rows: int = 0
    of: int = 0
    examples: tuple[int, ...] = ()


@dataclass(frozen=True)
class QualityReport:
    """All findings about one source, as of a date."""

    source: str
    as_of: date | None
    findings: tuple[Finding, ...]


def inspect(checked: Checked, *, as_of: date | None, source: str = "") -> QualityReport:
    """Look for what is wrong in checked tables."""
    findings = tuple(
        Finding(
            "Q001",
            f.rule.reason,
            "error" if f.rule.fatal else "warning",
            "failed",
            f.table,
            str(f),
            f.rows,
            checked.rows[f.table],
        )
        for f in checked.faults
    )
    return QualityReport(source, as_of, findings)

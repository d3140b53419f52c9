"""The vocabulary of the quality report, and the report as a self-contained HTML page and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import ibis
from jinja2 import Environment

from segmentwerk.core.files import atomic_file
from segmentwerk.data.contracts import Checked
from segmentwerk.data.mapping import Private

Severity = Literal["error", "warning", "info"]
Status = Literal["passed", "failed", "not_applicable"]

LARGE = 2_000_000
"""Rows beyond which a check that sorts, groups or reads patterns looks at a sample of accounts."""


@dataclass(frozen=True)
class Finding:
    """The answer of one check about one table.

    ``rows`` counts the rows concerned, ``of`` the rows looked at; ``examples`` are row numbers in the
    file (from 1, a header not counted), never values.
    """

    code: str
    title: str
    severity: Severity
    status: Status
    table: str
    message: str
    rows: int = 0
    of: int = 0
    examples: tuple[int, ...] = ()


@dataclass(frozen=True)
class QualityReport:
    """All findings about one source as of a date, ordered by code."""

    source: str
    as_of: date | None
    rows: dict[str, int]
    rejected: dict[str, int]
    findings: tuple[Finding, ...]

    @property
    def failed(self) -> tuple[Finding, ...]:
        """Findings that need attention, errors first."""
        order = {"error": 0, "warning": 1, "info": 2}
        findings = [finding for finding in self.findings if finding.status == "failed"]
        return tuple(sorted(findings, key=lambda finding: (order[finding.severity], finding.code)))

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data for JSON."""
        return {**asdict(self), "as_of": None if self.as_of is None else self.as_of.isoformat()}


@dataclass(frozen=True)
class Inspection:
    """What checks look at: all rows in our types before any rule, the raw tables, the date.

    ``private`` names the raw columns whose values must not be shown.
    """

    checked: Checked
    as_of: date | None
    raw: Mapping[str, ibis.Table] = field(default_factory=dict)
    private: Private = field(default_factory=Private)

    def table(self, name: str, *columns: str) -> ibis.Table | None:
        """Return one of our tables if it is there and has the columns."""
        table = self.checked.typed.get(name)
        return table if table is not None and set(columns) <= set(table.columns) else None

    def sample(self, name: str, *columns: str) -> tuple[ibis.Table | None, int]:
        """Return the table, or of a large one all rows of every nth account, and n."""
        table, step = self.table(name, *columns), self.step(name)
        if table is None or step == 1:
            return table, 1
        return table.filter(table["account_id"].hash().abs() % step == 0), step

    def step(self, name: str) -> int:
        """Return n where a check looks at every nth account of one of our tables; 1 where it is not large."""
        return max(-(-self.checked.rows.get(name, 0) // LARGE), 1)


def fetch(table: ibis.Table) -> list[dict[str, Any]]:
    """Return the rows of a small table."""
    rows: list[dict[str, Any]] = table.to_pyarrow().to_pylist()
    return rows


def to_html(report: QualityReport, understood: Sequence[str] = ()) -> str:
    """Return the report as one HTML page without outside resources.

    Parameters
    ----------
    understood
        What was understood of the files: `Source.understood`.
    """
    template = files("segmentwerk.data.quality").joinpath("report.html.j2").read_text(encoding="utf-8")
    page = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(template)
    return page.render(report=report, understood=understood)


def write(report: QualityReport, folder: Path, understood: Sequence[str] = ()) -> tuple[Path, Path]:
    """Write ``quality.html`` and ``quality.json`` into a folder and return both paths."""
    page, data = folder / "quality.html", folder / "quality.json"
    with atomic_file(page) as draft:
        draft.write_text(to_html(report, understood), encoding="utf-8")
    with atomic_file(data) as draft:
        draft.write_text(json.dumps(report.to_dict(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return page, data

"""Checks that look at one row alone: contradictions, returns, values outside their scale."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import ibis

from segmentwerk.data.hidden import ROW
from segmentwerk.data.quality.findings import Finding, Inspection, Severity, fetch

EXAMPLES = 3


@dataclass(frozen=True)
class Probe:
    """One condition on the rows of one table; ``needs`` are the columns it looks at."""

    code: str
    title: str
    severity: Severity
    table: str
    needs: tuple[str, ...]
    bad: Callable[[ibis.Table, date | None], Any]
    message: str

    def answer(self, status: Any, rows: int = 0, of: int = 0, examples: tuple[int, ...] = ()) -> Finding:
        """Return the finding."""
        message = self.message if status == "failed" else self.title
        return Finding(self.code, self.title, self.severity, status, self.table, message, rows, of, examples)


PROBES = (
    Probe(
        "Q040",
        "returns and cancellations",
        "info",
        "orders",
        ("revenue",),
        lambda t, _: (t["revenue"] < 0) | ((t["quantity"] < 0) if "quantity" in t.columns else False),
        "lines with a negative quantity or revenue: returns, credits or corrections",
    ),
    Probe(
        "Q041",
        "lines without revenue",
        "warning",
        "orders",
        ("revenue",),
        lambda t, _: t["revenue"] == 0,
        "lines whose revenue is zero",
    ),
    Probe(
        "Q042",
        "quantity and revenue disagree",
        "warning",
        "orders",
        ("revenue", "quantity"),
        lambda t, _: t["revenue"] * t["quantity"] < 0,
        "lines with a quantity and a revenue of opposite sign: a negative price",
    ),
    Probe(
        "Q050",
        "revenue and employees agree",
        "warning",
        "accounts",
        ("annual_revenue", "employees"),
        lambda t, _: ~(t["annual_revenue"] / t["employees"].nullif(0)).between(1e3, 1e7),
        "accounts with less than 1,000 or more than 10 million of revenue an employee",
    ),
    Probe(
        "Q051",
        "founded before it was known",
        "warning",
        "accounts",
        ("founded_year", "created_on"),
        lambda t, _: t["founded_year"] > t["created_on"].year(),
        "accounts founded after they were first known",
    ),
    Probe(
        "Q052",
        "founded in the past",
        "warning",
        "accounts",
        ("founded_year",),
        lambda t, as_of: (t["founded_year"] < 1200) | (t["founded_year"] > (as_of.year if as_of else 2100)),
        "accounts founded before the year 1200 or after the as-of date",
    ),
    Probe(
        "Q053",
        "coordinates are a place",
        "warning",
        "accounts",
        ("latitude", "longitude"),
        lambda t, _: (t["latitude"] == 0) & (t["longitude"] == 0),
        "accounts at latitude 0, longitude 0",
    ),
    Probe(
        "Q054",
        "closed after opened",
        "warning",
        "opportunities",
        ("opened_on", "closed_on"),
        lambda t, _: t["closed_on"] < t["opened_on"],
        "opportunities closed before they were opened",
    ),
    Probe(
        "Q055",
        "decided opportunities have a date",
        "warning",
        "opportunities",
        ("stage", "closed_on"),
        lambda t, _: t["stage"].isin(["won", "lost"]) & t["closed_on"].isnull(),
        "won or lost opportunities without a closing date",
    ),
    Probe(
        "Q070",
        "answers lie on their scale",
        "warning",
        "surveys",
        ("score", "scale_min", "scale_max"),
        lambda t, _: (t["score"] < t["scale_min"]) | (t["score"] > t["scale_max"]),
        "answers outside their scale",
    ),
    Probe(
        "Q080",
        "conversions follow responses",
        "warning",
        "campaigns",
        ("responded", "converted"),
        lambda t, _: (t["converted"] == 1) & (t["responded"] == 0),
        "contacts that converted without having responded",
    ),
)


def check_rows(inspection: Inspection) -> Iterator[Finding]:
    """Answer all probes, those of one table in one query."""
    for name in sorted({probe.table for probe in PROBES}):
        probes = [probe for probe in PROBES if probe.table == name]
        there = [probe for probe in probes if inspection.table(name, *probe.needs) is not None]
        yield from (probe.answer("not_applicable") for probe in probes if probe not in there)
        if there:
            yield from _answers(inspection, name, there)


def _answers(inspection: Inspection, name: str, probes: list[Probe]) -> Iterator[Finding]:
    table = inspection.checked.typed[name]
    bad = {probe.code: probe.bad(table, inspection.as_of).fill_null(False) for probe in probes}
    counts = fetch(table.aggregate(rows_looked_at=table.count(), **{code: bad[code].sum() for code in bad}))[
        0
    ]
    for probe in probes:
        rows, of = int(counts[probe.code] or 0), int(counts["rows_looked_at"])
        if rows == 0:
            yield probe.answer("passed", 0, of)
        else:
            yield probe.answer("failed", rows, of, examples(table.filter(bad[probe.code])))


def examples(rows: ibis.Table) -> tuple[int, ...]:
    """Return the first row numbers of a table of offending rows."""
    first = fetch(rows.select(ROW).order_by(ROW).limit(EXAMPLES))
    return tuple(int(row[ROW]) for row in first if row[ROW] is not None)

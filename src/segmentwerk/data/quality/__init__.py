"""The quality report: what is wrong with the data, by stable code."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import ibis

from segmentwerk.data.contracts import Checked
from segmentwerk.data.mapping import Private
from segmentwerk.data.quality import basics, contents, duplicates, history, people, probes, spelling
from segmentwerk.data.quality.findings import Finding, Inspection, QualityReport, to_html, write

__all__ = ["Finding", "QualityReport", "inspect", "to_html", "write"]

CHECKS = (
    basics.check_rules,
    basics.check_columns,
    history.check_fresh,
    history.check_far_dates,
    history.check_idle,
    duplicates.check_exact,
    duplicates.check_names,
    duplicates.check_contacts,
    probes.check_rows,
    contents.check_codes,
    contents.check_outliers,
    contents.check_tails,
    contents.check_units,
    contents.check_parents,
    contents.check_circles,
    spelling.check_levels,
    spelling.check_partners,
    spelling.check_industries,
    people.check_people,
)


def inspect(
    checked: Checked,
    *,
    as_of: date | None,
    source: str = "",
    raw: Mapping[str, ibis.Table] | None = None,
    private: Private | None = None,
) -> QualityReport:
    """Look for what is wrong with a source, all rows included, whatever the cleaning rules did.

    Parameters
    ----------
    as_of
        Dates are judged by it; None: checks that need it do not apply.
    raw
        The company's own tables (`Source.raw`); columns that are not mapped are looked at too.
    private
        The raw columns whose values must not be shown (`Source.private`).

    Returns
    -------
    QualityReport
        One finding for each check and table, passed, failed or not applicable, ordered by code.
    """
    inspection = Inspection(checked, as_of, raw or {}, private or Private())
    findings = [finding for check in CHECKS for finding in check(inspection)]
    findings.sort(key=lambda finding: (finding.code, finding.table))
    return QualityReport(source, as_of, checked.rows, checked.rejected, tuple(findings))

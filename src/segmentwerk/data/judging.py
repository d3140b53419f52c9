"""Apply rules to one table: count what each finds, blank values, write the reasons for rejection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

import ibis

from segmentwerk.core.kept_tables import kept
from segmentwerk.core.settings import QualitySettings
from segmentwerk.data.cleaning import CleaningRule, row_rules, table_rules
from segmentwerk.data.columns import ColumnSpec
from segmentwerk.data.hidden import FILE, REASON, ROW


@dataclass(frozen=True)
class Fault:
    """What one rule found in one table.

    ``revenue`` is None for tables without revenue; ``file`` and ``row`` name the first such row.
    """

    table: str
    rule: CleaningRule
    rows: int
    revenue: float | None
    file: str
    row: int | None

    def __str__(self) -> str:
        place = f"{self.file} row {self.row}" if self.row is not None else self.table
        return f"{place}: {self.rule.reason}"


@dataclass(frozen=True)
class Judged:
    """A table after its rules; `REASON` is empty for valid rows.

    ``rows`` were read, ``rejected`` of them have a reason, ``unreadable`` a fatal one.
    """

    table: ibis.Table
    faults: tuple[Fault, ...]
    rows: int
    rejected: int
    unreadable: int


def judge(
    name: str,
    work: ibis.Table,
    columns: Mapping[str, ColumnSpec],
    accounts: ibis.Table | None,
    settings: QualitySettings,
) -> Judged:
    """Apply the rules for single rows, then those across rows to what is left.

    Parameters
    ----------
    work
        The table in our types, see `casting.typed`.
    accounts
        Valid accounts; None where the source has none.
    """
    work = work.mutate(**{REASON: ibis.literal("")})
    first = _find(name, work, row_rules(work, columns, settings))
    work = _applied(work, [fault.rule for fault in first.faults])
    rules = table_rules(name, work, columns, accounts, settings)
    if _unique(work, [column for column, declared in columns.items() if declared.key]):
        rules = [rule for rule in rules if not rule.windowed]
    second = _find(name, work, rules)
    work = _applied(work, [fault.rule for fault in second.faults])
    if any(fault.rule.windowed for fault in second.faults):  # else every later query sorts all rows again
        work = kept(work)
    return Judged(
        work,
        (*first.faults, *second.faults),
        first.rows,
        first.rejected + second.rejected,
        first.unreadable + second.unreadable,
    )


def _unique(work: ibis.Table, key: Sequence[str]) -> bool:
    """Tell whether no key comes twice: then no row can repeat another."""
    if not key:
        return False
    passed = work.filter(work[REASON] == "")
    counts = passed.aggregate(rows=passed.count(), keys=passed[key[0]].nunique()).to_pyarrow().to_pylist()[0]
    return bool(counts["rows"] == counts["keys"])


@dataclass(frozen=True)
class _Found:
    faults: tuple[Fault, ...] = ()
    rows: int = 0
    rejected: int = 0
    unreadable: int = 0


def _find(name: str, work: ibis.Table, rules: Sequence[CleaningRule]) -> _Found:
    """Count the rows that each rule finds among those not rejected so far, in one query or two."""
    if not rules:
        return _Found()
    flags = {f"_bad_{i}": _bad(work, rule) for i, rule in enumerate(rules)}
    flagged = work.mutate(**flags)
    sums: dict[str, Any] = {"rows": flagged.count(), **{flag: flagged[flag].sum() for flag in flags}}
    rejecting = [flagged[f"_bad_{i}"] for i, rule in enumerate(rules) if rule.blank is None]
    fatal = [flagged[f"_bad_{i}"] for i, rule in enumerate(rules) if rule.fatal]
    sums |= {
        total: reduce(or_, some).sum() for total, some in (("rejected", rejecting), ("fatal", fatal)) if some
    }
    counts = _one(flagged.aggregate(**sums))
    hit = {flag: rules[i] for i, flag in enumerate(flags) if counts[flag]}
    details = _details(flagged, list(hit)) if hit else {}
    faults = tuple(
        Fault(
            name,
            rule,
            int(counts[flag]),
            details.get(f"money{flag}"),
            details[f"file{flag}"] or name,
            details[f"row{flag}"],
        )
        for flag, rule in hit.items()
    )
    return _Found(
        faults, int(counts["rows"]), int(counts.get("rejected") or 0), int(counts.get("fatal") or 0)
    )


def _bad(work: ibis.Table, rule: CleaningRule) -> Any:
    return (rule.bad(work) & (work[REASON] == "")).fill_null(False)


def _details(flagged: ibis.Table, flags: Sequence[str]) -> dict[str, Any]:
    """Return the first row and the revenue that each rule touches."""
    sums: dict[str, Any] = {}
    for flag in flags:
        bad = flagged[flag]
        sums[f"row{flag}"] = flagged[ROW].min(where=bad)
        sums[f"file{flag}"] = flagged[FILE].argmin(flagged[ROW], where=bad)
        if "revenue" in flagged.columns:
            finite = ~flagged["revenue"].isnan() & ~flagged["revenue"].isinf()
            sums[f"money{flag}"] = flagged["revenue"].sum(where=bad & finite)
    return _one(flagged.aggregate(**sums))


def _one(table: ibis.Table) -> dict[str, Any]:
    row: dict[str, Any] = table.to_pyarrow().to_pylist()[0]
    return row


def _applied(work: ibis.Table, rules: Sequence[CleaningRule]) -> ibis.Table:
    """Blank values and write the reasons for which rows are rejected; several are joined."""
    changes: dict[str, Any] = {}
    reason: Any = work[REASON]
    for rule in rules:
        bad = _bad(work, rule)
        if rule.blank is not None:
            value = changes.get(rule.blank, work[rule.blank])
            changes[rule.blank] = ibis.ifelse(bad, ibis.null(value.type()), value)
        else:
            reason = reason + ibis.ifelse(bad, f"{rule.reason}; ", "")
    return work.mutate(**changes, **{REASON: reason}) if rules else work

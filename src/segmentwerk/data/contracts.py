"""What our tables must hold, and the way from mapped rows to valid ones and a quarantine.

Everything runs where the data lies; only counts and the place of a first fault reach Python.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ibis

from segmentwerk.core.errors import InputError, nearest
from segmentwerk.core.files import atomic_file
from segmentwerk.core.settings import QualitySettings
from segmentwerk.data.casting import typed
from segmentwerk.data.columns import COLUMNS, Column
from segmentwerk.data.inputs import kept
from segmentwerk.data.mapping import FILE, ROW
from segmentwerk.data.rules import REASON, Rule, row_rules, table_rules

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Contract:
    """What one of our tables holds: its columns, of which some are required or the key."""

    table: str
    columns: Mapping[str, Column]

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns that must be there and filled."""
        return tuple(name for name, column in self.columns.items() if column.required)

    def present(self, table: ibis.Table) -> list[str]:
        """Names of the columns that ``table`` has."""
        return [name for name in self.columns if name in table.columns]


CONTRACTS: dict[str, Contract] = {table: Contract(table, columns) for table, columns in COLUMNS.items()}


@dataclass(frozen=True)
class Fault:
    """What one rule found in one table.

    ``revenue`` is None for tables without revenue; ``file`` and ``row`` name the first such row.
    """

    table: str
    rule: Rule
    rows: int
    revenue: float | None
    file: str
    row: int | None

    def __str__(self) -> str:
        place = f"{self.file} row {self.row}" if self.row is not None else self.table
        return f"{place}: {self.rule.reason}"


@dataclass(frozen=True)
class Checked:
    """Tables after their contracts.

    Attributes
    ----------
    tables
        Valid rows only, in our columns and types; lazy.
    quarantine
        Rejected rows of all tables, lazy: ``table``, ``file``, ``row`` (from 1, a header not
        counted), ``reason`` (several joined by semicolons).
    typed
        All rows in our columns and types, before any rule; lazy.
    rows, rejected
        Number of rows read and of rows quarantined, by table; rows used are their difference.
    faults
        What each rule found; rules that found nothing are not listed.
    """

    tables: dict[str, ibis.Table]
    quarantine: ibis.Table
    typed: dict[str, ibis.Table]
    rows: dict[str, int]
    rejected: dict[str, int]
    faults: tuple[Fault, ...] = ()


def check(tables: Mapping[str, ibis.Table], settings: QualitySettings | None = None) -> Checked:
    """Turn mapped tables into valid rows and a quarantine: rows in = rows used + rows quarantined.

    Parameters
    ----------
    tables
        Our tables as `sources.open_source` maps them.
    settings
        Which cleaning rules are on.

    Raises
    ------
    InputError
        If a required column is missing, or a table has no rows or no valid ones.
    """
    settings = settings or QualitySettings()
    all_typed: dict[str, ibis.Table] = {}
    valid: dict[str, ibis.Table] = {}
    rows: dict[str, int] = {}
    rejected: dict[str, int] = {}
    faults: list[Fault] = []
    quarantined: list[ibis.Table] = []
    for name in sorted(tables, key=list(CONTRACTS).index):
        contract = CONTRACTS[name]
        _require(contract, tables[name])
        work = typed(name, tables[name], contract.columns)
        all_typed[name] = work.select(*contract.present(work), FILE, ROW)
        work, found, rows[name] = _judge(contract, work, valid.get("accounts"), settings)
        faults += found
        bad = [fault for fault in found if fault.rule.blank is None]
        rejected[name] = int(work.filter(work[REASON] != "").count().execute()) if bad else 0
        valid[name] = (work.filter(work[REASON] == "") if bad else work).select(contract.present(work))
        quarantined.append(_quarantine(name, work))
        _tell(name, rows[name], rejected[name], found)
    return Checked(valid, ibis.union(*quarantined), all_typed, rows, rejected, tuple(faults))


def _require(contract: Contract, table: ibis.Table) -> None:
    for name in contract.required:
        if name not in table.columns:
            shown = [column for column in table.columns if not column.startswith("_")]
            raise InputError(f"Table {contract.table!r} has no column {name!r}.", nearest(name, shown))


def _judge(
    contract: Contract, work: ibis.Table, accounts: ibis.Table | None, settings: QualitySettings
) -> tuple[ibis.Table, list[Fault], int]:
    """Apply the row rules, then the rules across rows to what is left."""
    found, rows = _find(contract.table, work, row_rules(work, contract.columns, settings))
    if rows == 0:
        raise InputError(
            f"Table {contract.table!r} is empty.", "Check the file and the filter in the source's yaml."
        )
    work = _applied(work.mutate(**{REASON: ibis.literal("")}), [fault.rule for fault in found])
    rules = table_rules(contract.table, work, contract.columns, accounts, settings)
    more, _ = _find(contract.table, work, rules)
    work = _applied(work, [fault.rule for fault in more])
    if any(fault.rule.windowed for fault in more):  # else every later query sorts all rows again
        work = kept(work)
    return work, [*found, *more], rows


def _find(name: str, work: ibis.Table, rules: list[Rule]) -> tuple[list[Fault], int]:
    """Count the rows that each rule finds among those not rejected so far, in one query."""
    if not rules:
        return [], 0
    passed = work[REASON] == "" if REASON in work.columns else ibis.literal(True)
    flags = {f"_bad_{i}": (rule.bad(work) & passed).fill_null(False) for i, rule in enumerate(rules)}
    flagged = work.mutate(**flags)
    sums: dict[str, Any] = {"rows": flagged.count()}
    for i in range(len(rules)):
        bad = flagged[f"_bad_{i}"]
        sums[f"n{i}"] = bad.sum()
        sums[f"row{i}"] = flagged[ROW].min(where=bad)
        sums[f"file{i}"] = flagged[FILE].argmin(flagged[ROW], where=bad)
        if "revenue" in work.columns:
            sums[f"revenue{i}"] = flagged["revenue"].sum(
                where=bad & ~flagged["revenue"].isnan() & ~flagged["revenue"].isinf()
            )
    result = flagged.aggregate(**sums).to_pyarrow().to_pylist()[0]
    faults = [
        Fault(
            name,
            rule,
            int(result[f"n{i}"]),
            result.get(f"revenue{i}"),
            result[f"file{i}"] or name,
            result[f"row{i}"],
        )
        for i, rule in enumerate(rules)
        if result[f"n{i}"]
    ]
    return faults, int(result["rows"])


def _applied(work: ibis.Table, rules: list[Rule]) -> ibis.Table:
    """Blank values and write the reasons for which rows are rejected; several are joined."""
    if not rules:
        return work
    changes: dict[str, Any] = {}
    reason: Any = work[REASON]
    passed = work[REASON] == ""
    for rule in rules:
        bad = (rule.bad(work) & passed).fill_null(False)
        if rule.blank is not None:
            value = changes.get(rule.blank, work[rule.blank])
            changes[rule.blank] = ibis.ifelse(bad, ibis.null(value.type()), value)
        else:
            reason = reason + ibis.ifelse(bad, f"{rule.reason}; ", "")
    return work.mutate(**changes, **{REASON: reason})


def _quarantine(name: str, work: ibis.Table) -> ibis.Table:
    return work.filter(work[REASON] != "").select(
        table=ibis.literal(name),
        file=work[FILE],
        row=work[ROW].cast("int64"),
        reason=work[REASON].substr(0, work[REASON].length() - 2),
    )


def _tell(name: str, rows: int, rejected: int, faults: list[Fault]) -> None:
    log.info("%s: %d rows, %d quarantined", name, rows, rejected)
    for fault in faults:
        action = "quarantined" if fault.rule.blank is None else "blanked"
        log.info(
            "%s: %s: %d rows %s, the first: row %s", name, fault.rule.reason, fault.rows, action, fault.row
        )


def insist(checked: Checked, settings: QualitySettings | None = None) -> None:
    """Stop where the data contradicts what it is said to be, or too little of it is left.

    Raises
    ------
    InputError
        If a table holds more unreadable rows, infinite numbers or keys used twice than
        ``settings.max_unreadable`` allows, has no valid row, or there is one account only.
    """
    settings = settings or QualitySettings()
    for name, rows in checked.rows.items():
        fatal = [fault for fault in checked.faults if fault.table == name and fault.rule.fatal]
        wrong = sum(fault.rows for fault in fatal)
        if wrong > settings.max_unreadable * rows:
            raise InputError(
                f"{fatal[0]} ({wrong} of {rows} rows of {name} cannot be used).",
                f"Correct them, or bear them in quarantine: quality.max_unreadable={_share(wrong, rows)}",
            )
        if checked.rejected[name] == rows:
            worst = max(
                (fault for fault in checked.faults if fault.table == name), key=lambda fault: fault.rows
            )
            raise InputError(f"No row of table {name!r} is valid. {worst}.", "Check the source's yaml.")
    key = checked.tables.get("accounts", checked.tables.get("orders"))
    if key is not None and key["account_id"].nunique().execute() < 2:
        raise InputError(
            "There is one account only.", "A segmentation needs many; check the filters of the source."
        )


def _share(wrong: int, rows: int) -> str:
    return f"{-(-wrong * 1000 // rows) / 1000:g}"


def write_quarantine(checked: Checked, path: Path) -> Path:
    """Write the quarantine to a Parquet file and return its path."""
    with atomic_file(path) as draft:
        checked.quarantine.order_by(["table", "file", "row"]).to_parquet(draft)
    return path

"""What our tables must hold, and the way from mapped rows to valid ones and a quarantine.

Everything runs where the data lies; only counts and the place of a first fault reach Python.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import ibis
from pyarrow.parquet import ParquetWriter

from segmentwerk.core.errors import InputError, SegmentwerkError, nearest
from segmentwerk.core.files import atomic_file
from segmentwerk.core.interruption import is_interruption
from segmentwerk.core.kept_tables import gathered
from segmentwerk.core.settings import QualitySettings
from segmentwerk.data.casting import typed
from segmentwerk.data.columns import COLUMNS, ColumnSpec
from segmentwerk.data.hidden import FILE, REASON, ROW, HiddenColumns
from segmentwerk.data.judging import Fault, Judged, judge

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Contract:
    """What one of our tables holds: its columns, of which some are required or the key."""

    table: str
    columns: Mapping[str, ColumnSpec]

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns that must be there and filled."""
        return tuple(name for name, column in self.columns.items() if column.required)

    def present(self, table: ibis.Table) -> list[str]:
        """Names of the columns that ``table`` has."""
        return [name for name in self.columns if name in table.columns]


CONTRACTS: dict[str, Contract] = {table: Contract(table, columns) for table, columns in COLUMNS.items()}


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
    unreadable
        Number of quarantined rows that contradict what the table is said to hold, by table.
    faults
        What each rule found; rules that found nothing are not listed.
    """

    tables: dict[str, ibis.Table]
    quarantine: ibis.Table
    typed: dict[str, ibis.Table]
    rows: dict[str, int]
    rejected: dict[str, int]
    unreadable: dict[str, int]
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
    judged: dict[str, Judged] = {}
    all_typed: dict[str, ibis.Table] = {}
    valid: dict[str, ibis.Table] = {}
    for name in sorted(tables, key=list(CONTRACTS).index):
        contract = CONTRACTS[name]
        _require(contract, tables[name])
        work = typed(name, tables[name], contract.columns)
        with _readable(name, tables[name]):
            work = gathered(work)
            judged[name] = judge(name, work, contract.columns, valid.get("accounts"), settings)
        if judged[name].rows == 0:
            raise InputError(
                f"Table {name!r} is empty.", "Check the file and the filter in the source's yaml."
            )
        all_typed[name] = work.select(*contract.present(work), FILE, ROW)
        valid[name] = _passed(judged[name]).select(contract.present(work))
        _tell(name, judged[name])
    return Checked(
        tables=valid,
        quarantine=ibis.union(*(_quarantine(name, one.table) for name, one in judged.items())),
        typed=all_typed,
        rows={name: one.rows for name, one in judged.items()},
        rejected={name: one.rejected for name, one in judged.items()},
        unreadable={name: one.unreadable for name, one in judged.items()},
        faults=tuple(fault for one in judged.values() for fault in one.faults),
    )


def _passed(judged: Judged) -> ibis.Table:
    return judged.table.filter(judged.table[REASON] == "") if judged.rejected else judged.table


@contextmanager
def _readable(name: str, table: ibis.Table) -> Iterator[None]:
    """Turn an error of the backend into one that names the column, never the value."""
    try:
        yield
    except SegmentwerkError:
        raise
    except Exception as error:  # each backend raises its own kind
        if is_interruption(error):
            raise
        for column in table.columns:
            try:
                table.aggregate(table[column].max()).to_pyarrow()
            except Exception:  # this is the column that we look for
                raise InputError(
                    f"{name}.{column} cannot be computed by the mapping: {type(error).__name__}.",
                    "Check its expression in the source's yaml; TRY_CAST gives null for what cannot be cast.",
                ) from None
        raise


def _require(contract: Contract, table: ibis.Table) -> None:
    for name in contract.required:
        if name not in table.columns:
            shown = HiddenColumns.of(table.columns).shown
            remedy = nearest(name, shown) if shown else "None of its columns is called as ours are; map them."
            raise InputError(f"Table {contract.table!r} has no column {name!r}.", remedy)


def _quarantine(name: str, work: ibis.Table) -> ibis.Table:
    return work.filter(work[REASON] != "").select(
        table=ibis.literal(name),
        file=work[FILE],
        row=work[ROW].cast("int64"),
        reason=work[REASON].re_replace("; $", ""),
    )


def _tell(name: str, judged: Judged) -> None:
    log.info("%s: %d rows, %d quarantined", name, judged.rows, judged.rejected)
    for fault in judged.faults:
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
        wrong = checked.unreadable[name]
        if wrong > settings.max_unreadable * rows:
            first = next(fault for fault in checked.faults if fault.table == name and fault.rule.fatal)
            bear = f", or bear them in quarantine: quality.max_unreadable={_share(wrong, rows)}"
            raise InputError(
                f"{first} ({wrong} of {rows} rows of {name} cannot be used).",
                first.rule.remedy + (bear if checked.rejected[name] < rows else "."),
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
    rows = checked.quarantine.order_by(["table", "file", "row"]).to_pyarrow_batches()
    # Not by Ibis itself: it writes a path with a quotation mark in it wrongly into its SQL.
    with atomic_file(path) as draft, ParquetWriter(draft, rows.schema) as file:
        for batch in rows:
            file.write_batch(batch)
    return path

"""The rules that rows must meet, derived from the declared columns, as Ibis expressions.

A rule either rejects a row (it goes to quarantine) or blanks one value. A rule that finds nothing
costs later queries nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

import ibis

from segmentwerk.core.kept_tables import strange
from segmentwerk.core.settings import QualitySettings
from segmentwerk.data.columns import ColumnSpec, Kind, is_wording
from segmentwerk.data.hidden import FILE, REASON, ROW, HiddenColumns
from segmentwerk.data.privacy import CONTACT

NOUNS: dict[str, str] = {
    "number": "a number",
    "timestamp": "a date and time",
    "date": "a date",
    "flag": "yes or no",
}
POWER = r"^[0-9]([.,][0-9]+)?[eE][+][0-9]{2,3}$"
"""What a spreadsheet program makes of a number with more digits than the cell is wide."""

Truth = Any  # a boolean Ibis column; ibis ships no usable type information
Condition = Callable[[ibis.Table], Truth]


@dataclass(frozen=True)
class CleaningRule:
    """One condition under which a row is rejected, or under which its value in ``blank`` is blanked.

    ``fatal`` marks rows that contradict what the source is said to hold; `contracts.insist` stops on
    them, with ``remedy``. ``windowed`` conditions sort the table.
    """

    name: str
    reason: str
    bad: Condition
    fatal: bool = False
    blank: str | None = None
    windowed: bool = False
    remedy: str = "Correct them"


def row_rules(
    table: ibis.Table, columns: Mapping[str, ColumnSpec], settings: QualitySettings
) -> list[CleaningRule]:
    """Return the rules that look at one row alone."""
    hidden = HiddenColumns.of(table.columns)
    by_name = _hidden_rules(hidden)
    rules = [by_name[name] for name in table.columns if name in by_name]
    lost = [name for name, flag in hidden.unreadable.items() if not flag.ours]
    for name, column in columns.items():
        if name in table.columns:
            rules += _column_rules(name, column, lost, settings)
    return rules


def _hidden_rules(hidden: HiddenColumns) -> dict[str, CleaningRule]:
    """Return what each flag means, by the name of the hidden column."""
    rules = {}
    for name, lost in hidden.unreadable.items():
        kind, reason = f"not_a_{lost.kind}:{lost.column}", f"{lost.column} is not {NOUNS[lost.kind]}"
        rules[name] = CleaningRule(kind, reason, _flag(name), fatal=not lost.ours, blank=lost.ours or None)
    for name, rule in hidden.rules.items():
        rules[name] = CleaningRule(rule, f"rule {rule} of the source", _flag(name))
    return rules


def _flag(hidden: str) -> Condition:
    return lambda table: table[hidden]


def _column_rules(
    name: str, column: ColumnSpec, lost: list[str], settings: QualitySettings
) -> Iterator[CleaningRule]:
    if column.required:
        yield CleaningRule(
            f"missing:{name}", f"{name} is missing", lambda t: _missing(t, name, column.kind, lost)
        )
    if is_wording(name, column):
        reason = f"{name} holds an e-mail address or a telephone number"
        blank = None if column.required else name
        yield CleaningRule(f"personal:{name}", reason, lambda t: t[name].re_search(CONTACT), blank=blank)
    if name.endswith("_id"):
        yield CleaningRule(
            f"power:{name}",
            f"{name} looks like 9,99999E+99: a spreadsheet program cut a long number down to a power of ten",
            lambda t: t[name].re_search(POWER),
            fatal=column.required,
            blank=None if column.required else name,
            remedy="Export them again, and do not save the file in a spreadsheet program (or import the "
            "column as text)",
        )
    if column.kind == "number":
        yield CleaningRule(
            f"infinite:{name}",
            f"{name} is infinite",
            lambda t: t[name].isinf(),
            fatal=column.required,
            blank=None if column.required else name,
        )
        if not column.required:
            yield CleaningRule(f"nan:{name}", f"{name} is no number", lambda t: t[name].isnan(), blank=name)
    bad = outside(name, column)
    if bad is not None:
        blank = name if settings.blank_impossible and not column.required else None
        fatal = column.required and column.kind == "number"
        reason = f"{name} is not {_range(column)}"
        yield CleaningRule(f"impossible:{name}", reason, bad, fatal=fatal, blank=blank)


def _missing(table: ibis.Table, name: str, kind: Kind, lost: list[str]) -> Truth:
    value = table[name]
    absent = value.isnull()
    if kind == "text":
        absent = absent | (value == "")
    elif kind == "number":
        absent = absent | value.isnan()
    return absent & ~reduce(or_, (table[flag] for flag in lost)) if lost else absent


def outside(name: str, column: ColumnSpec) -> Condition | None:
    """Return the condition that finds values which the column may not hold; None if it may hold any."""
    low, high, allowed = column.low, column.high, column.allowed
    if allowed:
        return lambda t: t[name].notin(allowed)
    if low is not None and high is not None:
        return lambda t: ~t[name].between(low, high) & ~t[name].isnan()
    return (lambda t: t[name] < low) if low is not None else None


def _range(column: ColumnSpec) -> str:
    if column.allowed:
        return " or ".join(str(value) for value in column.allowed)
    return (
        f"between {column.low:g} and {column.high:g}"
        if column.high is not None
        else f"at least {column.low:g}"
    )


def table_rules(
    name: str,
    table: ibis.Table,
    columns: Mapping[str, ColumnSpec],
    accounts: ibis.Table | None,
    settings: QualitySettings,
) -> list[CleaningRule]:
    """Return the rules that look at other rows: repeated rows, keys used twice, torn tasks, unknown accounts.

    They apply to rows that no row rule rejects.
    """
    rules = []
    ours = [column for column in columns if column in table.columns]
    key = [column for column in ours if columns[column].key]
    repeats = name in settings.exact_duplicates
    if repeats:
        rules.append(
            CleaningRule(
                "exact_duplicate",
                "the row repeats an earlier one",
                lambda t: _later(t, ours, ours),
                windowed=True,
            )
        )
    if key:
        reason = f"{', '.join(key)} is used by an earlier row"
        rules.append(
            CleaningRule(
                "key_used_twice",
                reason,
                lambda t: _conflicts(t, key, ours, repeats),
                fatal=True,
                windowed=True,
            )
        )
    if "task_id" in ours:
        reason = "another row of its task cannot be used"
        rules.append(CleaningRule("part_of_task", reason, _beside_a_rejected_row, windowed=True))
    if accounts is not None and name != "accounts" and settings.orphans:
        known = accounts["account_id"]
        rules.append(
            CleaningRule("orphan", "the account is unknown", lambda t: strange(t["account_id"], known))
        )
    return rules


def _later(table: ibis.Table, columns: list[str], order: list[str]) -> Truth:
    """Tell rows that follow a row, not rejected so far, with the same values in ``columns``."""
    window = ibis.window(
        group_by=[table[column] for column in (*columns, REASON)],
        order_by=[table[column] for column in (FILE, ROW, *order)],
    )
    return ibis.row_number().over(window) > 0


def _beside_a_rejected_row(table: ibis.Table) -> Truth:
    """Tell rows of choice tasks of which a row is rejected: without it, an alternative lacks an attribute."""
    window = ibis.window(group_by=[table["account_id"], table["task_id"]])
    return (table[REASON] != "").max().over(window)


def _conflicts(table: ibis.Table, key: list[str], order: list[str], repeats: bool) -> Truth:
    later = _later(table, key, order)
    return later & ~_later(table, order, order) if repeats else later

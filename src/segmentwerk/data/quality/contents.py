"""Checks of what columns hold: odd codes, outliers, units that differ between branches, families."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import ibis

from segmentwerk.core.kept_tables import gathered, strange
from segmentwerk.data.hidden import FILE
from segmentwerk.data.quality.findings import Finding, Inspection, fetch
from segmentwerk.data.quality.probes import examples

CODES = (("orders", "order_id"), ("orders", "product_id"), ("accounts", "account_id"))
USUAL = 0.95
"""Share of the codes that must be of one kind before others count as odd."""
FAR_OUT = 8.0
"""Robust deviations of the logarithm from which a value is an outlier."""
UNIT = math.log10(40.0)
"""Groups whose medians differ by more than this many powers of ten use another unit."""
TAIL, HEAVY = 0.995, 10.0
"""Amounts have a heavy tail where this quantile is more than ten medians (of an exponential: eight)."""
FEWEST = 20
DOUBLINGS = 4
"""Times that the way up from an account is doubled: sixteen generations are followed."""
AMOUNTS = (("orders", "revenue"), ("accounts", "annual_revenue"), ("opportunities", "value"))


def check_codes(inspection: Inspection) -> Iterator[Finding]:
    """Q043 ids and product codes of another kind than nearly all: cancellations, postage, test entries."""
    title = "codes are of one kind"
    for name, column in CODES:
        table, step = inspection.sample(name, column)
        if table is None:
            yield Finding("Q043", title, "warning", "not_applicable", name, f"no {column}")
            continue
        codes = table.filter(table[column].notnull())
        kind = _kind(codes[column])
        counts = codes.group_by(kind=kind).aggregate(n=codes.count())
        rows = fetch(counts.order_by([ibis.desc("n"), "kind"]).limit(50))
        total = inspection.checked.rows[name] // step
        if not rows or rows[0]["n"] < USUAL * total or rows[0]["n"] == sum(row["n"] for row in rows):
            yield Finding("Q043", title, "warning", "passed", name, f"{column}: {title}", 0, total)
            continue
        odd = sum(int(row["n"]) for row in rows[1:])
        words = ", ".join(f"{row['kind']} ({row['n']:,})" for row in rows[1:6])
        message = f"{column} unlike the usual {rows[0]['kind']}: {words}"
        shown = examples(codes.filter(kind != rows[0]["kind"]))
        yield Finding("Q043", title, "warning", "failed", name, message, odd, total, shown)


def _kind(value: Any) -> Any:
    """Describe a code by what it begins with: a run of letters becomes A, five digits become 9x5."""
    letters = value.re_extract(r"^([A-Za-z]*)", 1)
    digits = value.re_extract(r"^[A-Za-z]*([0-9]*)", 1).length()
    initial = ibis.ifelse(
        (letters.length() == 1) & (digits > 0), letters.upper(), ibis.ifelse(letters == "", "", "letters")
    )
    return initial + ibis.ifelse(digits > 0, "9x" + digits.cast("string"), "")


def check_outliers(inspection: Inspection) -> Iterator[Finding]:
    """Q045 amounts far out on the logarithmic scale: more than 8 robust deviations from the median."""
    title = "amounts lie together"
    for name, column in AMOUNTS:
        table = inspection.table(name, column)
        if table is None:
            yield Finding("Q045", title, "info", "not_applicable", name, f"no {column}")
            continue
        known, some = _sized(table, column), _sized(inspection.sample(name, column)[0], column)
        middle = some["size"].median().execute()
        if int(known.count().execute()) < FEWEST:
            yield Finding("Q045", title, "info", "not_applicable", name, f"{column}: too few amounts")
            continue
        spread = 1.4826 * float((some["size"] - middle).abs().median().execute()) or 0.1
        far = known.filter((known["size"] - middle).abs() > FAR_OUT * spread)
        count = int(far.count().execute())
        message = f"{column} far from all others" if count else f"{column}: {title}"
        shown, status = (examples(far) if count else ()), ("failed" if count else "passed")
        of = inspection.checked.rows[name]
        yield Finding("Q045", title, "info", _status(status), name, message, count, of, shown)


def _sized(table: Any, column: str) -> Any:
    """Return the amounts that have a logarithm, and it as ``size``."""
    known = table.filter((table[column] != 0) & ~table[column].isinf() & ~table[column].isnan())
    return known.mutate(size=known[column].abs().log10())


def check_tails(inspection: Inspection) -> Iterator[Finding]:
    """Q047 amounts with a heavy tail: a few large ones rule every mean and sum."""
    title = "amounts have no heavy tail"
    for name, column in AMOUNTS:
        table, _ = inspection.sample(name, column)
        if table is None:
            yield Finding("Q047", title, "info", "not_applicable", name, f"no {column}")
            continue
        size = table.filter((table[column] > 0) & ~table[column].isinf())[column]
        facts = size.as_table().aggregate(n=size.count(), middle=size.quantile(0.5), far=size.quantile(TAIL))
        row = fetch(facts)[0]
        if row["n"] < 10 * FEWEST:
            yield Finding("Q047", title, "info", "not_applicable", name, f"{column}: too few amounts")
            continue
        times = row["far"] / row["middle"]
        message = f"{column}: one in 200 amounts is more than {times:.0f} times the median"
        status = _status("failed" if times > HEAVY else "passed")
        rows = int(row["n"] * (1 - TAIL)) if times > HEAVY else 0
        yield Finding("Q047", title, "info", status, name, message, rows, int(row["n"]))


def check_units(inspection: Inspection) -> Iterator[Finding]:
    """Q046 groups (branches) whose median amount is off by a factor of 40 or more: another unit."""
    yield from _units(inspection, "accounts", ("country", "region", "lead_source", "ownership"), _per_head)
    yield from _units(inspection, "orders", ("channel", FILE), _price)


def _per_head(table: ibis.Table) -> Any:
    return table["annual_revenue"] / table["employees"].nullif(0)


def _price(table: ibis.Table) -> Any:
    return (table["revenue"] / table["quantity"].nullif(0)).nullif(0)


def _units(inspection: Inspection, name: str, groups: tuple[str, ...], amount: Any) -> Iterator[Finding]:
    title = "branches use one unit"
    needs = ("annual_revenue", "employees") if name == "accounts" else ("revenue", "quantity")
    table, _ = inspection.sample(name, *needs)
    there = [group for group in groups if table is not None and group in table.columns]
    if table is None or not there:
        yield Finding("Q046", title, "error", "not_applicable", name, title)
        return
    sized = (
        table.mutate(size=amount(table))
        .filter(lambda t: t["size"] > 0)
        .mutate(size=lambda t: t["size"].log10())
    )
    for group in there:
        medians = sized.group_by(group).aggregate(n=sized.count(), middle=sized["size"].median())
        known = [row for row in fetch(medians) if row[group] is not None and row["n"] >= FEWEST]
        middle = sorted(row["middle"] for row in known)[len(known) // 2] if len(known) > 2 else None
        off = [row for row in known if middle is not None and abs(row["middle"] - middle) > UNIT]
        if off:
            words = ", ".join(f"{row[group]} (x {10 ** (row['middle'] - middle):.3g})" for row in off)
            rows = sum(int(row["n"]) for row in off)
            message = f"amounts in another unit by {group.strip('_')}: {words}"
            yield Finding("Q046", title, "error", "failed", name, message, rows, sum(r["n"] for r in known))
        else:
            yield Finding("Q046", title, "error", "passed", name, f"{title}, by {group.strip('_')}")


def check_parents(inspection: Inspection) -> Iterator[Finding]:
    """Q056 parent companies that are no account, or the account itself."""
    title = "parents are accounts"
    table = inspection.table("accounts", "parent_account_id")
    if table is None:
        yield Finding("Q056", title, "warning", "not_applicable", "accounts", title)
        return
    parent = table["parent_account_id"]
    unknown = strange(parent, table.select(known="account_id")["known"]) | (parent == table["account_id"])
    bad = table.filter(parent.notnull() & unknown)
    count = int(bad.count().execute())
    message = "parents that are no account, or the account itself" if count else title
    of = inspection.checked.rows["accounts"]
    status = _status("failed" if count else "passed")
    shown = examples(bad) if count else ()
    yield Finding("Q056", title, "warning", status, "accounts", message, count, of, shown)


def check_circles(inspection: Inspection) -> Iterator[Finding]:
    """Q057 accounts whose parent's parent's … parent has a parent, however far one goes."""
    title = "every company has a head"
    table = inspection.table("accounts", "parent_account_id")
    if table is None:
        yield Finding("Q057", title, "warning", "not_applicable", "accounts", title)
        return
    own = table.filter(table["parent_account_id"] != table["account_id"])
    step = own.select(of="account_id", up="parent_account_id")
    for _ in range(DOUBLINGS):
        above = step.view().select(below="of", higher="up")
        step = gathered(step.inner_join(above, step["up"] == above["below"]).select("of", up="higher"), "of")
    bad = table.filter(table["account_id"].isin(step.select("of")["of"]))
    count = int(bad.count().execute())
    message = f"parents in a circle, or more than {2**DOUBLINGS} one above the other" if count else title
    of = inspection.checked.rows["accounts"]
    status = _status("failed" if count else "passed")
    shown = examples(bad) if count else ()
    yield Finding("Q057", title, "warning", status, "accounts", message, count, of, shown)


def _status(status: str) -> Any:
    return status

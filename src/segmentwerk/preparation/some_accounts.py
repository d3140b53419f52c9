"""Some accounts of a source with all their records: a sample to learn from, or one part after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import ibis

from segmentwerk.core.kept_tables import dropped, kept
from segmentwerk.data.contracts import Checked

PART = 500_000
"""Accounts whose features are held in memory at once."""
_DIGITS = 8
"""Hexadecimal digits of a hash that are looked at: a sample's size is then right to one in four billion."""


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]  # ibis gives it no types
def md5(text: str) -> str:  # type: ignore[empty-body]  # DuckDB, PostgreSQL and Spark have it by this name
    """Return the digest of a text in hexadecimal digits."""


def count(checked: Checked, enough: int) -> int:
    """Return the number of accounts; where it is not above ``enough``, the number of rows may do."""
    name = "accounts" if "accounts" in checked.tables else "orders"
    rows = checked.rows[name] - checked.rejected[name]
    return rows if rows <= enough else int(checked.tables[name]["account_id"].nunique().execute())


def sample(tables: Mapping[str, ibis.Table], share: float) -> dict[str, ibis.Table]:
    """Return about this share of the accounts, with all their records, computed once.

    An account is in the sample or not by a hash of its id alone (MD5, RFC 1321): on every engine, at every
    date, and in every larger sample, too.
    """
    end = f"{min(int(share * 16**_DIGITS), 16**_DIGITS - 1):0{_DIGITS}x}"
    return {
        name: kept(table.filter(md5(table["account_id"]).substr(0, _DIGITS) < end))
        for name, table in tables.items()
    }


@contextmanager
def part(tables: Mapping[str, ibis.Table], number: int, of: int) -> Iterator[dict[str, ibis.Table]]:
    """Give one part of the accounts while the block runs, with all their records; of one part, the tables.

    Parts are made by the engine's own hash, which is faster: together they are all accounts, whatever it is.
    """
    if of == 1:
        yield dict(tables)
        return
    some = {
        name: kept(table.filter(table["account_id"].hash().abs() % of == number))
        for name, table in tables.items()
    }
    try:
        yield some
    finally:
        for table in some.values():
            dropped(table)


def numbers(accounts: int) -> Iterator[tuple[int, int]]:
    """Yield the number of each part and how many there are.

    Examples
    --------
    >>> list(numbers(1_200_000))
    [(0, 3), (1, 3), (2, 3)]
    """
    of = max(-(-accounts // PART), 1)
    yield from ((number, of) for number in range(of))

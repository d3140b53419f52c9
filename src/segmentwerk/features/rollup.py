"""Companies, not records: subsidiaries rolled up to the account that heads their family.

Who belongs to whom is what the source says now; none tells since when. The figures of a family at a date are
those of the accounts that were there then (docs/decisions/0018-families.md).
"""

from __future__ import annotations

from typing import Any

import ibis

from segmentwerk.core.companies import Companies
from segmentwerk.core.errors import InputError
from segmentwerk.core.exact import total, whole
from segmentwerk.core.kept_tables import gathered
from segmentwerk.features.declare import Tables

MEMBERS = "members"
"""Name of the table that keeps the accounts of each family apart, by the family's id."""
MEMBER, FAMILY, SIZE = "member_id", "family_id", "family_members"
DOUBLINGS = 4
"""Times that the way up is doubled: sixteen generations are followed."""
OWN_IDS = {"orders": "order_id", "choices": "task_id"}
"""Ids that two accounts may have in common without meaning the same."""
SUMMED = ("employees", "annual_revenue")
"""What a family has as much of as its accounts together."""


def rolled_up(tables: Tables, source: str) -> tuple[dict[str, ibis.Table], Companies, ibis.Table]:
    """Give all records of a family the id of its head; say what was joined, and who belongs to whom.

    The head is the parent's parent's … parent, as far as they are accounts. Accounts that go round in a
    circle, or find no head within sixteen generations, stand for themselves.

    Returns
    -------
    dict of str to Table
        `accounts` with one row a family; `MEMBERS` has the rows that it was made of.
    Companies
        Counts.
    Table
        ``account_id`` and ``family_id`` of every account.

    Raises
    ------
    InputError
        If accounts have no parents to be rolled up to.
    """
    accounts = tables.get("accounts")
    if accounts is None or "parent_account_id" not in accounts.columns:
        raise InputError(
            f"accounts.level is family, and source {source!r} has no column accounts.parent_account_id.",
            "Map it in source.tables.accounts.columns, or take accounts.level=account.",
        )
    belonging = _belonging(accounts)
    moved = {name: _moved(name, table, belonging) for name, table in tables.items()}
    moved[MEMBERS] = moved["accounts"]
    moved["accounts"] = family_rows(moved[MEMBERS])
    return moved, _counted(belonging), belonging.select(account_id=MEMBER, family_id=FAMILY)


def merged(known: Tables) -> dict[str, ibis.Table]:
    """Make the families' rows anew from the accounts that are left of them; other tables stay."""
    if MEMBERS not in known:
        return dict(known)
    rest = {name: table for name, table in known.items() if name != MEMBERS}
    return rest | {"accounts": family_rows(known[MEMBERS])}


def family_rows(members: ibis.Table) -> ibis.Table:
    """Return one row a family: sums of its accounts, the first day of any, and all else as of its head."""
    sums = {name: _together(members, name) for name in SUMMED if name in members.columns}
    if "created_on" in members.columns:
        sums["created_on"] = members.created_on.min()
    family = members.group_by("account_id").agg(**sums, **{SIZE: members.count()})
    heads = members.filter(members[MEMBER] == members.account_id).drop(MEMBER, *sums)
    joined = family.view().left_join(heads, "account_id").drop("account_id_right")
    order = [name for name in members.columns if name != MEMBER]
    return joined.select(*order, SIZE)


def _together(members: ibis.Table, name: str) -> Any:
    """Sum what is known, exactly; a single account keeps its number to the last digit."""
    value = members[name].cast("float64")
    return ibis.ifelse(value.count() == 1, value.max(), total(whole(value, 1.0), unit=1.0))


def _belonging(accounts: ibis.Table) -> ibis.Table:
    """Return ``member_id`` and ``family_id`` of every account, and why it may stand for itself.

    ``unknown``: its parent is no account. ``endless``: its way up has no end.
    """
    given = accounts.select(member_id="account_id", parent="parent_account_id")
    others = given.view().select(known=MEMBER)
    found = given.left_join(others, [("parent", "known")])
    first = found.select(
        MEMBER,
        top=ibis.coalesce(found.known, found[MEMBER]),
        unknown=found.parent.notnull() & found.known.isnull(),
    )
    step = first
    for _ in range(DOUBLINGS):
        above = step.view().select(of=MEMBER, above="top")
        joined = step.view().left_join(above, [("top", "of")])
        step = gathered(joined.select(MEMBER, "unknown", top="above"), MEMBER)
    ends = first.view().select(end=MEMBER, beyond="top")
    joined = step.view().left_join(ends, [("top", "end")])
    endless = joined.beyond != joined.top
    return joined.select(
        MEMBER,
        "unknown",
        endless=endless,
        family_id=ibis.ifelse(endless, joined[MEMBER], joined.top),
    )


def _moved(name: str, table: ibis.Table, belonging: ibis.Table) -> ibis.Table:
    """Give each record the id of its account's family; whose account is unknown keeps it."""
    heads = belonging.select(MEMBER, FAMILY)
    joined = table.view().left_join(heads, [("account_id", MEMBER)])
    family = ibis.coalesce(joined[FAMILY], joined.account_id)
    columns: dict[str, Any] = {column: joined[column] for column in table.columns}
    if own := OWN_IDS.get(name):
        apart = joined[own].concat(" ", joined.account_id)
        columns[own] = ibis.ifelse(family == joined.account_id, joined[own], apart)
    columns["account_id"] = family
    if name == "accounts":
        columns[MEMBER] = joined[MEMBER]
    return joined.select(**columns)


def _counted(belonging: ibis.Table) -> Companies:
    """Count what was joined."""
    families = belonging.group_by(FAMILY).agg(n=belonging.count())
    sizes = families.agg(families=families.count(), several=(families.n > 1).sum(), largest=families.n.max())
    alone = belonging.agg(
        records=belonging.count(), unknown=belonging.unknown.sum(), endless=belonging.endless.sum()
    )
    (one,) = sizes.to_pyarrow().to_pylist()
    (other,) = alone.to_pyarrow().to_pylist()
    return Companies(**{name: int(value or 0) for name, value in {**one, **other}.items()})

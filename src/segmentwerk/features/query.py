"""One query for all declared features: each level is grouped once by account, then joined."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

import ibis

from segmentwerk.features.declare import Definition, Tables, count
from segmentwerk.features.levels import LEVELS


def assemble(
    tables: Tables, definitions: Sequence[Definition], as_of: date, others: Iterable[ibis.Table]
) -> ibis.Table:
    """Return one row an account known at the date, with its features and the columns of ``others``.

    Where there are orders, the column ``orders`` counts them, null where an account has none.

    Parameters
    ----------
    tables
        Tables cut at the as-of date.
    others
        Further relations with one row an account and a column ``account_id``.
    """
    parts = _levels(tables, definitions, as_of)
    joined = _accounts(tables, parts)
    relations = [*parts.values(), *others]
    for number, relation in enumerate(relations):
        joined = joined.left_join(relation, "account_id", rname=f"{{name}}_{number}")
    return joined.drop(*(f"account_id_{number}" for number in range(len(relations))))


def _accounts(tables: Tables, parts: Tables) -> ibis.Table:
    """Return the ids of the accounts in the accounts table and in the orders, which are grouped already."""
    if "accounts" not in tables:
        return parts["orders"].select("account_id")
    listed = tables["accounts"].select("account_id")
    if "orders" not in tables:
        return listed.distinct()
    return ibis.union(listed, parts["orders"].select("account_id"), distinct=True)


def _levels(tables: Tables, definitions: Sequence[Definition], as_of: date) -> dict[str, ibis.Table]:
    parts = {}
    for name, level in LEVELS.items():
        wanted = [definition for definition in definitions if definition.level == name]
        counted = name == "orders" and "orders" in tables
        if not wanted and not counted:
            continue
        relation = level.relate(tables, as_of)
        columns = {wish.feature.name: wish.express(relation, as_of) for wish in wanted}
        if counted:
            columns["orders"] = count(relation.amount > 0)
        if level.grouped:
            parts[name] = relation.group_by("account_id").agg(**columns)
        else:
            parts[name] = relation.select("account_id", **columns)
    return parts

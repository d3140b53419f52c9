"""The relations that features are aggregated from, each grouped once by account, and the one query over them.

A level is a relation with a column ``account_id``, made from tables that `features.past` has cut at the
as-of date. Levels with several rows an account are grouped; the others are joined as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import ibis
from ibis.expr import datatypes as dt

from segmentwerk.core.exact import whole
from segmentwerk.core.kept_tables import gathered
from segmentwerk.features.declare import Definition, Tables, count
from segmentwerk.features.rollup import SIZE


@dataclass(frozen=True)
class Level:
    """A relation below or at the account, and the columns it cannot do without (``table.column``).

    ``whole`` relations look at the records of all accounts, also where features of some are asked for.
    """

    relate: Callable[[Tables, date], ibis.Table]
    needs: tuple[str, ...]
    grouped: bool = True
    whole: bool = False


def _lines(tables: Tables) -> ibis.Table:
    """Return the order lines with their money in whole units: ``amount`` and, where given, ``profit``."""
    orders = tables["orders"]
    money = {"amount": whole(orders.revenue), "day": orders.ordered_at.cast("date")}
    if "margin" in orders.columns:
        money["profit"] = whole(orders.margin)
        money["costed"] = ibis.ifelse(orders.margin.notnull(), money["amount"], 0)
    return orders.mutate(**money)


def _sum(amount: Any) -> Any:
    """Sum whole units in 64 bits: sums of sums in 128 bits take a third longer."""
    return amount.sum().cast(dt.Int64(nullable=False))  # Ibis would leave out a cast to int64 as needless


def orders(tables: Tables, _: date) -> ibis.Table:
    """One row an order: first day, net amount, money sold and returned, lines, and profit where known."""
    lines = _lines(tables)
    columns = {
        "day": lines.day.min(),
        "amount": _sum(lines.amount),
        "sold": _sum(ibis.greatest(lines.amount, 0)),
        "returned": _sum(ibis.greatest(-lines.amount, 0)),
        "lines": lines.count(),
    }
    if "profit" in lines.columns:
        columns |= {"profit": _sum(lines.profit), "costed": _sum(lines.costed)}
    return lines.group_by("account_id", "order_id").agg(**columns)


def days(tables: Tables, as_of: date) -> ibis.Table:
    """One row a purchase day, with the days since the purchase day before (``gap``)."""
    order = orders(tables, as_of)
    day = order.filter(order.amount > 0).select("account_id", "day").distinct()
    before = day.day.lag().over(group_by=day.account_id, order_by=day.day)
    return day.mutate(gap=day.day.delta(before, unit="day"))


def _composition(tables: Tables, column: str) -> ibis.Table:
    """One row a level of ``column``: its share of the account's sales, and whether it is the largest."""
    lines = _lines(tables)
    sales = lines.filter(lines.amount > 0, lines[column].notnull())
    parts = sales.group_by("account_id", part=sales[column]).agg(amount=sales.amount.sum())
    sums = parts.group_by("account_id").agg(all_parts=parts.amount.sum(), largest=parts.amount.max())
    joined = parts.join(sums, "account_id")
    share = joined.amount.cast("float64") / joined.all_parts.cast("float64")
    return joined.select("account_id", "part", share=share, is_largest=joined.amount == joined.largest)


def categories(tables: Tables, _: date) -> ibis.Table:
    """One row a category an account bought."""
    return _composition(tables, "category")


def channels(tables: Tables, _: date) -> ibis.Table:
    """One row a channel an account bought through."""
    return _composition(tables, "channel")


def products(tables: Tables, _: date) -> ibis.Table:
    """One row a product an account bought."""
    lines = _lines(tables)
    return lines.filter(lines.amount > 0).select("account_id", "product_id").distinct()


def families(tables: Tables, as_of: date) -> ibis.Table:
    """One row an account: its ``subsidiaries``, the ``members`` of its family, and what it spent.

    A family is everything below one head, followed up eight generations; a parent that is no account
    itself still holds its family together. Where there are orders, ``own_12m`` and ``all_12m`` are the
    net amounts of the account and of its family in the last year; unknown of an account without relatives.
    Where accounts are whole families, nobody else belongs to them.
    """
    if SIZE in tables["accounts"].columns:
        return _whole_families(tables["accounts"])
    heads = _heads(tables["accounts"])
    parents = tables["accounts"].parent_account_id
    owned = tables["accounts"].filter(parents != tables["accounts"].account_id)
    children = owned.group_by(account_id=owned.parent_account_id).agg(subsidiaries=owned.count())
    if "orders" in tables:
        order = orders(_of_relatives(tables, heads), as_of)
        recent = order.filter(order.day >= ibis.date(as_of - timedelta(days=365)))
        heads = _with(heads, recent.group_by("account_id").agg(own_12m=recent.amount.sum()))
    spent = {"all_12m": heads.own_12m.sum()} if "orders" in tables else {}
    family = heads.group_by("top").agg(members=heads.count(), **spent)
    rows = _with(heads.view().join(family, "top"), children)
    return rows.mutate(subsidiaries=rows.subsidiaries.fill_null(0))


def _whole_families(accounts: ibis.Table) -> ibis.Table:
    size, nothing = accounts[SIZE], ibis.literal(0)
    return accounts.select(
        "account_id", members=size, subsidiaries=size - 1, own_12m=nothing, all_12m=nothing
    )


def _of_relatives(tables: Tables, heads: ibis.Table) -> dict[str, ibis.Table]:
    """Keep the orders of accounts that are not alone in their family: of most companies few lines."""
    sizes = heads.group_by("top").agg(members=heads.count())
    related = heads.view().semi_join(sizes.filter(sizes.members > 1), "top")
    return {"orders": tables["orders"].semi_join(related, "account_id")}


def _heads(accounts: ibis.Table) -> ibis.Table:
    """Return each account's ``top``: the parent's parent's … parent."""
    parent = ibis.coalesce(accounts.parent_account_id, accounts.account_id)
    heads = accounts.select("account_id", top=parent)
    for _ in range(3):  # going to the head's head doubles the generations each time
        own, above = heads.view(), heads.view().select(of="account_id", above="top")
        joined = own.left_join(above, own.top == above.of)
        heads = gathered(joined.select("account_id", top=ibis.coalesce(joined.above, joined.top)))
    return heads


def _with(left: ibis.Table, right: ibis.Table) -> ibis.Table:
    return left.left_join(right, "account_id").drop("account_id_right")


def _given(table: str) -> Callable[[Tables, date], ibis.Table]:
    """Take the rows of a table as they are."""
    return lambda tables, _: tables[table]


LEVELS: dict[str, Level] = {
    "orders": Level(orders, ("orders",)),
    "days": Level(days, ("orders",)),
    "categories": Level(categories, ("orders.category",)),
    "channels": Level(channels, ("orders.channel",)),
    "products": Level(products, ("orders.product_id",)),
    "activities": Level(_given("activities"), ("activities",)),
    "opportunities": Level(_given("opportunities"), ("opportunities.closed_on",)),
    "campaigns": Level(_given("campaigns"), ("campaigns.responded",)),
    "families": Level(families, ("accounts.parent_account_id",), grouped=False, whole=True),
    "accounts": Level(_given("accounts"), ("accounts",), grouped=False),
}


def assemble(
    tables: Tables,
    definitions: Sequence[Definition],
    as_of: date,
    others: Iterable[ibis.Table],
    whole: Tables,
) -> ibis.Table:
    """Return one row an account known at the date, with its features and the columns of ``others``.

    Where there are orders, the column ``orders`` counts them, null where an account has none.

    Parameters
    ----------
    tables
        Tables cut at the as-of date.
    others
        Further relations with one row an account and a column ``account_id``.
    whole
        The tables of all accounts, cut at the as-of date, of which ``tables`` may hold some.
    """
    parts = _levels(tables, definitions, as_of, whole)
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


def _levels(
    tables: Tables, definitions: Sequence[Definition], as_of: date, whole: Tables
) -> dict[str, ibis.Table]:
    parts = {}
    for name, level in LEVELS.items():
        wanted = [definition for definition in definitions if definition.level == name]
        counted = name == "orders" and "orders" in tables
        if not wanted and not counted:
            continue
        relation = level.relate(whole if level.whole else tables, as_of)
        columns = {wish.feature.name: wish.express(relation, as_of) for wish in wanted}
        if counted:
            columns["orders"] = count(relation.amount > 0)
        if level.grouped:
            parts[name] = relation.group_by("account_id").agg(**columns)
        else:
            parts[name] = relation.select("account_id", **columns)
    return parts

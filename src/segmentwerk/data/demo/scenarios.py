"""What can happen to the demo world: faults of its records, and changes of its business.

Each is planted where it would happen: in the records as they are exported, or in how firms act. Without a
scenario nothing is drawn and no byte differs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from segmentwerk.core.errors import InputError, nearest
from segmentwerk.data.demo import world
from segmentwerk.data.demo.blend import Blend
from segmentwerk.data.demo.calendar import Calendar
from segmentwerk.data.demo.rows import Rows
from segmentwerk.data.demo.world import Array

BRANCH, CENTS = "NL", 100.0
"""The country whose orders are booked in cents, and how many of them make the currency."""
PRICES = 1.3
RENAMED = ("hand tools", "tools and accessories")
SILENT_DAYS = 120
POINTS = 7
YEAR = timedelta(days=365)
"""Prices and discounts change a year before the as-of date."""
NEW_TYPE = "platform_reseller"
NEW_SHARE = 0.1
_NEW_LIKE = 3
"""Of the old types the one whose goods, channels and places the new one shares."""
NEW_TRAITS = {
    "log_employees": 1.4,
    "log_productivity": 13.6,
    "log_age": 0.8,
    "newcomer": 4.0,
    "log_order_rate": 4.1,
    "growth": 0.4,
    "log_churn": -3.2,
    "season": 0.05,
    "regularity": 2.5,
    "log_basket": -2.0,
    "log_quantity": -0.6,
    "returns": -0.6,
    "discount": -4.5,
    "log_web": 4.4,
    "log_email": -1.0,
    "log_meeting": -3.0,
    "log_ticket": 2.6,
}
"""Centres of the new type: sellers on platforms, who order single pieces every few days and return many."""


def _cents(tables: Mapping[str, Rows], calendar: Calendar) -> dict[str, Rows]:
    """Book the revenue and margin of one country's accounts in cents, a year long."""
    accounts, orders = tables["accounts"].table, tables["orders"].table
    branch = accounts.filter(pc.equal(accounts["country"], BRANCH))["account_id"]
    theirs = pc.and_(pc.is_in(orders["account_id"], branch.combine_chunks()), _recent(orders, calendar))
    return {"orders": _times(tables["orders"], CENTS, theirs)}


def _prices(tables: Mapping[str, Rows], calendar: Calendar) -> dict[str, Rows]:
    """Raise prices, and what the goods cost, for a year."""
    return {"orders": _times(tables["orders"], PRICES, _recent(tables["orders"].table, calendar))}


def _renamed(tables: Mapping[str, Rows], _: Calendar) -> dict[str, Rows]:
    """Call a category of goods otherwise; the master data is joined to old orders, too."""
    orders, (old, new) = tables["orders"], RENAMED
    named = pc.if_else(pc.equal(orders.table["category"], old), new, orders.table["category"])
    return {"orders": _with(orders, {"category": named})}


def _web_silent(tables: Mapping[str, Rows], calendar: Calendar) -> dict[str, Rows]:
    """Lose what happens on the web site from some day on."""
    activities = tables["activities"]
    since = pa.scalar(calendar.as_of - timedelta(days=SILENT_DAYS)).cast(pa.timestamp("us"))
    lost = pc.and_(
        pc.equal(activities.table["kind"], "web"), pc.greater_equal(activities.table["occurred_at"], since)
    )
    return {"activities": _chosen(activities, pc.invert(lost))}


def _survey_scale(tables: Mapping[str, Rows], _: Calendar) -> dict[str, Rows]:
    """Ask on seven points, while the export still says five."""
    surveys = tables["surveys"]
    points = pc.round(pc.add(1, pc.multiply(pc.subtract(surveys.table["score"], 1), (POINTS - 1) / 4))).cast(
        surveys.table["score"].type
    )
    return {"surveys": _with(surveys, {"score": points})}


_APPLIED: dict[str, Callable[[Mapping[str, Rows], Calendar], dict[str, Rows]]] = {
    "cents": _cents,
    "prices": _prices,
    "renamed": _renamed,
    "web_silent": _web_silent,
    "survey_scale": _survey_scale,
}
SCENARIOS = (*_APPLIED, "new_type", "discounts")


def insist(scenario: str | None) -> None:
    """Refuse a scenario that there is not.

    Raises
    ------
    InputError
        Naming the nearest one.
    """
    if scenario is not None and scenario not in SCENARIOS:
        raise InputError(f"There is no scenario {scenario!r}.", nearest(scenario, SCENARIOS))


def applied(tables: dict[str, Rows], calendar: Calendar, scenario: str | None) -> dict[str, Rows]:
    """Return one block's tables as a scenario leaves them."""
    return tables | _APPLIED[scenario](tables, calendar) if scenario in _APPLIED else tables


def novel(seed: int, block: int, scenario: str | None) -> Array:
    """Say which firms of a block are of the new type, (BLOCK,)."""
    if scenario != "new_type":
        return np.zeros(world.BLOCK, dtype=bool)
    return np.asarray(world.stream(seed, block, "novel").random(world.BLOCK) < NEW_SHARE)


def unlike(
    blend: Blend, traits: dict[str, Array], new: Array, seed: int, block: int
) -> tuple[Blend, dict[str, Array]]:
    """Return blend and traits of the firms, those of the new type as it has them."""
    if not new.any():
        return blend, traits
    rng = world.stream(seed, block, "novel traits")
    own = {
        name: centre + 0.5 * world.TRAITS[name][0] * rng.standard_normal(world.BLOCK)
        for name, centre in NEW_TRAITS.items()
    }
    changed = {
        name: np.where(new, own[name], value) if name in own else value for name, value in traits.items()
    }
    kind = np.where(new, _NEW_LIKE, blend.kind)
    return Blend(kind, blend.other, np.where(new, 0.0, blend.foreign)), changed


def discounts(share: Array, day: Array, calendar: Calendar, scenario: str | None) -> Array:
    """Return the discount of each line, half of it where half of the discounts are gone."""
    if scenario != "discounts":
        return share
    return np.where(day >= calendar.as_of_day - YEAR.days, share / 2, share)


def _recent(orders: pa.Table, calendar: Calendar) -> pa.ChunkedArray:
    since: date = calendar.as_of - YEAR
    return pc.greater_equal(orders["ordered_at"], pa.scalar(since).cast(pa.timestamp("us")))


def _times(orders: Rows, factor: float, where: pa.ChunkedArray) -> Rows:
    money = {
        name: pc.if_else(where, pc.round(pc.multiply(orders.table[name], factor), 2), orders.table[name])
        for name in ("revenue", "margin")
    }
    return _with(orders, money)


def _with(rows: Rows, columns: Mapping[str, pa.ChunkedArray]) -> Rows:
    table = rows.table
    for name, values in columns.items():
        table = table.set_column(table.column_names.index(name), name, values)
    return Rows(table, rows.firm)


def _chosen(rows: Rows, where: pa.ChunkedArray) -> Rows:
    return Rows(rows.table.filter(where), rows.firm[np.asarray(where.combine_chunks())])

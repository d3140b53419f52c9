"""The order book: when firms order, what, through which channel, and what goes back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from segmentwerk.data.demo import scenarios, world
from segmentwerk.data.demo.firms import Firms, account_ids
from segmentwerk.data.demo.rows import Rows, levels, numbers, timestamps
from segmentwerk.data.demo.world import BLOCK, Array

ORPHAN_SHARE = 0.004
"""Orders whose account is not in the CRM."""
CREDIT_SHARE = 0.012
"""Orders that later get a credit note: negative revenue, no quantity, no product."""
LATE_SHARE = 0.01
"""Lines delivered and booked weeks after their order."""
TWIN_ORDER_SHARE = 0.3
"""Orders of a firm with a second record that were booked on that record."""
_ORPHAN_OFFSET = 90_000_000
_ORDERS_A_BLOCK = 1_000_000
_MOST_LINES = 40


def _product_prices() -> Array:
    """Return the list price of every product, spread log-normally around its category's."""
    size = (len(world.CATEGORIES), world.PRODUCTS_PER_CATEGORY)
    spread = np.exp(0.6 * np.random.default_rng(0).standard_normal(size))
    return np.round(np.asarray(world.CATEGORY_PRICES)[:, None] * spread, 2).ravel()


_PRICES = _product_prices()
_PRODUCT_IDS = pa.array([f"P{1001 + product}" for product in range(len(_PRICES))])


@dataclass(frozen=True)
class _Book:
    """Orders of one block by date: the firm, the day since the world's start, the number of lines."""

    firm: Array
    day: Array
    channel: Array
    lines: Array


@dataclass(frozen=True)
class _Lines:
    """Lines of a book; ``order`` is the position of the line's order in it."""

    order: Array
    day: Array
    product: Array
    quantity: Array
    revenue: Array
    margin: Array


def orders(seed: int, block: int, firms: Firms) -> Rows:
    """Return the order lines of one block, the plain ones by date, then returns and credit notes."""
    rng = world.stream(seed, block, "orders")
    book = _book(firms, rng)
    sold = _sell(firms, book, rng)
    lines = _join(sold, _returns(firms, book, sold, rng), _credits(sold, firms.calendar.days, rng))
    account = _accounts(firms, book, rng)
    number = pc.utf8_lpad(
        pa.array(block * _ORDERS_A_BLOCK + np.arange(len(book.firm))).cast(pa.string()), 10, padding="0"
    )
    order = pa.array(lines.order)
    no_product = lines.product < 0
    table = pa.table(
        {
            "order_id": pc.binary_join_element_wise("SO", number, "").take(order),
            "account_id": account.take(order),
            "ordered_at": timestamps(lines.day, firms.calendar.start),
            "quantity": numbers(lines.quantity, no_product),
            "revenue": numbers(lines.revenue),
            "margin": numbers(lines.margin),
            "product_id": _PRODUCT_IDS.take(pa.array(lines.product, mask=no_product)),
            "category": levels(world.CATEGORIES, lines.product // world.PRODUCTS_PER_CATEGORY, no_product),
            "channel": levels(world.CHANNELS, book.channel[lines.order]),
        }
    )
    return Rows(table, book.firm[lines.order])


def _intensity(firms: Firms, rng: np.random.Generator) -> Array:
    """Return (BLOCK, n_months) expected orders: rate, growth, season and monthly shocks while active."""
    traits, edges, months = firms.traits, firms.calendar.edges, firms.calendar.months
    days = np.diff(edges)
    active = np.minimum(firms.left[:, None], edges[1:]) - np.maximum(firms.joined[:, None], edges[:-1])
    active = (active / days).clip(0.0, 1.0)
    size = traits["size_elasticity"] * (traits["log_employees"] - 3.3)
    rate = np.exp((traits["log_order_rate"] + size).clip(-2.5, 5.3)) / 12.0
    month = months.astype(int) % 12 + 0.5
    peak = np.asarray(world.PEAK_MONTHS)[firms.blend.kind] + 0.8 * rng.standard_normal(BLOCK)
    season = np.exp(traits["season"][:, None] * np.cos(2 * np.pi * (month - peak[:, None]) / 12))
    years = np.linspace(-1.5, 1.5, len(months))
    growth = np.exp(traits["growth"].clip(-0.9, 0.9)[:, None] * years)
    shape = np.exp(traits["log_burst_shape"].clip(-1.5, 4.0))[:, None]
    shock = rng.gamma(np.broadcast_to(shape, active.shape)) / shape
    level = (rate * ~firms.prospect / season.mean(axis=1))[:, None]
    return np.asarray(level * season * growth * shock * active)


def _counts(firms: Firms, rng: np.random.Generator) -> Array:
    """Return (BLOCK, n_months) numbers of orders: by the calendar for regular firms, else Poisson."""
    expected = _intensity(firms, rng)
    by_chance = rng.poisson(expected)
    total = np.cumsum(expected, axis=1) + rng.random((BLOCK, 1))
    by_calendar = np.diff(np.floor(total), axis=1, prepend=0.0).astype("int64")
    by_calendar[:, 0] = np.floor(total[:, 0])
    regular = rng.random(BLOCK) < world.sigmoid(firms.traits["regularity"])
    counts = np.where(regular[:, None], by_calendar, by_chance)
    silent = ~firms.prospect & (counts.sum(axis=1) == 0)
    first = np.searchsorted(firms.calendar.edges, firms.joined.clip(min=0.0), side="right") - 1
    counts[silent, first[silent]] = 1
    return np.asarray(counts)


def _book(firms: Firms, rng: np.random.Generator) -> _Book:
    counts, edges = _counts(firms, rng), firms.calendar.edges
    firm, month = np.divmod(np.repeat(np.arange(counts.size), counts.ravel()), counts.shape[1])
    begin = np.maximum(edges[month], firms.joined[firm])
    end = np.minimum(edges[month + 1], firms.left[firm])
    day = _workday(np.floor(begin + rng.random(len(firm)) * (end - begin)), firms.calendar.start)
    day = day + rng.uniform(7.0, 18.0, size=len(firm)) / 24.0
    by_date = np.argsort(day, kind="stable")
    firm, day = firm[by_date], day[by_date]
    logits = firms.blend.of(world.CHANNEL_LOGITS)
    logits += world.CHANNEL_SPREAD * rng.standard_normal(logits.shape)
    channel = world.pick(np.cumsum(world.softmax(logits), axis=1)[firm], rng.random(len(firm)))
    mean_lines = np.exp(firms.traits["log_basket"].clip(-2.0, 2.5))[firm]
    return _Book(firm, day, channel, 1 + rng.poisson(mean_lines).clip(max=_MOST_LINES))


def _workday(day: Array, start: date) -> Array:
    """Return the days with Saturdays and Sundays moved to the Friday before, save in the first week."""
    weekday = (day + start.weekday()) % 7
    back = np.where(weekday >= 5, weekday - 4, 0)
    return np.where(day - back >= 0, day - back, day)


def _sell(firms: Firms, book: _Book, rng: np.random.Generator) -> _Lines:
    """Return the lines sold: products by the firm's mix of categories, discounts by size and channel."""
    order = np.repeat(np.arange(len(book.firm)), book.lines)
    firm, size = book.firm[order], len(order)
    logits = firms.blend.of(world.CATEGORY_LOGITS)
    logits += world.CATEGORY_SPREAD * rng.standard_normal(logits.shape)
    category = world.pick(np.cumsum(world.softmax(logits), axis=1)[firm], rng.random(size))
    popular = np.floor(world.PRODUCTS_PER_CATEGORY * rng.random(size) ** 2.5).astype("int64")
    product = category * world.PRODUCTS_PER_CATEGORY + popular
    traits = firms.traits
    spread = np.exp(traits["log_quantity_spread"]).clip(max=1.5)[firm]
    log_quantity = traits["log_quantity"][firm] + spread * rng.standard_normal(size)
    # Dear goods are bought in ones and twos.
    log_quantity -= 0.35 * np.log(np.asarray(world.CATEGORY_PRICES) / 30.0).clip(min=0.0)[category]
    quantity = np.ceil(np.exp(log_quantity.clip(-1.0, 7.5))).astype("int64")
    bargain = traits["discount"] + 0.12 * (traits["log_employees"] - 3.3)
    by_field = 0.4 * (book.channel[order] == world.CHANNELS.index("field"))
    discount = world.sigmoid(bargain[firm] + by_field + 0.25 * rng.standard_normal(size))
    discount = scenarios.discounts(discount, book.day[order], firms.calendar, firms.scenario)
    revenue = np.round(quantity * _PRICES[product] * (1.0 - discount), 2)
    cost_share = 1.0 - np.asarray(world.CATEGORY_MARGINS)[category] + 0.03 * rng.standard_normal(size)
    margin = np.round(revenue - quantity * _PRICES[product] * cost_share, 2)
    late = np.where(rng.random(size) < LATE_SHARE, rng.uniform(15.0, 45.0, size=size), 0.0)
    day = book.day[order]
    return _Lines(
        order, np.where(day + late < firms.calendar.days, day + late, day), product, quantity, revenue, margin
    )


def _returns(firms: Firms, book: _Book, sold: _Lines, rng: np.random.Generator) -> _Lines:
    """Return the lines that came back in whole; what was bought in the shop comes back more often."""
    shop = book.channel[sold.order] == world.CHANNELS.index("shop")
    chance = world.sigmoid(firms.traits["returns"][book.firm[sold.order]] + 0.5 * shop)
    day = sold.day + rng.uniform(3.0, 30.0, size=len(shop))
    back = (rng.random(len(shop)) < chance) & (day < firms.calendar.days)
    undone = (-values[back] for values in (sold.quantity, sold.revenue, sold.margin))
    return _Lines(sold.order[back], day[back], sold.product[back], *undone)


def _credits(sold: _Lines, last: int, rng: np.random.Generator) -> _Lines:
    """Return credit notes: part of a line's revenue and margin, without quantity or product."""
    day = sold.day + rng.uniform(10.0, 60.0, size=len(sold.day))
    # One line an order at most, the first, so that the share counts orders.
    leading = np.append(True, np.diff(sold.order) > 0) if len(sold.order) else np.zeros(0, dtype=bool)
    noted = leading & (rng.random(len(day)) < CREDIT_SHARE) & (day < last)
    amount = -np.round(sold.revenue[noted] * rng.uniform(0.05, 0.5, size=int(noted.sum())), 2)
    nothing = np.full(len(amount), -1)
    return _Lines(sold.order[noted], day[noted], nothing, nothing, amount, amount)


def _join(*parts: _Lines) -> _Lines:
    columns = zip(*(vars(part).values() for part in parts), strict=True)
    return _Lines(*(np.concatenate(column) for column in columns))


def _accounts(firms: Firms, book: _Book, rng: np.random.Generator) -> pa.Array:
    """Return each order's account id: the firm's, its twin's, or one that no account carries."""
    n_orders = len(book.firm)
    twin = firms.twin[book.firm] & (rng.random(n_orders) < TWIN_ORDER_SHARE)
    orphan = rng.random(n_orders) < ORPHAN_SHARE
    which = np.where(orphan, 2, twin.astype(int))
    known = pa.concat_arrays([firms.ids, firms.twin_ids, account_ids(firms.number + _ORPHAN_OFFSET)])
    return known.take(pa.array(which * BLOCK + book.firm))

"""Behavioural features: what an account buys, and through which channel."""

from __future__ import annotations

from functools import partial
from typing import Any

import ibis

from segmentwerk.core.exact import SHARE, total, whole
from segmentwerk.features.declare import EVER, define

ONLINE = ("app", "e-commerce", "ecommerce", "internet", "online", "portal", "shop", "web", "webshop")
"""Names of channels without a person on the other side, in lower case."""

_level = partial(define, approach="behavioural", table="orders", window=EVER)
_products = partial(_level, level="products", needs=("orders.product_id",))
_categories = partial(_level, level="categories", needs=("orders.category",))
_channels = partial(_level, level="channels", needs=("orders.channel",))


def _sum(share: Any) -> Any:
    return total(whole(share, SHARE), unit=SHARE)


def _online(t: ibis.Table) -> Any:
    return t.part.cast("string").lower().isin(ONLINE)


DEFINITIONS = (
    _products("n_products", "products", "Breadth: distinct products bought.", lambda t, _: t.count()),
    _categories("n_categories", "categories", "Breadth: distinct categories bought.", lambda t, _: t.count()),
    _categories(
        "category_concentration",
        "0 to 1",
        "Concentration of sales on categories (Herfindahl index): 1 all in one.",
        lambda t, _: _sum(t.share * t.share),
    ),
    _categories(
        "main_category",
        "category",
        "Category with the largest sales.",
        lambda t, _: t.part.min(where=t.is_largest),
        kind="categorical",
    ),
    _channels(
        "main_channel",
        "channel",
        "Channel with the largest sales.",
        lambda t, _: t.part.min(where=t.is_largest),
        kind="categorical",
    ),
    _channels(
        "online_share",
        "share",
        "Share of sales through channels without a person on the other side.",
        lambda t, _: _sum(ibis.ifelse(_online(t), t.share, 0.0)),
    ),
)

"""What firms and the wholesaler say to each other: web visits, e-mails, meetings and tickets."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from segmentwerk.data.demo import world
from segmentwerk.data.demo.firms import DAYS, Firms
from segmentwerk.data.demo.rows import Rows, levels, numbers, timestamps
from segmentwerk.data.demo.world import BLOCK, Array

ACTIONS = {
    "web": ("visit", "product view", "download", "cart"),
    "email": ("opened", "clicked"),
    "meeting": ("visit on site", "call", "demonstration"),
    "ticket": ("delivery", "invoice", "quality", "technical"),
}
_SHARES = {
    "web": (0.5, 0.34, 0.08, 0.08),
    "meeting": (0.35, 0.5, 0.15),
    "ticket": (0.4, 0.25, 0.2, 0.15),
}
# Log mean and log spread of the amount: pages viewed, minutes of a meeting, hours to close a ticket.
_AMOUNTS = {"web": (1.2, 0.7), "meeting": (3.7, 0.5), "ticket": (2.4, 1.0)}
_PROSPECT_WEIGHTS = {"web": 0.8, "email": 0.5, "meeting": 0.5, "ticket": 0.0}
_GIVEN_UP = 0.15
"""Share of the contact that remains once a firm has stopped ordering."""


def activities(seed: int, block: int, firms: Firms) -> Rows:
    """Return the activities of one block, by kind, then by firm."""
    rng = world.stream(seed, block, "activities")
    parts = [_one_kind(kind, firms, rng) for kind in ACTIONS]
    table = pa.concat_tables([part.table for part in parts])
    return Rows(table, np.concatenate([part.firm for part in parts]))


def _rates(kind: str, firms: Firms) -> Array:
    """Return the yearly rate of one kind; tickets grow with the square root of the orders."""
    rate = np.exp(firms.traits[f"log_{kind}"].clip(-4.0, 4.5))
    if kind == "ticket":
        rate *= np.exp(0.5 * (firms.traits["log_order_rate"].clip(-2.5, 5.3) - np.log(12.0)))
    return np.asarray(rate * np.where(firms.prospect, _PROSPECT_WEIGHTS[kind], 1.0))


def _one_kind(kind: str, firms: Firms, rng: np.random.Generator) -> Rows:
    begin = np.maximum(firms.met, 0.0)
    end = np.where(firms.prospect, DAYS, firms.left.clip(max=DAYS)).clip(min=begin + 1)
    after = _GIVEN_UP * (DAYS - end)
    years = (end - begin + after) / 365.25
    firm = np.repeat(
        np.arange(BLOCK), rng.poisson(_rates(kind, firms) * years * rng.gamma(5.0, 0.2, size=BLOCK))
    )
    along = rng.random(len(firm)) * (end - begin + after)[firm]
    active = (end - begin)[firm]
    day = begin[firm] + np.where(along < active, along, active + (along - active) / _GIVEN_UP)
    day = np.floor(day).clip(max=DAYS - 1) + rng.uniform(7.0, 19.0, size=len(firm)) / 24.0
    table = pa.table(
        {
            "account_id": firms.ids.take(pa.array(firm)),
            "occurred_at": timestamps(day),
            "kind": levels([kind], np.zeros(len(firm), dtype="int64")),
            "action": levels(ACTIONS[kind], _actions(kind, firms, firm, rng)),
            "amount": _amounts(kind, len(firm), rng),
        }
    )
    return Rows(table, firm)


def _actions(kind: str, firms: Firms, firm: Array, rng: np.random.Generator) -> Array:
    if kind == "email":
        return np.asarray(rng.random(len(firm)) < world.sigmoid(firms.traits["click"])[firm]).astype("int64")
    return rng.choice(len(ACTIONS[kind]), size=len(firm), p=_SHARES[kind])


def _amounts(kind: str, size: int, rng: np.random.Generator) -> pa.Array:
    if kind not in _AMOUNTS:
        return pa.nulls(size, pa.float64())
    centre, spread = _AMOUNTS[kind]
    return numbers(np.ceil(np.exp(centre + spread * rng.standard_normal(size))))

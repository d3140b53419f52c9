"""What firms and the wholesaler say to each other: contacts, a survey, and campaigns with randomised arms."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa

from segmentwerk.data.demo import world
from segmentwerk.data.demo.firms import Firms
from segmentwerk.data.demo.rows import Rows, dates, levels, numbers, timestamps
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
_THRESHOLDS = (-1.3, -0.4, 0.5, 1.4)
_SKIPPED = 0.03
"""Share of items that a respondent leaves out."""
_TARGETED = 0.35
"""Share of accounts that a campaign contacts or holds back as control."""


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
    begin, last = np.maximum(firms.met, 0.0), firms.calendar.days
    end = np.where(firms.prospect, last, firms.left.clip(max=last)).clip(min=begin + 1)
    after = _GIVEN_UP * (last - end)
    years = (end - begin + after) / 365.25
    firm = np.repeat(
        np.arange(BLOCK), rng.poisson(_rates(kind, firms) * years * rng.gamma(5.0, 0.2, size=BLOCK))
    )
    along = rng.random(len(firm)) * (end - begin + after)[firm]
    active = (end - begin)[firm]
    day = begin[firm] + np.where(along < active, along, active + (along - active) / _GIVEN_UP)
    day = np.floor(day).clip(max=last - 1) + rng.uniform(7.0, 19.0, size=len(firm)) / 24.0
    table = pa.table(
        {
            "account_id": firms.ids.take(pa.array(firm)),
            "occurred_at": timestamps(day, firms.calendar.start),
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


def surveys(seed: int, block: int, firms: Firms) -> Rows:
    """Return the answers of one block: one row an item; each respondent answers on one day."""
    rng = world.stream(seed, block, "surveys")
    as_of_day = firms.calendar.as_of_day
    answering = ~firms.prospect & (firms.left > as_of_day - 200)
    answering &= rng.random(BLOCK) < world.sigmoid(firms.traits["answering"])
    day = as_of_day - rng.uniform(10, 120, size=BLOCK)
    scores = _scores(firms, rng)
    given = answering[:, None] & (rng.random(scores.shape) >= _SKIPPED)
    firm, item = np.nonzero(given)
    table = pa.table(
        {
            "account_id": firms.ids.take(pa.array(firm)),
            "answered_on": dates(day[firm], firms.calendar.start),
            "item": levels([name for name, *_ in world.ITEMS], item),
            "score": numbers(scores[firm, item]),
            "scale_min": numbers(np.ones(len(firm), dtype="int64")),
            "scale_max": numbers(np.full(len(firm), 5)),
        }
    )
    return Rows(table, firm)


def _scores(firms: Firms, rng: np.random.Generator) -> Array:
    """Return (BLOCK, n_items) scores of a graded factor model: factor, unique part, cut points."""
    _, factor, loading, reversed_ = (np.asarray(column) for column in zip(*world.ITEMS, strict=True))
    factors = firms.blend.of(world.FACTOR_CENTRES)
    factors += 0.55 * rng.standard_normal(factors.shape)
    unique = np.sqrt(1.0 - loading**2) * rng.standard_normal((BLOCK, len(loading)))
    scores = 1 + np.digitize(loading * factors[:, factor] + unique, _THRESHOLDS)
    return np.where(reversed_, 6 - scores, scores)


def campaigns(seed: int, block: int, firms: Firms) -> Rows:
    """Return the contacts of one block, one row an account and campaign; arms are drawn at random."""
    parts = [
        _one_campaign(name, begin, firms, world.stream(seed, block, f"campaign {name}"))
        for name, begin in firms.calendar.campaigns
    ]
    table = pa.concat_tables([part.table for part in parts])
    return Rows(table, np.concatenate([part.firm for part in parts]))


def _one_campaign(name: str, begin: date, firms: Firms, rng: np.random.Generator) -> Rows:
    day = (begin - firms.calendar.start).days
    firm = np.flatnonzero((rng.random(BLOCK) < _TARGETED) & (firms.met < day))
    arm = rng.integers(len(world.ARMS), size=len(firm))
    converted = rng.random(len(firm)) < _conversion(firms, firm, arm, day)
    interest = world.sigmoid(firms.blend.of(world.RESPONSE_LOGITS))[firm]
    responded = (arm > 0) & (converted | (rng.random(len(firm)) < interest))
    scale = 4.6 + 0.35 * firms.traits["log_quantity"][firm] + 0.25 * firms.traits["log_employees"][firm]
    revenue = np.exp(scale.clip(max=9.0) + 0.8 * rng.standard_normal(len(firm))) * converted
    table = pa.table(
        {
            "account_id": firms.ids.take(pa.array(firm)),
            "campaign_id": levels([name], np.zeros(len(firm), dtype="int64")),
            "contacted_at": timestamps(
                day + np.floor(rng.uniform(0, 5, size=len(firm))) + 9 / 24, firms.calendar.start
            ),
            "arm": levels(world.ARMS, arm),
            "cost": numbers(np.asarray(world.ARM_COSTS)[arm]),
            "responded": numbers(responded.astype("int64")),
            "converted": numbers(converted.astype("int64")),
            "revenue": numbers(np.round(revenue, 2)),
        }
    )
    return Rows(table, firm)


def _conversion(firms: Firms, firm: Array, arm: Array, day: int) -> Array:
    """Return the chance to buy: the type's own, the arm's lift for the type, little for those who left."""
    lift = firms.blend.of(world.ARM_LIFTS)[firm, arm]
    base = firms.blend.of(world.CONVERSION_LOGITS)[firm]
    gone = firms.prospect[firm] | (firms.left[firm] < day)
    return world.sigmoid(base + lift - 1.5 * gone)

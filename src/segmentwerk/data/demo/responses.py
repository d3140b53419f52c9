"""What firms answer: a survey on a five-point scale, and campaigns with randomised arms."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa

from segmentwerk.data.demo import world
from segmentwerk.data.demo.firms import AS_OF_DAY, Firms
from segmentwerk.data.demo.rows import Rows, dates, levels, numbers, timestamps
from segmentwerk.data.demo.world import BLOCK, Array

_THRESHOLDS = (-1.3, -0.4, 0.5, 1.4)
_SKIPPED = 0.03
"""Share of items that a respondent leaves out."""
_TARGETED = 0.35
"""Share of accounts that a campaign contacts or holds back as control."""


def surveys(seed: int, block: int, firms: Firms) -> Rows:
    """Return the answers of one block: one row an item; each respondent answers on one day of 2025."""
    rng = world.stream(seed, block, "surveys")
    answering = ~firms.prospect & (firms.left > AS_OF_DAY - 200)
    answering &= rng.random(BLOCK) < world.sigmoid(firms.traits["answering"])
    day = AS_OF_DAY - rng.uniform(10, 120, size=BLOCK)
    scores = _scores(firms, rng)
    given = answering[:, None] & (rng.random(scores.shape) >= _SKIPPED)
    firm, item = np.nonzero(given)
    table = pa.table(
        {
            "account_id": firms.ids.take(pa.array(firm)),
            "answered_on": dates(day[firm]),
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
        for name, begin in world.CAMPAIGNS
    ]
    table = pa.concat_tables([part.table for part in parts])
    return Rows(table, np.concatenate([part.firm for part in parts]))


def _one_campaign(name: str, begin: date, firms: Firms, rng: np.random.Generator) -> Rows:
    day = (begin - world.START).days
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
            "contacted_at": timestamps(day + np.floor(rng.uniform(0, 5, size=len(firm))) + 9 / 24),
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

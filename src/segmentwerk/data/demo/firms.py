"""The hidden side of the demo world: who a firm is before anything about it is recorded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from segmentwerk.data.demo import scenarios, world
from segmentwerk.data.demo.blend import Blend
from segmentwerk.data.demo.calendar import Calendar
from segmentwerk.data.demo.rows import Rows, levels
from segmentwerk.data.demo.world import BLOCK, Array

TWIN_SHARE = 0.012
"""Firms that stand in the CRM a second time, under another id and a slightly different name."""
TWIN_OFFSET = 50_000_000
_OPEN_END = 36_500.0


@dataclass(frozen=True)
class Firms:
    """One block of firms; arrays have BLOCK rows.

    ``traits`` are a firm's own values of `world.TRAITS`. ``met`` (the account is created), ``joined``
    and ``left`` (it begins and ceases to order) are days since the calendar's start. ``novel`` are firms of
    a type that the world does not have by itself, ``scenario`` what else is unlike usual.
    """

    number: Array
    ids: pa.StringArray
    twin_ids: pa.StringArray
    blend: Blend
    traits: dict[str, Array]
    prospect: Array
    twin: Array
    met: Array
    joined: Array
    left: Array
    novel: Array
    calendar: Calendar
    scenario: str | None


def draw(seed: int, block: int, calendar: Calendar | None = None, scenario: str | None = None) -> Firms:
    """Draw the firms of one block."""
    calendar = calendar or Calendar()
    rng = world.stream(seed, block, "firms")
    blend = _blend(rng)
    traits = {name: _trait(blend, spread, centres, rng) for name, (spread, centres) in world.TRAITS.items()}
    novel = scenarios.novel(seed, block, scenario)
    blend, traits = scenarios.unlike(blend, traits, novel, seed, block)
    prospect = rng.random(BLOCK) < np.asarray(world.PROSPECT_SHARES)[blend.kind]
    joined, left = _relationship(traits, calendar.as_of_day, rng)
    met = np.where(
        prospect, rng.uniform(0, calendar.as_of_day - 10, BLOCK), joined - rng.uniform(5, 90, BLOCK)
    )
    number = block * BLOCK + np.arange(BLOCK)
    return Firms(
        number=number,
        ids=account_ids(number),
        twin_ids=account_ids(number + TWIN_OFFSET),
        blend=blend,
        traits=traits,
        prospect=prospect,
        twin=rng.random(BLOCK) < TWIN_SHARE,
        met=met,
        joined=joined,
        left=left,
        novel=novel,
        calendar=calendar,
        scenario=scenario,
    )


def account_ids(number: Array) -> pa.StringArray:
    """Return account ids: eight digits, leading zeros kept, so that they are text and not numbers."""
    return pc.utf8_lpad(pa.array(number).cast(pa.string()), 8, padding="0")


def truth(firms: Firms) -> Rows:
    """Return the latent type of every account id of one block, twins' ids included."""
    twin = np.flatnonzero(firms.twin)
    owner = np.concatenate([np.arange(BLOCK), twin])
    ids = pa.concat_arrays([firms.ids, firms.twin_ids.take(pa.array(twin))])
    kind = np.where(firms.novel, len(world.TYPES), firms.blend.kind)
    types = levels((*world.TYPES, scenarios.NEW_TYPE), kind[owner])
    return Rows(pa.table({"account_id": ids, "latent_type": types}), owner)


def _blend(rng: np.random.Generator) -> Blend:
    kind = rng.choice(len(world.TYPES), size=BLOCK, p=world.SHARES)
    other = (kind + rng.integers(1, len(world.TYPES), size=BLOCK)) % len(world.TYPES)
    return Blend(kind, other, 0.5 * rng.beta(0.8, 2.4, size=BLOCK))


def _trait(blend: Blend, spread: float, centres: tuple[float, ...], rng: np.random.Generator) -> Array:
    """Return a firm's own value of a trait; Student's t with 5 degrees of freedom gives heavy tails."""
    noise = rng.standard_t(5, size=BLOCK) / np.sqrt(5 / 3)
    return np.asarray(blend.of(centres) + spread * noise)


def _relationship(traits: dict[str, Array], as_of_day: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the days on which firms become and cease to be active."""
    tenure = 60.0 + rng.exponential(4 * 365, size=BLOCK).clip(max=20 * 365)
    late = rng.random(BLOCK) < world.sigmoid(traits["newcomer"])
    joined = np.where(late, rng.uniform(0, as_of_day - 30, size=BLOCK), -tenure)
    hazard = np.exp(traits["log_churn"]).clip(0.005, 1.5)
    left = joined.clip(min=0.0) + rng.exponential(365.0 / hazard).clip(min=20.0, max=_OPEN_END)
    return joined, left

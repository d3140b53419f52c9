"""The accounts table: firmographics, places and invented contact data, with the dirt of a CRM."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from segmentwerk.data.demo import world
from segmentwerk.data.demo.firms import Firms
from segmentwerk.data.demo.rows import Rows, dates, levels, numbers
from segmentwerk.data.demo.world import BLOCK, Array

COPY_SHARE = 0.006
"""Accounts that stand in the export twice, every field alike."""
IMPOSSIBLE_YEAR_SHARE = 0.008
SUBSIDIARY_SHARES = (0.05, 0.5)
"""Of small firms and of those with more than 150 employees."""
FAX_SHARE = 0.002
CONSENT = {"consent_email": (0.64, 0.14), "consent_phone": (0.5, 0.2), "consent_post": (0.45, 0.08)}
"""Shares of firms that agreed to a channel and that refused it; of the others nothing is noted."""
MISSING = {
    "email": 0.04,
    "phone": 0.03,
    "industry": 0.02,
    "subindustry": 0.05,
    "employees": 0.03,
    "annual_revenue": 0.05,
    "founded_year": 0.03,
    "ownership": 0.03,
    "region": 0.01,
    "latitude": 0.02,
    "urbanity": 0.02,
    "lead_source": 0.03,
    "payment_terms_days": 0.01,
}
"""Share of firms whose field nobody filled in; half as much again where a firm is small."""
_IMPOSSIBLE_YEARS = np.array([0, 19, 1066, 2107, 9999])
_TERMS = np.array([14, 30, 45, 60])
_CONSONANTS = tuple("bdfghklmnprstw")
_VOWELS = tuple("aeiou")
_ENDINGS = ("bach", "berg", "dorf", "feld", "hof", "kamp", "lund", "mark", "rath", "thal", "wald")
_TRADES = ("Technik", "Handel", "Werk", "Bau", "Service", "Systeme", "Group", "Partner", "Union")
# Legal form and dialling code by country.
_COUNTRIES = {
    "DE": ("GmbH", 49),
    "AT": ("GmbH", 43),
    "CH": ("AG", 41),
    "NL": ("B.V.", 31),
    "FR": ("SARL", 33),
    "PL": ("Sp. z o.o.", 48),
    "DK": ("ApS", 45),
    "CZ": ("s.r.o.", 420),
    "LU": ("S.à r.l.", 352),
}


def accounts(seed: int, block: int, firms: Firms) -> Rows:
    """Return the accounts of one block: the firms, then their twins, then plain copies."""
    rng = world.stream(seed, block, "accounts")
    place = _places(firms, rng)
    columns = {"account_id": firms.ids, **_contact(place, rng), **_firmographics(firms, place, rng)}
    columns |= _geography(place, rng) | _dealings(firms, rng)
    table = _consent(_forget(pa.table(columns), firms, rng), world.stream(seed, block, "consent"))
    twins = _twins(table, firms, rng)
    copies = np.flatnonzero(rng.random(BLOCK) < COPY_SHARE)
    owner = np.concatenate([np.arange(BLOCK), np.flatnonzero(firms.twin), copies])
    return Rows(pa.concat_tables([table, twins, table.take(copies)]), owner)


def _draw(shares: tuple[tuple[float, ...], ...], firms: Firms, rng: np.random.Generator) -> Array:
    return world.pick(np.cumsum(firms.blend.of(shares), axis=1), rng.random(BLOCK))


def _places(firms: Firms, rng: np.random.Generator) -> Array:
    """Return each firm's town: small or large and in which country by type, then by weight."""
    small = rng.random(BLOCK) < world.sigmoid(firms.traits["small_town"])
    country, _, _, _, _, is_small, weight = zip(*world.TOWNS, strict=True)
    at = [world.COUNTRIES.index(code) for code in country]
    shares = np.exp(firms.blend.of(world.COUNTRY_LOGITS))[:, at] * np.asarray(weight)
    shares *= np.asarray(is_small) == small[:, None]
    cumulated = np.cumsum(shares, axis=1)
    return world.pick(cumulated / cumulated[:, -1:], rng.random(BLOCK))


def _contact(place: Array, rng: np.random.Generator) -> dict[str, pa.Array]:
    """Return invented names, addresses under example domains and numbers nobody answers."""

    def word(words: Sequence[str]) -> pa.Array:
        return levels(words, rng.integers(len(words), size=BLOCK))

    def digits(low: int, high: int) -> pa.Array:
        return pa.array(rng.integers(low, high, size=BLOCK)).cast(pa.string())

    def surname() -> pa.Array:
        syllables = [word(part) for part in (_CONSONANTS, _VOWELS, _CONSONANTS, _VOWELS, _ENDINGS)]
        return pc.utf8_capitalize(join(*syllables, ""))

    join = pc.binary_join_element_wise  # its last argument is the separator
    countries = [_COUNTRIES[town[0]] for town in world.TOWNS]
    owner, partner = surname(), surname()
    town = levels([town[2] for town in world.TOWNS], place)
    form = levels([form for form, _ in countries], place)
    dial = levels([f"+{code} 555 " for _, code in countries], place)
    street = join(surname(), "straße ", digits(1, 180), ", ", digits(10_000, 99_999), "")
    return {
        "name": join(owner, partner, word(_TRADES), form, " "),
        "email": join("info@", pc.utf8_lower(owner), "-", pc.utf8_lower(partner), ".example", ""),
        "phone": join(dial, digits(1_000_000, 9_999_999), ""),
        "address": join(street, town, " "),
    }


def _firmographics(firms: Firms, place: Array, rng: np.random.Generator) -> dict[str, pa.Array]:
    traits = firms.traits
    industry = _draw(world.INDUSTRY_SHARES, firms, rng)
    # Which branch of an industry is common differs from type to type.
    branches = [name for group in world.INDUSTRIES.values() for name in group]
    fine = (rng.choice(3, size=BLOCK, p=world.SUBINDUSTRY_SHARES) + firms.blend.kind) % 3
    employees = np.exp(traits["log_employees"]).clip(1, 200_000).round()
    thousands = (employees * np.exp(traits["log_productivity"].clip(8, 15)) / 1000.0).round()
    abroad = np.array([town[0] == world.UNIT_BRANCH for town in world.TOWNS])[place]
    founded = _founded(firms)
    impossible = rng.random(BLOCK) < IMPOSSIBLE_YEAR_SHARE
    founded = np.where(impossible, rng.choice(_IMPOSSIBLE_YEARS, size=BLOCK), founded)
    return {
        "industry": levels(list(world.INDUSTRIES), industry),
        "subindustry": levels(branches, industry * 3 + fine),
        "employees": numbers(employees.astype("int64")),
        "annual_revenue": numbers(thousands * np.where(abroad, 1.0, 1000.0)),
        "founded_year": numbers(founded.astype("int64")),
        "ownership": levels(world.OWNERSHIPS, _draw(world.OWNERSHIP_SHARES, firms, rng)),
        "parent_account_id": _parents(firms, rng),
    }


def _founded(firms: Firms) -> Array:
    """Return the founding year: by the firm's age, and never after the account was created."""
    age = np.exp(firms.traits["log_age"]).clip(0.5, 180)
    return np.asarray(np.floor(_year(firms.calendar.start) + np.minimum(-age, firms.met / 365.25)))


def _year(day: date) -> float:
    """Return a date as a year with its part, to the month."""
    return day.year + (day.month - 1) / 12


def _parents(firms: Firms, rng: np.random.Generator) -> pa.Array:
    """Return each subsidiary's parent: every tenth firm of a block heads a group, and heads have no parent.

    A parent stands before its subsidiary, so that it exists wherever the last block is cut.
    """
    position = np.arange(BLOCK)
    head = 10 * (rng.random(BLOCK) * (position // 10 + 1)).astype("int64")
    chance = np.asarray(SUBSIDIARY_SHARES)[(firms.traits["log_employees"] > 5.0).astype(int)]
    free = (position % 10 == 0) | (rng.random(BLOCK) >= chance)
    return firms.ids.take(pa.array(head, mask=free))


def _geography(place: Array, rng: np.random.Generator) -> dict[str, pa.Array]:
    country, region, town, north, east, small, _ = zip(*world.TOWNS, strict=True)
    rural = np.asarray(small)[place]
    cumulated = np.cumsum([world.URBANITY_CITY, world.URBANITY_SMALL_TOWN], axis=1)
    scatter = np.where(rural, 0.12, 0.05)
    return {
        "country": levels(country, place),
        "region": levels(region, place),
        "town": levels(town, place),
        "latitude": numbers(np.round(np.asarray(north)[place] + scatter * rng.standard_normal(BLOCK), 4)),
        "longitude": numbers(np.round(np.asarray(east)[place] + scatter * rng.standard_normal(BLOCK), 4)),
        "urbanity": levels(world.URBANITIES, world.pick(cumulated[rural.astype(int)], rng.random(BLOCK))),
    }


def _dealings(firms: Firms, rng: np.random.Generator) -> dict[str, pa.Array]:
    wish = firms.traits["terms"] + 0.25 * (firms.traits["log_employees"] - 3.3)
    return {
        "lead_source": levels(world.LEAD_SOURCES, _draw(world.LEAD_SHARES, firms, rng)),
        "payment_terms_days": numbers(_TERMS[np.digitize(wish, [-0.4, 0.6, 1.5])]),
        "created_on": dates(firms.met, firms.calendar.start),
        "fax_extension": numbers(rng.integers(10, 99, size=BLOCK), rng.random(BLOCK) >= FAX_SHARE),
    }


def _forget(table: pa.Table, firms: Firms, rng: np.random.Generator) -> pa.Table:
    """Blank the fields that nobody filled in; a missing latitude takes the longitude along."""
    small = firms.traits["log_employees"] < np.log(10)
    for column, share in MISSING.items():
        known = pa.array(rng.random(BLOCK) >= share * np.where(small, 1.5, 1.0))
        for name in (column, "longitude") if column == "latitude" else (column,):
            position = table.column_names.index(name)
            blanked = pc.if_else(known, table[name], pa.scalar(None, table[name].type))
            table = table.set_column(position, name, blanked)
    return table


def _consent(table: pa.Table, rng: np.random.Generator) -> pa.Table:
    """Add what firms said about being addressed: its own random numbers leave all others as they are."""
    for name, (agreed, refused) in CONSENT.items():
        drawn = rng.random(BLOCK)
        given = numbers((drawn < agreed).astype("int64"), drawn >= agreed + refused)
        table = table.append_column(name, given)
    return table


def _twins(table: pa.Table, firms: Firms, rng: np.random.Generator) -> pa.Table:
    """Return the second records of some firms: another id, the name spelt differently, no e-mail."""
    twin = np.flatnonzero(firms.twin)
    rows = table.take(twin)
    name = rows["name"]
    spellings = [
        pc.utf8_upper(name),
        pc.replace_substring_regex(name, " [^ ]+$", ""),
        pc.replace_substring(name, " ", "-", max_replacements=1),
        pc.utf8_replace_slice(name, 3, 4, ""),
    ]
    spelt = pc.choose(pa.array(rng.integers(len(spellings), size=len(twin))), *spellings)
    rows = rows.set_column(0, "account_id", firms.twin_ids.take(pa.array(twin)))
    rows = rows.set_column(1, "name", spelt)
    return rows.set_column(2, "email", pa.nulls(len(twin), pa.string()))

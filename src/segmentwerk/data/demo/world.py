"""The demo world's facts: its dates, its latent types and the tables that say how each type acts.

A wholesaler of working materials sells to firms in nine countries. Every firm belongs to one of six
latent types. Rows of the tables below are types in the order of `TYPES`; what they mean is described in
docs/concepts/demo-world.md.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmentwerk.core.seeds import derive

VERSION = 2
"""Raise it when the same seed gives other bytes, so that stored worlds are made anew."""

START = date(2023, 7, 1)
AS_OF = date(2026, 1, 1)
OUTCOME_UNTIL = date(2026, 7, 1)
"""Order lines lie in START <= date < OUTCOME_UNTIL; the outcome window begins at AS_OF."""
LAST_YEAR = 2040
"""Up to which the world can be moved (`calendar.Calendar`)."""

BLOCK = 1000
"""Accounts drawn from one seed; an account depends on the world's seed and on its own block alone."""

Array = NDArray[Any]

TYPES = (
    "steady_workshop",
    "seasonal_trader",
    "project_builder",
    "digital_climber",
    "bargain_hopper",
    "framework_giant",
)
SHARES = (0.28, 0.20, 0.17, 0.15, 0.12, 0.08)
PROSPECT_SHARES = (0.13, 0.15, 0.17, 0.19, 0.16, 0.09)
PEAK_MONTHS = (9.0, 4.5, 6.5, 10.0, 10.5, 2.0)
"""Month of the strongest season, 0 = January."""

# Trait: (spread of firms within a type, centre of each type). Logs are natural, logits are log odds.
TRAITS: dict[str, tuple[float, tuple[float, ...]]] = {
    "log_employees": (0.75, (2.3, 3.1, 4.3, 3.4, 2.5, 6.1)),
    "log_productivity": (0.4, (11.5, 11.3, 12.0, 11.7, 12.6, 12.4)),  # annual revenue an employee
    "log_age": (0.5, (3.2, 3.0, 3.2, 1.7, 2.4, 3.9)),  # years
    "newcomer": (0.3, (-1.2, -1.0, -0.3, 0.7, 0.3, -1.8)),  # logit of having joined after START
    "log_order_rate": (0.35, (2.5, 1.7, 0.7, 2.1, 1.4, 3.1)),  # orders a year
    "size_elasticity": (0.0, (0.15, 0.3, 0.1, 0.3, 0.1, 0.2)),  # of the order rate
    "growth": (0.18, (-0.02, 0.05, 0.0, 0.6, -0.4, 0.1)),  # log rate a year
    "log_churn": (0.5, (-2.8, -2.6, -2.0, -2.6, -1.2, -3.6)),  # hazard a year
    "season": (0.25, (0.1, 1.3, 0.4, 0.1, 0.8, 0.1)),
    "log_burst_shape": (0.4, (1.2, 1.0, -0.7, 0.9, 0.0, 2.0)),  # gamma shape of monthly shocks
    "regularity": (1.0, (-0.3, -2.0, -3.0, -1.2, -2.0, 1.8)),  # logit of ordering by the calendar
    "log_basket": (0.3, (0.0, 0.7, 1.3, -0.8, 0.3, 1.0)),  # lines an order beyond the first
    "log_quantity": (0.3, (0.8, 1.4, 1.1, 0.1, 2.0, 2.1)),
    "log_quantity_spread": (0.2, (-0.9, -0.6, 0.1, -0.9, -0.3, -0.7)),  # of lines within a firm
    "returns": (0.5, (-5.0, -4.2, -4.6, -2.4, -1.9, -4.2)),  # logit
    "discount": (0.3, (-3.2, -2.3, -1.7, -2.9, -1.0, -1.3)),  # logit
    "log_web": (0.6, (0.8, 1.2, 1.0, 3.0, 2.3, 1.5)),  # visits a year
    "log_email": (0.6, (0.9, 1.6, 0.4, 2.3, 2.8, 0.4)),  # opened or clicked e-mails a year
    "click": (0.4, (-1.0, -0.6, -1.4, 0.5, 0.8, -1.6)),  # logit of a click when opened
    "log_meeting": (0.6, (-0.7, 0.1, 1.7, -0.9, -1.5, 1.9)),  # a year
    "log_ticket": (0.6, (-0.9, -0.1, 0.6, 0.4, 1.8, 1.2)),  # a year, at one order a month
    "answering": (0.4, (0.5, -0.5, -1.0, 0.6, -1.5, 0.4)),  # logit of answering the survey
    "terms": (0.6, (-0.9, 0.2, 0.7, -0.8, 0.1, 1.4)),  # long terms of payment
    "small_town": (0.3, (0.3, 2.0, 0.0, -2.4, -0.5, -0.5)),  # logit
}

CATEGORIES = (
    "consumables",
    "hand tools",
    "machines",
    "safety",
    "garden",
    "electronics",
    "office",
    "services",
)
CATEGORY_PRICES = (9.0, 38.0, 620.0, 26.0, 48.0, 150.0, 19.0, 210.0)
CATEGORY_MARGINS = (0.42, 0.36, 0.22, 0.40, 0.33, 0.24, 0.38, 0.48)
CATEGORY_LOGITS = (
    (2.6, 1.6, -1.2, 0.8, -1.8, -0.6, -0.2, -1.8),
    (0.8, 0.6, -0.8, 0.0, 2.6, -1.2, -0.6, -1.4),
    (0.4, 0.9, 0.9, 1.9, -1.2, -0.2, -1.0, 0.9),
    (-0.4, -1.0, -1.8, -1.0, -1.8, 2.3, 2.0, 0.2),
    (0.8, 1.9, -1.8, -0.2, 0.8, 0.9, 0.6, -2.2),
    (2.2, 0.2, 0.1, 1.7, -1.8, 0.3, 0.6, 0.7),
)
CATEGORY_SPREAD = 1.0
PRODUCTS_PER_CATEGORY = 60

CHANNELS = ("shop", "edi", "field", "phone")
CHANNEL_LOGITS = (
    (0.2, -2.5, -0.4, 1.8),
    (0.4, -2.5, 0.6, 0.9),
    (-1.0, -1.8, 2.2, 0.2),
    (2.9, -1.8, -1.8, -0.9),
    (2.1, -1.8, -1.2, 0.4),
    (-1.0, 2.6, 0.9, -1.2),
)
CHANNEL_SPREAD = 1.0

INDUSTRIES = {
    "manufacturing": ("metal products", "machinery", "food production"),
    "construction": ("building", "civil engineering", "fit-out"),
    "crafts": ("electrical", "plumbing and heating", "joinery"),
    "agriculture": ("crop farming", "horticulture", "forestry"),
    "hospitality": ("hotels", "restaurants", "leisure parks"),
    "retail": ("specialist shops", "online shops", "do-it-yourself"),
    "information": ("software", "media", "telecommunications"),
    "services": ("consulting", "facility services", "logistics"),
}
INDUSTRY_SHARES = (
    (0.14, 0.22, 0.30, 0.05, 0.05, 0.09, 0.03, 0.12),
    (0.09, 0.13, 0.08, 0.25, 0.22, 0.11, 0.03, 0.09),
    (0.22, 0.32, 0.15, 0.05, 0.04, 0.04, 0.05, 0.13),
    (0.10, 0.05, 0.04, 0.03, 0.07, 0.15, 0.28, 0.28),
    (0.08, 0.07, 0.12, 0.07, 0.17, 0.31, 0.05, 0.13),
    (0.36, 0.15, 0.05, 0.05, 0.05, 0.10, 0.08, 0.16),
)
SUBINDUSTRY_SHARES = (0.5, 0.3, 0.2)
OWNERSHIPS = ("owner-managed", "private", "listed", "public sector", "cooperative")
OWNERSHIP_SHARES = (
    (0.61, 0.28, 0.03, 0.03, 0.05),
    (0.50, 0.26, 0.03, 0.06, 0.15),
    (0.36, 0.44, 0.07, 0.10, 0.03),
    (0.40, 0.46, 0.09, 0.03, 0.02),
    (0.56, 0.36, 0.02, 0.02, 0.04),
    (0.14, 0.43, 0.31, 0.09, 0.03),
)
LEAD_SOURCES = ("website", "referral", "trade fair", "cold call", "partner", "newsletter")
LEAD_SHARES = (
    (0.16, 0.36, 0.12, 0.17, 0.11, 0.08),
    (0.16, 0.26, 0.26, 0.13, 0.09, 0.10),
    (0.11, 0.25, 0.19, 0.18, 0.22, 0.05),
    (0.43, 0.17, 0.08, 0.07, 0.11, 0.14),
    (0.28, 0.12, 0.09, 0.14, 0.08, 0.29),
    (0.09, 0.17, 0.23, 0.23, 0.23, 0.05),
)
URBANITIES = ("urban", "suburban", "rural")
URBANITY_CITY = (0.72, 0.25, 0.03)
URBANITY_SMALL_TOWN = (0.07, 0.25, 0.68)

# Country, region, town, degrees north, degrees east, small town, weight.
TOWNS = (
    ("DE", "Hamburg", "Hamburg", 53.55, 9.99, False, 6),
    ("DE", "Berlin", "Berlin", 52.52, 13.40, False, 6),
    ("DE", "Bayern", "München", 48.14, 11.58, False, 6),
    ("DE", "Nordrhein-Westfalen", "Köln", 50.94, 6.96, False, 5),
    ("DE", "Nordrhein-Westfalen", "Dortmund", 51.51, 7.47, False, 4),
    ("DE", "Hessen", "Frankfurt am Main", 50.11, 8.68, False, 5),
    ("DE", "Baden-Württemberg", "Stuttgart", 48.78, 9.18, False, 5),
    ("DE", "Sachsen", "Leipzig", 51.34, 12.37, False, 4),
    ("DE", "Niedersachsen", "Hannover", 52.37, 9.73, False, 4),
    ("AT", "Wien", "Wien", 48.21, 16.37, False, 4),
    ("AT", "Steiermark", "Graz", 47.07, 15.44, False, 2),
    ("CH", "Zürich", "Zürich", 47.38, 8.54, False, 3),
    ("NL", "Zuid-Holland", "Rotterdam", 51.92, 4.48, False, 3),
    ("FR", "Auvergne-Rhône-Alpes", "Lyon", 45.76, 4.84, False, 3),
    ("PL", "Mazowieckie", "Warszawa", 52.23, 21.01, False, 3),
    ("PL", "Łódzkie", "Łódź", 51.76, 19.46, False, 2),
    ("DK", "Hovedstaden", "København", 55.68, 12.57, False, 2),
    ("CZ", "Praha", "Praha", 50.08, 14.44, False, 2),
    ("LU", "Luxembourg", "Luxembourg", 49.61, 6.13, False, 2),
    ("DE", "Bayern", "Passau", 48.57, 13.43, True, 4),
    ("DE", "Niedersachsen", "Lingen", 52.52, 7.32, True, 4),
    ("DE", "Thüringen", "Gotha", 50.95, 10.70, True, 3),
    ("DE", "Baden-Württemberg", "Ravensburg", 47.78, 9.61, True, 4),
    ("DE", "Mecklenburg-Vorpommern", "Güstrow", 53.79, 12.18, True, 3),
    ("DE", "Rheinland-Pfalz", "Bitburg", 49.97, 6.52, True, 3),
    ("DE", "Schleswig-Holstein", "Husum", 54.48, 9.05, True, 3),
    ("AT", "Tirol", "Imst", 47.24, 10.74, True, 2),
    ("AT", "Niederösterreich", "Krems", 48.41, 15.61, True, 2),
    ("CH", "Graubünden", "Chur", 46.85, 9.53, True, 2),
    ("NL", "Drenthe", "Emmen", 52.79, 6.90, True, 2),
    ("FR", "Nouvelle-Aquitaine", "Cognac", 45.70, -0.33, True, 2),
    ("PL", "Podlaskie", "Suwałki", 54.10, 22.93, True, 2),
    ("CZ", "Jihočeský kraj", "Tábor", 49.41, 14.66, True, 2),
    ("LU", "Luxembourg", "Esch-sur-Alzette", 49.50, 5.98, True, 1),
)
COUNTRIES = ("DE", "AT", "CH", "NL", "FR", "PL", "DK", "CZ", "LU")
COUNTRY_LOGITS = (
    (1.4, 0.2, -1.2, -1.6, -1.6, 0.0, -1.2, 0.8, 0.0),
    (-0.8, 2.2, 0.8, -0.6, 2.4, -0.8, -0.8, 0.0, 0.4),
    (0.0, 0.2, 0.0, -0.4, -1.2, 2.4, -0.4, 1.4, 0.4),
    (-0.4, -0.8, 1.0, 2.4, -0.4, -0.8, 2.6, -1.2, 0.6),
    (-0.8, -0.4, -1.6, 1.0, 1.2, 2.0, 0.2, 1.4, 0.2),
    (1.2, -0.6, 2.0, 0.6, -0.2, -1.8, 0.4, -1.4, 0.6),
)
UNIT_BRANCH = "LU"
"""The country whose branch reports annual revenue in thousands."""

# Survey: centres of the types by factor (price, service, innovation, sustainability); then the factor of each
# item, its loading, and whether it is worded the other way round.
FACTOR_CENTRES = (
    (0.1, 0.9, -0.9, -0.3),
    (0.2, 0.0, -0.4, 1.1),
    (-0.6, 0.6, 0.2, -0.7),
    (-0.4, -0.9, 1.4, 0.4),
    (1.5, -0.8, 0.0, -0.7),
    (0.1, 0.4, 0.5, 0.8),
)
ITEMS = (
    ("q01", 0, 0.80, False),
    ("q02", 1, 0.75, False),
    ("q03", 2, 0.80, False),
    ("q04", 3, 0.70, False),
    ("q05", 0, 0.70, True),
    ("q06", 1, 0.80, False),
    ("q07", 2, 0.70, False),
    ("q08", 3, 0.80, True),
    ("q09", 0, 0.65, False),
    ("q10", 1, 0.65, True),
    ("q11", 2, 0.65, True),
    ("q12", 3, 0.65, False),
)

# Campaigns: id and first day; arms with their cost a contact and the lift on the logit of buying.
CAMPAIGNS = (("autumn-2025", date(2025, 9, 8)), ("spring-2026", date(2026, 2, 16)))
ARMS = ("control", "catalogue", "discount")
ARM_COSTS = (0.0, 2.4, 0.9)
CONVERSION_LOGITS = (-2.6, -2.4, -2.9, -2.2, -2.7, -2.0)
RESPONSE_LOGITS = (-2.6, -1.2, -3.2, -0.9, 0.0, -2.8)
ARM_LIFTS = (
    (0.0, 0.7, 0.1),
    (0.0, 0.5, 0.4),
    (0.0, 0.1, 0.0),
    (0.0, -0.1, 0.2),
    (0.0, 0.1, 1.3),
    (0.0, 0.2, -0.1),
)


def stream(seed: int, block: int, purpose: str) -> np.random.Generator:
    """Return the random stream of one block of accounts for one purpose."""
    return np.random.default_rng(derive(seed, "demo", block, purpose))


def pick(cumulated: Array, draws: Array) -> Array:
    """Return for every row the index of the level that a uniform draw falls into.

    Parameters
    ----------
    cumulated
        (n, n_levels) cumulated shares, rows ending in 1.
    draws
        (n,) uniform on [0, 1).
    """
    return np.asarray((draws[:, None] >= cumulated[:, :-1]).sum(axis=1))


def softmax(logits: Array) -> Array:
    """Return shares that sum to 1 along the last axis."""
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def sigmoid(logits: Array) -> Array:
    """Return the probability that belongs to log odds."""
    return np.asarray(1.0 / (1.0 + np.exp(-logits)))

"""Everything that a model must keep so that other accounts get the same features, and the check that they do.

A few made-up accounts with orders, activities and the like go along with the model, as the values that their
features had when it was trained. Before features are built for it, they are computed again: a changed
constant, expression or library shows, a changed comment does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd

from segmentwerk.core.errors import ModelError
from segmentwerk.core.settings import FeatureSettings
from segmentwerk.core.types import AccountTable, Window
from segmentwerk.features.completing import Completion
from segmentwerk.features.table import build

AS_OF = date(2024, 1, 1)
ACCOUNTS = 12
"""Made-up accounts; the last two never ordered."""
TOLERANCE = 1e-9
_DECLARED = ("kind", "unit", "table", "window")
_INDUSTRIES = ("steel", "food", "retail")
_CATEGORIES = ("tools", "parts", "services", "safety")


def keep(table: AccountTable, settings: FeatureSettings) -> dict[str, Any]:
    """Return settings, learned parameters, declarations and made-up values, ready for JSON."""
    return {
        "settings": {"sites": {name: list(place) for name, place in settings.sites.items()}},
        "level": table.level,
        "learned": dict(table.definitions),
        "declared": {
            feature.name: {key: asdict(feature)[key] for key in _DECLARED} for feature in table.catalogue
        },
        "made_up": _made_up(settings, table.definitions),
    }


def restore(kept: Mapping[str, Any]) -> tuple[FeatureSettings, dict[str, Any]]:
    """Return the settings and what was learned, after checking that features still mean the same.

    Raises
    ------
    ModelError
        Naming the features that would be built unlike in training.
    """
    settings, learned = FeatureSettings(**kept["settings"]), dict(kept["learned"])
    rebuilt = _made_up(settings, learned)
    different = [
        name
        for name, values in kept["made_up"].items()
        if name not in rebuilt or not _same(values, rebuilt[name])
    ]
    if different:
        raise ModelError(
            f"Features are built unlike when the model was trained: {', '.join(different)}.",
            "Score with the version of segmentwerk that trained it, or run `segmentwerk compare` again.",
        )
    return settings, learned


def insist(kept: Mapping[str, Any], table: AccountTable | Completion) -> None:
    """Refuse an account table, built or yet to be, whose features are declared unlike those of the training.

    Raises
    ------
    ModelError
        Naming the feature and what differs.
    """
    for feature in table.catalogue:
        declared = kept["declared"].get(feature.name, {})
        for key, value in declared.items():
            if getattr(feature, key) != value:
                raise ModelError(
                    f"{key} of feature {feature.name!r} is {getattr(feature, key)!r}, in training {value!r}.",
                    "Run `segmentwerk compare` again.",
                )


def _same(kept: list[Any], rebuilt: list[Any]) -> bool:
    if len(kept) != len(rebuilt):
        return False
    return all(
        np.isclose(a, b, rtol=TOLERANCE, atol=TOLERANCE)
        if isinstance(a, float) and isinstance(b, float)
        else a == b
        for a, b in zip(kept, rebuilt, strict=True)
    )


def _made_up(settings: FeatureSettings, learned: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the features of the made-up accounts by name."""
    tables = {name: ibis.memtable(frame) for name, frame in _tables().items()}
    whole = settings.model_copy(update={"exclude": []})
    built = build(tables, Window(AS_OF), whole, source="made up", digest="", learned=learned)
    return {
        str(name): [None if pd.isna(value) else value for value in column]
        for name, column in built.features.items()
    }


def _tables() -> dict[str, pd.DataFrame]:
    """Make the accounts and what they did; plain arithmetic, so that they are the same everywhere."""
    return {
        "accounts": _accounts(),
        "orders": _orders(),
        "activities": _activities(),
        "opportunities": _opportunities(),
        "campaigns": _campaigns(),
    }


def _accounts() -> pd.DataFrame:
    i = np.arange(ACCOUNTS)
    return pd.DataFrame(
        {
            "account_id": [f"made up {n:02d}" for n in i],
            "industry": [None if n == 5 else _INDUSTRIES[n % 3] for n in i],
            "subindustry": [f"branch {n % 4}" for n in i],
            "employees": np.where(i == 4, np.nan, 3.0 ** (i % 8) + i),
            "annual_revenue": np.where(i == 7, np.nan, 1e5 * (1.0 + i) ** 2),
            "founded_year": 1950.0 + 6 * i,
            "ownership": [("family", "listed")[n % 2] for n in i],
            "parent_account_id": [None if n < 8 else f"made up {n - 8:02d}" for n in i],
            "country": [("DE", "AT", "FR")[n % 3] for n in i],
            "region": [f"region {n % 5}" for n in i],
            "town": [f"town {n % 6}" for n in i],
            "latitude": 47.0 + 0.7 * i,
            "longitude": 6.0 + 0.8 * i,
            "urbanity": [("urban", "suburban", "rural")[n % 3] for n in i],
            "climate_zone": [("Cfb", "Dfb")[n % 2] for n in i],
            "lead_source": [None if n == 2 else ("fair", "web")[n % 2] for n in i],
            "payment_terms_days": 14.0 + 8 * (i % 3),
            "created_on": _days(30 * (i + 3)),
        }
    )


def _orders() -> pd.DataFrame:
    """Make up to about fifteen orders of two or three lines for all but the last two accounts."""
    who = np.repeat(np.arange(ACCOUNTS - 2), np.arange(1, 2 * (ACCOUNTS - 2), 2) * 2)
    i = np.arange(len(who))
    order = i * 2 // 5
    return pd.DataFrame(
        {
            "account_id": [f"made up {n:02d}" for n in who],
            "order_id": [f"order {n}" for n in order],
            "ordered_at": _days((order**2 * 37) % 900 + 1) + pd.Timedelta(hours=9),
            "quantity": 1.0 + i % 7,
            "revenue": np.where(i % 11 == 10, -20.0, 15.0 + (i * 29) % 400),
            "margin": np.where(i % 6 == 5, np.nan, 5.0 + (i * 13) % 90),
            "product_id": [f"product {n * 7 % 23}" for n in i],
            "category": [_CATEGORIES[n * 5 % 4] for n in i],
            "channel": [("web", "phone", "field")[n * 3 // 2 % 3] for n in i],
        }
    )


def _activities() -> pd.DataFrame:
    i = np.arange(60)
    kinds = ("web", "email", "meeting", "ticket")
    actions = {"web": "view", "email": "click", "meeting": "visit", "ticket": "open"}
    return pd.DataFrame(
        {
            "account_id": [f"made up {n * 5 % ACCOUNTS:02d}" for n in i],
            "occurred_at": _days((i * 17) % 500 + 1),
            "kind": [kinds[n % 4] for n in i],
            "action": ["sent" if n % 8 == 1 else actions[kinds[n % 4]] for n in i],
        }
    )


def _opportunities() -> pd.DataFrame:
    i = np.arange(24)
    return pd.DataFrame(
        {
            "account_id": [f"made up {n * 7 % ACCOUNTS:02d}" for n in i],
            "opportunity_id": [f"opportunity {n}" for n in i],
            "opened_on": _days((i * 23) % 400 + 90),
            "closed_on": _days((i * 23) % 400 + 20),
            "stage": [("won", "lost", "won")[n % 3] for n in i],
            "value": 500.0 + 100 * i,
        }
    )


def _campaigns() -> pd.DataFrame:
    i = np.arange(24)
    return pd.DataFrame(
        {
            "account_id": [f"made up {n % ACCOUNTS:02d}" for n in i],
            "campaign_id": [f"campaign {n // ACCOUNTS}" for n in i],
            "contacted_at": _days(40 + 100 * (i // ACCOUNTS)),
            "arm": [("mail", "none")[n % 2] for n in i],
            "responded": (i % 5 == 0) * 1.0,
        }
    )


def _days(before: Any) -> Any:
    """Return the days that lie so many days before the as-of date."""
    return pd.to_datetime([AS_OF - timedelta(days=int(n)) for n in before])

"""The columns of our tables: the one declaration that contracts, mapping and privacy read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "number", "timestamp", "date"]


@dataclass(frozen=True)
class ColumnSpec:
    """What one column may hold.

    ``low`` and ``high`` bound numbers (both included); ``allowed`` lists the only values; ``key``
    columns together name a row; ``personal`` columns never become features.
    """

    kind: Kind
    description: str
    unit: str = ""
    required: bool = False
    key: bool = False
    personal: bool = False
    allowed: tuple[str | float, ...] = ()
    low: float | None = None
    high: float | None = None


def is_wording(name: str, column: ColumnSpec) -> bool:
    """Tell a column of texts that may hold anything and that features, or their names, may show."""
    return column.kind == "text" and not column.personal and not column.allowed and not name.endswith("_id")


def _account() -> ColumnSpec:
    return ColumnSpec("text", "the account it belongs to", required=True)


def _consent(channel: str) -> ColumnSpec:
    return ColumnSpec("number", f"consent to {channel}: 1 agreed, 0 refused", personal=True, allowed=(0, 1))


ACCOUNTS = {
    "account_id": ColumnSpec("text", "key of the account", required=True, key=True),
    "name": ColumnSpec("text", "name of the company", personal=True),
    "email": ColumnSpec("text", "e-mail address", personal=True),
    "phone": ColumnSpec("text", "telephone number", personal=True),
    "address": ColumnSpec("text", "street and house number", personal=True),
    "consent_email": _consent("e-mails"),
    "consent_phone": _consent("calls"),
    "consent_post": _consent("letters"),
    "industry": ColumnSpec("text", "industry, coarse"),
    "subindustry": ColumnSpec("text", "industry, fine"),
    "employees": ColumnSpec("number", "number of employees", "people", low=0, high=1e8),
    "annual_revenue": ColumnSpec("number", "revenue of the company in a year", "money", low=0),
    "founded_year": ColumnSpec("number", "year of foundation", "year", low=1000, high=2100),
    "ownership": ColumnSpec("text", "kind of ownership"),
    "parent_account_id": ColumnSpec("text", "the account that owns this one"),
    "country": ColumnSpec("text", "ISO 3166 alpha-2 code or name"),
    "region": ColumnSpec("text", "state or region"),
    "town": ColumnSpec("text", "town"),
    "latitude": ColumnSpec("number", "latitude", "degrees", low=-90, high=90),
    "longitude": ColumnSpec("number", "longitude", "degrees", low=-180, high=180),
    "urbanity": ColumnSpec("text", "urban, suburban or rural", allowed=("urban", "suburban", "rural")),
    "climate_zone": ColumnSpec("text", "climate zone"),
    "lead_source": ColumnSpec("text", "how the account was won"),
    "payment_terms_days": ColumnSpec("number", "days to pay", "days", low=0, high=3650),
    "created_on": ColumnSpec("date", "first known on"),
}

ORDERS = {
    "order_id": ColumnSpec("text", "the order that the line belongs to", required=True),
    "account_id": _account(),
    "ordered_at": ColumnSpec("timestamp", "when it was ordered", required=True),
    "quantity": ColumnSpec("number", "pieces; negative: returned", "pieces"),
    "revenue": ColumnSpec(
        "number", "revenue of the line; negative: a return or a credit", "money", required=True
    ),
    "margin": ColumnSpec("number", "margin of the line", "money"),
    "product_id": ColumnSpec("text", "product"),
    "category": ColumnSpec("text", "product category"),
    "channel": ColumnSpec("text", "sales channel"),
}

OPPORTUNITIES = {
    "opportunity_id": ColumnSpec("text", "key of the opportunity", required=True, key=True),
    "account_id": _account(),
    "opened_on": ColumnSpec("date", "opened on"),
    "closed_on": ColumnSpec("date", "closed on"),
    "stage": ColumnSpec("text", "open, won or lost", required=True, allowed=("open", "won", "lost")),
    "value": ColumnSpec("number", "value of the deal", "money"),
    "product_id": ColumnSpec("text", "product"),
    "agent": ColumnSpec("text", "sales agent", personal=True),
}

ACTIVITIES = {
    "account_id": _account(),
    "occurred_at": ColumnSpec("timestamp", "when it happened", required=True),
    "kind": ColumnSpec(
        "text",
        "web, email, meeting or ticket",
        required=True,
        allowed=("web", "email", "meeting", "ticket"),
    ),
    "action": ColumnSpec("text", "what was done"),
    "amount": ColumnSpec("number", "how much: pages, minutes, pieces"),
}

SURVEYS = {
    "account_id": _account(),
    "answered_on": ColumnSpec("date", "answered on"),
    "item": ColumnSpec("text", "the question", required=True),
    "score": ColumnSpec("number", "the answer", required=True),
    "scale_min": ColumnSpec("number", "lowest possible answer"),
    "scale_max": ColumnSpec("number", "highest possible answer"),
}

CHOICES = {
    "account_id": _account(),
    "task_id": ColumnSpec("text", "the choice task", required=True),
    "alternative_id": ColumnSpec("text", "the alternative", required=True),
    "chosen": ColumnSpec("number", "1: chosen", required=True, allowed=(0, 1)),
    "attribute": ColumnSpec("text", "attribute of the alternative", required=True),
    "value": ColumnSpec("number", "value of the attribute", required=True),
    "answered_on": ColumnSpec("date", "answered on"),
}

CAMPAIGNS = {
    "account_id": _account(),
    "campaign_id": ColumnSpec("text", "the campaign", required=True),
    "contacted_at": ColumnSpec("timestamp", "when the account was contacted", required=True),
    "arm": ColumnSpec("text", "the variant, or control", required=True),
    "cost": ColumnSpec("number", "cost of the contact", "money", low=0),
    "responded": ColumnSpec("number", "1: responded", allowed=(0, 1)),
    "converted": ColumnSpec("number", "1: converted", allowed=(0, 1)),
    "revenue": ColumnSpec("number", "revenue won", "money"),
}

COLUMNS: dict[str, dict[str, ColumnSpec]] = {
    "accounts": ACCOUNTS,
    "orders": ORDERS,
    "opportunities": OPPORTUNITIES,
    "activities": ACTIVITIES,
    "surveys": SURVEYS,
    "choices": CHOICES,
    "campaigns": CAMPAIGNS,
}

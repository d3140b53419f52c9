"""The columns of our tables: the one declaration that contracts, mapping and privacy read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "number", "timestamp", "date"]


@dataclass(frozen=True)
class Column:
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


def _account() -> Column:
    return Column("text", "the account it belongs to", required=True)


def _consent(channel: str) -> Column:
    return Column("number", f"consent to {channel}: 1 agreed, 0 refused", personal=True, allowed=(0, 1))


ACCOUNTS = {
    "account_id": Column("text", "key of the account", required=True, key=True),
    "name": Column("text", "name of the company", personal=True),
    "email": Column("text", "e-mail address", personal=True),
    "phone": Column("text", "telephone number", personal=True),
    "address": Column("text", "street and house number", personal=True),
    "consent_email": _consent("e-mails"),
    "consent_phone": _consent("calls"),
    "consent_post": _consent("letters"),
    "industry": Column("text", "industry, coarse"),
    "subindustry": Column("text", "industry, fine"),
    "employees": Column("number", "number of employees", "people", low=0, high=1e8),
    "annual_revenue": Column("number", "revenue of the company in a year", "money", low=0),
    "founded_year": Column("number", "year of foundation", "year", low=1000, high=2100),
    "ownership": Column("text", "kind of ownership"),
    "parent_account_id": Column("text", "the account that owns this one"),
    "country": Column("text", "ISO 3166 alpha-2 code or name"),
    "region": Column("text", "state or region"),
    "town": Column("text", "town"),
    "latitude": Column("number", "latitude", "degrees", low=-90, high=90),
    "longitude": Column("number", "longitude", "degrees", low=-180, high=180),
    "urbanity": Column("text", "urban, suburban or rural", allowed=("urban", "suburban", "rural")),
    "climate_zone": Column("text", "climate zone"),
    "lead_source": Column("text", "how the account was won"),
    "payment_terms_days": Column("number", "days to pay", "days", low=0, high=3650),
    "created_on": Column("date", "first known on"),
}

ORDERS = {
    "order_id": Column("text", "the order that the line belongs to", required=True),
    "account_id": _account(),
    "ordered_at": Column("timestamp", "when it was ordered", required=True),
    "quantity": Column("number", "pieces; negative: returned", "pieces"),
    "revenue": Column(
        "number", "revenue of the line; negative: a return or a credit", "money", required=True
    ),
    "margin": Column("number", "margin of the line", "money"),
    "product_id": Column("text", "product"),
    "category": Column("text", "product category"),
    "channel": Column("text", "sales channel"),
}

OPPORTUNITIES = {
    "opportunity_id": Column("text", "key of the opportunity", required=True, key=True),
    "account_id": _account(),
    "opened_on": Column("date", "opened on"),
    "closed_on": Column("date", "closed on"),
    "stage": Column("text", "open, won or lost", required=True, allowed=("open", "won", "lost")),
    "value": Column("number", "value of the deal", "money"),
    "product_id": Column("text", "product"),
    "agent": Column("text", "sales agent", personal=True),
}

ACTIVITIES = {
    "account_id": _account(),
    "occurred_at": Column("timestamp", "when it happened", required=True),
    "kind": Column(
        "text",
        "web, email, meeting or ticket",
        required=True,
        allowed=("web", "email", "meeting", "ticket"),
    ),
    "action": Column("text", "what was done"),
    "amount": Column("number", "how much: pages, minutes, pieces"),
}

SURVEYS = {
    "account_id": _account(),
    "answered_on": Column("date", "answered on"),
    "item": Column("text", "the question", required=True),
    "score": Column("number", "the answer", required=True),
    "scale_min": Column("number", "lowest possible answer"),
    "scale_max": Column("number", "highest possible answer"),
}

CHOICES = {
    "account_id": _account(),
    "task_id": Column("text", "the choice task", required=True),
    "alternative_id": Column("text", "the alternative", required=True),
    "chosen": Column("number", "1: chosen", required=True, allowed=(0, 1)),
    "attribute": Column("text", "attribute of the alternative", required=True),
    "value": Column("number", "value of the attribute", required=True),
    "answered_on": Column("date", "answered on"),
}

CAMPAIGNS = {
    "account_id": _account(),
    "campaign_id": Column("text", "the campaign", required=True),
    "contacted_at": Column("timestamp", "when the account was contacted", required=True),
    "arm": Column("text", "the variant, or control", required=True),
    "cost": Column("number", "cost of the contact", "money", low=0),
    "responded": Column("number", "1: responded", allowed=(0, 1)),
    "converted": Column("number", "1: converted", allowed=(0, 1)),
    "revenue": Column("number", "revenue won", "money"),
}

COLUMNS: dict[str, dict[str, Column]] = {
    "accounts": ACCOUNTS,
    "orders": ORDERS,
    "opportunities": OPPORTUNITIES,
    "activities": ACTIVITIES,
    "surveys": SURVEYS,
    "choices": CHOICES,
    "campaigns": CAMPAIGNS,
}

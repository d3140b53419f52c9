"""Engagement features: how an account and the company are in touch."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import Any

import ibis

from segmentwerk.features.declare import EVER, NOW, YEAR, Definition, count, days_before, define, ratio

_activity = partial(define, approach="engagement", table="activities", level="activities", prospect=True)


def _count(kind: str, unit: str, description: str, *, prospect: bool = True) -> Definition:
    def express(t: ibis.Table, as_of: date) -> Any:
        recent = t.occurred_at.cast("date") >= ibis.date(as_of - timedelta(days=365))
        return count((t.kind == kind) & recent)

    return _activity(f"{kind}_count_12m", unit, description, express, window=YEAR, prospect=prospect)


def _recency(kind: str, description: str) -> Definition:
    def express(t: ibis.Table, as_of: date) -> Any:
        return days_before(as_of, t.occurred_at.cast("date").max(where=t.kind == kind))

    return _activity(f"{kind}_recency_days", "days", description, express, window=EVER)


def _clicked(t: ibis.Table, _: date) -> Any:
    email = t.kind == "email"
    clicked = email & t.action.lower().startswith("click")
    return ratio(count(clicked), count(email))


_COUNTS = (
    _count("web", "visits", "Actions on the web site."),
    _count("email", "e-mails", "E-mail actions."),
    _count("meeting", "meetings", "Meetings."),
    _count("ticket", "tickets", "Service requests.", prospect=False),
)
COUNTS = tuple(definition.feature.name for definition in _COUNTS)
"""Features that are honestly zero, not unknown, for an account without any activity."""

DEFINITIONS = (
    *_COUNTS,
    _recency("web", "Days since the last action on the web site."),
    _recency("email", "Days since the last e-mail action."),
    _activity(
        "email_click_rate",
        "share",
        "Share of e-mail actions that are clicks.",
        _clicked,
        window=EVER,
        needs=("activities.action",),
    ),
    define(
        "campaign_response_rate",
        "share",
        "Share of campaign contacts that were answered.",
        lambda t, _: ratio(t.responded.cast("float64").sum(), t.responded.count()),
        approach="engagement",
        table="campaigns",
        level="campaigns",
        window=EVER,
        needs=("campaigns.responded",),
    ),
    define(
        "win_rate",
        "share",
        "Share of closed opportunities that were won.",
        lambda t, _: ratio(count(t.stage == "won"), count(t.stage.isin(["won", "lost"]))),
        approach="engagement",
        table="opportunities",
        level="opportunities",
        window=EVER,
        needs=("opportunities.closed_on",),
    ),
    define(
        "lead_source",
        "source",
        "Where the account came from.",
        lambda t, _: t.lead_source,
        kind="categorical",
        approach="engagement",
        table="accounts",
        level="accounts",
        window=NOW,
        needs=("accounts.lead_source",),
        prospect=True,
    ),
)

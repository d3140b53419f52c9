"""Which features lead: a goal may name the approaches that segments are made of, the others only describe."""

from __future__ import annotations

import logging
from dataclasses import replace

from segmentwerk.core.errors import ConfigError, InputError, nearest
from segmentwerk.core.settings import GoalSettings
from segmentwerk.features.catalogue import APPROACHES, catalogue
from segmentwerk.preparation.accounts import Accounts

log = logging.getLogger(__name__)


def led(accounts: Accounts, goal: GoalSettings) -> Accounts:
    """Return the accounts with the goal's approaches in the lead; unchanged where it names none.

    Raises
    ------
    ConfigError
        If an approach is unknown.
    InputError
        If the source gives no feature of them.
    """
    if not goal.active:
        return accounts
    for approach in goal.active:
        if approach not in APPROACHES:
            raise ConfigError(
                f"goal.active names {approach!r}, which is no approach.", nearest(approach, APPROACHES)
            )
    table = replace(accounts.table, active=tuple(goal.active))
    if not table.leading:
        raise InputError(
            f"Goal {goal.name!r} makes segments of {_listed(goal.active)} features, and source "
            f"{table.source!r} gives none: {'; '.join(_obstacles(accounts, goal))}.",
            "Map a table 'surveys' or 'choices' in source.tables, or take another goal.",
        )
    log.info(
        "Segments are made of %d %s features; %d others describe them. %d of %d customers are known by them.",
        len(table.leading),
        _listed(goal.active),
        len(table.catalogue) - len(table.leading),
        len(table.learnable),
        len(table.customers),
    )
    return replace(accounts, table=table)


def _listed(approaches: list[str]) -> str:
    return " and ".join(approaches)


def _obstacles(accounts: Accounts, goal: GoalSettings) -> list[str]:
    """Say why the features are not there, each reason once."""
    names = [feature.name for feature in catalogue() if feature.approach in goal.active]
    told = [accounts.absent.get(name, "answers are too few or too alike") for name in names]
    return list(dict.fromkeys(told))

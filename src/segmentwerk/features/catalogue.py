"""Every feature there is, and which of them given tables can give."""

from __future__ import annotations

from collections.abc import Iterable

from segmentwerk.core.errors import ConfigError, nearest
from segmentwerk.core.settings import FeatureSettings
from segmentwerk.core.types import Feature
from segmentwerk.features import (
    assortment,
    behaviour,
    engagement,
    firmographics,
    geography,
    lifetime,
    partworths,
    peers,
    survey,
    value,
)
from segmentwerk.features.declare import Definition, Step, Tables
from segmentwerk.features.levels import LEVELS

STEPS: tuple[Step, ...] = (peers.STEP, lifetime.STEP, survey.STEP, partworths.STEP)
APPROACHES = (
    "behavioural",
    "value",
    "engagement",
    "firmographic",
    "geographic",
    "psychographic",
    "needs",
)


def definitions(settings: FeatureSettings) -> tuple[Definition, ...]:
    """Return the declared features; the distance to a site knows the sites."""
    return (
        *behaviour.DEFINITIONS,
        *assortment.DEFINITIONS,
        *value.DEFINITIONS,
        *engagement.DEFINITIONS,
        *firmographics.DEFINITIONS,
        *geography.definitions(settings.sites),
    )


def catalogue() -> tuple[Feature, ...]:
    """Return every feature that can be built, in column order."""
    declared = [definition.feature for definition in definitions(FeatureSettings())]
    learned = [feature for step in STEPS for feature in step.features]
    return in_order((*declared, *learned))


def in_order(features: Iterable[Feature]) -> tuple[Feature, ...]:
    """Sort features by approach, otherwise as they come."""
    return tuple(sorted(features, key=lambda feature: APPROACHES.index(feature.approach)))


def absent(tables: Tables, settings: FeatureSettings) -> dict[str, str]:
    """Say which features cannot or shall not be built from these tables, each with the reason.

    Raises
    ------
    ConfigError
        If ``settings.exclude`` names neither a feature nor an approach.
    """
    reasons = impossible(tables, settings)
    return reasons | {feature.name: "left out by features.exclude" for feature in excluded(settings)}


def excluded(settings: FeatureSettings) -> tuple[Feature, ...]:
    """Return the features that the settings leave out."""
    unwanted = set(settings.exclude)
    known = {name for feature in catalogue() for name in (feature.name, feature.approach)}
    for name in settings.exclude:
        if name not in known:
            raise ConfigError(f"features.exclude names {name!r}, which is no feature.", nearest(name, known))
    return tuple(feature for feature in catalogue() if {feature.name, feature.approach} & unwanted)


def impossible(tables: Tables, settings: FeatureSettings, *, learn: bool = True) -> dict[str, str]:
    """Say which features these tables cannot give, each with the reason.

    ``learn`` is false where what the steps learned is given.
    """
    reasons = {}
    for definition in definitions(settings):
        lacking = _lacking((*LEVELS[definition.level].needs, *definition.needs), tables, settings)
        reasons[definition.feature.name] = lacking
    for step in STEPS:
        obstacles = [_lacking(step.needs, tables, settings), *(reasons[name] for name in step.reads)]
        if learn:
            obstacles.append(step.uninstalled())
        reasons |= dict.fromkeys((f.name for f in step.features), next(filter(None, obstacles), ""))
    return {name: reason for name, reason in reasons.items() if reason}


def _lacking(needs: tuple[str, ...], tables: Tables, settings: FeatureSettings) -> str:
    """Name the first need that is not met; ``features.X`` stands for a setting that must not be empty."""
    for need in needs:
        table, _, column = need.partition(".")
        if table == "features":
            if not getattr(settings, column):
                return f"{need} is empty"
        elif table not in tables:
            return f"there is no table {table!r}"
        elif column and column not in tables[table].columns:
            return f"there is no column {need!r}"
    return ""

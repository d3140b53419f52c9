"""Geographic features: where an account is. Nothing is looked up; columns give it or it is unknown."""

from __future__ import annotations

from segmentwerk.features.declare import NOW, Definition, define

_DESCRIPTIONS = {
    "country": "Country.",
    "region": "Region within the country.",
    "urbanity": "Urban, suburban or rural.",
    "climate_zone": "Climate zone.",
}


def _place(column: str, description: str) -> Definition:
    return define(
        column,
        "place",
        description,
        lambda t, _: t[column],
        kind="categorical",
        approach="geographic",
        table="accounts",
        level="accounts",
        window=NOW,
        needs=(f"accounts.{column}",),
        prospect=True,
    )


DEFINITIONS = tuple(_place(column, description) for column, description in _DESCRIPTIONS.items())

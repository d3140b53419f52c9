"""Geographic features: where an account is. Nothing is looked up; columns give it or it is unknown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

import ibis

from segmentwerk.features.declare import NOW, Definition, define

EARTH_RADIUS_KM = 6371.0088
"""Mean radius (IUGG)."""

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


def _distance(sites: Mapping[str, tuple[float, float]]) -> Definition:
    """Declare the great-circle distance to the nearest site (haversine formula)."""

    def express(t: ibis.Table, _: date) -> Any:
        latitude, longitude = t.latitude.cast("float64").radians(), t.longitude.cast("float64").radians()
        nearest = ibis.least(
            *(_haversine(latitude, longitude, *map(math.radians, site)) for site in sites.values())
        )
        known = t.latitude.notnull() & t.longitude.notnull()  # `least` passes over unknown values
        return ibis.ifelse(known, nearest, ibis.null("float64"))

    return define(
        "site_distance_km",
        "km",
        "Distance to our nearest site.",
        express,
        approach="geographic",
        table="accounts",
        level="accounts",
        window=NOW,
        needs=("features.sites", "accounts.latitude", "accounts.longitude"),
        prospect=True,
    )


def _haversine(latitude: Any, longitude: Any, site_latitude: float, site_longitude: float) -> Any:
    """Return km between points given in radians."""
    north = ((latitude - site_latitude) / 2.0).sin() ** 2
    east = ((longitude - site_longitude) / 2.0).sin() ** 2
    chord = north + latitude.cos() * math.cos(site_latitude) * east
    return 2.0 * EARTH_RADIUS_KM * ibis.least(chord.sqrt(), 1.0).asin()


def definitions(sites: Mapping[str, tuple[float, float]]) -> tuple[Definition, ...]:
    """Declare all geographic features; ``sites`` gives degrees of latitude and longitude by name."""
    places = (_place(column, description) for column, description in _DESCRIPTIONS.items())
    return (*places, _distance(sites))

"""Plain words for features and differences."""

from __future__ import annotations

from segmentwerk.core.types import Feature

HIGH_LOW = {
    "recency_days": ("dormant", "recently active"),
    "frequency": ("frequent buyers", "rare buyers"),
    "monetary": ("high revenue", "low revenue"),
    "tenure_days": ("long-standing", "new"),
    "employees": ("large firms", "small firms"),
    "annual_revenue": ("large turnover", "small turnover"),
    "age_years": ("old firms", "young firms"),
}
"""Short words for the ends of features that everybody knows; others read 'high NAME', 'low NAME'."""


def label(feature: Feature) -> str:
    """Return the feature's name as words."""
    return feature.name.removesuffix("_days").replace("_", " ")


def trait(feature: Feature, level: str, effect: float) -> str:
    """Name one trait of a segment in two or three words."""
    if level:
        return f"{label(feature)} {level}"
    high, low = HIGH_LOW.get(feature.name, (f"high {label(feature)}", f"low {label(feature)}"))
    return high if effect > 0 else low


def number(value: float, unit: str) -> str:
    """Write a number with its unit, with as many digits as a reader needs."""
    if unit in ("share", "ratio") and abs(value) <= 1:
        return f"{value:.0%}"
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{text} {unit}" if unit.isalpha() and unit not in ("count", "share", "ratio", "money") else text


def difference(feature: Feature, level: str, inside: float, outside: float) -> str:
    """Say how the segment differs from the rest in the feature's own unit."""
    if level:
        return f"{inside:.0%} have {label(feature)} {level} (others {outside:.0%})"
    return f"{label(feature)} {number(inside, feature.unit)} (others {number(outside, feature.unit)})"

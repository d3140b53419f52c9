"""Plain words for features and differences, in the language of the report."""

from __future__ import annotations

from segmentwerk.core.types import Feature
from segmentwerk.insight.language import ENGLISH, Language


def label(name: str, language: Language = ENGLISH) -> str:
    """Return a feature's name as words; one that the catalogue does not know is spelt out.

    Examples
    --------
    >>> label("recency_days"), label("survey_factor_2"), label("my_own_days")
    ('time since the last order', 'survey factor 2', 'my own days')
    """
    words = language.find("features", name)
    if words:
        return str(words[0])
    family, _, number = name.rpartition("_")
    words = language.find("features", family) if number.isdigit() else None
    return f"{words[0]} {number}" if words else name.replace("_", " ")


def level_of(level: str, language: Language = ENGLISH) -> str:
    """Return a level as words."""
    return str(language.find("levels", level) or level)


def trait(feature: Feature, level: str, effect: float, language: Language = ENGLISH) -> str:
    """Name one trait of a segment in two or three words."""
    name = label(feature.name, language)
    if level:
        return f"{name} {level_of(level, language)}"
    _, *ends = language.find("features", feature.name) or [name]
    if ends:
        return str(ends[0 if effect > 0 else 1])
    return language.text("words.high" if effect > 0 else "words.low", feature=name)


def difference(
    feature: Feature, level: str, inside: float, outside: float, language: Language = ENGLISH
) -> str:
    """Say how the segment differs from the rest in the feature's own unit."""
    name = label(feature.name, language)
    if level:
        shares = {"share": language.percent(inside), "others": language.percent(outside)}
        return language.text("words.have", feature=name, level=level_of(level, language), **shares)
    numbers = (language.number(value, feature.unit) for value in (inside, outside))
    told = language.text("words.others", **dict(zip(("inside", "outside"), numbers, strict=True)))
    return f"{name} {told}"


def column_label(column: str, language: Language = ENGLISH) -> str:
    """Name a column of the reference space: a number, a level, a flag for the unknown, or a factor.

    Examples
    --------
    >>> column_label("country=DE"), column_label("employees_missing")
    ('country DE', 'employees unknown')
    >>> column_label("frequency+n_products")
    'orders and products bought'
    """
    name, equals, level = column.partition("=")
    if not equals and "+" in column:
        return language.listed([column_label(part, language) for part in column.split("+")])
    if equals:
        return f"{label(name, language)} {level_of(level, language)}"
    if column.endswith("_missing"):
        known = label(column.removesuffix("_missing"), language)
        return language.text("words.unknown", feature=known)
    return label(column, language)

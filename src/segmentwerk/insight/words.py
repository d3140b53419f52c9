"""Plain words for features and differences, in the language of the report."""

from __future__ import annotations

import textwrap

from segmentwerk.core.space_columns import ColumnKind, SpaceColumn
from segmentwerk.core.types import Feature, Name, Trait
from segmentwerk.insight.language import ENGLISH, Language

LONGEST_PART = 48
"""Characters of a survey item in a name; longer ones are cut at a word."""


def label(name: str, language: Language = ENGLISH) -> str:
    """Return a feature's name as words; one that the catalogue does not know is spelt out.

    Examples
    --------
    >>> label("recency_days"), label("survey_factor_2"), label("my_own_days")
    ('time since the last order', 'survey factor 2', 'my own days')
    >>> label("survey_factor_2", Language("en", parts={"survey_factor_2": ("q01", "-q05")}))
    'answers on “q01” and “q05” (reversed)'
    """
    words = language.find("features", name)
    if words:
        return str(words[0])
    family, _, number = name.rpartition("_")
    words = language.find("learned", family) if number.isdigit() else None
    if not words:
        return name.replace("_", " ")
    parts = language.parts.get(name, ())
    return str(words[1]).format(parts=_listed(parts, language)) if parts else f"{words[0]} {number}"


def level_of(level: str, language: Language = ENGLISH) -> str:
    """Return a level as words."""
    return str(language.find("levels", level) or level)


def candidate(name: str, language: Language = ENGLISH) -> str:
    """Return the words for a candidate; one that is no algorithm of ours keeps its name.

    Examples
    --------
    >>> candidate("kmeans"), candidate("gaussian_mixture #2"), candidate("mine")
    ('k-means', 'Gaussian mixture #2', 'mine')
    """
    algorithm, blank, number = name.partition(" ")
    return str(language.find("algorithms", algorithm) or algorithm) + blank + number


def criterion(key: str, language: Language = ENGLISH) -> str:
    """Return the words for a score ``family/name``."""
    return str(language.find("criteria", key) or key.partition("/")[2].replace("_", " "))


def trait(one: Trait, language: Language = ENGLISH) -> str:
    """Name one trait of a segment in two or three words."""
    if one.level:
        return f"{label(one.feature, language)} {level_of(one.level, language)}"
    end = 1 if one.direction == "high" else 2
    words = language.find("features", one.feature) or ()
    if len(words) > end:
        return str(words[end])
    family, _, number = one.feature.rpartition("_")
    words = language.find("learned", family) if number.isdigit() else None
    if words and one.parts:
        return str(words[end + 1]).format(parts=_listed(one.parts, language))
    return language.text(f"words.{one.direction}", feature=label(one.feature, language))


def called(name: Name, language: Language = ENGLISH) -> str:
    """Return a segment's name in a language.

    Examples
    --------
    >>> called(Name((Trait("monetary"), Trait("tenure_days", "low")), number=7), Language("de"))
    'hoher Umsatz, neue Kunden (7)'
    """
    words = name.text or ", ".join(trait(one, language) for one in name.traits)
    return (words or language.text("words.average")) + (f" ({name.number})" if name.number else "")


def _listed(parts: tuple[str, ...], language: Language) -> str:
    """Quote the source's names, those that count the other way round marked."""
    return language.listed(
        [
            language.text(
                "words.reversed" if part.startswith("-") else "words.quoted",
                part=textwrap.shorten(part.removeprefix("-"), LONGEST_PART, placeholder=" …"),
            )
            for part in parts
        ]
    )


def difference(
    feature: Feature, level: str, inside: float, outside: float, language: Language = ENGLISH
) -> str:
    """Say how the segment differs from the rest in the feature's own unit."""
    name = label(feature.name, language)
    if level:
        shares = {"share": inside, "others": outside}
        return language.text("words.have", feature=name, level=level_of(level, language), **shares)
    numbers = (language.number(value, feature.unit) for value in (inside, outside))
    comparison = language.text("words.others", **dict(zip(("inside", "outside"), numbers, strict=True)))
    return f"{name} {comparison}"


def column_label(column: str, language: Language = ENGLISH) -> str:
    """Name a column of the reference space: a number, a level, a flag for the unknown, or a factor.

    Examples
    --------
    >>> column_label("country=DE"), column_label("employees_missing")
    ('country DE', 'employees unknown')
    >>> column_label("frequency+n_products")
    'orders so far and products bought'
    """
    read = SpaceColumn.read(column)
    if read.kind is ColumnKind.FACTOR:
        return language.listed([label(part, language) for part in read.parts])
    known = label(read.variable, language)
    if read.kind is ColumnKind.LEVEL:
        return f"{known} {level_of(read.level, language)}"
    return language.text("words.unknown", feature=known) if read.kind is ColumnKind.FLAG else known

"""The words in which a model gives its reasons: they travel with it, as none of the project's code does."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

from segmentwerk.core.types import Feature
from segmentwerk.insight.language import NO_BREAK, Language, catalogue
from segmentwerk.insight.words import label

_FORMS = {"money": "money", "share": "share", "-2 to 2": "change", "standard deviations": "deviation"}
_AGAINST_OWN = ("untapped_potential",)
"""Changes that compare others with the account; a reader asks the reverse."""


@cache
def _texts() -> dict[str, dict[str, dict[str, Any]]]:
    return tomllib.loads(files("segmentwerk.insight").joinpath("reasons.toml").read_text(encoding="utf-8"))


def wording(features: Iterable[Feature], language: Language) -> dict[str, Any]:
    """Return what `scoring.model` needs to word its reasons, ready for JSON.

    Returns
    -------
    dict
        ``features``: by name its ``subject``, ``form`` (how its number is written) and the ``units`` of one
        and of many; ``sentences`` with placeholders; ``levels``: words for levels; ``signs``: how numbers
        are written.
    """
    code, german = language.code, language.code == "de"
    return {
        "language": code,
        "features": {feature.name: _feature(feature, language) for feature in features},
        "sentences": {key: text[code] for key, text in _texts()["sentences"].items()},
        "levels": {level: words[code] for level, words in catalogue()["levels"].items()},
        "signs": {
            "thousands": "." if german else ",",
            "decimal": "," if german else ".",
            "percent": f"{NO_BREAK}%" if german else "%",
        },
    }


def _feature(feature: Feature, language: Language) -> dict[str, Any]:
    told = _texts()["subjects"].get(feature.name)
    subject = str(told[language.code]) if told else label(feature.name, language)
    words = [language.currency] * 2 if feature.unit == "money" else _units(feature.unit, language)
    form = "level" if feature.kind == "categorical" else _FORMS.get(feature.unit, "number")
    return {
        "subject": subject[:1].upper() + subject[1:],
        "form": "against" if feature.name in _AGAINST_OWN else form,
        "units": [NO_BREAK + word if word else "" for word in words],
    }


def _units(unit: str, language: Language) -> list[str]:
    found: dict[str, list[str]] = _texts()["units"].get(unit, {})
    return found.get(language.code, ["", ""])

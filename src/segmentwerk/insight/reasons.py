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
from segmentwerk.shipped.model_catalogue import FeatureWords, ReasonWords

_FORMS = {"money": "money", "share": "share", "-2 to 2": "change", "standard deviations": "deviation"}
_AGAINST_OWN = ("untapped_potential",)
"""Changes that compare others with the account; a reader asks the reverse."""


@cache
def _texts() -> dict[str, dict[str, dict[str, Any]]]:
    return tomllib.loads(files("segmentwerk.insight").joinpath("reasons.toml").read_text(encoding="utf-8"))


def wording(features: Iterable[Feature], language: Language) -> ReasonWords:
    """Return what a model needs to word its reasons."""
    code, german = language.code, language.code == "de"
    return ReasonWords(
        language=code,
        features={feature.name: _feature(feature, language) for feature in features},
        sentences={key: text[code] for key, text in _texts()["sentences"].items()},
        levels={level: words[code] for level, words in catalogue()["levels"].items()},
        signs={
            "thousands": "." if german else ",",
            "decimal": "," if german else ".",
            "percent": f"{NO_BREAK}%" if german else "%",
        },
    )


def _feature(feature: Feature, language: Language) -> FeatureWords:
    row = _texts()["subjects"].get(feature.name)
    subject = str(row[language.code]) if row else label(feature.name, language)
    words = [language.currency] * 2 if feature.unit == "money" else _units(feature.unit, language)
    form = "level" if feature.kind == "categorical" else _FORMS.get(feature.unit, "number")
    one, many = (NO_BREAK + word if word else "" for word in words)
    return FeatureWords(
        subject=subject[:1].upper() + subject[1:],
        form="against" if feature.name in _AGAINST_OWN else form,
        units=(one, many),
    )


def _units(unit: str, language: Language) -> list[str]:
    names: dict[str, list[str]] = _texts()["units"].get(unit, {})
    return names.get(language.code, ["", ""])

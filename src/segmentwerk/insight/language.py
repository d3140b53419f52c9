"""English and German: every text that a reader of segments, figures and the report sees, and its numbers.

The texts stand in ``texts.toml``: one line a text, one column a language. A placeholder may say how its value
is written (`write`): ``{share:%1}`` in percent to one decimal, ``{revenue:money}`` with the currency.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import Any, Literal

from segmentwerk.core.types import Feature

Code = Literal["en", "de"]
NO_BREAK = "\N{NO-BREAK SPACE}"
UNKNOWN = "-"


@cache
def catalogue() -> dict[str, dict[str, dict[str, Any]]]:
    """Return the texts by section, key and language."""
    return tomllib.loads(files("segmentwerk.insight").joinpath("texts.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Language:
    """One language, with what a source adds: its currency, and its own names of learned features' parts.

    Examples
    --------
    >>> Language("de", "EUR").number(1234.5, "money")
    '1.234\N{NO-BREAK SPACE}EUR'
    >>> Language("en").number(0.256, "share"), Language("en").number(1, "days")
    ('26%', '1\N{NO-BREAK SPACE}day')
    """

    code: Code = "en"
    currency: str = ""
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """`Feature.parts` by the feature's name."""

    @classmethod
    def of(cls, code: Code, currency: str, features: Iterable[Feature]) -> Language:
        """Return a language that knows how a source calls the parts of these features."""
        return cls(code, currency, {feature.name: feature.parts for feature in features if feature.parts})

    def text(self, key: str, **values: object) -> str:
        """Return the text ``section.key`` with its placeholders filled in."""
        section, _, name = key.partition(".")
        return _Filling(self).vformat(str(catalogue()[section][name][self.code]), (), values)

    def write(self, value: Any, form: str = "") -> str:
        """Write a value in a form.

        Parameters
        ----------
        form
            ``.2`` a number with two decimals, ``%`` or ``%1`` a share in percent, before either ``±`` for
            a sign in front of what is more than nothing; ``n`` a number, ``day`` a date, ``list`` names in a
            sentence, ``()`` words in brackets if there are any, else a unit of features; nothing: as it is.
        """
        kind, rest = form[:1], form[1:]
        if kind == "±":
            text = self.write(value, rest)
            return text if value < 0 or not any(digit in text for digit in "123456789") else f"+{text}"
        if kind in ("%", "."):
            return self.percent(value, int(rest or 0)) if kind == "%" else self.decimal(value, int(rest))
        if form in ("", "()"):
            return f"({value})" if form and value else str(value)
        if form in ("day", "list"):
            return self.day(value) if form == "day" else self.listed(list(value))
        return self.number(value, "" if form == "n" else form)

    def find(self, section: str, name: str) -> Any:
        """Return the entry of a name that may be unknown, such as a level; None where it is."""
        return catalogue()[section].get(name, {}).get(self.code)

    def number(self, value: float, unit: str = "") -> str:
        """Write a number with its unit, with as many digits as a reader needs; NaN as a dash."""
        if value != value:
            return UNKNOWN
        if unit in ("share", "ratio") and abs(value) <= 1:
            return self.percent(value)
        halves = float(2 * value).is_integer()  # as medians of counts are
        digits = (
            0 if abs(value) >= 100 or float(value).is_integer() else 1 if abs(value) >= 10 or halves else 2
        )
        one, many = self.find("units", unit) or ("", "")
        words = self.currency if unit == "money" else one if value == 1 else many
        return self.decimal(value, digits) + (NO_BREAK + words if words else "")

    def decimal(self, value: float, digits: int = 2) -> str:
        """Write a number with a fixed number of decimals; NaN as a dash."""
        if value != value:
            return UNKNOWN
        text = f"{round(value, digits) + 0.0:,.{digits}f}"  # adding 0 takes the sign from a rounded -0
        return text.translate(str.maketrans(",.", ".,")) if self.code == "de" else text

    def percent(self, value: float, digits: int = 0) -> str:
        """Write a share in percent; NaN as a dash."""
        if value != value:
            return UNKNOWN
        return self.decimal(100 * value, digits) + (NO_BREAK + "%" if self.code == "de" else "%")

    def day(self, day: date | None) -> str:
        """Write a date."""
        if day is None:
            return UNKNOWN
        return f"{day:%d.%m.%Y}" if self.code == "de" else day.isoformat()

    def listed(self, names: list[str]) -> str:
        """Join names as a list in a sentence."""
        last = f" {self.text('words.and')} "
        return last.join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


class _Filling(Formatter):
    """Fills a text in, each value in the form that its placeholder asks for."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def format_field(self, value: Any, format_spec: str) -> str:
        return self.language.write(value, format_spec)


ENGLISH = Language("en")

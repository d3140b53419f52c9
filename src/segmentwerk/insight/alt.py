"""What a picture shows, in words: for those who cannot see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from segmentwerk.insight.figure import Bars, Dots, Figure, Heat, Lines, Panel
from segmentwerk.insight.language import ENGLISH, Language


def alt_text(figure: Figure, language: Language = ENGLISH) -> str:
    """Return the finding and the numbers behind it; a heat map's stand in the tables beside it."""
    told = _WORDS[type(figure.marks)](figure.marks, language)
    return f"{figure.title}. {'; '.join(told)}".rstrip(". ") + "."


def _dots(marks: Dots, language: Language) -> list[str]:
    return [
        f"{panel.title}: "
        + ", ".join(_dot(name, panel, at, language) for at, name in enumerate(marks.labels))
        for panel in marks.panels
    ]


def _dot(name: str, panel: Panel, at: int, language: Language) -> str:
    numbers = {"value": panel.values[at], "low": panel.low[at], "high": panel.high[at]}
    return language.text("figures.alt_dots", name=name, **numbers)


def _lines(marks: Lines, language: Language) -> list[str]:
    return [
        language.text("figures.alt_range", name=line.name, first=line.y[0], last=line.y[-1])
        for line in marks.lines
        if line.y
    ]


def _bars(marks: Bars, language: Language) -> list[str]:
    write = language.percent if marks.percent else language.decimal
    return [
        f"{name}: " + ", ".join(f"{label} {write(y)}" for label, y in zip(marks.labels, values, strict=True))
        for name, values in marks.series.items()
    ]


def _heat(marks: Heat, language: Language) -> list[str]:  # noqa: ARG001 (one signature for all)
    return marks.rows


_WORDS: dict[type, Callable[[Any, Language], list[str]]] = {
    Dots: _dots,
    Lines: _lines,
    Bars: _bars,
    Heat: _heat,
}

"""What a picture shows, in words: for those who cannot see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from segmentwerk.insight.figure import Bars, Dots, Figure, Flows, Heat, Lines, Points
from segmentwerk.insight.language import ENGLISH, Language


def alt_text(figure: Figure, language: Language = ENGLISH) -> str:
    """Return the finding and the numbers behind it; a heat map's stand in the tables beside it."""
    told = _WORDS[type(figure.marks)](figure.marks, language)
    return f"{figure.title}. {'; '.join(told)}".rstrip(". ") + "."


def _dots(marks: Dots, language: Language) -> list[str]:
    rows = zip(marks.labels, marks.values, marks.low, marks.high, strict=True)
    return [
        language.text(
            "figures.alt_dots",
            name=name,
            value=language.decimal(value, 3),
            low=language.decimal(low, 3),
            high=language.decimal(high, 3),
        )
        for name, value, low, high in rows
    ]


def _lines(marks: Lines, language: Language) -> list[str]:
    if marks.ticks:
        return [
            f"{line.name}: "
            + ", ".join(f"{tick} {language.decimal(y)}" for tick, y in zip(marks.ticks, line.y, strict=True))
            for line in marks.lines
        ]
    return [
        language.text(
            "figures.alt_range",
            name=line.name,
            first=language.decimal(line.y[0], 3),
            last=language.decimal(line.y[-1], 3),
        )
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


def _points(marks: Points, language: Language) -> list[str]:
    return [
        language.text("figures.alt_points", name=name, count=len(points))
        for name, points in marks.groups.items()
    ]


def _flows(marks: Flows, language: Language) -> list[str]:
    return [
        language.text(
            "figures.alt_flow",
            count=language.number(count),
            source=marks.left[source],
            target=marks.right[target],
        )
        for source, target, count in marks.counts
    ]


_WORDS: dict[type, Callable[[Any, Language], list[str]]] = {
    Dots: _dots,
    Lines: _lines,
    Bars: _bars,
    Heat: _heat,
    Points: _points,
    Flows: _flows,
}

"""The plan's pictures as SVG: they print sharply and need no library."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from segmentwerk.activation.plans import Plan, Task
from segmentwerk.insight.language import Language

WIDTH, HEIGHT, EDGE = 560, 330, 46
LARGEST = 34.0
"""Radius of the largest bubble."""
ROW, NAMES = 24, 190
"""Height of a row of the calendar, and width of its names."""


@dataclass(frozen=True)
class Bubble:
    """A segment in the matrix; places in pixels."""

    id: int
    stance: str
    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Bar:
    """A measure in the calendar; places in pixels."""

    name: str
    x: float
    y: float
    width: float


@dataclass(frozen=True)
class Picture:
    """What a template draws, and words for those who cannot see it."""

    alt: str
    width: int
    height: int
    bubbles: Sequence[Bubble] = ()
    bars: Sequence[Bar] = ()
    ticks: Sequence[tuple[float, str]] = field(default_factory=tuple)


def matrix(plan: Plan, language: Language) -> Picture:
    """Return the segments by own position and attractiveness, bubbles by revenue, else by accounts."""
    size = "revenue" if "revenue" in plan.segments[0].figures else "accounts"
    sizes = [max(segment.figures[size], 0.0) for segment in plan.segments]
    most = max(sizes) or 1.0
    bubbles = [
        Bubble(
            segment.id,
            segment.stance,
            round(EDGE + segment.rank["position"] * (WIDTH - 2 * EDGE), 1),
            round(HEIGHT - EDGE - segment.rank["attractiveness"] * (HEIGHT - 2 * EDGE), 1),
            round(max(LARGEST * math.sqrt(value / most), 9.0), 1),
        )
        for segment, value in zip(plan.segments, sizes, strict=True)
    ]
    listed = "; ".join(
        language.text(
            "plan.matrix_point",
            id=segment.id,
            position=language.decimal(segment.rank["position"]),
            attractiveness=language.decimal(segment.rank["attractiveness"]),
        )
        for segment in plan.segments
    )
    largest_first = sorted(bubbles, key=lambda bubble: -bubble.radius)
    return Picture(language.text("plan.matrix_alt", listed=listed), WIDTH, HEIGHT, largest_first)


def gantt(tasks: Sequence[Task], language: Language) -> Picture:
    """Return the measures along the calendar."""
    if not tasks:
        return Picture("", WIDTH, 0)
    begin, until = min(task.begin for task in tasks), max(task.until for task in tasks)
    span = (until - begin).days

    def place(day: date) -> float:
        return round(NAMES + (day - begin).days / span * (WIDTH - NAMES - 24), 1)

    bars = [
        Bar(task.name, place(task.begin), number * ROW + 6, place(task.until) - place(task.begin))
        for number, task in enumerate(tasks)
    ]
    listed = "; ".join(
        language.text(
            "plan.calendar_bar",
            measure=task.name,
            begin=language.day(task.begin),
            until=language.day(task.until),
        )
        for task in tasks
    )
    ticks = [(place(day), f"{day:%m/%y}") for day in _months(begin, until)]
    return Picture(
        language.text("plan.calendar_alt", listed=listed), WIDTH, len(tasks) * ROW + 30, (), bars, ticks
    )


def _months(begin: date, until: date) -> list[date]:
    """Return the first days of months within a span, so many that their names have room."""
    day = (
        begin.replace(day=1) if begin.day == 1 else (begin.replace(day=28) + timedelta(days=4)).replace(day=1)
    )
    found = []
    while day <= until:
        found.append(day)
        day = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return found[:: max(1, math.ceil(len(found) / 8))]

"""The segments' shares over the dates as lines, for an SVG of the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from segmentwerk.core.monitored import Monitored
from segmentwerk.insight.language import Language

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 300, 48, 70, 16, 36
ROOM = 13
"""Pixels from one number to the next."""
COLORS = ("#005a8f", "#b3441c", "#2f7d32", "#7a3c91", "#8a6d00", "#00707a", "#a3265d", "#4a4a4a")


@dataclass(frozen=True)
class ShareLine:
    """One segment: the points of its line, its colour, and where its number stands."""

    id: int
    points: str
    color: str
    x: float
    y: float


@dataclass(frozen=True)
class MonitorLines:
    """What the template draws, and words for those who cannot see it."""

    alt: str
    width: int
    height: int
    lines: Sequence[ShareLine]
    dates: Sequence[tuple[float, str]]
    levels: Sequence[tuple[float, str]]


def lines(dates: Sequence[Monitored], segments: Sequence[int], language: Language) -> MonitorLines:
    """Return the lines of two dates or more, spaced by their days."""
    shares = {
        segment: [one.figures[f"share/segment_{segment}"].value for one in dates] for segment in segments
    }
    most = max(max(values) for values in shares.values()) or 1.0
    first, span = dates[0].as_of, (dates[-1].as_of - dates[0].as_of).days
    places = [_x((one.as_of - first).days / span) for one in dates]
    drawn = []
    for number, (segment, values) in enumerate(shares.items()):
        heights = [_y(value / most) for value in values]
        points = " ".join(f"{x},{y}" for x, y in zip(places, heights, strict=True))
        color = COLORS[number % len(COLORS)]
        drawn.append(ShareLine(segment, points, color, places[-1] + 8, heights[-1] + 4))
    drawn = _apart(drawn)
    listed = "; ".join(
        language.text("monitoring.shares_line", id=segment, first=values[0], last=values[-1])
        for segment, values in shares.items()
    )
    return MonitorLines(
        language.text("monitoring.shares_alt", listed=listed),
        WIDTH,
        HEIGHT,
        drawn,
        [(x, language.day(one.as_of)) for x, one in zip(places, dates, strict=True)],
        [(_y(part), language.percent(part * most)) for part in (0.0, 0.5, 1.0)],
    )


def _apart(drawn: Sequence[ShareLine]) -> list[ShareLine]:
    """Move the lines' numbers apart where they would stand upon each other."""
    places, least = {}, -math.inf
    for one in sorted(drawn, key=lambda one: one.y):
        least = places[one.id] = round(max(one.y, least + ROOM), 1)
    return [replace(one, y=places[one.id]) for one in drawn]


def _x(part: float) -> float:
    return round(LEFT + part * (WIDTH - LEFT - RIGHT), 1)


def _y(part: float) -> float:
    return round(HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM), 1)

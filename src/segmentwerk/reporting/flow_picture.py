"""Customers' ways from segment to segment as a figure, for PNG and, as SVG, for pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from segmentwerk.core.arrays import FloatArray
from segmentwerk.insight.alluvial import Band, layout
from segmentwerk.insight.draw_png import COLORS
from segmentwerk.insight.figure import Figure, Flows
from segmentwerk.insight.language import Language
from segmentwerk.monitoring.movement import OUTSIDE, Movement

WIDTH, HEIGHT, SIDE, FOOT = 920, 420, 200, 28
"""Pixels: of the whole, of the names on both sides, and of the dates below."""
LEAST_NAMED = 9
"""Pixels that a box must be high for its name to have room."""


@dataclass(frozen=True)
class FlowBox:
    """A box of the picture; places in pixels. ``anchor`` is empty where it bears no name."""

    name: str
    color: str
    x: float
    y: float
    width: float
    height: float
    name_x: float
    anchor: str


@dataclass(frozen=True)
class FlowPicture:
    """What the template ``flows.svg.j2`` draws.

    ``bands`` are outline, colour and words of each; ``dates`` the place and the text of each column.
    """

    alt: str
    width: int
    height: int
    boxes: Sequence[FlowBox]
    bands: Sequence[tuple[str, str, str]]
    dates: Sequence[tuple[float, str]]


def figure(movements: Sequence[Movement], names: Mapping[int, str], language: Language) -> Figure:
    """Return the figure of one or several movements that follow each other.

    Parameters
    ----------
    names
        What each segment is called, by id; others are told by their id.
    """
    segments = movements[0].segments
    told = [names.get(one) or language.text("movement.segment", id=one) for one in segments]
    days = [movements[0].since, *(one.until for one in movements)]
    marks = Flows(
        [language.day(day) for day in days],
        [*told, language.text("movement.outside")],
        [_link(one) for one in movements],
    )
    t = language.text
    return Figure("flows", moved(movements, language), t("movement.date"), t("movement.customers"), marks)


def picture(drawn: Figure, language: Language) -> FlowPicture:
    """Return the same figure as the template draws it."""
    marks = drawn.marks
    assert isinstance(marks, Flows)
    boxes, bands = layout(marks.links)
    last = len(marks.links)
    shown = []
    for box in boxes:
        x, y, right, bottom = _x(box.left), _y(box.top), _x(box.right), _y(box.bottom)
        named = box.column in (0, last) and bottom - y >= LEAST_NAMED
        anchor = ("end" if box.column == 0 else "start") if named else ""
        name_x = x - 6 if box.column == 0 else right + 6
        shown.append(
            FlowBox(
                marks.names[box.state],
                _color(box.state),
                x,
                y,
                round(right - x, 1),
                round(max(bottom - y, 0.5), 1),
                round(name_x, 1),
                anchor,
            )
        )
    places = np.linspace(0.0, 1.0, last + 1)
    dates = [(_x(place), day) for place, day in zip(places, marks.dates, strict=True)]
    told = [(_outline(band), _color(band.before), _words(band, marks.names, language)) for band in bands]
    return FlowPicture(drawn.alt(language), WIDTH, HEIGHT, shown, told, dates)


def moved(movements: Sequence[Movement], language: Language) -> str:
    """Say how many customers changed segment in the latest movement."""
    last = movements[-1]
    customers = int(last.between.to_numpy().sum())
    if not customers:
        return language.text("movement.nobody")
    others = customers - int(last.stayed.sum())
    told = {"moved": others, "customers": customers, "share": others / customers}
    return language.text("movement.moved", since=last.since, until=last.until, **told)


def _link(movement: Movement) -> FloatArray:
    """Return the flows between segments and the outside as one state, whose own flow is none."""
    k, table = len(movement.segments), movement.accounts
    inside, outside = movement.segments, list(OUTSIDE)
    found = np.zeros((k + 1, k + 1))
    found[:k, :k] = table.loc[inside, inside].to_numpy()
    found[:k, k] = table.loc[inside, outside].sum(axis=1).to_numpy()
    found[k, :k] = table.loc[outside, inside].sum(axis=0).to_numpy()
    return found


def _words(band: Band, names: Sequence[str], language: Language) -> str:
    told = {"before": names[band.before], "after": names[band.after], "amount": band.amount}
    return language.text("movement.from_to", **told)


def _outline(band: Band) -> str:
    """Return the outline of a band as an SVG path."""
    x, right, middle = _x(band.left), _x(band.right), _x((band.left + band.right) / 2)
    top, bottom, to_top, to_bottom = map(
        _y, (band.left_top, band.left_bottom, band.right_top, band.right_bottom)
    )
    return (
        f"M{x} {top}C{middle} {top} {middle} {to_top} {right} {to_top}"
        f"L{right} {to_bottom}C{middle} {to_bottom} {middle} {bottom} {x} {bottom}Z"
    )


def _color(state: int) -> str:
    return COLORS[state % len(COLORS)]


def _x(place: float) -> float:
    return round(SIDE + place * (WIDTH - 2 * SIDE), 1)


def _y(place: float) -> float:
    return round(4 + place * (HEIGHT - FOOT - 8), 1)

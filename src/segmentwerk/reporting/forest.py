"""The forest plot of a campaign as SVG: one row a segment and arm, with point and interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, NAMES, EDGE = 680, 250, 16
ROW, TOP = 26, 8
"""Height of a row, and room above the first one."""
TICKS = 8


@dataclass(frozen=True)
class Whisker:
    """One interval with its point, in pixels."""

    x: float
    low: float
    high: float
    y: float


@dataclass(frozen=True)
class ForestRow:
    """What stands in one row: a name, the plain interval, and the one drawn together if there is one."""

    name: str
    plain: tuple[float, float, float] | None
    together: tuple[float, float, float] | None


@dataclass(frozen=True)
class Forest:
    """What a template draws, and words for those who cannot see it."""

    alt: str
    width: int
    height: int
    zero: float
    names: Sequence[tuple[float, str]]
    plain: Sequence[Whisker]
    together: Sequence[Whisker]
    ticks: Sequence[tuple[float, float]]
    """Place and value."""


def draw(rows: Sequence[ForestRow], alt: str) -> Forest:
    """Place the rows of a forest plot; the line at 0 is always in the picture."""
    told = [one for row in rows for one in (row.plain, row.together) if one is not None]
    ends = [end for one in told for end in one if math.isfinite(end)] or [0.0]
    low, high = min(*ends, 0.0), max(*ends, 0.0)
    span = (high - low) or 1.0

    def place(value: float) -> float:
        return round(NAMES + EDGE + (value - low) / span * (WIDTH - NAMES - 2 * EDGE), 1)

    def whisker(one: tuple[float, float, float], number: int, shift: float) -> Whisker:
        value, begin, end = (place(part) for part in one)
        return Whisker(value, begin, end, TOP + (number + 0.5) * ROW + shift)

    return Forest(
        alt=alt,
        width=WIDTH,
        height=TOP + ROW * len(rows) + 30,
        zero=place(0.0),
        names=[(TOP + (number + 0.5) * ROW + 4, row.name) for number, row in enumerate(rows)],
        plain=[whisker(row.plain, number, -4) for number, row in enumerate(rows) if row.plain],
        together=[whisker(row.together, number, 4) for number, row in enumerate(rows) if row.together],
        ticks=[(place(value), value) for value in _ticks(low, high)],
    )


def _ticks(low: float, high: float) -> list[float]:
    """Return round values within a span, some of them.

    Examples
    --------
    >>> _ticks(-0.013, 0.021)
    [-0.01, -0.005, 0.0, 0.005, 0.01, 0.015, 0.02]
    """
    span = high - low
    if not span > 0:
        return [0.0]
    rough = span / TICKS
    unit = 10 ** math.floor(math.log10(rough))
    step = next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= rough)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]

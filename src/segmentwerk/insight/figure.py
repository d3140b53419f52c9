"""A figure as plain data, drawn by `draw_png` for galleries and by `draw_html` for a closer look."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Dots:
    """One value with its interval for each label; ``low`` and ``high`` may be NaN."""

    labels: list[str]
    values: list[float]
    low: list[float]
    high: list[float]


@dataclass(frozen=True)
class Line:
    """A named line; ``low`` and ``high`` draw a band where given, without ``y`` the band alone."""

    name: str
    x: list[float]
    y: list[float]
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Lines:
    """Lines over one axis; ``ticks`` name positions 0, 1, …; ``mark`` is a point to point at."""

    lines: list[Line]
    ticks: list[str] = field(default_factory=list)
    mark: tuple[float, float] | None = None
    mark_name: str = ""


@dataclass(frozen=True)
class Bars:
    """Bars for each label, one of each series side by side; ``thresholds`` are named heights."""

    labels: list[str]
    series: dict[str, list[float]]
    thresholds: dict[str, float] = field(default_factory=dict)
    percent: bool = False


@dataclass(frozen=True)
class Heat:
    """A table of values in [-1, 1], shape (n_rows, n_columns), with the text of each cell."""

    rows: list[str]
    columns: list[str]
    values: Floats
    texts: list[list[str]]
    scale: str = ""


@dataclass(frozen=True)
class Points:
    """Points of the plane in named groups; no point can be traced to an account."""

    groups: dict[str, Floats]


@dataclass(frozen=True)
class Flows:
    """Counts that go from a left label to a right one."""

    left: list[str]
    right: list[str]
    counts: list[tuple[int, int, float]]


Marks = Dots | Lines | Bars | Heat | Points | Flows


@dataclass(frozen=True)
class Figure:
    """One figure: its file name, the finding as its title, axes with units, and what is drawn."""

    name: str
    title: str
    x_label: str
    y_label: str
    marks: Marks

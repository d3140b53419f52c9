"""A figure as plain data, drawn by `draw_png`."""

from __future__ import annotations

from dataclasses import dataclass, field

from segmentwerk.core.arrays import FloatArray


@dataclass(frozen=True)
class Panel:
    """One value with its interval for each label; NaN where it was not measured."""

    title: str
    values: list[float]
    low: list[float]
    high: list[float]


@dataclass(frozen=True)
class Dots:
    """Panels side by side that share their labels."""

    labels: list[str]
    panels: list[Panel]


@dataclass(frozen=True)
class Line:
    """A named line."""

    name: str
    x: list[float]
    y: list[float]


@dataclass(frozen=True)
class Lines:
    """Lines over one axis of whole numbers; ``mark`` is a point to point at."""

    lines: list[Line]
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
    values: FloatArray
    texts: list[list[str]]
    scale: str = ""


Marks = Dots | Lines | Bars | Heat


@dataclass(frozen=True)
class Figure:
    """One figure: its file name, the finding as its title, axes with units, and what is drawn."""

    name: str
    title: str
    x_label: str
    y_label: str
    marks: Marks

"""Draw a figure as PNG with Matplotlib."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segmentwerk.core.files import atomic_file
from segmentwerk.insight.figure import Bars, Dots, Figure, Flows, Heat, Lines, Points
from segmentwerk.insight.palette import COLORS, DASHES, DIVERGING, MARKERS, pick

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DPI = 110


def draw_png(figure: Figure, folder: Path) -> Path:
    """Write ``folder/NAME.png`` and return its path.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    import matplotlib.figure  # the object interface needs no display and keeps no state

    canvas = matplotlib.figure.Figure(figsize=(9, 5.5), dpi=DPI, layout="constrained")
    axes = canvas.subplots()
    axes.set_title(figure.title, loc="left", fontsize=11, wrap=True)
    axes.set_xlabel(figure.x_label)
    axes.set_ylabel(figure.y_label)
    axes.spines[["top", "right"]].set_visible(False)
    _MARKS[type(figure.marks)](axes, figure.marks)
    path = folder / f"{figure.name}.png"
    with atomic_file(path) as draft:
        # Without the date and the version, the same figure gives the same bytes.
        canvas.savefig(draft, format="png", metadata={"Software": None})
    return path


def _dots(axes: Axes, marks: Dots) -> None:
    places = np.arange(len(marks.labels))[::-1]
    values = np.array(marks.values)
    reach = np.nan_to_num(np.abs(np.array([values - marks.low, np.array(marks.high) - values])))
    axes.errorbar(values, places, xerr=reach, fmt="o", color=COLORS[0], ecolor="0.5", capsize=3)
    axes.set_yticks(places, marks.labels)
    axes.grid(axis="x", color="0.9")


def _lines(axes: Axes, marks: Lines) -> None:
    for number, line in enumerate(marks.lines):
        color = pick(COLORS, number)
        style: dict[str, Any] = {
            "color": color,
            "linestyle": pick(DASHES, number),
            "marker": pick(MARKERS, number),
        }
        axes.plot(line.x, line.y, label=line.name, markersize=5, **style)
        if line.low:
            axes.fill_between(line.x, line.low, line.high, color=color, alpha=0.15, linewidth=0)
    if marks.ticks:
        axes.set_xticks(range(len(marks.ticks)), marks.ticks, rotation=20, ha="right")
    if marks.mark:
        axes.plot(*marks.mark, marker="o", markersize=14, fillstyle="none", color="black", label="chosen")
    if len(marks.lines) > 1 or marks.mark:
        axes.legend(frameon=False, fontsize=9)
    axes.grid(color="0.93")


def _bars(axes: Axes, marks: Bars) -> None:
    places = np.arange(len(marks.labels))
    width = 0.8 / len(marks.series)
    for number, (name, values) in enumerate(marks.series.items()):
        shift = (number - (len(marks.series) - 1) / 2) * width
        hatch = ("", "//", "..")[number % 3]
        axes.bar(
            places + shift,
            values,
            width,
            label=name,
            color=pick(COLORS, number),
            hatch=hatch,
            edgecolor="white",
        )
    axes.set_xticks(places, marks.labels, rotation=20, ha="right")
    if len(marks.series) > 1:
        axes.legend(frameon=False)
    axes.grid(axis="y", color="0.9")


def _heat(axes: Axes, marks: Heat) -> None:
    image = axes.imshow(marks.values, cmap=DIVERGING, vmin=-1, vmax=1, aspect="auto")
    axes.set_xticks(range(len(marks.columns)), marks.columns, rotation=25, ha="right", fontsize=8)
    axes.set_yticks(range(len(marks.rows)), marks.rows, fontsize=8)
    for row, texts in enumerate(marks.texts):
        for column, text in enumerate(texts):
            light = abs(marks.values[row, column]) > 0.7
            axes.text(
                column, row, text, ha="center", va="center", fontsize=7, color="white" if light else "black"
            )
    assert axes.figure is not None
    axes.figure.colorbar(image, ax=axes, label="effect size")


def _points(axes: Axes, marks: Points) -> None:
    for number, (name, points) in enumerate(marks.groups.items()):
        style: dict[str, Any] = {"color": pick(COLORS, number), "marker": pick(MARKERS, number)}
        axes.scatter(points[:, 0], points[:, 1], s=9, alpha=0.6, linewidths=0, label=name, **style)
    axes.legend(frameon=False, fontsize=8, markerscale=2)


def _flows(axes: Axes, marks: Flows) -> None:
    """Draw bands between two stacks."""
    total = sum(count for _, _, count in marks.counts) or 1.0
    left, right = _stack(marks, 0, total), _stack(marks, 1, total)
    for source, target, count in marks.counts:
        height = count / total
        y0, y1 = left[source], right[target]
        x = np.linspace(0, 1, 40)
        bend = 3 * x**2 - 2 * x**3
        low = y0 + (y1 - y0) * bend
        axes.fill_between(x, low, low + height, color=pick(COLORS, source), alpha=0.55, linewidth=0.3)
        left[source] += height
        right[target] += height
    for side, labels, ends, align in ((0, marks.left, left, "right"), (1, marks.right, right, "left")):
        for number, label in enumerate(labels):
            axes.text(side, ends[number] - 0.01, f" {label} ", ha=align, va="top", fontsize=9)
    axes.set_xlim(-0.5, 1.5)
    axes.axis("off")


def _stack(marks: Flows, side: int, total: float) -> list[float]:
    """Return where each label's share begins."""
    sums = np.zeros(len((marks.left, marks.right)[side]))
    for source, target, count in marks.counts:
        sums[(source, target)[side]] += count / total
    return [0.0, *np.cumsum(sums)[:-1].tolist()]


_MARKS: dict[type, Callable[[Axes, Any], None]] = {
    Dots: _dots,
    Lines: _lines,
    Bars: _bars,
    Heat: _heat,
    Points: _points,
    Flows: _flows,
}

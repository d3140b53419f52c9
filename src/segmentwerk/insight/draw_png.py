"""Draw a figure as PNG with Matplotlib."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segmentwerk.core.files import atomic_file
from segmentwerk.insight.figure import Bars, Dots, Figure, Flows, Heat, Line, Lines, Points
from segmentwerk.insight.language import ENGLISH, Language
from segmentwerk.insight.palette import COLORS, DASHES, DIVERGING, HATCHES, MARKERS, pick

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DPI = 110
TITLE_WIDTH = 92
"""Characters of a title's line."""
TICK_WIDTH = 20


def draw_png(figure: Figure, folder: Path, language: Language = ENGLISH) -> Path:
    """Write ``folder/NAME.png`` and return its path.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    import matplotlib.figure  # the object interface needs no display and keeps no state

    canvas = matplotlib.figure.Figure(figsize=(9, 5.5), dpi=DPI, layout="constrained")
    axes = canvas.subplots()
    canvas.suptitle(textwrap.fill(figure.title, TITLE_WIDTH), x=0.01, ha="left", fontsize=12)
    axes.set_xlabel(figure.x_label)
    axes.set_ylabel(figure.y_label)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    _MARKS[type(figure.marks)](axes, figure.marks)
    _localise(axes, language)
    path = folder / f"{figure.name}.png"
    with atomic_file(path) as draft:
        # Without the date and the version, the same figure gives the same bytes.
        canvas.savefig(draft, format="png", metadata={"Software": None})
    return path


def _localise(axes: Axes, language: Language) -> None:
    """Write the numbers of the axes in the language."""
    from matplotlib.ticker import PercentFormatter, ScalarFormatter

    for axis in (axes.xaxis, axes.yaxis):
        formatter = axis.get_major_formatter()
        if isinstance(formatter, PercentFormatter):
            axis.set_major_formatter(lambda value, _: language.percent(value))
        elif isinstance(formatter, ScalarFormatter) and language.code == "de":
            axis.set_major_formatter(lambda value, _: f"{value:g}".replace(".", ","))


def _dots(axes: Axes, marks: Dots) -> None:
    places = np.arange(len(marks.labels))[::-1]
    values = np.array(marks.values)
    reach = np.nan_to_num(np.abs(np.array([values - marks.low, np.array(marks.high) - values])))
    axes.errorbar(values, places, xerr=reach, fmt="o", color=COLORS[0], ecolor="0.4", capsize=4, markersize=8)
    axes.set_yticks(places, marks.labels)
    axes.set_ylim(-0.6, len(places) - 0.4)
    axes.grid(axis="x", color="0.9")


def _lines(axes: Axes, marks: Lines) -> None:
    from matplotlib.ticker import MaxNLocator

    for number, line in enumerate(marks.lines):
        _line(axes, line, number)
    if marks.ticks:
        axes.set_xticks(range(len(marks.ticks)), [textwrap.fill(tick, TICK_WIDTH) for tick in marks.ticks])
    else:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if marks.mark:
        style: dict[str, Any] = {"marker": "o", "markersize": 15, "fillstyle": "none", "color": "black"}
        axes.plot(*marks.mark, linestyle="none", markeredgewidth=2, label=marks.mark_name, **style)
    if len(marks.lines) > 1 or marks.mark:
        axes.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(0, -0.16), ncols=3)
    axes.grid(color="0.93")


def _line(axes: Axes, line: Line, number: int) -> None:
    color = pick(COLORS, number)
    label = line.name
    if line.y:
        style: dict[str, Any] = {"linestyle": pick(DASHES, number), "marker": pick(MARKERS, number)}
        axes.plot(line.x, line.y, label=label, markersize=7, color=color, **style)
        label = ""
    if line.low:
        axes.fill_between(line.x, line.low, line.high, color="0.4", alpha=0.18, linewidth=0, label=label)


def _bars(axes: Axes, marks: Bars) -> None:
    places = np.arange(len(marks.labels))
    width = 0.8 / len(marks.series)
    for number, (name, values) in enumerate(marks.series.items()):
        shift = (number - (len(marks.series) - 1) / 2) * width
        style: dict[str, Any] = {"color": pick(COLORS, number), "hatch": pick(HATCHES, number)}
        axes.bar(places + shift, values, width, label=name, edgecolor="white", **style)
    for number, (name, height) in enumerate(marks.thresholds.items()):
        axes.axhline(height, color="black", linewidth=1.2, linestyle=pick(DASHES, number + 1), label=name)
    axes.set_xticks(places, marks.labels, rotation=20, ha="right")
    if marks.percent:
        from matplotlib.ticker import PercentFormatter

        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    if len(marks.series) + len(marks.thresholds) > 1:
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1), fontsize=9)
    axes.grid(axis="y", color="0.9")


def _heat(axes: Axes, marks: Heat) -> None:
    image = axes.imshow(marks.values, cmap=DIVERGING, vmin=-1, vmax=1, aspect="auto")
    axes.set_xticks(range(len(marks.columns)), marks.columns, rotation=20, ha="right", fontsize=8)
    axes.set_yticks(range(len(marks.rows)), marks.rows, fontsize=8)
    for row, texts in enumerate(marks.texts):
        for column, text in enumerate(texts):
            color = "white" if abs(marks.values[row, column]) > 0.7 else "black"
            axes.text(column, row, text, ha="center", va="center", fontsize=8, color=color)
    assert axes.figure is not None
    axes.figure.colorbar(image, ax=axes, label=textwrap.fill(marks.scale, 50))


def _points(axes: Axes, marks: Points) -> None:
    for number, (name, points) in enumerate(marks.groups.items()):
        style: dict[str, Any] = {"color": pick(COLORS, number), "marker": pick(MARKERS, number)}
        axes.scatter(points[:, 0], points[:, 1], s=16, alpha=0.7, linewidths=0, label=name, **style)
    axes.legend(frameon=False, fontsize=9, markerscale=2, loc="upper left", bbox_to_anchor=(1, 1))


def _flows(axes: Axes, marks: Flows) -> None:
    """Draw bands between two stacks, the first label on top."""
    total = sum(count for _, _, count in marks.counts) or 1.0
    left, right = _stack(marks, 0, total), _stack(marks, 1, total)
    for side, labels, align in ((0, marks.left, "right"), (1, marks.right, "left")):
        for number, label in enumerate(labels):
            start, size, count = (left, right)[side][number]
            axes.text(
                side, start + size / 2, f"  {label} ({count:,.0f})  ", ha=align, va="center", fontsize=9
            )
    used = {0: [start for start, _, _ in left], 1: [start for start, _, _ in right]}
    for source, target, count in marks.counts:
        height = count / total
        x = np.linspace(0, 1, 40)
        low = used[0][source] + (used[1][target] - used[0][source]) * (3 * x**2 - 2 * x**3)
        style: dict[str, Any] = {"color": pick(COLORS, source), "edgecolor": "white"}
        axes.fill_between(x, low, low + height, alpha=0.65, linewidth=1, hatch=pick(HATCHES, source), **style)
        used[0][source] += height
        used[1][target] += height
    axes.set_xlim(-0.35, 1.35)
    axes.invert_yaxis()
    axes.set_yticks([])
    axes.set_xticks([])
    axes.spines[:].set_visible(False)


def _stack(marks: Flows, side: int, total: float) -> list[tuple[float, float, float]]:
    """Return start, size and count of each label, with a gap between labels."""
    sums = np.zeros(len((marks.left, marks.right)[side]))
    for source, target, count in marks.counts:
        sums[(source, target)[side]] += count
    starts = np.concatenate([[0.0], np.cumsum(sums)[:-1]]) / total + 0.03 * np.arange(len(sums))
    return [(float(a), float(n / total), float(n)) for a, n in zip(starts, sums, strict=True)]


_MARKS: dict[type, Callable[[Axes, Any], None]] = {
    Dots: _dots,
    Lines: _lines,
    Bars: _bars,
    Heat: _heat,
    Points: _points,
    Flows: _flows,
}

"""Draw a figure as PNG with Matplotlib."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segmentwerk.core.files import atomic_file
from segmentwerk.insight.alluvial import layout
from segmentwerk.insight.figure import Bars, Dots, Figure, Flows, Heat, Lines, Places
from segmentwerk.insight.language import ENGLISH, Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

DPI = 110
TITLE_WIDTH = 92
"""Characters of a title's line."""
LABEL_WIDTH = 34
"""Characters of a line of a feature's name."""

# Colours and marks that the colour-blind and a greyscale print can tell apart:
# Okabe & Ito (2008), Color Universal Design; ordered so that neighbours differ in lightness, too.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000", "#F0E442")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", "--", "-.", ":")
HATCHES = ("", "//", "..", "xx", "\\\\", "oo", "--", "++")
DIVERGING = "PuOr"
"""Orange for below, purple for above: safe for all common colour deficiencies."""


def draw_png(figure: Figure, folder: Path, language: Language = ENGLISH) -> Path:
    """Write ``folder/NAME.png`` and return its path.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    path = folder / f"{figure.name}.png"
    with atomic_file(path) as draft:
        # Without the date and the version, the same figure gives the same bytes.
        drawn(figure, language).savefig(draft, format="png", metadata={"Software": None})
    return path


def drawn(figure: Figure, language: Language = ENGLISH) -> Canvas:
    """Draw the figure, its numbers in the language."""
    import matplotlib.figure  # the object interface needs no display and keeps no state

    canvas = matplotlib.figure.Figure(figsize=(9, 5.5), dpi=DPI, layout="constrained")
    canvas.suptitle(textwrap.fill(figure.title, TITLE_WIDTH), x=0.01, ha="left", fontsize=12)
    _MARKS[type(figure.marks)](canvas, figure.marks)
    canvas.supxlabel(figure.x_label, fontsize=10)
    canvas.supylabel(figure.y_label, fontsize=10)
    for axes in canvas.axes:
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    _localise(canvas, language)
    return canvas


def _localise(canvas: Canvas, language: Language) -> None:
    """Write the numbers of all axes, colour bars among them, in the language."""
    from matplotlib.ticker import PercentFormatter, ScalarFormatter

    for axes in canvas.axes:
        for axis in (axes.xaxis, axes.yaxis):
            formatter = axis.get_major_formatter()
            if isinstance(formatter, PercentFormatter):
                axis.set_major_formatter(lambda value, _: language.percent(value))
            elif isinstance(formatter, ScalarFormatter):
                axis.set_major_formatter(lambda value, _: _tick(value, language))


def _tick(value: float, language: Language) -> str:
    text = f"{round(value, 10) + 0.0:g}"
    return text.replace(".", ",") if language.code == "de" else text


def _dots(canvas: Canvas, marks: Dots) -> None:
    places = np.arange(len(marks.labels))[::-1]
    panels = canvas.subplots(1, len(marks.panels), sharey=True, squeeze=False)[0]
    for axes, panel in zip(panels, marks.panels, strict=True):
        values = np.array(panel.values)
        reach = np.nan_to_num(np.abs(np.array([values - panel.low, np.array(panel.high) - values])))
        style: dict[str, Any] = {"fmt": "o", "color": COLORS[0], "ecolor": "0.4", "capsize": 4}
        axes.errorbar(values, places, xerr=reach, markersize=8, **style)
        axes.set_title(textwrap.fill(panel.title, 84 // len(panels)), fontsize=10)
        axes.set_yticks(places, marks.labels)
        axes.set_ylim(-0.6, len(places) - 0.4)
        axes.locator_params(axis="x", nbins=5)
        axes.grid(axis="x", color="0.9")


def _lines(canvas: Canvas, marks: Lines) -> None:
    from matplotlib.ticker import MaxNLocator

    axes = canvas.subplots()
    for number, line in enumerate(marks.lines):
        style: dict[str, Any] = {"linestyle": _pick(DASHES, number), "marker": _pick(MARKERS, number)}
        axes.plot(line.x, line.y, label=line.name, markersize=7, color=_pick(COLORS, number), **style)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if marks.mark:
        ring: dict[str, Any] = {"marker": "o", "markersize": 15, "fillstyle": "none", "color": "black"}
        axes.plot(*marks.mark, linestyle="none", markeredgewidth=2, label=marks.mark_name, **ring)
    if len(marks.lines) > 1 or marks.mark:
        _legend(axes)
    axes.grid(color="0.93")


def _bars(canvas: Canvas, marks: Bars) -> None:
    axes = canvas.subplots()
    places = np.arange(len(marks.labels))
    width = 0.8 / len(marks.series)
    for number, (name, values) in enumerate(marks.series.items()):
        shift = (number - (len(marks.series) - 1) / 2) * width
        style: dict[str, Any] = {"color": _pick(COLORS, number), "hatch": _pick(HATCHES, number)}
        axes.bar(places + shift, values, width, label=name, edgecolor="white", **style)
    for number, (name, height) in enumerate(marks.thresholds.items()):
        axes.axhline(height, color="black", linewidth=1.2, linestyle=_pick(DASHES, number + 1), label=name)
    _segments(axes, marks.labels)
    if marks.percent:
        from matplotlib.ticker import PercentFormatter

        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    if len(marks.series) + len(marks.thresholds) > 1:
        _legend(axes)
    axes.grid(axis="y", color="0.9")


def _heat(canvas: Canvas, marks: Heat) -> None:
    axes = canvas.subplots()
    image = axes.imshow(marks.values, cmap=DIVERGING, vmin=-1, vmax=1, aspect="auto")
    _segments(axes, marks.columns)
    axes.set_yticks(
        range(len(marks.rows)), [textwrap.fill(row, LABEL_WIDTH) for row in marks.rows], fontsize=8
    )
    for row, texts in enumerate(marks.texts):
        for column, text in enumerate(texts):
            color = "white" if abs(marks.values[row, column]) > 0.7 else "black"
            axes.text(column, row, text, ha="center", va="center", fontsize=8, color=color)
    canvas.colorbar(image, ax=axes, label=textwrap.fill(marks.scale, 50))


def _flows(canvas: Canvas, marks: Flows) -> None:
    from matplotlib.patches import PathPatch, Rectangle
    from matplotlib.path import Path as Outline

    axes = canvas.subplots()
    boxes, bands = layout(marks.links)
    bends = [Outline.MOVETO, *[Outline.CURVE4] * 3, Outline.LINETO, *[Outline.CURVE4] * 3, Outline.CLOSEPOLY]
    for band in bands:
        middle = (band.left + band.right) / 2
        places = [
            (band.left, band.left_top), (middle, band.left_top), (middle, band.right_top),
            (band.right, band.right_top), (band.right, band.right_bottom), (middle, band.right_bottom),
            (middle, band.left_bottom), (band.left, band.left_bottom), (0.0, 0.0),
        ]  # fmt: skip
        color = _pick(COLORS, band.before)
        axes.add_patch(PathPatch(Outline(places, bends), facecolor=color, alpha=0.35, edgecolor="none"))
    last = len(marks.links)
    for box in boxes:
        place, size = (box.left, box.top), (box.right - box.left, box.bottom - box.top)
        axes.add_patch(Rectangle(place, *size, facecolor=_pick(COLORS, box.state), edgecolor="black"))
        if box.column in (0, last):
            at, side = (box.left - 0.01, "right") if box.column == 0 else (box.right + 0.01, "left")
            name = textwrap.fill(marks.names[box.state], LABEL_WIDTH - 8)
            axes.text(at, (box.top + box.bottom) / 2, name, ha=side, va="center", fontsize=8)
    axes.set_xticks(np.linspace(0.0, 1.0, last + 1), marks.dates, fontsize=8)
    axes.set_yticks([])
    axes.set_xlim(-0.3, 1.3)
    axes.set_ylim(1.0, 0.0)
    axes.spines[["left", "bottom"]].set_visible(False)


def _places(canvas: Canvas, marks: Places) -> None:
    axes = canvas.subplots()
    x, y, sizes = (np.array(values) for values in (marks.x, marks.y, marks.sizes))
    axes.scatter(x, y, s=30 + 400 * sizes / sizes.max(), color=COLORS[0], alpha=0.35, edgecolor=COLORS[0])
    for name, across, up in zip(marks.names, x, y, strict=True):
        text = textwrap.shorten(name, LABEL_WIDTH, placeholder=" …")
        axes.annotate(text, (across, up), (5, 7), textcoords="offset points", fontsize=8)
    reach = 0.9 * max(np.abs(x).max(), np.abs(y).max())
    for number, (name, across, up) in enumerate(marks.arrows):
        tip = (reach * across, reach * up)
        color = _pick(COLORS[1:7], number)
        axes.annotate("", tip, (0, 0), arrowprops={"arrowstyle": "->", "color": color, "linewidth": 1.8})
        axes.annotate(textwrap.shorten(name, LABEL_WIDTH, placeholder=" …"), tip, fontsize=9, style="italic")
        axes.update_datalim([tip])  # an annotation does not ask for room by itself
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.15)
    axes.grid(color="0.93")


def _segments(axes: Axes, names: list[str]) -> None:
    """Write the names of segments along the axis, wrapped so that each stays below its own column."""
    width = max(8, 78 // len(names))
    axes.set_xticks(range(len(names)), [textwrap.fill(name, width) for name in names], fontsize=8)


def _legend(axes: Axes) -> None:
    """Stand the legend above the axes, where it hides neither marks nor labels."""
    axes.legend(frameon=False, fontsize=9, loc="lower left", bbox_to_anchor=(0, 1), ncols=3)


_MARKS: dict[type, Callable[[Canvas, Any], None]] = {
    Dots: _dots,
    Lines: _lines,
    Bars: _bars,
    Heat: _heat,
    Flows: _flows,
    Places: _places,
}


def _pick(choices: Sequence[str], number: int) -> str:
    """Return a choice by number, starting over after the last."""
    return choices[number % len(choices)]

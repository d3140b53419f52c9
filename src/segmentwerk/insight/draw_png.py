"""Draw a figure as PNG with Matplotlib."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.files import atomic_file
from segmentwerk.insight.alluvial import layout
from segmentwerk.insight.figure import Bars, Dots, Figure, Flows, Heat, Lines, Places
from segmentwerk.insight.labelling import Box, Label, free_places
from segmentwerk.insight.language import ENGLISH, Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas
    from matplotlib.text import Text

DPI = 110
TITLE_WIDTH = 92
"""Characters of a title's line."""
ROOM = 1.25
"""Times the usual width that a word below a column may have before the names slope."""
FAR = 12.0
"""Pixels from a point beyond which a line leads to its name."""
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

    rows = len(figure.marks.rows) if isinstance(figure.marks, Heat) else 0
    size = (9, max(5.5, 1.2 + 0.25 * rows))
    canvas = matplotlib.figure.Figure(figsize=size, dpi=DPI, layout="constrained")
    canvas.suptitle(textwrap.fill(figure.title, TITLE_WIDTH), x=0.01, ha="left", fontsize=12)
    _MARKS[type(figure.marks)](canvas, figure.marks)
    canvas.supxlabel(figure.x_label, fontsize=10)
    canvas.supylabel(figure.y_label, fontsize=10)
    for axes in canvas.axes:
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    _localise(canvas, language)
    if isinstance(figure.marks, Places):
        _name_places(canvas, figure.marks)
    return canvas


def _localise(canvas: Canvas, language: Language) -> None:
    """Write the numbers of all axes, colour bars among them, in the language."""
    from matplotlib.ticker import PercentFormatter, ScalarFormatter

    for axes in canvas.axes:
        for axis in (axes.xaxis, axes.yaxis):
            formatter = axis.get_major_formatter()
            if isinstance(formatter, PercentFormatter):
                axis.set_major_formatter(lambda value, _: _percent_tick(value, language))
            elif isinstance(formatter, ScalarFormatter):
                axis.set_major_formatter(lambda value, _: _tick(value, language))


def _percent_tick(value: float, language: Language) -> str:
    return language.percent(value, 0 if abs(100 * value - round(100 * value)) < 1e-6 else 1)


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
            back = np.asarray(image.cmap(image.norm(marks.values[row, column])))
            axes.text(column, row, text, ha="center", va="center", fontsize=8, color=_readable(back))
    canvas.colorbar(image, ax=axes, label=textwrap.fill(marks.scale, 50))


def _readable(back: FloatArray) -> str:
    """Return black or white, whichever has more contrast to a colour (WCAG 2.2, relative luminance)."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in back[:3]
    )
    return "white" if 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.179 else "black"


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
    axes.scatter(marks.x, marks.y, s=_areas(marks), color=COLORS[0], alpha=0.35, edgecolor=COLORS[0])
    for number, tip in enumerate(_tips(marks)):
        color = _pick(COLORS[1:7], number)
        axes.annotate("", tip, (0, 0), arrowprops={"arrowstyle": "->", "color": color, "linewidth": 1.8})
        axes.update_datalim([tip])  # an annotation does not ask for room by itself
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.15)
    axes.grid(color="0.93")


def _areas(marks: Places) -> FloatArray:
    """Return the points' areas, in square points of print."""
    sizes = np.array(marks.sizes)
    return np.asarray(30 + 400 * sizes / sizes.max())


def _tips(marks: Places) -> list[tuple[float, float]]:
    reach = 0.9 * max(np.abs(marks.x).max(), np.abs(marks.y).max())
    return [(reach * across, reach * up) for _, across, up in marks.arrows]


def _name_places(canvas: Canvas, marks: Places) -> None:
    """Name points and arrows where the names hide least, once it is known where everything lies."""
    from matplotlib.lines import Line2D
    from matplotlib.transforms import IdentityTransform

    canvas.draw_without_rendering()
    (axes,) = canvas.axes
    radii = np.sqrt(_areas(marks) / np.pi) * DPI / 72
    points = axes.transData.transform(np.column_stack([marks.x, marks.y]))
    tips = axes.transData.transform(np.array(_tips(marks)).reshape(-1, 2))
    middle = axes.transData.transform((0.0, 0.0))
    outwards = np.degrees(np.arctan2(*(tips - middle).T[::-1]))
    texts = [_name(axes, name, {"fontsize": 8}) for name in marks.names]
    texts += [_name(axes, name, {"fontsize": 9, "style": "italic"}) for name, _, _ in marks.arrows]
    labels = [
        Label(float(x), float(y), *text.get_window_extent().size, float(radius), float(towards))
        for text, (x, y), radius, towards in zip(
            texts,
            np.vstack([points, tips]),
            np.append(radii, np.zeros(len(tips))),
            np.append(np.full(len(points), 45.0), outwards),
            strict=True,
        )
    ]
    taken = [Box(x - r, y - r, x + r, y + r, 0.5) for (x, y), r in zip(points, radii, strict=True)]
    taken += [Box(x - 3, y - 3, x + 3, y + 3) for tip in tips for x, y in np.linspace(middle, tip, 25)]
    chosen = free_places(labels, taken, Box(*axes.bbox.extents))
    for text, label, box in zip(texts, labels, chosen, strict=True):
        text.set_position((box.left, box.bottom))
        end = box.nearest(label.x, label.y)
        if math.dist((label.x, label.y), end) > label.radius + FAR:
            ends = zip((label.x, label.y), end, strict=True)
            axes.add_artist(Line2D(*ends, color="0.5", linewidth=0.6, transform=IdentityTransform()))


def _name(axes: Axes, name: str, style: dict[str, Any]) -> Text:
    """Write a name on the canvas, which is moved later; the axes do not make room for it."""
    text = axes.text(0, 0, textwrap.fill(name, LABEL_WIDTH - 8), transform=None, **style)
    text.set_in_layout(False)
    return text


def _segments(axes: Axes, names: list[str]) -> None:
    """Write names below their columns, each wrapped to stay below its own; sloping if words are long."""
    width = max(8, 78 // len(names))
    longest = max((len(word) for name in names for word in name.split()), default=0)
    texts = [textwrap.fill(name, max(width, longest)) for name in names]
    slope: dict[str, Any] = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(range(len(names)), texts, fontsize=8, **(slope if longest > ROOM * width else {}))


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

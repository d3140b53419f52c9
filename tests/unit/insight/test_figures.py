"""Every kind of figure is drawn as a picture, the same each time."""

import itertools
import re

import numpy as np
import pytest
from matplotlib.text import Text

from segmentwerk.insight.draw_png import _readable, draw_png, drawn
from segmentwerk.insight.figure import Bars, Dots, Figure, Heat, Line, Lines, Panel, Places
from segmentwerk.insight.language import Language

NAN = float("nan")
FIGURES = [
    Figure(
        "dots",
        "a leads",
        "value",
        "",
        Dots(
            ["a", "b"],
            [
                Panel("gain", [0.5, 0.2], [0.4, NAN], [0.6, NAN]),
                Panel("value", [NAN] * 2, [NAN] * 2, [NAN] * 2),
            ],
        ),
    ),
    Figure(
        "lines",
        "three it is",
        "k",
        "score",
        Lines(
            [Line("x", [2, 3], [0.1, 0.4]), Line("y", [2, 3], [0.2, 0.3])],
            mark=(3, 0.4),
        ),
    ),
    Figure(
        "bars",
        "one is big",
        "segment",
        "share",
        Bars(["1", "2"], {"accounts": [0.7, 0.3], "revenue": [0.2, 0.8]}),
    ),
    Figure(
        "heat",
        "revenue tells",
        "segment",
        "feature",
        Heat(["r"], ["1", "2"], np.array([[-0.9, 0.5]]), [["1", "2"]]),
    ),
    Figure(
        "map",
        "near is alike",
        "across",
        "up",
        Places(
            ["first of four", "second of four", "third of four", "fourth of four"],
            [0.0, 0.01, 0.02, 2.5],
            [0.0, 0.02, 0.01, 0.5],
            [9, 8, 7, 6],
            [("to the right", 0.8, 0.1)],
        ),
    ),
]


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_a_figure_is_drawn_as_png_the_same_each_time(figure, tmp_path):
    first = draw_png(figure, tmp_path / "a").read_bytes()
    assert first.startswith(b"\x89PNG")
    assert first == draw_png(figure, tmp_path / "b").read_bytes()


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_a_german_picture_has_decimal_commas_everywhere(figure):
    """The colour bar's numbers, too, which Matplotlib makes up when it draws."""
    english, german = (texts(drawn(figure, Language(code))) for code in ("en", "de"))
    assert any(re.search(r"\d\.\d", text) for text in english)
    assert not [text for text in german if re.search(r"\d\.\d", text)]


def test_names_on_a_map_hide_neither_each_other_nor_move_the_points():
    canvas = drawn(FIGURES[-1])
    canvas.draw_without_rendering()
    (axes,) = canvas.axes
    names = {text.get_text(): text.get_window_extent() for text in axes.texts if text.get_text()}
    assert len(names) == 5
    assert not [pair for pair in itertools.combinations(names, 2) if names[pair[0]].overlaps(names[pair[1]])]
    far = axes.transData.transform((2.5, 0.5))
    assert abs(names["fourth of four"].x0 - far[0]) < 40
    assert axes.get_xlim()[1] < 4


def test_names_below_columns_are_never_torn():
    names = ["Gelegenheitskäufer mit Skonto"] * 9
    figure = Figure("b", "t", "x", "y", Bars(names, {"s": [0.025] * 9}, percent=True))
    ticks = drawn(figure).axes[0].get_xticklabels()
    assert {tick.get_text() for tick in ticks} == {"Gelegenheitskäufer\nmit Skonto"}
    assert {tick.get_rotation() for tick in ticks} == {30}
    assert "2.5%" in texts(drawn(figure))


def test_text_on_a_colour_can_be_read():
    assert [_readable(np.array(back)) for back in ((1, 1, 1, 1), (0.2, 0, 0.3, 1))] == ["black", "white"]


def texts(canvas):
    canvas.draw_without_rendering()
    return [one.get_text() for one in canvas.findobj(Text)]


def test_no_legend_lies_over_an_axis_title():
    for figure in FIGURES:
        canvas = drawn(figure)
        canvas.draw_without_rendering()
        labels = [canvas._supxlabel, canvas._supylabel, canvas._suptitle]
        boxes = [label.get_window_extent() for label in labels if label.get_text()]
        legends = [axes.get_legend().get_window_extent() for axes in canvas.axes if axes.get_legend()]
        assert not [box for box in boxes for legend in legends if legend.overlaps(box)], figure.name

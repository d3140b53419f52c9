"""Every kind of figure is drawn twice, as a picture and as a page that needs no network."""

import numpy as np
import pytest

from segmentwerk.insight.draw_html import draw_html
from segmentwerk.insight.draw_png import draw_png
from segmentwerk.insight.figure import Bars, Dots, Figure, Flows, Heat, Line, Lines, Points

NAN = float("nan")
FIGURES = [
    Figure("dots", "a leads", "gain", "candidate", Dots(["a", "b"], [0.5, 0.2], [0.4, NAN], [0.6, NAN])),
    Figure(
        "lines",
        "three it is",
        "k",
        "score",
        Lines(
            [Line("x", [2, 3], [0.1, 0.4], [0.0, 0.3], [0.2, 0.5]), Line("y", [2, 3], [0.2, 0.3])],
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
    Figure("points", "a map", "x", "y", Points({"1": np.zeros((3, 2)), "2": np.ones((4, 2))})),
    Figure(
        "flows", "few move", "", "", Flows(["1", "2"], ["1", "2"], [(0, 0, 9.0), (0, 1, 1.0), (1, 1, 5.0)])
    ),
]


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_a_figure_is_drawn_as_png_the_same_each_time(figure, tmp_path):
    first = draw_png(figure, tmp_path / "a").read_bytes()
    assert first.startswith(b"\x89PNG")
    assert first == draw_png(figure, tmp_path / "b").read_bytes()


def test_all_figures_stand_on_one_page_without_outside_resources(tmp_path):
    page = draw_html(FIGURES, "k-means & friends", tmp_path / "figures.html").read_text()
    assert "<h1>k-means &amp; friends</h1>" in page
    for figure in FIGURES:
        assert f'id="{figure.name}"' in page
    assert page.count("plotly.js v") == 1
    assert 'src="http' not in page

"""Boxes and bands of an alluvial figure: as high as what they tell, side by side, and drawn."""

from itertools import pairwise

import numpy as np
import pytest

from segmentwerk.insight.alluvial import GAP, layout
from segmentwerk.insight.draw_png import draw_png
from segmentwerk.insight.figure import Figure, Flows

LINKS = [
    np.array([[60.0, 20, 5], [10, 80, 0], [15, 0, 0]]),
    np.array([[70.0, 15, 0], [0, 90, 10], [0, 5, 0]]),
]


def test_heights_tell_amounts():
    boxes, bands = layout(LINKS)
    scale = {round((box.bottom - box.top) / box.amount, 9) for box in boxes}
    scale |= {round((band.left_bottom - band.left_top) / band.amount, 9) for band in bands}
    scale |= {round((band.right_bottom - band.right_top) / band.amount, 9) for band in bands}
    assert len(scale) == 1
    assert sum(band.amount for band in bands if band.column == 0) == LINKS[0].sum()


def test_a_state_is_as_high_as_the_larger_of_what_came_and_what_goes():
    amounts = {(box.column, box.state): box.amount for box in layout(LINKS)[0]}
    assert amounts[0, 0] == 85
    assert amounts[1, 0] == max(60 + 10 + 15, 70 + 15)
    assert amounts[1, 2] == max(5, 5)
    assert amounts[2, 1] == 15 + 90 + 5


def test_nothing_overlaps_and_all_lies_in_the_square():
    boxes, bands = layout(LINKS)
    for column in range(3):
        mine = sorted((box for box in boxes if box.column == column), key=lambda box: box.top)
        assert all(after.top - before.bottom >= GAP - 1e-9 for before, after in pairwise(mine))
    for box in boxes:
        assert box.top >= 0
        assert box.bottom <= 1 + 1e-9
    for before in range(3):
        mine = sorted(
            (band.left_top, band.left_bottom) for band in bands if (band.column, band.before) == (0, before)
        )
        assert all(after[0] == pytest.approx(one[1]) for one, after in pairwise(mine))


def test_drawn_twice_it_is_the_same_and_told_in_words(tmp_path):
    figure = Figure("flows", "Title", "date", "customers", Flows(["a", "b", "c"], ["x", "y", "z"], LINKS))
    first = draw_png(figure, tmp_path / "one").read_bytes()
    assert draw_png(figure, tmp_path / "two").read_bytes() == first
    assert "x: 85 to 70" in figure.alt()

"""Names on a map: beside their points, apart from each other, inside of the picture."""

import itertools

import pytest

from segmentwerk.insight.labelling import Box, Label, free_places

PICTURE = Box(0, 0, 400, 300)


def test_a_name_alone_stands_beside_its_point_where_it_is_wanted():
    (box,) = free_places([Label(100, 100, 50, 10, radius=8)], [], PICTURE)
    assert box.left > 100
    assert box.bottom > 100
    (box,) = free_places([Label(100, 100, 50, 10, radius=8, towards=180)], [], PICTURE)
    assert box.right < 100 - 8
    assert box.bottom < 100 < box.top


def test_names_of_points_that_lie_together_do_not_cover_each_other():
    labels = [Label(200 + n, 150 + n % 2, 60, 12, radius=8) for n in range(8)]
    points = [Box(label.x - 8, label.y - 8, label.x + 8, label.y + 8) for label in labels]
    boxes = free_places(labels, points, PICTURE)
    assert sum(one.covered(other) for one, other in itertools.combinations(boxes, 2)) == 0
    assert sum(box.covered(point) for box in boxes for point in points) == 0


def test_a_name_at_the_edge_stays_inside():
    (box,) = free_places([Label(395, 295, 50, 10)], [], PICTURE)
    assert box.covered(PICTURE) == pytest.approx(500)


def test_where_nothing_is_free_the_name_hides_least():
    worse = [Box(0, 0, 400, 300, weight=2.0), Box(0, 0, 100, 300, weight=9.0)]
    (box,) = free_places([Label(104, 150, 50, 10)], worse, PICTURE)
    assert box.left >= 100


def test_the_nearest_point_of_a_box():
    assert Box(0, 0, 10, 4).nearest(20, 2) == (10, 2)
    assert Box(0, 0, 10, 4).nearest(-3, 9) == (0, 4)

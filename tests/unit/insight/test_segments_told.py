"""Neighbours, discriminants, exemplars and warnings, on planted segments."""

import re

import numpy as np
import pandas as pd
import pytest

from segmentwerk.insight.discriminants import discriminants
from segmentwerk.insight.exemplar import exemplars
from segmentwerk.insight.overlap import neighbourhood, segment_warnings


@pytest.fixture(scope="module")
def planted():
    """Segment 0 stands apart along x; 1 and 2 are two halves of one cloud; y is noise."""
    rng = np.random.default_rng(0)
    x = np.r_[rng.normal(10, 1, 100), rng.normal(0, 1, 200)]
    space = pd.DataFrame({"x": x, "y": rng.normal(0, 1, 300), "constant": 0.0})
    return space, pd.Series([0] * 100 + [1, 2] * 100)


def test_neighbours_lie_where_they_were_planted(planted):
    near = neighbourhood(*planted, n_segments=4)
    assert near.shape == (4, 4)
    assert near.loc[0, 0] == 1.0
    assert near.loc[1, 2] == pytest.approx(0.5, abs=0.05)
    assert near.iloc[:3].sum(axis=1).tolist() == pytest.approx([1, 1, 1])
    assert near.loc[3].sum() == 0.0, "the fourth segment is empty"


def test_the_variable_that_tells_a_segment_is_named(planted):
    found = discriminants(*planted)
    (name, loading), *_ = found[0].loadings
    assert name == "x"
    assert loading > 0.95
    assert found[0].explained > 0.9
    assert found[1].explained < 0.4, "it is cut out of the middle of a cloud"


def test_who_overlaps_is_warned_of_by_id(planted, scorecards):
    near = neighbourhood(*planted, n_segments=4)
    found = segment_warnings(scorecards[0], near, {0: 7, 1: 8, 2: 9, 3: 10}, 0.02)
    assert found[0] == ()
    unstable, overlapping = found[1]
    assert unstable.startswith("unstable: it overlaps only 0.50")
    assert overlapping.startswith("overlapping with segment 9: 5")


def test_a_typical_account_is_rounded_so_that_it_is_nobodys(small_world):
    table, x, labels = small_world
    told = exemplars(table, x, labels)
    assert set(told) == {0, 1, 2, 3}
    for text in told.values():
        assert text.startswith("Typical of 25 accounts")
        numbers = re.findall(r"about ([\d,.]+\d)", text)
        assert len(numbers) >= 2
        assert all(len(number.replace(",", "").replace(".", "").strip("0")) <= 2 for number in numbers)


def test_a_small_segment_gets_no_typical_account(small_world):
    table, x, labels = small_world
    few = labels[labels == 3].index[:9]
    kept = pd.Index([*labels[labels != 3].index, *few])
    assert exemplars(table, x.loc[kept], labels.loc[kept])[3] == ""

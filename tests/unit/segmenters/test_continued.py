"""The segments that rows have at present are continued, and the one that is named is split."""

import numpy as np
import pandas as pd
import pytest

from segmentwerk.core.errors import FitError
from segmentwerk.segmenters.base import MAX_SEGMENTS, SegmenterError
from segmentwerk.segmenters.continued import _LEAST_ROWS, ContinuedSegmenter

CENTERS = np.array([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
NEWCOMERS = np.array([3.5, -4.0])


@pytest.fixture(scope="module")
def world():
    """Three segments of 300 rows; 120 newcomers were counted to the first one."""
    rng = np.random.default_rng(0)
    old = np.repeat(np.arange(3), 300)
    rows = np.vstack([CENTERS[old] + rng.normal(size=(900, 2)), NEWCOMERS + 0.5 * rng.normal(size=(120, 2))])
    present = np.r_[old + 4, np.full(120, 4)]  # their ids are 4, 5 and 6
    frame = pd.DataFrame(rows, columns=["a", "b"], index=[f"A{i:04d}" for i in range(len(rows))])
    return frame, present


def test_without_a_split_every_row_keeps_its_segment(world):
    rows, present = world
    found = ContinuedSegmenter().fit(rows, present)
    table = pd.crosstab(present, found.labels_)
    assert found.n_segments_ == 3
    assert table.max(axis=1).sum() / len(rows) > 0.99


def test_the_split_gives_the_newcomers_a_segment_and_leaves_the_others_alone(world):
    rows, present = world
    found = ContinuedSegmenter(split=4).fit(rows, present)
    assert found.n_segments_ == 4
    new = np.bincount(found.labels_[900:]).argmax()
    assert (found.labels_[900:] == new).mean() > 0.95
    assert (found.labels_[:900] == new).mean() < 0.02
    before = ContinuedSegmenter().fit(rows, present)
    for segment in (5, 6):
        own = present == segment
        assert len(np.unique(found.labels_[own])) == len(np.unique(before.labels_[own])) == 1


def test_rows_without_a_segment_teach_nothing_but_get_one(world):
    rows, present = world
    unknown = present.copy()
    unknown[::3] = -1
    found = ContinuedSegmenter().fit(rows, unknown)
    assert found.n_segments_ == 3
    assert (found.labels_ == ContinuedSegmenter().fit(rows, present).labels_).mean() > 0.99


def test_no_landmark_stands_for_a_single_row(world):
    rows, present = world
    lonely = rows.copy()
    lonely.iloc[0] = [400.0, 400.0]
    found = ContinuedSegmenter().fit(lonely, present)
    landmarks = found.landmarks_ * found.scale_ + found.origin_
    assert np.abs(landmarks - lonely.iloc[0].to_numpy()).sum(axis=1).min() > 100
    nearest = ((rows.to_numpy()[:, None] - landmarks) ** 2).sum(axis=2).argmin(axis=1)
    assert np.bincount(nearest, minlength=len(landmarks)).min() >= _LEAST_ROWS - 1


@pytest.mark.parametrize(
    ("present", "split", "words"),
    [
        (None, None, "not said which segments"),
        (np.zeros(50), None, "in 1 segments"),
        (np.arange(MAX_SEGMENTS + 1), None, f"in {MAX_SEGMENTS + 1} segments"),
        (np.arange(50) % 2, 7, "Segment 7 holds 0 of 50 rows"),
    ],
)
def test_what_cannot_be_continued_is_refused(present, split, words):
    size = 50 if present is None else len(present)
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(size, 3)))
    with pytest.raises((SegmenterError, FitError), match=words):
        ContinuedSegmenter(split=split).fit(rows, present)

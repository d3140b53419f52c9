"""Two segmentations of the same accounts, one of them known by its assignments alone."""

import numpy as np
import pandas as pd
import pytest

from segmentwerk.evaluation.succession import CRITERIA, Assigned, differences
from small_worlds import SETTINGS, Labelled, blobs, split


@pytest.fixture(scope="module")
def world():
    X, types = blobs(600)
    return split(X, outcome=(types * 1.0).rename("y")), types


def by_key(scores):
    return {score.key: score for score in scores}


def test_assignments_become_labels_in_the_order_of_their_ids():
    assigned = Assigned(pd.Series([7, 3, 9, 3], index=list("abcd")))
    assert assigned.n_segments_ == 3
    assert assigned.predict(pd.DataFrame(index=["c", "b", "a"])).tolist() == [2, 0, 1]


def test_against_itself_there_is_no_difference(world):
    view, types = world
    found = differences(Labelled(types), Assigned(types + 11), view, SETTINGS, seed=0)
    assert [score.key for score in found] == list(CRITERIA)
    for score in found:
        assert (score.value, score.low, score.high) == pytest.approx((0, 0, 0))


def test_a_worse_challenger_is_behind_and_a_better_one_ahead(world):
    view, types = world
    merged = types.replace({2: 1})
    behind = by_key(differences(Labelled(merged), Assigned(types), view, SETTINGS, seed=0))
    ahead = by_key(differences(Labelled(types), Assigned(merged), view, SETTINGS, seed=0))
    for key in ("separation/gain", "value/explained"):
        assert behind[key].high < 0 < ahead[key].low
        assert behind[key].value == pytest.approx(-ahead[key].value)


def test_a_segmentation_at_random_is_behind_in_everything(world):
    view, types = world
    thrown = pd.Series(np.random.default_rng(0).integers(0, 3, len(types)), types.index)
    found = differences(Labelled(thrown), Assigned(types), view, SETTINGS, seed=0)
    assert all(score.high < 0 for score in found)

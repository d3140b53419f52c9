import numpy as np
import pytest

from segmentwerk.evaluation.valley import standing_apart
from small_worlds import blobs


def test_far_groups_stand_apart():
    X, types = blobs(300)
    assert standing_apart(X.to_numpy(), types.to_numpy(), 5) == 1


@pytest.mark.parametrize("k", [2, 4])
def test_pieces_of_one_cloud_do_not(k):
    X = np.random.default_rng(0).standard_normal((600, 3))
    edges = np.quantile(X[:, 0], np.arange(1, k) / k)
    assert standing_apart(X, np.searchsorted(edges, X[:, 0]), 0) == 0


def test_a_group_cut_in_two_does_not_stand_apart_but_the_other_one_does():
    X, types = blobs(900, k=2, distance=12.0)
    labels = np.where(types == 0, 0, np.where(X["x2"] > 0, 1, 2))
    assert standing_apart(X.to_numpy(), labels, 5) == pytest.approx(1 / 3)


def test_too_few_accounts_show_no_gap():
    X, types = blobs(30)
    assert standing_apart(X.to_numpy(), types.to_numpy(), 5) == 0


def test_one_segment_or_no_number_has_no_gap():
    assert standing_apart(np.zeros((10, 0)), np.arange(10) % 2, 0) == 0
    assert standing_apart(np.zeros((10, 2)), np.zeros(10, dtype=np.int64), 0) == 0

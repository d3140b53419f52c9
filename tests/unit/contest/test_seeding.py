"""A contest starts from what the champion was made with, as far as that can still be tried."""

import pytest

from segmentwerk.contest.seeding import seeded
from segmentwerk.core.settings import SegmenterSettings


@pytest.fixture
def chosen():
    space = {
        "n_segments": {"type": "int", "low": 2, "high": 7},
        "covariance_type": {"type": "categorical", "choices": ["full", "tied"]},
        "reg": {"type": "float", "low": 1.0e-6, "high": 1.0e-1, "log": True},
    }
    start = [{"n_segments": 6, "covariance_type": "full", "reg": 1.0e-3}]
    mixture = SegmenterSettings(_target_="a", search_space=space, start=start)
    return {"kmeans": SegmenterSettings(_target_="b"), "gaussian_mixture": mixture}


PARAMS = {
    "winner.n_segments": "5", "winner.covariance_type": "tied", "winner.reg": "2.5e-05",
    "winner.max_iter": "9",
    "seed": "0",
}  # fmt: skip


def test_its_parameters_come_first_then_one_segment_more_and_less(chosen):
    found, point = seeded(chosen, {"winner": "gaussian_mixture"}, PARAMS)
    assert point == {"n_segments": 5, "covariance_type": "tied", "reg": 2.5e-05}
    assert [one["n_segments"] for one in found["gaussian_mixture"].start] == [5, 6, 4, 6]
    assert found["gaussian_mixture"].start[0] == point
    assert found["kmeans"] == chosen["kmeans"]


def test_numbers_outside_of_the_space_are_not_tried(chosen):
    found, _ = seeded(chosen, {"winner": "gaussian_mixture"}, PARAMS | {"winner.n_segments": "7"})
    assert [one["n_segments"] for one in found["gaussian_mixture"].start] == [7, 6, 6]


@pytest.mark.parametrize(
    ("tags", "params"),
    [
        ({}, PARAMS),
        ({"winner": "autoencoder"}, PARAMS),
        ({"winner": "gaussian_mixture"}, {}),
        ({"winner": "gaussian_mixture"}, PARAMS | {"winner.n_segments": "12"}),
        ({"winner": "gaussian_mixture"}, PARAMS | {"winner.covariance_type": "diag"}),
    ],
)
def test_what_is_not_told_or_no_longer_possible_changes_nothing(chosen, tags, params):
    assert seeded(chosen, tags, params) == (chosen, None)

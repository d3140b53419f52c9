"""A contest starts from what the champion was made with, as far as that can still be tried."""

import numpy as np
import pandas as pd
import pytest

from segmentwerk.contest.candidates import build, fit
from segmentwerk.contest.seeding import CONTINUED, continuing, presently, seeded
from segmentwerk.core.settings import SegmenterSettings
from segmentwerk.evaluation.view import View
from segmentwerk.segmenters.continued import UNKNOWN


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


def test_the_one_candidate_that_continues_splits_each_crowded_segment_in_turn():
    (spec,) = continuing([4, 2]).values()
    assert [point["split"] for point in spec.start] == [4, 2]
    assert spec.search_space["split"]["choices"] == [4, 2]
    assert spec.n_trials == 2


def test_what_continues_is_fitted_to_the_present_segments_and_others_to_the_outcome():
    rows = pd.DataFrame(np.arange(80.0).reshape(40, 2), index=[f"A{i}" for i in range(40)])
    train, test = rows.iloc[:30], rows.iloc[30:]
    ids = pd.Series(np.repeat([3, 7], 15), train.index)
    view = presently(View(train, test, outcome_train=train[0], outcome_test=test[0]), ids)
    assert (view.present_test == UNKNOWN).all()
    assert view.take(np.arange(10), np.arange(5)).present_train.tolist() == [3] * 10
    (spec,) = continuing([3]).values()
    found = fit(build(spec, {"split": None}, min_share=0.0, seed=0), train, view, seed=0)
    assert found.n_segments_ == 2
    assert len(np.unique(found.labels_[:15])) == len(np.unique(found.labels_[15:])) == 1
    assert CONTINUED in continuing([3])

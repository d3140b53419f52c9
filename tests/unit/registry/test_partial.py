"""Answers for accounts of which much is unknown: right as often as they say."""

import numpy as np
import pandas as pd
import pytest

from packaged import CATEGORICAL, NUMERIC, world
from segmentwerk.registry import partial
from segmentwerk.segmenters.gaussian_mixture import GaussianMixtureSegmenter
from segmentwerk.segmenters.kmeans import KMeansSegmenter
from segmentwerk.segmenters.logistic import expected_calibration_error
from segmentwerk.segmenters.preprocess import ReferenceSpace
from segmentwerk.segmenters.rfm_grid import RFMGridSegmenter

SEGMENTERS = [KMeansSegmenter(4), GaussianMixtureSegmenter(4), RFMGridSegmenter(levels=2)]


@pytest.fixture(scope="module", params=SEGMENTERS, ids=lambda model: type(model).__name__)
def fitted(request):
    train, held_out = world(1500, 3)[0].features, world(700, 4)[0].features
    space = ReferenceSpace(NUMERIC, CATEGORICAL).fit(train)
    segmenter = request.param.fit(space.transform(train))
    return space, segmenter, partial.fit(space, segmenter, train, held_out, seed=0)


def masked(features: pd.DataFrame, hidden: int) -> pd.DataFrame:
    rng = np.random.default_rng(hidden)
    order = rng.random(features.shape).argsort(axis=1).argsort(axis=1)
    return features.mask(order < hidden).astype(dict.fromkeys(NUMERIC, "float64"))


@pytest.mark.parametrize("hidden", [1, 3, 5])
def test_it_is_right_as_often_as_it_says_and_more_often_than_with_medians(fitted, hidden):
    space, segmenter, third = fitted
    fresh = world(3000, 5)[0].features
    truth = segmenter.predict(space.transform(fresh))
    rows = masked(fresh, hidden)
    answer = third.predict_proba(space, segmenter, rows)
    medians = segmenter.predict(space.transform(rows))
    np.testing.assert_allclose(answer.sum(axis=1), 1.0)
    assert expected_calibration_error(answer, truth) <= 0.05
    assert (answer.argmax(axis=1) == truth).mean() > (medians == truth).mean()


def test_the_worth_that_is_told_is_the_one_found(fitted):
    space, segmenter, third = fitted
    told = {worth.hidden: worth for worth in third.worth}
    assert list(told) == list(partial.LEVELS)
    agreements = [worth.agreement for worth in third.worth]
    assert agreements == sorted(agreements, reverse=True)
    fresh = world(3000, 6)[0].features
    found = third.predict_proba(space, segmenter, masked(fresh, round(0.5 * 7)))
    agreement = (found.argmax(axis=1) == segmenter.predict(space.transform(fresh))).mean()
    assert told[0.5].agreement == pytest.approx(agreement, abs=0.06)


def test_the_same_seed_gives_the_same(fitted):
    space, segmenter, third = fitted
    train, held_out = world(1500, 3)[0].features, world(700, 4)[0].features
    again = partial.fit(space, segmenter, train, held_out, seed=0)
    np.testing.assert_array_equal(again.coefficients, third.coefficients)
    np.testing.assert_array_equal(again.draws, third.draws)


def test_customers_are_whole_and_rows_that_lack_what_every_customer_has_are_not(fitted):
    space, _, third = fitted
    train = world(1500, 3)[0].features
    known = partial.known_of(space, train)
    assert third.whole(known).mean() > 0.98
    lacking = known.copy()
    lacking[:, [*NUMERIC, *CATEGORICAL].index("monetary")] = False
    assert not third.whole(lacking).any()


def test_a_grid_whose_three_numbers_are_known_is_hardly_in_doubt():
    train, held_out = world(1500, 3)[0].features, world(700, 4)[0].features
    space = ReferenceSpace(NUMERIC, CATEGORICAL).fit(train)
    grid = RFMGridSegmenter(levels=2).fit(space.transform(train))
    third = partial.fit(space, grid, train, held_out, seed=0)
    fresh = world(1000, 5)[0].features
    rows = fresh.assign(employees=np.nan, discount_share=np.nan, industry=None, country=None)
    answer = third.predict_proba(space, grid, rows)
    assert (answer.argmax(axis=1) == grid.predict(space.transform(fresh))).mean() > 0.97
    assert answer.max(axis=1).mean() > 0.85

import dataclasses

import numpy as np
import onnxruntime
import pandas as pd
import pytest

from packaged import CATALOGUE, CATEGORICAL, NUMERIC, world
from raw_feed import feed
from segmentwerk.segmenters import prospect
from segmentwerk.segmenters.logistic import expected_calibration_error


@pytest.fixture(scope="module")
def customers():
    table, kind = world(2000, seed=3)
    return table, pd.Series(kind, index=table.features.index)


@pytest.fixture(scope="module")
def fitted(customers):
    table, labels = customers
    return prospect.fit(table, labels, numeric=NUMERIC, categorical=CATEGORICAL, seed=0)


def test_it_beats_naming_the_largest_segment_on_accounts_never_seen(fitted):
    table, kind = world(4000, seed=4)
    proba = fitted.predict_proba(table.features)
    accuracy = (proba.argmax(axis=1) == kind).mean()
    assert accuracy > fitted.majority + 0.2
    assert accuracy == pytest.approx(fitted.accuracy, abs=0.03)


def test_its_confidence_can_be_believed_on_accounts_never_seen(fitted):
    table, kind = world(4000, seed=4)
    assert expected_calibration_error(fitted.predict_proba(table.features), kind) <= 0.05
    assert fitted.calibration_error <= 0.05


def test_it_uses_nothing_that_only_customers_have(fitted, customers):
    table, _ = customers
    features = table.features.copy()
    expected = fitted.predict_proba(features)
    own = [feature.name for feature in CATALOGUE if not feature.prospect]
    features[own] = np.nan
    np.testing.assert_array_equal(fitted.predict_proba(features), expected)


def test_the_same_seed_gives_the_same_model_whatever_the_order_of_rows(fitted, customers):
    table, labels = customers
    again = prospect.fit(
        table, labels.sample(frac=1, random_state=1), numeric=NUMERIC, categorical=CATEGORICAL, seed=0
    )
    np.testing.assert_array_equal(again.coefficients, fitted.coefficients)
    assert again.temperature == fitted.temperature


def test_onnx_says_the_same(fitted):
    features = world(500, seed=9)[0].features
    session = onnxruntime.InferenceSession(fitted.to_onnx().SerializeToString())
    proba, score = session.run(["proba", "score"], feed(features, NUMERIC, CATEGORICAL))
    np.testing.assert_allclose(proba, fitted.predict_proba(features), atol=1e-12)
    np.testing.assert_allclose(score, fitted.design.typicality(features), atol=1e-12)


def test_about_one_in_a_hundred_is_untypical(fitted):
    fresh = world(5000, seed=6)[0].features
    assert 0.004 < (fitted.design.typicality(fresh) < fitted.outlier_threshold).mean() < 0.025


def test_where_nothing_is_known_beforehand_the_shares_remain(customers):
    table, labels = customers
    blind = dataclasses.replace(
        table, catalogue=tuple(dataclasses.replace(f, prospect=False) for f in CATALOGUE)
    )
    fitted = prospect.fit(blind, labels, numeric=NUMERIC, categorical=CATEGORICAL, seed=0)
    shares = np.bincount(labels) / len(labels)
    np.testing.assert_allclose(
        fitted.predict_proba(table.features.head(3)), np.tile(shares, (3, 1)), atol=0.02
    )
    session = onnxruntime.InferenceSession(fitted.to_onnx().SerializeToString())
    unknown = table.features.head(3).assign(**dict.fromkeys(NUMERIC, np.nan), **dict.fromkeys(CATEGORICAL))
    (proba,) = session.run(["proba"], feed(unknown, NUMERIC, CATEGORICAL))
    np.testing.assert_allclose(proba, fitted.predict_proba(table.features.head(3)), atol=1e-12)


@pytest.mark.parametrize("k", [1, 2])
def test_few_segments(customers, k):
    table, labels = customers
    fitted = prospect.fit(table, labels.clip(upper=k - 1), numeric=NUMERIC, categorical=CATEGORICAL, seed=0)
    proba = fitted.predict_proba(table.features)
    assert proba.shape == (2000, k)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert fitted.accuracy >= fitted.majority


def test_a_segment_of_two_accounts_does_not_stop_it(customers):
    table, labels = customers
    rare = labels.copy()
    rare.iloc[:2] = 4
    fitted = prospect.fit(table, rare, numeric=NUMERIC, categorical=CATEGORICAL, seed=0)
    assert fitted.predict_proba(table.features).shape == (2000, 5)


def test_a_segment_of_one_account_does_not_stop_it(customers):
    table, labels = customers
    rare = labels.copy()
    rare.iloc[0] = 4
    fitted = prospect.fit(table, rare, numeric=NUMERIC, categorical=CATEGORICAL, seed=0)
    assert fitted.predict_proba(table.features).shape == (2000, 5)


def test_calibration_error_by_hand():
    proba = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.3, 0.7]])
    target = np.array([0, 1, 1, 1])
    # 0.9 twice, right once: gap 0.4 of 2; 0.6 right: 0.4; 0.7 right: 0.3
    assert expected_calibration_error(proba, target, n_bins=10) == pytest.approx((0.8 + 0.4 + 0.3) / 4)

import numpy as np
import pytest

from segmentwerk.registry.expectation import Expectation


@pytest.fixture(scope="module")
def model():
    """Nine columns of five features, made of two factors."""
    rng = np.random.default_rng(0)
    loadings = rng.normal(size=(9, 2))
    rows = rng.normal(size=(4000, 2)) @ loadings.T + rng.normal(size=(4000, 9)) * 0.3 + 5.0
    return Expectation.fit(rows, np.array([0, 1, 1, 2, 2, 2, 3, 4, 4])), rows


def by_hand(model, row, known):
    """Mean and covariance of the unknown columns, from the whole covariance matrix."""
    covariance = model.loadings @ model.loadings.T + np.diag(model.noise)
    k = known[model.owners]
    gain = covariance[np.ix_(~k, k)] @ np.linalg.inv(covariance[np.ix_(k, k)])
    mean = model.mean[~k] + gain @ (row[k] - model.mean[k])
    return mean, covariance[np.ix_(~k, ~k)] - gain @ covariance[np.ix_(k, ~k)]


PATTERNS = [[1, 1, 1, 1, 0], [0, 1, 0, 1, 0], [0, 0, 0, 0, 1]]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_expected_and_drawn_columns_are_those_of_the_conditional_normal(model, pattern):
    fitted, rows = model
    known, row = np.array([pattern], dtype=bool), rows[:1]
    draws = np.random.default_rng(1).standard_normal((20_000, fitted.loadings.shape[1] + 9))
    filled = fitted.fill(row, known, draws)[:, 0]
    hidden = ~known[0][fitted.owners]
    mean, covariance = by_hand(fitted, row[0], known[0])
    np.testing.assert_allclose(filled[0, hidden], mean, atol=1e-9)
    np.testing.assert_allclose(filled[1:, hidden].mean(axis=0), mean, atol=0.05)
    np.testing.assert_allclose(np.cov(filled[1:, hidden], rowvar=False), covariance, atol=0.1)
    np.testing.assert_array_equal(filled[:, ~hidden], np.tile(row[0, ~hidden], (20_001, 1)))


def test_with_nothing_known_the_mean_is_expected(model):
    fitted, rows = model
    filled = fitted.fill(rows[:2], np.zeros((2, 5), dtype=bool), np.zeros((1, fitted.loadings.shape[1] + 9)))
    np.testing.assert_allclose(filled[0], np.tile(fitted.mean, (2, 1)))


def test_hidden_values_and_other_rows_do_not_matter(model):
    fitted, rows = model
    known = np.array([[True, False, True, False, True]] * 3)
    draws = np.ones((2, fitted.loadings.shape[1] + 9))
    changed = np.where(known[:, fitted.owners], rows[:3], np.nan)
    expected = fitted.fill(rows[:3], known, draws)
    np.testing.assert_array_equal(fitted.fill(changed, known, draws), expected)
    np.testing.assert_allclose(fitted.fill(rows[1:2], known[1:2], draws)[:, 0], expected[:, 1], atol=1e-12)


def test_a_column_that_never_varies_is_no_obstacle():
    rows = np.column_stack([np.random.default_rng(0).normal(size=(200, 3)), np.ones(200)])
    fitted = Expectation.fit(rows, np.arange(4))
    filled = fitted.fill(
        rows[:1], np.array([[True, True, True, False]]), np.zeros((1, 7))[:, : 4 + fitted.loadings.shape[1]]
    )
    assert filled[0, 0, 3] == pytest.approx(1.0)

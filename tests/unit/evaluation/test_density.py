import numpy as np
import pytest
from scipy.stats import multivariate_normal, multivariate_t

from segmentwerk.evaluation import density


def fit(X, prior_rows=5.0):
    d = X.shape[1]
    return density.fit_block(X, np.eye(d), np.zeros(d), prior_rows, X.mean(axis=0))


def test_log_density_is_that_of_scipy():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((3, 3))
    scatter, X = A @ A.T + np.eye(3), rng.standard_normal((5, 3))
    block = density.Block(np.ones(3), np.linalg.cholesky(scatter), 5.0)
    np.testing.assert_allclose(block.log_density(X), multivariate_t(np.ones(3), scatter, df=5).logpdf(X))


def test_degrees_follow_the_tails():
    rng = np.random.default_rng(0)
    assert fit(rng.standard_t(3, size=(2000, 1))).degrees <= 5
    assert fit(rng.standard_normal((2000, 1))).degrees >= 30


def test_block_finds_mean_and_covariance():
    rng = np.random.default_rng(0)
    covariance = np.array([[2.0, 0.9], [0.9, 1.0]])
    X = rng.multivariate_normal([3.0, -1.0], covariance, 5000)
    block = fit(X)
    np.testing.assert_allclose(block.mean, [3, -1], atol=0.1)
    reference = multivariate_normal([3.0, -1.0], covariance).logpdf(X)
    assert abs((block.log_density(X) - reference).mean()) < 0.01


def test_prior_pulls_a_small_block_towards_what_is_pooled():
    X = 0.1 * np.random.default_rng(0).standard_normal((20, 2))
    spreads = [np.linalg.norm(fit(X, rows).factor) for rows in density.PRIOR_ROWS]
    assert spreads == sorted(spreads)


def test_independent_columns_lose_their_sampled_correlations():
    X = np.random.default_rng(0).standard_normal((30, 20))
    X -= X.mean(0)
    off = ~np.eye(20, dtype=bool)
    assert density.intensity(X) > 0.8
    assert np.abs(density.shrunk(X)[off]).mean() < 0.3 * np.abs((X.T @ X / 30)[off]).mean()


def test_strong_correlations_stay():
    x = np.random.default_rng(0).standard_normal((200, 1))
    assert density.intensity(np.hstack([x, 2 * x])) == pytest.approx(0, abs=0.02)


def test_rows_are_described_by_the_block_of_their_own():
    rng = np.random.default_rng(0)
    labels = np.arange(400) % 2
    X = rng.standard_normal((400, 2)) + 10 * labels[:, None]
    Y = np.array([[0.0, 0.0], [0.0, 0.0], [10.0, 10.0]])
    found = density.log_densities(X, labels, 2, Y, np.array([0, 1, 1]))
    assert found[0] == pytest.approx(found[2], abs=0.3)
    assert found[1] < found[0] - 10


def test_empty_segment_and_constant_column_break_nothing():
    X = np.random.default_rng(0).standard_normal((50, 2))
    X[:, 1] = 3.0
    found = density.log_densities(X, np.zeros(50, dtype=np.int64), 2, X, np.ones(50, dtype=np.int64))
    assert np.isfinite(found).all()


def test_no_numbers_no_density():
    assert (
        density.log_densities(
            np.zeros((4, 0)), np.zeros(4, int), 1, np.zeros((3, 0)), np.zeros(3, int)
        ).tolist()
        == [0] * 3
    )

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal, multivariate_t

from segmentwerk.evaluation import density
from small_worlds import split


def test_log_density_is_that_of_scipy():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((3, 3))
    scatter, X = A @ A.T + np.eye(3), rng.standard_normal((5, 3))
    block = density.Block(np.ones(3), np.linalg.cholesky(scatter), 5.0)
    np.testing.assert_allclose(block.log_density(X), multivariate_t(np.ones(3), scatter, df=5).logpdf(X))


def test_degrees_follow_the_tails():
    rng = np.random.default_rng(0)
    heavy = rng.standard_t(3, size=(2000, 1)) @ np.ones((1, 1))
    light = rng.standard_normal((2000, 1))
    assert density.fit_block(heavy, np.eye(1), np.zeros(1), np.zeros(1)).degrees <= 5
    assert density.fit_block(light, np.eye(1), np.zeros(1), np.zeros(1)).degrees >= 30


def test_block_finds_mean_and_covariance():
    rng = np.random.default_rng(0)
    covariance = np.array([[2.0, 0.9], [0.9, 1.0]])
    X = rng.multivariate_normal([3.0, -1.0], covariance, 5000)
    block = density.fit_block(X, np.eye(2), np.zeros(2), np.zeros(2))
    np.testing.assert_allclose(block.mean, [3, -1], atol=0.1)
    reference = multivariate_normal([3.0, -1.0], covariance).logpdf(X)
    assert abs((block.log_density(X) - reference).mean()) < 0.01


def test_independent_columns_lose_their_sampled_correlations():
    X = np.random.default_rng(0).standard_normal((30, 20))
    off = ~np.eye(20, dtype=bool)
    plain = (X - X.mean(0)).T @ (X - X.mean(0)) / 30
    assert np.abs(density.shrunk(X - X.mean(0))[off]).mean() < 0.3 * np.abs(plain[off]).mean()


def test_frequencies_by_hand():
    levels, labels = np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1])
    found = np.exp(density._log_frequencies(levels, labels, 2, 2))
    # overall: (2.5 + …)/5 = one half each; segment 0 saw levels 2 and 1 times, segment 1 saw 0 and 1
    np.testing.assert_allclose(found, np.array([[(2 + 2.5) / 8, 2.5 / 6], [(1 + 2.5) / 8, 3.5 / 6]]))


def test_empty_segment_is_described_by_what_is_pooled():
    X = np.random.default_rng(0).standard_normal((50, 2))
    found = density._log_t_blocks(X, np.zeros(50, dtype=np.int64), 2, X)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("linked", [True, False])
def test_single_cloud_knows_how_a_category_depends_on_the_numbers(linked):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((900, 2))
    source = x[:, 0] if linked else rng.standard_normal(900)
    flag = (source + 0.3 * rng.standard_normal(900) > 0) * 1.0
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "k": flag}, index=[f"{i:04d}" for i in range(900)])
    view = split(frame, discrete={"k": ["k"]})
    alone = split(frame[["a", "b"]])
    told = (density.single_cloud(view, 1000, 0) - density.single_cloud(alone, 1000, 0)).mean()
    assert told > -0.4 if linked else told == pytest.approx(-np.log(2), abs=0.05)

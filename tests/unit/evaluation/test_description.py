import numpy as np
import pandas as pd
import pytest

from segmentwerk.evaluation import description
from segmentwerk.evaluation.description import by_segment, single_cloud
from small_worlds import split


def view_of(flag, x):
    frame = pd.DataFrame(
        x, columns=[f"x{j}" for j in range(x.shape[1])], index=[f"{i:04d}" for i in range(len(x))]
    )
    frame["k"] = flag * 1.0
    return split(frame, discrete={"k": ["k"]})


def drawn(n=900):
    rng = np.random.default_rng(0)
    return rng, rng.standard_normal((n, 2))


@pytest.mark.parametrize("linked", [True, False])
def test_cloud_knows_how_a_category_depends_on_the_numbers(linked):
    rng, x = drawn()
    source = x[:, 0] if linked else rng.standard_normal(900)
    view = view_of(source + 0.3 * rng.standard_normal(900) > 0, x)
    odds = single_cloud(view, 1000, 0).odds["k"]
    told = np.log(odds[np.arange(900), view.levels["k"]]).mean()
    assert told > -0.4 if linked else told == pytest.approx(-np.log(2), abs=0.05)
    np.testing.assert_allclose(odds.sum(axis=1), 1)


def test_cloud_knows_how_one_category_follows_another():
    rng, x = drawn()
    frame = pd.DataFrame(x, columns=["a", "b"], index=[f"{i:04d}" for i in range(900)])
    for level, place in enumerate(np.eye(3)[rng.integers(3, size=900)].T):
        frame[f"country={level}"] = frame[f"climate={level}"] = place
    view = split(
        frame,
        discrete={name: [f"{name}={level}" for level in range(3)] for name in ("country", "climate")},
    )
    odds = single_cloud(view, 1000, 0).odds
    for name, least in (("country", -1.2), ("climate", -0.1)):
        assert np.log(odds[name][np.arange(900), view.levels[name]]).mean() > least


def test_factors_reproduce_the_frequencies_of_each_segment():
    rng = np.random.default_rng(0)
    odds = rng.dirichlet(np.ones(3), size=2000)
    labels = rng.integers(2, size=2000)
    truth = np.array([[1.0, 1.0, 1.0], [4.0, 1.0, 0.5]])
    tilted = odds * truth[labels]
    levels = (rng.random((2000, 1)) > (tilted / tilted.sum(1, keepdims=True)).cumsum(1)).sum(1)
    factors = description._factors(odds, levels, labels, 2)
    found = description._tilted(odds, factors[labels])
    for segment in range(2):
        own = labels == segment
        np.testing.assert_allclose(
            found[own].mean(0), np.bincount(levels[own], minlength=3) / own.sum(), atol=0.01
        )
    np.testing.assert_allclose(factors[1] / factors[1, 1], truth[1], rtol=0.35)


def test_category_given_by_the_others_adds_nothing_to_a_segment():
    rng, x = drawn()
    flag = x[:, 0] > 0
    view = view_of(flag, x)
    cloud = single_cloud(view, 1000, 0)
    learned, asked = np.arange(600), np.arange(600, 900)
    labels = rng.integers(2, size=900)
    found = by_segment(view, cloud, learned, labels[learned], 2, asked, labels[asked])
    assert abs((found - cloud.log_density).mean()) < 0.05


def test_category_that_the_segment_tells_is_described_by_it():
    rng, x = drawn()
    labels = rng.integers(2, size=900)
    view = view_of(labels == 1, x)
    cloud = single_cloud(view, 1000, 0)
    learned, asked = np.arange(600), np.arange(600, 900)
    found = by_segment(view, cloud, learned, labels[learned], 2, asked, labels[asked])
    assert (found - cloud.log_density).mean() == pytest.approx(np.log(2), abs=0.06)

import numpy as np
import pytest

from segmentwerk.evaluation import effects
from segmentwerk.evaluation.effects import PRIOR_CONTACTS, CellSums, shrunken


def cells(means, variances, n=1000):
    """Sums of cells with these means, and outcomes of these variances, (k, a)."""
    means, variances = np.asarray(means, dtype=float), np.asarray(variances, dtype=float)
    contacts = np.full(means.shape, float(n))
    return CellSums(contacts, contacts * means, (contacts - 1) * variances + contacts * means**2)


def test_means_and_variances_by_hand():
    found = CellSums(np.array([[2.0, 0.0]]), np.array([[4.0, 0.0]]), np.array([[10.0, 0.0]]))
    assert found.means.tolist() == [[2.0, 0.0]]
    # sum of squares about the mean 10 - 2 * 2² = 2 on one degree of freedom, the arm's the same
    assert found.variances[0, 0] == pytest.approx((2 + PRIOR_CONTACTS * 2) / (1 + PRIOR_CONTACTS) / 2)
    assert np.isinf(found.variances[0, 1])


def test_for_a_known_spread_it_is_the_mean_of_the_normal_model(monkeypatch):
    """Against the posterior of a normal vector, written down directly."""
    monkeypatch.setattr(effects, "N_SPREADS", 1)
    means = np.array([[1.0, 2.0, 4.0], [0.5, 3.0, 1.0]])
    given = cells(means, [[4.0, 5.0, 6.0], [4.0, 5.0, 6.0]], n=100)
    noise = given.variances.ravel()
    spread = np.sqrt(1 / np.mean(1 / noise))  # the middle of the prior
    design = effects._design(2, 3)
    prior = 1e4 * design @ design.T + spread**2 * np.eye(6)
    middle = means.mean()
    gain = prior @ np.linalg.inv(prior + np.diag(noise))
    found = shrunken(given)
    assert found.spread == pytest.approx(spread)
    assert found.means.ravel() == pytest.approx(middle + gain @ (means.ravel() - middle), abs=1e-3)
    covariance = prior - gain @ prior
    gaps, errors = found.differences(np.array([1.0, 0.0, 0.0]))
    assert gaps[1, 2] == pytest.approx(found.means[1, 2] - found.means[1, 0])
    expected = covariance[5, 5] + covariance[3, 3] - 2 * covariance[3, 5]
    assert errors[1, 2] == pytest.approx(np.sqrt(expected), rel=1e-3)


def test_segments_that_differ_clearly_keep_their_means_and_others_are_drawn_together():
    wide = cells([[0.0, 1.0], [0.0, -1.0], [0.0, 5.0]], np.full((3, 2), 0.01))
    assert shrunken(wide).means == pytest.approx(wide.means, abs=1e-3)
    noisy = cells([[0.0, 1.1], [0.0, 0.9], [0.0, 1.0]], np.full((3, 2), 100.0))
    gaps = shrunken(noisy).differences(np.array([1.0, 0.0]))[0][:, 1]
    assert np.ptp(gaps) < 0.4 * 0.2
    assert gaps.mean() == pytest.approx(1.0, abs=1e-6)


def test_an_empty_segment_gets_the_effect_of_all():
    n = np.array([[500.0, 500.0], [500.0, 500.0], [0.0, 0.0]])
    means = np.array([[1.0, 2.0], [1.0, 2.0], [0.0, 0.0]])
    found = shrunken(CellSums(n, n * means, n * (means**2 + 1)))
    assert np.isfinite(found.means).all()
    assert found.means[2, 1] - found.means[2, 0] == pytest.approx(1.0, abs=0.01)


def test_cases_side_by_side_are_the_same_as_one_by_one():
    rng = np.random.default_rng(0)
    several = [cells(rng.normal(size=(3, 2)), np.ones((3, 2)), n=50) for _ in range(4)]
    stacked = CellSums(
        *(np.stack([getattr(one, name) for one in several]) for name in ("n", "total", "squares"))
    )
    together = shrunken(stacked)
    for number, one in enumerate(several):
        assert together.means[number] == pytest.approx(shrunken(one).means)

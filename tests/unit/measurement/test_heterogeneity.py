import numpy as np
import pytest
from scipy.stats import kstest

from segmentwerk.evaluation.randomised import RandomisedCampaign
from segmentwerk.measurement import heterogeneity
from segmentwerk.measurement.heterogeneity import cochran_q, measure, permutation_test


def campaign(means, n, seed=0, control=0):
    rng, means = np.random.default_rng(seed), np.asarray(means)
    segment, arm = rng.integers(len(means), size=n), rng.integers(means.shape[1], size=n)
    bought = (rng.random(n) < means[segment, arm]).astype(float)
    return RandomisedCampaign(segment, arm, bought, *means.shape, control)


def test_q_of_two_arms_is_cochrans_q_of_their_differences():
    given = campaign([[0.1, 0.2], [0.1, 0.1], [0.2, 0.5]], 3000)
    means, variances = given.cells.means[0], given.cells.variances[0]
    gaps, weights = means[:, 1] - means[:, 0], 1 / variances.sum(axis=1)
    expected = (weights * (gaps - np.average(gaps, weights=weights)) ** 2).sum()
    q, freedom = cochran_q(given.cells)
    assert q[0] == pytest.approx(expected)
    assert freedom[0] == 2
    found = measure(given, 0, permutations=0)
    assert found.i_squared == pytest.approx(1 - 2 / expected)
    assert np.isnan(found.p_permutation)


def test_a_main_effect_is_no_interaction_and_an_empty_cell_costs_a_degree():
    n = np.full((3, 3), 100.0)
    means = np.array([[1.0], [2.0], [4.0]]) + np.array([0.0, 1.0, 5.0])
    cells = heterogeneity.CellSums(n, n * means, n * (means**2 + 1))
    assert cochran_q(cells)[0] == pytest.approx(0, abs=1e-6)
    n[0, 0] = 0
    assert cochran_q(heterogeneity.CellSums(n, n * means, n * (means**2 + 1)))[1] == 3


def test_permutation_finds_what_is_there_and_its_p_is_fair_where_nothing_is():
    assert permutation_test(campaign([[0.1, 0.1], [0.1, 0.4]], 1500), 0, 99) == 0.01
    same = [[0.05, 0.15], [0.2, 0.3]]
    p = [permutation_test(campaign(same, 400, seed=number), number, 39) for number in range(60)]
    assert kstest(p, "uniform").pvalue > 0.001


def test_effects_are_against_control_raw_and_drawn_together():
    given = campaign([[0.1, 0.2], [0.1, 0.22], [0.1, 0.18]], 3000)
    found = measure(given, 0, permutations=0).effects
    assert [(one.segment, one.arm, one.against) for one in found] == [(0, 1, 0), (1, 1, 0), (2, 1, 0)]
    one, cells = found[1], given.cells
    assert one.raw.value == pytest.approx(cells.means[0, 1, 1] - cells.means[0, 1, 0])
    assert one.contacts == cells.n[0, 1].sum()
    raw, drawn = (np.ptp([getattr(each, name).value for each in found]) for name in ("raw", "shrunken"))
    assert drawn < raw
    assert one.shrunken.low < one.shrunken.value < one.shrunken.high

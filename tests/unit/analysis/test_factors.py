"""Factor analysis: a published example, factors that were planted, and numbers by hand."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from segmentwerk.analysis import factors
from segmentwerk.core.analysis_settings import FactorSettings
from segmentwerk.core.errors import InputError
from segmentwerk.core.parallel_analysis import parallel_analysis

DATA = Path(os.environ.get("SEGMENTWERK_DATA", Path(__file__).parents[4] / "shared" / "data"))

SATISFACTION = DATA / "conjoint_bank" / "customerSat.csv.gz"
ABILITY = np.array(
    [
        [24.641, 5.991, 33.520, 6.023, 20.755, 29.701],
        [5.991, 6.700, 18.137, 1.782, 4.936, 7.204],
        [33.520, 18.137, 149.831, 19.424, 31.430, 50.753],
        [6.023, 1.782, 19.424, 12.711, 4.757, 9.075],
        [20.755, 4.936, 31.430, 4.757, 52.604, 66.762],
        [29.701, 7.204, 50.753, 9.075, 66.762, 135.292],
    ]
)
"""Covariances of six tests of 112 people (Smith & Stanley 1983), as R ships them (`ability.cov`)."""
VARIMAX = [[0.499, 0.543], [0.156, 0.622], [0.206, 0.860], [0.109, 0.468], [0.956, 0.182], [0.785, 0.225]]
UNIQUE = [0.455, 0.589, 0.218, 0.769, 0.052, 0.334]
"""What R's `factanal(factors = 2, covmat = ability.cov)` prints."""
PROMAX = [[0.364, 0.470], [0, 0.671], [0, 0.932], [0, 0.508], [1.023, 0], [0.811, 0]]
"""With `rotation = "promax"`; loadings below 0.1 are not printed."""


def correlations(covariance):
    spread = np.sqrt(np.diag(covariance))
    return covariance / np.outer(spread, spread)


def test_the_published_example_to_two_digits():
    plain = factors.extract(correlations(ABILITY), 2)
    assert 1 - np.square(plain).sum(axis=1) == pytest.approx(np.array(UNIQUE), abs=0.005)
    found, _ = factors._in_order(*factors.rotate(plain, "varimax"))
    assert found == pytest.approx(np.array(VARIMAX), abs=0.005)


def test_the_published_example_with_factors_that_correlate():
    """factanal prints promax without Kaiser's normalisation of the powers, as ours."""
    found, together = factors._in_order(*factors.rotate(factors.extract(correlations(ABILITY), 2), "promax"))
    order = [0, 1] if abs(found[4, 0]) > 0.5 else [1, 0]
    published = np.array(PROMAX)
    shown = published != 0
    assert found[:, order][shown] == pytest.approx(published[shown], abs=0.01)
    assert np.abs(found[:, order][~shown]).max() < 0.1
    assert np.diag(together) == pytest.approx([1, 1])
    assert 0.4 < together[0, 1] < 0.7


def planted(n_factors, seed, n=300, each=4, loading=0.7):
    rng = np.random.default_rng(seed)
    scores = np.repeat(rng.standard_normal((n, n_factors)), each, axis=1)
    x = loading * scores + np.sqrt(1 - loading**2) * rng.standard_normal(scores.shape)
    return pd.DataFrame(x, columns=[f"q{place:02d}" for place in range(x.shape[1])])


def test_parallel_analysis_finds_the_planted_number():
    right = 0
    for seed in range(20):
        number = 1 + seed % 4
        found = parallel_analysis(planted(number, seed, n=200).to_numpy(), 100, seed)
        right += found.n_factors == number
    assert right >= 18


def test_noise_has_no_factor():
    found = [
        parallel_analysis(np.random.default_rng(seed).standard_normal((200, 10)), 100, seed).n_factors
        for seed in range(20)
    ]
    assert found.count(0) >= 17


@pytest.mark.parametrize("rotation", ["varimax", "promax"])
def test_planted_loadings_come_back(rotation):
    found = factors.analyse(planted(3, 1, n=2000), FactorSettings(rotation=rotation), 0, ranks=False)
    loadings = found.loadings.to_numpy()
    assert loadings.shape == (12, 3)
    assert np.abs(loadings).max(axis=1) == pytest.approx(0.7, abs=0.08)
    assert np.sort(np.abs(loadings), axis=1)[:, :2].max() < 0.1
    assert found.communalities.to_numpy() == pytest.approx(0.49, abs=0.08)
    assert found.explained == pytest.approx([0.163] * 3, abs=0.02)
    assert found.alpha == pytest.approx([0.793] * 3, abs=0.03)  # 4 r / (1 + 3 r), r = 0.49


def test_scores_of_ranks_do_not_mind_tails():
    rows = planted(2, 2, n=500)
    wild = np.exp(3 * rows)
    one, two = (factors.analyse(table, FactorSettings(), 0, ranks=True) for table in (rows, wild))
    assert one.loadings.to_numpy() == pytest.approx(two.loadings.to_numpy())


def test_cronbach_and_kmo_by_hand():
    """Two standardised items of correlation r: alpha is 2 r / (1 + r), and nothing is partialled out."""
    x = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, -1.0], [-1.0, 1.0], [1.0, 1.0], [-1.0, -1.0]])
    r = np.corrcoef(x.T)[0, 1]
    assert factors.alpha(x, np.array([0.8, 0.8])) == pytest.approx(2 * r / (1 + r))
    assert np.isnan(factors.alpha(x, np.array([0.8, 0.1])))
    each, whole = factors.kmo(np.array([[1, 0.5], [0.5, 1]]))
    assert (whole, *each) == pytest.approx((0.5, 0.5, 0.5))


def test_what_cannot_be_used_is_left_out_with_its_reason():
    rows = planted(2, 3, n=200)
    rows["still"], rows["again"] = 1.0, rows["q00"] * 2 + 1
    rows["rare"] = np.where(np.arange(200) < 40, 1.0, np.nan)
    rows.iloc[:30, 1] = np.nan
    found = factors.analyse(rows, FactorSettings(), 0, ranks=False)
    assert found.left_out == {"still": "constant", "again": "same", "rare": "sparse"}
    assert found.n_rows == 200
    assert 0 < found.filled < 0.05


def test_too_little_is_refused():
    with pytest.raises(InputError, match="49 rows with 8 variables"):
        factors.analyse(planted(2, 4, n=49), FactorSettings(), 0, ranks=False)
    noise = pd.DataFrame(np.random.default_rng(1).standard_normal((500, 6)), columns=list("abcdef"))
    with pytest.raises(InputError, match="nothing in common"):
        factors.analyse(noise, FactorSettings(), 0, ranks=False)


def test_a_real_survey_of_satisfaction():
    if not SATISFACTION.is_file():
        pytest.skip("the study lies in ../shared/data")
    found = factors.analyse(pd.read_csv(SATISFACTION), FactorSettings(), 0, ranks=False)
    assert found.n_rows == 1811
    assert 1 <= found.loadings.shape[1] <= 3
    assert found.kmo > 0.8
    assert found.communalities.between(0, 1).all()

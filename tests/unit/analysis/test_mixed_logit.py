"""The mixed logit: published estimates, planted part-worths, and gradients by differences."""

import numpy as np
import pytest

from segmentwerk.analysis import choice_model, conjoint, conjoint_checks, mixed_logit
from segmentwerk.core.analysis_settings import ConjointSettings
from segmentwerk.core.errors import FitError

MEAN, SPREAD = np.array([-1.0, 0.5]), np.array([1.0, 0.7])
OPTIONS = ConjointSettings(mixed_draws=64)
PUBLISHED = {
    "pf": (-0.9996, 0.0331, 0.2358, 0.0182),
    "cl": (-0.2355, 0.0220, 0.4025, 0.0220),
    "loc": (2.2308, 0.1164, 1.9263, 0.1188),
    "wk": (1.6252, 0.0919, 1.2193, 0.0945),
    "tod": (-9.6067, 0.3113, 2.3354, 0.1742),
    "seas": (-9.7893, 0.2913, 1.4201, 0.2096),
}
"""Mean and spread with standard errors of 600 Halton draws, as xlogit's description prints them."""


@pytest.fixture(scope="module")
def planted(draw):
    """200 accounts, each with part-worths of its own, choose 10 times among three."""
    betas = MEAN + np.random.default_rng(1).standard_normal((200, 2)) * SPREAD
    return conjoint.read(draw(betas, np.full(200, 1 / 200), 200, seed=3, each=True)[0])


@pytest.mark.slow
def test_the_published_mixed_logit_of_electricity_suppliers(electricity):
    """Every mean and spread within one of its published standard errors."""
    data = conjoint.read(electricity)
    found = mixed_logit.fit(data, 600, seed=0)
    assert (len(data.accounts), len(data.starts)) == (361, 4308)
    for place, name in enumerate(found.columns):
        mean, mean_error, spread, spread_error = PUBLISHED[name]
        assert found.mean[place] == pytest.approx(mean, abs=mean_error), name
        assert found.spread[place] == pytest.approx(spread, abs=spread_error), name
    assert found.log_likelihood == pytest.approx(-3888.413, abs=10)


def test_planted_part_worths_come_back_with_their_errors(planted):
    found = mixed_logit.fit(planted, 64, seed=0)
    for values, truth, errors in zip((found.mean, found.spread), (MEAN, SPREAD), found.errors, strict=True):
        assert (errors < 0.25).all()
        assert (np.abs(values - truth) < 3 * errors).all()
    assert found.liked == pytest.approx([0.16, 0.76], abs=0.08)  # of a normal: 1 and 0.71 spreads from 0
    assert found.log_likelihood > choice_model.fit(planted).log_likelihood + 20


def test_the_gradient_is_that_of_differences(planted):
    some = planted.of_accounts(np.arange(200) < 20)
    draws, at, step = mixed_logit.halton(20, 16, 2, seed=0), np.array([-0.7, 0.2, 0.8, 0.3]), 1e-6
    _, gradients = mixed_logit.simulated(some, at, draws)
    for place, move in enumerate(np.eye(4) * step):
        up, down = (mixed_logit.simulated(some, at + sign * move, draws)[0] for sign in (1, -1))
        assert gradients[:, place] == pytest.approx((up - down) / (2 * step), abs=1e-6)


def test_a_spread_that_the_search_finds_below_nothing_is_turned_with_its_draws(draw):
    """The speed is worth the same to all, so that its spread is found on either side of 0."""
    worths = np.stack([np.random.default_rng(1).normal(-1, 1, 120), np.full(120, 0.5)], axis=1)
    data = conjoint.read(draw(worths, np.full(120, 1 / 120), 120, seed=3, each=True)[0])
    turned = []
    for seed in (1, 2, 5):
        found = mixed_logit.fit(data, 16, seed, errors=False)
        assert (found.spread >= 0).all()
        draws = mixed_logit.halton(120, 16, 2, seed)
        one, other = (
            mixed_logit.simulated(data, np.append(found.mean, found.spread * [1, sign]), draws)[0].sum()
            for sign in (1, -1)
        )
        assert found.log_likelihood in (pytest.approx(one, abs=1e-6), pytest.approx(other, abs=1e-6))
        assert found.log_likelihood == pytest.approx(max(one, other), abs=1e-6)
        turned.append(other > one)
    assert any(turned)


def test_without_spread_it_is_the_logit_of_all(planted):
    beta = np.array([-0.5, 0.4])
    logs, _ = mixed_logit.simulated(planted, np.append(beta, [0, 0]), mixed_logit.halton(200, 8, 2, 0))
    assert logs.sum() == pytest.approx(planted.shares(beta)[1].sum())


def test_what_an_account_chose_tells_what_it_will_choose(planted):
    checks = conjoint_checks.check(planted, 1, OPTIONS, seed=0)
    assert checks.mixed > checks.aggregate > checks.chance


def test_draws_are_spread_evenly_and_the_same_for_a_seed():
    one, two = (mixed_logit.halton(50, 40, 3, seed=5) for _ in range(2))
    assert one.tobytes() == two.tobytes()
    assert one.shape == (50, 40, 3)
    assert one.mean(axis=(0, 1)) == pytest.approx(0, abs=0.01)
    assert one.std(axis=(0, 1)) == pytest.approx(1, abs=0.01)


def test_choices_that_follow_a_column_without_exception_are_refused(planted):
    perfect = planted.x.copy()
    perfect[:, 0] = planted.chosen
    with pytest.raises(FitError):
        mixed_logit.fit(
            choice_model.ChoiceData(
                planted.columns, perfect, planted.chosen, planted.starts, planted.account, planted.accounts
            ),
            16,
            seed=0,
        )

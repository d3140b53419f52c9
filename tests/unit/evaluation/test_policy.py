import numpy as np
import pytest

from segmentwerk.core.errors import InputError
from segmentwerk.evaluation import policy
from segmentwerk.evaluation.policy import LEARNED_FIRST, ORDERS, PARTS, value
from segmentwerk.evaluation.randomised import RandomisedCampaign

ARMS = 3


def campaign(means, n, seed=0, control=0):
    """Draw contacts of equal segments and arms that buy with the given chances."""
    rng, means = np.random.default_rng(seed), np.asarray(means)
    segment, arm = rng.integers(len(means), size=n), rng.integers(means.shape[1], size=n)
    bought = (rng.random(n) < means[segment, arm]).astype(float)
    return RandomisedCampaign(
        segment, arm, bought, *means.shape, control, np.full(means.shape[1], 1 / means.shape[1])
    )


def test_without_noise_the_values_are_exact():
    rng = np.random.default_rng(0)
    segment, arm = np.repeat([0, 0, 1], 400), rng.integers(2, size=1200)
    table = np.array([[1.0, 3.0], [2.0, 0.5]])
    found = value(RandomisedCampaign(segment, arm, table[segment, arm], 2, 2, 0), seed=1, orders=ORDERS)
    assert found.learned.arms.tolist() == [1, 0]
    assert found.learned.best_arm == 1
    # segment 1 holds about a third of the accounts in each part, exactly a third in all
    assert found.gain.value == pytest.approx((2.0 - 0.5) / 3, abs=0.02)
    assert found.uplift.value == pytest.approx((3.0 - 1.0) * 2 / 3, abs=0.02)
    assert found.best_uplift.value == pytest.approx(found.uplift.value - found.gain.value)


def test_contributions_average_to_the_values():
    found = value(campaign([[0.1, 0.2, 0.1], [0.1, 0.1, 0.3]], 2000), seed=3)
    for name in ("policy", "best_arm", "control", "gain", "uplift"):
        assert found.contributions[name].mean() == pytest.approx(getattr(found, name).value)
    assert found.gain.low < found.gain.value < found.gain.high


def test_an_account_is_valued_under_arms_that_it_did_not_choose():
    """However absurd the outcomes of a part, what was chosen for it and before it stays the same."""
    given = campaign([[0.1, 0.2, 0.1], [0.1, 0.1, 0.3]], 1500)
    parts = policy._parts(1500, 5, 1)[0]
    before = value(given, 5).on_the_way
    for part in range(LEARNED_FIRST, PARTS):
        outcome = np.where((parts == part) & (given.arm == 0), 1e3, given.outcome)
        changed = RandomisedCampaign(given.segment, given.arm, outcome, 2, ARMS, 0, given.propensities)
        after = value(changed, 5).on_the_way
        upto = part - LEARNED_FIRST + 1
        assert (after.arms[0, :upto] == before.arms[0, :upto]).all()
        if upto < PARTS - LEARNED_FIRST:
            assert (after.best_arm[0, upto:] == 0).all()


def test_the_same_seed_gives_the_same_and_another_order_nearly_so():
    given = campaign([[0.1, 0.2, 0.1], [0.1, 0.1, 0.3]], 4000)
    first, again, other = (value(given, seed, orders=ORDERS) for seed in (1, 1, 2))
    assert first.gain == again.gain
    assert first.gain != other.gain
    assert abs(first.gain.value - other.gain.value) < (first.gain.high - first.gain.low) / 4


def test_unequal_chances_are_undone():
    rng, chances = np.random.default_rng(0), np.array([0.1, 0.9])
    arm = rng.choice(2, size=8000, p=chances)
    outcome = rng.normal(np.array([1.0, 3.0])[arm], 1.0)
    found = value(RandomisedCampaign(np.zeros(8000, dtype=int), arm, outcome, 1, 2, 0, chances), seed=0)
    assert found.control.value == pytest.approx(1.0, abs=0.15)
    assert found.best_uplift.value == pytest.approx(2.0, abs=0.15)
    assert found.gain.value == 0


def test_without_a_control_nothing_is_said_of_it():
    found = value(campaign([[0.1, 0.5]], 400, control=None), seed=0)
    assert np.isnan(found.uplift.value)
    assert np.isnan(found.control.value)
    assert found.over_drawn.low > 0


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"arm": np.zeros(60, dtype=int)}, "two arms or more"),
        ({"segment": np.full(60, 2)}, "segment lies outside 0 … 1"),
        ({"outcome": np.full(60, np.nan)}, "no number"),
        ({"outcome": np.zeros(59)}, "contacts at least"),
        ({"propensities": np.array([0.0, 1.0])}, "chance of an arm"),
    ],
)
def test_what_cannot_be_valued_is_refused(changed, said):
    parts = {"segment": np.arange(60) % 2, "arm": np.arange(60) // 2 % 2, "outcome": np.ones(60)}
    with pytest.raises(InputError, match=said):
        RandomisedCampaign(**{**parts, "n_segments": 2, "n_arms": 2, **changed})


@pytest.mark.slow
def test_the_interval_of_the_gain_holds_and_where_nothing_differs_it_says_so():
    """Bounds are those of 200 draws: 95% less four standard errors, 2.5% and four more."""
    same, planted = (
        np.tile([0.1, 0.12, 0.14], (4, 1)),
        np.array([[0.1, 0.12, 0.18]] * 2 + [[0.1, 0.18, 0.12]] * 2),
    )
    rows = np.arange(4)
    held, wrong = 0, 0
    for number in range(200):
        found = value(campaign(planted, 6000, seed=number), number)
        way = found.on_the_way
        truth = (planted[rows, way.arms].mean(axis=-1) - planted.mean(axis=0)[way.best_arm]).mean()
        held += found.gain.low <= truth <= found.gain.high
        wrong += value(campaign(same, 3000, seed=number), number).gain.low > 0
    assert 178 <= held <= 198
    assert wrong <= 14

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from segmentwerk.evaluation.policy import value
from segmentwerk.evaluation.randomised import RandomisedCampaign
from segmentwerk.measurement.heterogeneity import permutation_test
from segmentwerk.measurement.recommendation import LEVEL, recommend

DATA = Path(os.environ.get("SEGMENTWERK_DATA", Path(__file__).parents[4] / "shared" / "data"))


def campaign(means, n, seed=0, control=0):
    rng, means = np.random.default_rng(seed), np.asarray(means)
    segment, arm = rng.integers(len(means), size=n), rng.integers(means.shape[1], size=n)
    bought = (rng.random(n) < means[segment, arm]).astype(float)
    return RandomisedCampaign(segment, arm, bought, *means.shape, control)


def ask(given, **more):
    return recommend(given, 0, permutations=99, **more)


def test_segments_that_want_different_arms_get_them():
    found = ask(campaign([[0.1, 0.3, 0.1], [0.1, 0.1, 0.3]], 4000))
    assert found.verdict == "by_segment"
    assert found.arms == found.leaning == (1, 2)
    assert [one.low > 0 for one in found.expected] == [True, True]
    assert found.value.gain.low > 0


def test_one_arm_that_is_best_everywhere_goes_to_all():
    found = ask(campaign([[0.1, 0.3, 0.1], [0.2, 0.3, 0.2]], 4000))
    assert found.verdict == "one_arm"
    assert found.arms == (1, 1)
    assert found.expected[0].value > found.expected[1].value > 0


def test_arms_that_do_nothing_are_not_sent_where_the_contacts_show_it():
    found = ask(campaign([[0.1, 0.1], [0.3, 0.3]], 30_000), worthwhile=0.03)
    assert found.verdict == "nothing"
    assert found.arms == (0, 0)


def test_few_contacts_are_said_to_be_few_and_how_many_it_takes():
    given = campaign([[0.1, 0.12], [0.1, 0.12]], 400, seed=1)
    found = ask(given, worthwhile=0.02)
    assert found.verdict == "too_little"
    assert found.arms is None
    assert found.expected == ()
    p = given.outcome.mean()
    # two shares around p that differ by 0.02, at 5% and 80%, an arm: 2 (1.96 + 0.84)² p (1 - p) / 0.02²
    assert found.contacts_needed == pytest.approx(2 * 2 * 7.849 * p * (1 - p) / 0.02**2, rel=0.1)


def test_a_harmful_arm_is_not_sent():
    found = ask(campaign([[0.3, 0.1], [0.3, 0.15]], 3000))
    assert (found.verdict, found.arms, found.best_arm) == ("nothing", (0, 0), 0)


def test_without_a_control_the_better_arm_goes_to_all():
    found = ask(campaign([[0.1, 0.2], [0.1, 0.2]], 4000, control=None))
    assert (found.verdict, found.arms) == ("one_arm", (1, 1))


def test_money_net_of_cost_decides():
    rng = np.random.default_rng(0)
    arm = rng.integers(2, size=4000)
    bought = rng.random(4000) < np.where(arm == 1, 0.14, 0.1)
    segment = rng.integers(2, size=4000)
    dear = RandomisedCampaign(segment, arm, 10.0 * bought - 3.0 * (arm == 1), 2, 2, 0)
    assert ask(dear).verdict == "nothing"
    assert ask(RandomisedCampaign(segment, arm, 10.0 * bought, 2, 2, 0)).verdict == "one_arm"


@pytest.mark.slow
def test_where_segments_are_alike_they_are_rarely_told_to_differ():
    wrong = 0
    for number in range(200):
        means = np.full((4, 3), 0.1) if number % 2 else np.tile([0.1, 0.12, 0.14], (4, 1))
        given = campaign(means, 3000, seed=number)
        wrong += value(given, number).gain.low > 0 and permutation_test(given, number, 99) <= LEVEL
    assert wrong <= 10


@pytest.mark.slow
@pytest.mark.skipif(not (DATA / "hillstrom").is_dir(), reason="needs the e-mail test hillstrom")
@pytest.mark.parametrize(("outcome", "least"), [("visit", -0.0003), ("spend", -0.02)])
def test_on_the_real_email_test_one_mail_goes_to_all(outcome, least):
    """Segments by spending and recency; learned on one half, valued on the other."""
    table = pd.read_csv(next((DATA / "hillstrom").glob("*.csv.gz")))
    arms = ["No E-Mail", "Mens E-Mail", "Womens E-Mail"]
    arm = table["segment"].map(arms.index).to_numpy()
    segment = 3 * pd.qcut(table["history"], 2, labels=False) + pd.qcut(table["recency"], 3, labels=False)
    y, gaps = table[outcome].to_numpy(dtype=float), []
    for seed in range(8):
        learned, asked = np.array_split(np.random.default_rng(seed).permutation(len(table)), 2)
        first, second = (
            RandomisedCampaign(segment.to_numpy()[part], arm[part], y[part], 6, 3, 0)
            for part in (learned, asked)
        )
        found = ask(first)
        assert found.verdict == "one_arm"
        assert found.arms == (1,) * 6
        means, shares = second.cells.means[0], second.cells.shares[0]
        gaps.append((means[np.arange(6), found.arms] - means[:, found.best_arm]) @ shares)
    assert np.mean(gaps) >= least


def test_a_small_control_and_a_few_large_orders_make_no_arm_work():
    """Of 100 campaigns without any effect, a tenth left alone, few say that one works."""
    told = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        arm = (rng.random(600) < 0.9).astype(np.int64)
        outcome = rng.lognormal(4, 1, 600) * (rng.random(600) < 0.05)
        made = RandomisedCampaign(rng.integers(0, 3, 600), arm, outcome, 3, 2, 0)
        told += recommend(made, seed, permutations=99).verdict == "one_arm"
    assert told <= 5

"""Arms: the share and the strata asked for, the same for the same key, and nothing about another campaign."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chisquare

from segmentwerk.activation.holdout import arms, lengths, power, visible_effect
from segmentwerk.core.activation_settings import KpiSettings

KEY = b"secret"
IDS = [f"a{i}" for i in range(1000)]
STRATA = np.repeat([1, 2, 3, 4], [500, 300, 193, 7])


def drawn(campaign="x", share=0.1, ids=IDS, strata=STRATA, **more):
    return arms(ids, strata, campaign=campaign, share=share, key=more.pop("key", KEY), **more)


def test_each_stratum_has_its_exact_share():
    counts = (drawn() == "control").groupby(STRATA).sum()
    assert counts.loc[[1, 2]].tolist() == [50, 30]
    assert counts.loc[3] in (19, 20)
    assert counts.loc[4] in (0, 1)


def test_the_same_again_and_in_another_order():
    order = np.random.default_rng(0).permutation(len(IDS))
    other = drawn(ids=[IDS[place] for place in order], strata=STRATA[order])
    pd.testing.assert_series_equal(other.loc[IDS], drawn())


def test_a_known_draw_stays_the_same_on_any_machine():
    found = arms(list("abcdef"), [1] * 6, campaign="2026-01 win_back", share=0.5, key=bytes(32))
    assert (found == "control").tolist() == [False, True, False, True, False, True]


def test_key_and_campaign_decide():
    assert (drawn() != drawn(key=b"other")).mean() > 0.1
    assert (drawn() != drawn("y")).mean() > 0.1


def test_over_a_thousand_campaigns_shares_are_as_asked_and_each_account_has_its_turn():
    ids, strata = IDS[:70], np.repeat([1, 2, 3], [33, 30, 7])
    found = np.stack([(drawn(f"c{i}", 0.15, ids, strata) == "control").to_numpy() for i in range(1000)])
    for number in (1, 2, 3):
        mine = found[:, strata == number]
        assert mine.mean() == pytest.approx(0.15, abs=0.006)
        size = mine.shape[1]
        assert set(mine.sum(axis=1)) <= {int(0.15 * size), int(0.15 * size) + 1}
        assert chisquare(mine.sum(axis=0)).pvalue > 0.001
    # The arms of one campaign say nothing about the next: the share stays the same among both.
    after_control, after_treated = found[1:][found[:-1]], found[1:][~found[:-1]]
    assert after_control.mean() == pytest.approx(0.15, abs=0.012)
    assert after_treated.mean() == pytest.approx(0.15, abs=0.006)
    pairs = np.corrcoef(found.T)[np.triu_indices(33, 1)]
    assert abs(pairs.mean() + 1 / 32) < 0.01, "within a stratum of fixed share, -1/(n-1)"


def test_arms_that_have_begun_stay_and_others_are_drawn_beside_them():
    before = drawn()
    ids, strata = [*IDS, *(f"new{i}" for i in range(100))], np.append(STRATA, [1] * 100)
    after = drawn(ids=ids, strata=strata, drawn=before)
    pd.testing.assert_series_equal(after.loc[IDS], before)
    assert (after.iloc[1000:] == "control").sum() == 10


def test_nobody_and_no_share():
    assert drawn(ids=[], strata=[]).empty
    assert (drawn(share=0.0) == "treated").all()


def test_the_visible_effect_by_hand():
    assert visible_effect(100.0, 400, 400) == pytest.approx(
        (1.959964 + 0.841621) * 100 * np.sqrt(2 / 400), rel=1e-5
    )
    assert np.isnan(visible_effect(100.0, 400, 1))


@pytest.mark.parametrize("seed", range(3))
def test_power_is_what_simulation_finds(seed):
    rng = np.random.default_rng(seed)
    effect = visible_effect(1.0, 300, 60)
    treated = rng.normal(effect, 1.0, (4000, 300)).mean(axis=1)
    control = rng.normal(0.0, 1.0, (4000, 60)).mean(axis=1)
    z = (treated - control) / np.sqrt(1 / 300 + 1 / 60)
    assert (z > 1.96).mean() == pytest.approx(0.8, abs=0.025)


def recent(n, rate=0.3, seed=0):
    rng = np.random.default_rng(seed)
    frame = {}
    for days in (90, 180, 360):
        ordered = (rng.random(n) < rate).astype(float)
        frame |= {f"ordered_{days}": ordered, f"revenue_{days}": ordered * rng.lognormal(5, 1, n) * days / 90}
    return pd.DataFrame(frame)


def test_many_accounts_are_enough_some_need_more_and_few_tell_nothing():
    kpi = KpiSettings(metric="order_rate", target=0.05)
    assert power(recent(20_000), kpi, 90, 18_000, 2_000).verdict == "enough"
    more = power(recent(5_000), kpi, 90, 4_750, 250)
    assert more.verdict == "more"
    assert visible_effect(0.4583, round((1 - more.share) * 5000), round(more.share * 5000)) <= 0.0501
    assert power(recent(60), kpi, 90, 54, 6).verdict == "too_small"


def test_money_is_wanted_as_a_share_of_the_usual():
    found = power(recent(1000), KpiSettings(metric="revenue", target=0.1), 90, 900, 100)
    assert found.wanted == pytest.approx(0.1 * found.usual)


def test_prospects_have_no_past_but_a_target():
    rows = pd.DataFrame({"ordered_90": np.zeros(4000), "ordered_180": 0.0, "ordered_360": 0.0})
    found = power(rows, KpiSettings(metric="order_rate", target=0.03), 90, 2000, 2000)
    assert found.usual == 0.0
    assert found.visible == pytest.approx(visible_effect(np.sqrt(0.03 * 0.97), 2000, 2000))


def test_lengths_stay_within_a_year():
    assert lengths(90) == [90, 180, 360]
    assert lengths(365) == [365]

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from segmentwerk.core.settings import GoalSettings
from segmentwerk.evaluation import targeting
from segmentwerk.evaluation.ranking import TARGETING, criteria_of
from segmentwerk.evaluation.scorecard import judge
from segmentwerk.evaluation.targeting import PastCampaign, imbalance, usable
from small_worlds import SETTINGS, Labelled, blobs, refit, split


def past(types, seed=0, name="spring", lead=0.3):
    """A campaign among accounts of two kinds; each kind buys by an arm of its own."""
    rng = np.random.default_rng(seed)
    arm = rng.integers(3, size=len(types))
    chance = 0.1 + lead * (arm == types.to_numpy() + 1)
    rows = pd.DataFrame({"x": rng.normal(size=len(types))}, index=types.index)
    bought = (rng.random(len(types)) < chance).astype(float)
    return PastCampaign(name, rows, arm, bought, ("control", "one", "two"), 0, "share of contacts")


@pytest.fixture
def types():
    return pd.Series(np.arange(1200) % 2, index=[f"a{i:04d}" for i in range(1200)])


def scores(labels, campaigns, seed=0):
    found = targeting.measure([labels] * len(campaigns), 2, campaigns, 50, seed)
    return {item.score.name: item for item in found}


def test_segments_that_the_arms_work_for_gain_and_others_do_not(types):
    rng = np.random.default_rng(1)
    right, wrong = scores(types.to_numpy(), [past(types)]), scores(rng.integers(2, size=1200), [past(types)])
    assert right["gain"].score.low > 0
    assert right["gain"].score.value == pytest.approx(0.15, abs=0.05)  # half of the accounts buy by 0.3 more
    assert abs(wrong["gain"].score.value) < 0.04
    assert right["uplift"].score.value == pytest.approx(0.3, abs=0.07)
    assert right["gain"].draws.shape == (50,)


def test_draws_are_shared_by_candidates_and_stretched_to_the_error(types):
    one, same = (scores(types.to_numpy(), [past(types)], seed=4)["uplift"] for _ in range(2))
    assert (one.draws == same.draws).all()
    other = scores(np.random.default_rng(1).integers(2, size=1200), [past(types)], seed=4)["uplift"]
    assert np.corrcoef(one.draws, other.draws)[0, 1] > 0.3
    assert one.score.se == pytest.approx(one.draws.std(ddof=1))


def test_campaigns_count_by_their_contacts_and_one_without_control_tells_no_uplift(types):
    both = [past(types), past(types.iloc[:300], seed=5, name="autumn", lead=0.0)]
    labels = [types.to_numpy(), types.iloc[:300].to_numpy()]
    joint = targeting.measure(labels, 2, both, 20, 0)[0].score.value
    each = [
        targeting.measure([one], 2, [c], 20, 0)[0].score.value for one, c in zip(labels, both, strict=True)
    ]
    assert joint == pytest.approx(0.8 * each[0] + 0.2 * each[1])
    assert set(scores(types.to_numpy(), [replace(past(types), control=None)])) == {"gain"}
    assert targeting.measure([], 2, [], 20, 0) == []


def test_arms_that_were_not_drawn_at_random_are_found(types):
    given = past(types)
    assert usable(given) == ""
    chosen = (given.rows["x"].to_numpy() > 0).astype(int)
    assert imbalance(given.rows, chosen) < 1e-6
    assert "not drawn at random" in usable(replace(given, arm=np.where(chosen == 1, given.arm, 1)))
    fair = [imbalance(past(types, seed=n).rows, past(types, seed=n).arm) for n in range(50)]
    assert np.mean(np.array(fair) < 0.05) < 0.2


def test_too_few_contacts_or_an_outcome_without_differences_are_not_judged_on(types):
    assert "fewer than" in usable(past(types.iloc[:100]))
    assert "same for all" in usable(replace(past(types), outcome=np.zeros(1200)))


def test_it_joins_the_scorecard_where_there_are_campaigns_and_changes_no_other_score():
    X, groups = blobs(300, k=2)
    view = split(X)
    bare = judge("a", Labelled(groups), refit(2), view, SETTINGS, seed=1)
    with_campaign = replace(view, campaigns=(past(groups),))
    full = judge("a", Labelled(groups), refit(2), with_campaign, SETTINGS, seed=1)
    timed = {"wall_time/fit_seconds", "wall_time/score_seconds"}
    assert {s.key for s in full.scores} - {s.key for s in bare.scores} == {TARGETING, "targeting/uplift"}
    for score in bare.scores:
        if score.key not in timed:
            assert full.score(score.key) == score
            assert full.samples.get(score.key) == bare.samples.get(score.key)


def test_it_ranks_only_where_the_goal_says_so(make_card):
    card = make_card("a", gain=0.1, agreement=0.5)
    known = replace(card, scores=(*card.scores, targeting_score()))
    assert TARGETING not in criteria_of([known], SETTINGS, GoalSettings())
    assert criteria_of([known], SETTINGS, GoalSettings(targeting_weight=2.5))[TARGETING] == 2.5
    assert TARGETING not in criteria_of([card], SETTINGS, GoalSettings(targeting_weight=2.5))


def targeting_score():
    return targeting.measured("targeting", "gain", np.array([1.0, 0.5, 1.5])).score

"""Two segmentations of the same accounts, one of them known by its assignments alone."""

import numpy as np
import pandas as pd
import pytest

from segmentwerk.core.proposal import Comparison
from segmentwerk.evaluation.succession import CRITERIA, LEAST_REACHED, Assigned, differences
from segmentwerk.registry import approval
from segmentwerk.registry.promotion import Registered
from small_worlds import SETTINGS, Labelled, blobs, split


@pytest.fixture(scope="module")
def world():
    X, types = blobs(600)
    return split(X, outcome=(types * 1.0).rename("y")), types


def compare(challenger, champion, view, settings=SETTINGS, seed=0):
    each, overall = differences(challenger, Assigned(champion), view, settings, seed=seed)
    return {one.key: one for one in each}, overall


def test_assignments_become_labels_in_the_order_of_their_ids():
    assigned = Assigned(pd.Series([7, 3, 9, 3], index=list("abcd")))
    assert assigned.n_segments_ == 3
    assert assigned.predict(pd.DataFrame(index=["c", "b", "a"])).tolist() == [2, 0, 1]


def test_against_itself_there_is_no_difference(world):
    view, types = world
    each, overall = compare(Labelled(types), types + 11, view)
    assert list(each) == list(CRITERIA)
    for one in (*each.values(), overall):
        assert (one.value, one.low, one.high) == pytest.approx((0, 0, 0))
        assert one.challenger == pytest.approx(one.champion)


def test_a_worse_challenger_is_behind_and_a_better_one_ahead(world):
    view, types = world
    merged = types.replace({2: 1})
    behind, lost = compare(Labelled(merged), types, view)
    ahead, won = compare(Labelled(types), merged, view)
    for key in ("separation/gain", "value/explained"):
        assert behind[key].high < 0 < ahead[key].low
        assert behind[key].value == pytest.approx(-ahead[key].value)
        assert behind[key].champion == pytest.approx(ahead[key].challenger)
    assert lost.high < 0 < won.low


def test_a_segmentation_at_random_is_behind_in_everything(world):
    view, types = world
    thrown = pd.Series(np.random.default_rng(0).integers(0, 3, len(types)), types.index)
    each, overall = compare(Labelled(thrown), types, view)
    assert all(one.high < 0 for one in each.values())
    assert overall.challenger < 0.1, "next to nothing is left of what the champion reaches"


def test_over_all_is_the_mean_of_shares_of_what_the_champion_reaches(world):
    view, types = world
    each, overall = compare(Labelled(types.replace({2: 1})), types, view)
    shares = [one.value / max(one.champion, LEAST_REACHED) for one in each.values()]
    assert overall.value == pytest.approx(np.mean(shares))
    assert (overall.champion, overall.challenger) == (1.0, pytest.approx(1 + overall.value))


def test_without_draws_there_is_no_interval(world):
    view, types = world
    assert compare(Labelled(types), types, view, SETTINGS.model_copy(update={"n_bootstrap": 0})) == ({}, None)


def drawn(n_held_out, seed, *, ours, theirs):
    """Groups that overlap and two cuts of them: the truth, but for shares of the accounts put elsewhere."""
    X, types = blobs(3 * n_held_out, distance=4.0, seed=seed)
    view = split(X, outcome=(types + np.random.default_rng(seed).normal(0, 1.0, len(types))).rename("y"))
    cuts = []
    for place, share in enumerate((ours, theirs)):
        rng = np.random.default_rng([seed, place])
        elsewhere = pd.Series(rng.integers(0, 3, len(types)), types.index)
        cuts.append(types.where(rng.random(len(types)) >= share, elsewhere))
    return compare(Labelled(cuts[0]), cuts[1], view, seed=seed)


def status(found, max_loss=0.1):
    each, overall = found
    kept = Comparison(1, 1000, 300, 0.3, differences=tuple(each.values()), overall=overall)
    tags = approval.tags([], kept)
    versions = [Registered("m", number, "", "", tags, (), "") for number in (2, 1)]
    return approval.succession(*versions, max_loss).status


DRAWS = range(12)


@pytest.mark.parametrize("n_held_out", [60, 124, 400])
def test_a_worse_version_does_not_pass_however_few_accounts_there_are(n_held_out):
    answers = [status(drawn(n_held_out, seed, ours=0.2, theirs=0.02)) for seed in DRAWS]
    assert answers.count("passed") == 0
    assert answers.count("failed") >= 6


def test_among_few_accounts_the_like_cannot_be_told_and_among_many_it_passes():
    few = [status(drawn(60, seed, ours=0.1, theirs=0.1)) for seed in DRAWS]
    many = [status(drawn(2000, seed, ours=0.005, theirs=0.005)) for seed in DRAWS]
    assert few.count("undecided") >= 6
    assert many.count("passed") >= 9


def test_a_better_version_passes():
    answers = [status(drawn(124, seed, ours=0.02, theirs=0.2)) for seed in DRAWS]
    assert answers.count("passed") >= 11

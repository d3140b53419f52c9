import numpy as np
import pandas as pd
import pytest

from segmentwerk.core.errors import FitError
from segmentwerk.evaluation.scorecard import LEAST_EXPLAINED, judge, quick
from small_worlds import SETTINGS, Labelled, Plain, blobs, refit, split

K = 3


@pytest.fixture(scope="module")
def view():
    X, types = blobs(300)
    prospect = pd.DataFrame({"employees": types * 1.0}, index=X.index)
    return split(X, revenue=types + 1.0, prospect=prospect)


@pytest.fixture(scope="module")
def card(view):
    return judge("kmeans-2", Plain(K, 0).fit(view.train), refit(K), view, SETTINGS, seed=0)


def test_all_families_are_measured_with_intervals(card):
    assert {score.family for score in card.scores} == {
        "separation",
        "stability",
        "identifiability",
        "substance",
        "wall_time",
    }
    for score in card.scores:
        assert np.isfinite(score.value), score.key
        assert score.key in card.samples or score.family == "wall_time" or score.name == "n_segments"
        assert np.isnan(score.low) or score.low <= score.value <= score.high
    assert all(len(draws) == SETTINGS.n_bootstrap for draws in card.samples.values())


def test_card_says_what_was_judged(card):
    assert (card.candidate, card.algorithm, card.n_segments, card.complexity) == ("kmeans-2", "kmeans", K, 1)
    assert card.passed
    assert list(card.per_segment.columns) == ["accounts", "share", "jaccard", "revenue_share"]
    assert card.per_segment.index.tolist() == [0, 1, 2]
    assert card.per_segment["accounts"].sum() == 300
    np.testing.assert_allclose(sorted(card.per_segment["revenue_share"]), [1 / 6, 2 / 6, 3 / 6])


def test_twice_the_same_scorecard_but_for_times(view, card):
    again = judge("kmeans-2", Plain(K, 0).fit(view.train), refit(K), view, SETTINGS, seed=0)
    first, second = ([s for s in one.scores if s.family != "wall_time"] for one in (card, again))
    assert first == second
    assert again.samples == card.samples
    assert again.gates == card.gates


def test_quick_is_a_cheap_form_of_the_same(view, card):
    calls = []

    def counted(X, seed):
        calls.append(len(X))
        return refit(K)(X, seed)

    found = quick(Plain(K, 0).fit(view.train), counted, view, SETTINGS, seed=0)
    assert len(calls) == 2
    for key in ("separation/gain", "separation/purity", "stability/agreement"):
        assert found[key] == pytest.approx(card.score(key).value, abs=0.05)
    assert 0.5 < found["value"] <= 1


def test_quick_prefers_the_right_number_of_segments(view):
    values = {
        k: quick(Plain(k, 0).fit(view.train), refit(k), view, SETTINGS, seed=0)["value"] for k in (2, 3, 6)
    }
    assert max(values, key=values.get) == 3


def test_quick_reports_before_any_refit_so_that_a_trial_can_be_pruned(view):
    class Pruned(Exception):  # noqa: N818 (it is no error)
        pass

    def prune(value):
        raise Pruned

    def never(X, seed):
        pytest.fail("a pruned trial is not refitted")

    with pytest.raises(Pruned):
        quick(Plain(K, 0).fit(view.train), never, view, SETTINGS, seed=0, report=prune)


@pytest.mark.parametrize("primary", [["stability/agreement"], ["separation/purity", "separation/gain"]])
def test_trials_maximise_the_geometric_mean_of_the_primary_criteria(view, primary):
    settings = SETTINGS.model_copy(update={"primary": primary})
    found = quick(Plain(K, 0).fit(view.train), refit(K), view, settings, seed=0)
    assert found["value"] == pytest.approx(np.prod([found[key] for key in primary]) ** (1 / len(primary)))


def test_one_criterion_that_speaks_against_a_trial_cannot_be_made_up_for():
    noise = split(pd.DataFrame(np.random.default_rng(0).normal(size=(300, 3)), columns=list("abc")))
    found = quick(Plain(K, 0).fit(noise.train), refit(K), noise, SETTINGS, seed=0)
    assert found["value"] == found["separation/gain"] < 0


def test_a_cut_that_would_fail_for_its_least_stable_segment_is_marked_down(view):
    strict = SETTINGS.model_copy(update={"min_jaccard": 1.0})
    free, held = (
        quick(Plain(6, 0).fit(view.train), refit(6), view, settings, seed=0)
        for settings in (SETTINGS.model_copy(update={"min_jaccard": 0.0}), strict)
    )
    assert 0 < held["stability/jaccard_min"] < 1
    assert held["value"] == pytest.approx(free["value"] * held["stability/jaccard_min"])


def test_outcome_joins_the_objective_with_its_weight():
    X, types = blobs(300, distance=3.0)
    view = split(X, outcome=types * 1.0)
    segmenter = Plain(K, 0).fit(view.train)
    light, heavy = (
        quick(segmenter, refit(K), view, SETTINGS, seed=0, value_weight=weight) for weight in (0.1, 9.0)
    )
    assert light["value/explained"] == heavy["value/explained"] > light["value"]
    assert abs(heavy["value"] - heavy["value/explained"]) < abs(light["value"] - light["value/explained"])


def test_an_outcome_that_nothing_tells_of_does_not_decide():
    X, _ = blobs(300)
    noise = pd.Series(np.random.default_rng(0).normal(size=300), index=X.index)
    view = split(X, outcome=noise)
    found = quick(Plain(K, 0).fit(view.train), refit(K), view, SETTINGS, seed=0)
    assert found["value/explained"] < LEAST_EXPLAINED
    known = [found["separation/gain"], found["stability/agreement"], LEAST_EXPLAINED]
    assert found["value"] == pytest.approx(np.prod(known) ** (1 / 3))


@pytest.mark.parametrize("labels", [lambda types: types * 0, lambda types: types.clip(upper=1)])
def test_degenerate_trials_are_refused(labels):
    X, types = blobs(120)
    k = int(labels(types).max()) + 1
    with pytest.raises(FitError):
        quick(Labelled(labels(types), max(k, 1) if k == 1 else 3), refit(2), split(X), SETTINGS, seed=0)


def test_refits_are_shared_between_the_families(view):
    calls = []

    def counted(X, seed):
        calls.append((len(X), seed))
        return refit(K)(X, seed)

    judge("kmeans", Plain(K, 0).fit(view.train), counted, view, SETTINGS, seed=0)
    assert len(calls) == 2 * SETTINGS.n_splits + SETTINGS.n_splits // 2
    assert len({seed for _, seed in calls}) == len(calls)

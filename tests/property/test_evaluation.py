"""What may not matter to the judges: names of labels, order of rows, units of the whole space."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentwerk.evaluation.identity import match
from segmentwerk.evaluation.scorecard import View, judge, quick
from segmentwerk.evaluation.structure import verdict
from small_worlds import SETTINGS, Plain, blobs, refit, split

K = 3
FEW = settings(max_examples=3, deadline=None, derandomize=True)


@pytest.fixture(scope="module")
def view():
    X, types = blobs(180, distance=3.0)
    rng = np.random.default_rng(1)
    X["kind=a"] = (rng.random(180) < 0.4) * 0.7
    outcome = types + pd.Series(rng.standard_normal(180), index=X.index)
    prospect = pd.DataFrame({"employees": types + rng.standard_normal(180)}, index=X.index)
    return split(X, discrete={"kind": ["kind=a"]}, outcome=outcome, revenue=outcome.abs(), prospect=prospect)


def scores(card):
    """All scores with their intervals, times left out."""
    return {
        score.key: [score.value, score.low, score.high, score.se]
        for score in card.scores
        if score.family != "wall_time"
    }


def judged(view, order=None):
    return judge("plain", Plain(K, 0, order).fit(view.train), refit(K, order), view, SETTINGS, seed=3)


@pytest.fixture(scope="module")
def card(view):
    return judged(view)


def assert_same(one, other):
    assert one.keys() == other.keys()
    for key in one:
        np.testing.assert_allclose(one[key], other[key], rtol=1e-9, atol=1e-9, err_msg=key)


@FEW
@given(order=st.permutations(range(K)))
def test_names_of_labels_do_not_matter(view, card, order):
    renamed = judged(view, order)
    assert_same(scores(renamed), scores(card))
    pd.testing.assert_frame_equal(
        renamed.per_segment.iloc[order].reset_index(drop=True), card.per_segment, check_names=False
    )


def shuffled(view, seed):
    rng = np.random.default_rng(seed)
    train, test = rng.permutation(view.train.index), rng.permutation(view.test.index)
    return View(
        view.train.loc[train],
        view.test.loc[test],
        view.discrete,
        view.outcome_train.loc[train],
        view.outcome_test.loc[test],
        view.revenue_train.loc[train],
        view.revenue_test.loc[test],
        view.prospect_train.loc[train],
        view.prospect_test.loc[test],
    )


@FEW
@given(seed=st.integers(0, 2**31 - 1))
def test_order_of_rows_does_not_matter(view, card, seed):
    moved = shuffled(view, seed)
    segmenter = Plain(K, 0).fit(view.train)
    found = judge("plain", segmenter, refit(K), moved, SETTINGS, seed=3)
    assert_same(scores(found), scores(card))
    assert [gate.status for gate in found.gates] == [gate.status for gate in card.gates]
    one, other = (quick(segmenter, refit(K), v, SETTINGS, seed=3) for v in (view, moved))
    assert one == pytest.approx(other)


@FEW
@given(factor=st.floats(0.01, 100))
def test_units_of_the_space_do_not_matter(view, card, factor):
    larger = View(
        view.train * factor,
        view.test * factor,
        view.discrete,
        view.outcome_train,
        view.outcome_test,
        view.revenue_train,
        view.revenue_test,
        view.prospect_train,
        view.prospect_test,
    )
    assert_same(scores(judged(larger)), scores(card))


def test_verdict_is_the_same_twice_and_in_any_order(view):
    few = SETTINGS.model_copy(update={"null_copies": 3})
    found = {verdict(refit(K), v, few, seed=1).reason for v in (view, view, shuffled(view, 0))}
    assert len(found) == 1


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    old=st.lists(st.integers(0, 4), min_size=1, max_size=40),
    seed=st.integers(0, 1000),
    order=st.permutations(range(4)),
)
def test_identity_does_not_hang_on_label_names(old, seed, order):
    old = pd.Series(old)
    new = pd.Series(np.random.default_rng(seed).integers(4, size=len(old)), index=old.index)
    one, other = (
        match(old, labels, next_id=5, n_segments=4) for labels in (new, new.map(dict(enumerate(order))))
    )
    assert one.next_id == other.next_id
    assert len(set(one.ids.values())) == len(one.ids) == 4
    assert all(value in set(old) or 5 <= value < one.next_id for value in one.ids.values())
    assert one.migration.to_numpy().sum() == len(old)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(labels=st.lists(st.integers(0, 5), min_size=1, max_size=60), seed=st.integers(0, 1000))
def test_the_same_cut_under_other_names_keeps_every_id(labels, seed):
    names = np.unique(labels)
    old = pd.Series(np.searchsorted(names, labels))
    order = np.random.default_rng(seed).permutation(len(names))
    found = match(old, pd.Series(order[old]), next_id=len(names))
    assert found.moved == 0
    assert all(event.kind == "kept" for event in found.events)

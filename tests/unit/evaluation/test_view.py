import numpy as np
import pandas as pd
import pytest

from segmentwerk.core.errors import InputError
from segmentwerk.evaluation.view import Case, View, labels, thinned
from small_worlds import SETTINGS, Labelled, blobs, split


def test_columns_of_categories_are_not_continuous():
    X = pd.DataFrame({"a": [0.0, 1.0], "k=x": [1.0, 0.0]}, index=["p", "q"])
    view = View(X.iloc[:1], X.iloc[1:], {"k": ["k=x"]})
    assert view.continuous == ["a"]
    assert view.levels["k"].tolist() == [0, 1]


def test_rows_are_ordered_by_id_with_everything_that_belongs_to_them():
    X, types = blobs(30)
    view = split(X.iloc[::-1], outcome=types.iloc[::-1].astype(float))
    ordered = view.ordered
    assert ordered.train.index.is_monotonic_increasing
    assert (ordered.outcome_train == types.loc[ordered.train.index]).all()
    assert ordered.ordered is ordered
    assert view.ordered is ordered


def test_large_views_are_thinned_in_proportion_with_all_that_is_known():
    X, types = blobs(360)
    view = split(X, outcome=types * 1.0)
    small = thinned(view, 90, 0)
    assert (len(small.train), len(small.test)) == (60, 30)
    assert (small.outcome_test == types.loc[small.test.index]).all()
    assert thinned(view, 90, 0) is small
    assert thinned(view, 360, 0) is view.ordered


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test": lambda X: X.iloc[:0]}, "needs accounts in both halves"),
        ({"test": lambda X: X.iloc[20:].rename(columns={"x0": "z"})}, "differ in columns"),
        ({"test": lambda X: X.iloc[10:]}, "stands twice"),
        ({"test": lambda X: X.iloc[20:].mask(X > 0)}, "holds unknown values"),
        ({"discrete": lambda X: {"k": ["k=x"]}}, "'k=x' is no column"),
        ({"outcome_train": lambda X: X["x0"].iloc[:20]}, "one half only"),
        ({"revenue_test": lambda X: X["x0"].iloc[:3]}, "different accounts"),
    ],
)
def test_bad_views_are_refused(change, message):
    X, _ = blobs(30)
    parts = {"train": X.iloc[:20], "test": X.iloc[20:]} | {name: make(X) for name, make in change.items()}
    with pytest.raises(InputError, match=message):
        View(**parts)


def test_filled_numbers_are_known_by_their_flag():
    X = pd.DataFrame({"a": [5.0, 5.0, 1.0, 2.0], "a_missing": [1.0, 1.0, 0.0, 0.0]}, index=list("pqrs"))
    view = View(X.iloc[:2], X.iloc[2:], {"a_missing": ["a_missing"]})
    assert view.unknown["a"].tolist() == [True, True, False, False]


def test_labels_outside_the_segments_are_refused():
    X, types = blobs(12)
    with pytest.raises(InputError, match="outside"):
        labels(Labelled(types, n_segments=2), X)


def test_shares_are_of_all_accounts():
    X, types = blobs(30)
    case = Case.of(Labelled(types, n_segments=4), split(X), SETTINGS, 0)
    np.testing.assert_allclose(case.shares, [1 / 3, 1 / 3, 1 / 3, 0])

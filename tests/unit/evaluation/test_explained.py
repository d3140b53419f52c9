import threading

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyRegressor

from segmentwerk.core.threads import threads
from segmentwerk.evaluation import explained
from segmentwerk.evaluation.view import Case
from small_worlds import SETTINGS, Labelled, blobs, split


def scores(X, types, outcome):
    case = Case.of(Labelled(types), split(X, outcome=outcome), SETTINGS, 0)
    return {item.score.name: item.score for item in explained.measure(case)}


def test_share_of_variance_by_hand(monkeypatch):
    monkeypatch.setattr(explained, "LEAST_ACCOUNTS", 2)
    X = pd.DataFrame({"x": np.arange(6.0)}, index=list("abcdef"))
    types = pd.Series([0, 0, 1, 1, 0, 1], index=X.index)
    outcome = pd.Series([1.0, 3.0, 10.0, 12.0, 1.0, 12.0], index=X.index)
    case = Case.of(Labelled(types), split(X, outcome=outcome), SETTINGS, 0)
    # means of the training accounts: 2 and 11; held out 1 and 12 around 6.5
    monkeypatch.setattr(explained, "reference", lambda *_: np.array([0.5]))
    found = {item.score.name: item.score.value for item in explained.measure(case)}
    assert found["relative"] == pytest.approx(2 * found["explained"])
    assert found["explained"] == pytest.approx(1 - (1 + 1) / (2 * 5.5**2))


def test_outcome_told_by_the_groups_is_explained_as_well_as_boosting_does():
    X, types = blobs(600)
    noise = np.random.default_rng(0).standard_normal(600)
    found = scores(X, types, types * 2.0 + noise)
    assert found["explained"].value == pytest.approx(found["reference"].value, abs=0.1)
    assert found["relative"].value == pytest.approx(found["explained"].value / found["reference"].value)
    assert found["explained"].low < found["explained"].value < found["explained"].high


def test_noise_is_not_explained_and_not_related_to_anything():
    X, types = blobs(600)
    found = scores(X, types, pd.Series(np.random.default_rng(0).standard_normal(600), index=X.index))
    assert found["explained"].value < 0.02
    assert "relative" not in found


def test_unknown_outcomes_are_left_out():
    X, types = blobs(600)
    outcome = types * 2.0
    outcome.iloc[::3] = np.nan
    assert scores(X, types, outcome)["explained"].value == pytest.approx(1)


@pytest.mark.parametrize("outcome", [None, 1.0, np.nan])
def test_without_a_telling_outcome_there_is_no_family(outcome):
    X, types = blobs(300)
    assert scores(X, types, *[pd.Series(outcome, index=X.index, dtype=float)]) == {}


def test_the_reference_is_fitted_by_one_thread(monkeypatch):
    """Where scikit-learn runs fits side by side, it swaps the filters of warnings under all threads."""
    fitted_by = set()

    class Model(DummyRegressor):
        def fit(self, X, y):
            fitted_by.add(threading.get_ident())
            return super().fit(X, y)

    monkeypatch.setattr(explained, "HistGradientBoostingRegressor", lambda **_: Model())
    X, types = blobs(600)
    with threads():
        scores(X, types, types * 2.0)
    assert fitted_by == {threading.get_ident()}

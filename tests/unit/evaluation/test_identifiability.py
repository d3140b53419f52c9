from datetime import date

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from segmentwerk.core.seeds import derive
from segmentwerk.core.types import AccountTable, Feature, Window
from segmentwerk.evaluation import gates, identifiability
from segmentwerk.evaluation.view import Case
from segmentwerk.segmenters import prospect
from small_worlds import SETTINGS, Labelled, blobs, split


def scores(prospect_of, n=600):
    X, types = blobs(n)
    prospect = prospect_of(types.to_numpy(), np.random.default_rng(0))
    case = Case.of(Labelled(types), split(X, prospect=prospect.set_axis(X.index)), SETTINGS, 0)
    return {item.score.name: item.score for item in identifiability.measure(case)}


def test_industry_that_tells_the_segment():
    industries = np.array(["mill", "shop", None], dtype=object)
    found = scores(lambda types, _: pd.DataFrame({"industry": industries[types]}))
    assert found["balanced_accuracy"].value == pytest.approx(1)
    assert found["auc"].value == pytest.approx(1)
    assert found["above_majority"].value == pytest.approx(2 / 3, abs=0.05)


def test_features_that_tell_nothing_are_at_chance():
    found = scores(lambda types, rng: pd.DataFrame({"employees": rng.standard_normal(len(types))}))
    assert found["balanced_accuracy"].value == pytest.approx(1 / 3, abs=0.08)
    assert gates._reachable(3, found["balanced_accuracy"]).status == "failed"
    assert found["auc"].value == pytest.approx(0.5, abs=0.08)


def test_unknown_values_and_new_levels_are_survived():
    def features(types, rng):
        employees = np.where(
            rng.random(len(types)) < 0.5, np.nan, types + 0.1 * rng.standard_normal(len(types))
        )
        town = [f"town {i}" for i in range(len(types))]
        return pd.DataFrame({"employees": employees, "never": np.nan, "town": np.array(town, dtype=object)})

    assert 0.6 < scores(features)["balanced_accuracy"].value < 0.9


def test_the_model_that_is_shipped_is_judged():
    """Its probabilities of the held-out accounts, fitted on the same training accounts, give the scores."""
    X, types = blobs(600)
    rng = np.random.default_rng(0)
    known = pd.DataFrame(
        {
            "employees": np.exp(types.to_numpy() + rng.standard_normal(600)),
            "industry": np.where(rng.random(600) < 0.6, types, 0).astype(str).astype(object),
        },
        index=X.index,
    )
    catalogue = (
        Feature("employees", "numeric", "people", "firmographic", "accounts", "now", "", prospect=True),
        Feature("industry", "categorical", "industry", "firmographic", "accounts", "now", "", prospect=True),
    )
    case = Case.of(Labelled(types), split(X, prospect=known), SETTINGS, 0)
    orders = pd.Series(1, known.index)
    table = AccountTable(known, known[[]], orders, catalogue, Window(date(2025, 1, 1)), "test", "0" * 32)
    train = case.view.prospect_train.index
    shipped = prospect.fit(
        table,
        pd.Series(case.labels_train, train),
        numeric=["employees"],
        categorical=["industry"],
        seed=derive(0, identifiability.FAMILY),
    )
    right = shipped.predict_proba(case.view.prospect_test).argmax(axis=1) == case.labels_test
    majority = np.bincount(case.labels_train).argmax() == case.labels_test
    found = {item.score.name: item.score for item in identifiability.measure(case)}
    assert found["above_majority"].value == pytest.approx(right.mean() - majority.mean())
    assert found["above_majority"].value > 0.1


def test_no_family_without_features_or_with_one_segment():
    X, types = blobs(60)
    assert identifiability.measure(Case.of(Labelled(types), split(X), SETTINGS, 0)) == []
    prospect = pd.DataFrame({"employees": np.arange(60.0)}, index=X.index)
    case = Case.of(Labelled(types * 0, 3), split(X, prospect=prospect), SETTINGS, 0)
    assert identifiability.measure(case) == []


def test_area_under_the_curve_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    values, positive = rng.integers(5, size=80).astype(float), rng.random(80) < 0.4
    weights = rng.poisson(1.0, (80, 3)).astype(float)
    found = identifiability.weighted_auc(values, positive, weights)
    expected = [roc_auc_score(positive, values, sample_weight=column) for column in weights.T]
    np.testing.assert_allclose(found, expected)

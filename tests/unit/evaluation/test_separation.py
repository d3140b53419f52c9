import numpy as np
import pandas as pd
import pytest

from segmentwerk.evaluation import separation
from segmentwerk.evaluation.view import Case
from small_worlds import SETTINGS, Labelled, blobs, split


def scores(X, labels, **more):
    case = Case.of(Labelled(labels), split(X, **more), SETTINGS, 0)
    return {item.score.name: item.score for item in separation.measure(case)}


def test_far_groups_gain_what_they_save():
    X, types = blobs(900, k=2, distance=20.0, d=2)
    found = scores(X, types)
    # One block of both needs the variance of the distance along the line between the centres; two blocks
    # need one bit for the label: nats a variable by hand.
    centres = np.array([[20.0, 0.0], [0.0, 20.0]])
    total = np.cov(np.vstack([centres, centres]).T, bias=True) + np.eye(2)
    expected = (0.5 * np.linalg.slogdet(total)[1] - np.log(2)) / 2
    assert found["gain"].value == pytest.approx(expected, abs=0.06)
    assert found["purity"].value == pytest.approx(1)
    assert found["gain"].low > 0


def test_labels_thrown_at_random_are_worth_nothing():
    X, _ = blobs(900, k=1)
    labels = pd.Series(np.random.default_rng(0).integers(3, size=900), index=X.index)
    found = scores(X, labels)
    assert found["gain"].value < 0
    assert abs(found["purity"].value) < 0.05
    assert found["silhouette"].value < 0.05


def test_cut_through_one_cloud_gains_nothing():
    X, _ = blobs(900, k=1)
    found = scores(X, (X["x1"] > 0).astype(int))
    assert found["gain"].high < 0
    assert found["purity"].value > 0.5


def test_purity_by_hand(monkeypatch):
    monkeypatch.setattr(separation, "N_NEIGHBORS", 1)
    # Four accounts on a line, two and two; the only neighbour asked lies in the own segment for all.
    X = pd.DataFrame({"x": [0.0, 1.0, 10.0, 11.0, 0.4, 10.4]}, index=list("abcdef"))
    labels = pd.Series([0, 0, 1, 1, 0, 1], index=X.index)
    case = Case.of(Labelled(labels), split(X), SETTINGS, 0)
    chosen = separation._sample(case, case.labels_test, "held-out")
    assert separation._purities(case, chosen) == pytest.approx([1, 1])
    mixed = pd.Series([0, 0, 1, 1, 1, 1], index=X.index)
    case = Case.of(Labelled(mixed), split(X), SETTINGS, 0)
    # e sits beside a of the other segment, f beside c of its own: q = 1/2, chance (2/6)^2 + (4/6)^2 = 5/9.
    assert separation._purities(case, chosen).mean() == pytest.approx((1 / 2 - 5 / 9) / (1 - 5 / 9))


def test_simplified_silhouette_by_hand():
    X = pd.DataFrame({"x": [0.0, 2.0, 10.0, 12.0, 1.0, 9.0]}, index=list("abcdef"))
    labels = pd.Series([0, 0, 1, 1, 0, 1], index=X.index)
    # centres of the training accounts: 1 and 11; e: (10 - 0) / 10, f: (8 - 2) / 8
    assert scores(X, labels)["silhouette"].value == pytest.approx((1 + 0.75) / 2)


def test_one_segment_gains_nothing_and_breaks_nothing():
    X, _ = blobs(60)
    found = scores(X, pd.Series(0, index=X.index))
    assert found["purity"].value == 0
    assert found["silhouette"].value == 0


def test_cut_along_a_category_is_not_paid_for_its_correlation():
    rng = np.random.default_rng(0)
    X, _ = blobs(1500, k=1, d=3)
    flag = (X["x0"] + 0.5 * rng.standard_normal(1500) > 0).astype(int)
    X["k=yes"] = flag * 0.7
    found = scores(X, flag, discrete={"k": ["k=yes"]})
    assert found["gain"].value < 0


def test_counts_with_many_zeros_are_no_groups():
    rng = np.random.default_rng(0)
    counts = rng.poisson(rng.gamma(1.0, 1.0, 900)[:, None] * np.ones((1, 5))).astype(float)
    X = pd.DataFrame(
        np.log1p(counts), columns=[f"x{j}" for j in range(5)], index=[f"a{i:04d}" for i in range(900)]
    )
    assert scores(X, (X.sum(axis=1) > 0).astype(int))["gain"].low < 0

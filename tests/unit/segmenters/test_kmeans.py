from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs

from segmentwerk.segmenters import kmeans
from segmentwerk.segmenters.kmeans import KMeansSegmenter


def test_centres_spread_and_memberships_by_hand() -> None:
    model = KMeansSegmenter(2).fit([[-1.0, 0.0], [1.0, 0.0], [-1.0, 10.0], [1.0, 10.0], [0.0, 11.0]])
    np.testing.assert_allclose(model.centers_, [[0, 31 / 3], [0, 0]], atol=1e-12)
    assert model.inertia_ == pytest.approx(2 + 2 + 2 / 3)
    # Only the second feature tells the centres apart: squared residuals 0, 0, 1/9, 1/9, 4/9.
    assert model.variance_ == pytest.approx((6 / 9) / 5)
    odds = np.exp((5.5**2 - (31 / 3 - 5.5) ** 2) / (2 * model.variance_))
    np.testing.assert_allclose(model.predict_proba([[7.0, 5.5]]), [[odds / (1 + odds), 1 / (1 + odds)]])
    assert model.score_samples([[3.0, 0.0]])[0] == pytest.approx(-9.0)


@pytest.mark.parametrize("k", [2, 5, 9])
def test_objective_is_at_least_as_good_as_one_run_of_scikit_learn(k: int) -> None:
    rows, _ = make_blobs(1500, 6, centers=7, cluster_std=3.0, random_state=k)
    ours = KMeansSegmenter(k, min_segment_share=0).fit(rows).inertia_
    assert ours <= KMeans(k, random_state=0).fit(rows).inertia_ * (1 + 1e-4)


def test_large_tables_learn_on_samples_and_reach_nearly_the_same_objective(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows, _ = make_blobs(4000, 5, centers=4, cluster_std=2.0, random_state=0)
    whole = KMeansSegmenter(4).fit(rows + 1e4)
    monkeypatch.setattr(kmeans, "_SAMPLES", (500, 1500))
    nested = KMeansSegmenter(4).fit(rows + 1e4)
    assert nested.inertia_ == pytest.approx(whole.inertia_, rel=1e-3)
    assert (nested.labels_ == whole.labels_).mean() > 0.99
    np.testing.assert_allclose(nested.centers_[0], (rows + 1e4)[nested.labels_ == 0].mean(axis=0), atol=0.05)


def test_memberships_are_calibrated_where_groups_overlap() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 4000)
    # Noise in the other features is far wider; a variance over all features would be underconfident.
    rows = rng.normal(size=(4000, 4)) * [1, 1.5, 1.5, 1.5] + np.outer(truth, [5, 0, 0, 0])
    proba = KMeansSegmenter(2).fit(rows).predict_proba(rows)
    truth = truth if proba[truth == 0, 0].mean() > 0.5 else 1 - truth
    doubtful = (proba[:, 1] > 0.1) & (proba[:, 1] < 0.9)
    assert doubtful.sum() > 30
    assert truth[doubtful].mean() == pytest.approx(proba[doubtful, 1].mean(), abs=0.12)
    assert -np.log(proba[np.arange(4000), truth]).mean() < 0.05


def test_identical_rows_within_segments_do_not_divide_by_zero() -> None:
    model = KMeansSegmenter(2).fit(np.repeat([[0.0], [1.0]], 10, axis=0))
    np.testing.assert_array_equal(np.sort(model.predict_proba([[0.1], [0.9]]), axis=1), [[0, 1], [0, 1]])
    one = KMeansSegmenter(1).fit([[0.0], [1.0]])
    np.testing.assert_array_equal(one.predict_proba([[5.0]]), [[1.0]])

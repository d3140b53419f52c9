from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import onnxruntime
import pytest
from scipy.stats import multivariate_normal
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from segmentwerk.core.errors import FitError
from segmentwerk.segmenters import _mixture
from segmentwerk.segmenters._mixture import Mixture, Prior
from segmentwerk.segmenters.gaussian_mixture import GaussianMixtureSegmenter

KINDS = ["full", "tied", "diag", "spherical"]


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """Three groups whose shape k-means cannot see: two crossed cigars and a ball."""
    rng = np.random.default_rng(0)
    rising, falling = np.array([[0.8, 0.6], [-0.6, 0.8]]), np.array([[0.8, -0.6], [0.6, 0.8]])
    cigars = [rng.normal(size=(300, 2)) @ np.diag([6.0, 0.4]) @ turn for turn in (rising, falling)]
    ball = rng.normal(size=(200, 2)) + np.array([14, 0])
    return np.vstack([cigars[0] + np.array([0, 8]), cigars[1] - np.array([0, 8]), ball])


def covariances(model: GaussianMixtureSegmenter) -> np.ndarray:
    """Return the covariance of each segment (k, d, d)."""
    roots = model.precisions_cholesky_
    if roots.ndim == 2:
        return np.array([np.diag(root**-2) for root in roots])
    full = np.array([np.linalg.inv(root @ root.T) for root in roots])
    return np.broadcast_to(full, (model.n_segments_, *full.shape[1:]))


@pytest.mark.parametrize("kind", KINDS)
def test_densities_and_memberships_are_those_of_the_normal_distribution(kind: Any, rows: np.ndarray) -> None:
    model = GaussianMixtureSegmenter(3, covariance_type=kind).fit(rows)
    parts = zip(model.weights_, model.means_, covariances(model), strict=True)
    joint = np.column_stack([w * multivariate_normal(m, c).pdf(rows) for w, m, c in parts])
    np.testing.assert_allclose(model.score_samples(rows), np.log(joint.sum(axis=1)), rtol=1e-9)
    np.testing.assert_allclose(model.predict_proba(rows), joint / joint.sum(axis=1, keepdims=True), atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_information_criteria_agree_with_scikit_learn_for_the_same_mixture(
    kind: Any, rows: np.ndarray
) -> None:
    model = GaussianMixtureSegmenter(3, covariance_type=kind).fit(rows)
    peer = GaussianMixture(3, covariance_type=kind)
    peer.weights_, peer.means_ = model.weights_, model.means_
    roots = {"tied": lambda r: r[0], "spherical": lambda r: r[:, 0]}.get(kind, lambda r: r)(
        model.precisions_cholesky_
    )
    peer.precisions_cholesky_ = roots
    peer.covariances_ = covariances(model)[0] if kind == "tied" else covariances(model)
    assert model.bic_ == pytest.approx(peer.bic(rows), rel=1e-9)
    proba = model.predict_proba(rows)
    entropy = -(proba * np.log(np.maximum(proba, 1e-300))).sum()
    assert model.icl_ == pytest.approx(model.bic_ + 2 * entropy)
    assert model.log_likelihood_ == pytest.approx(model.score_samples(rows).mean())


def test_segments_of_different_shape_are_found(rows: np.ndarray) -> None:
    truth = np.repeat([0, 1, 2], [300, 300, 200])
    full = adjusted_rand_score(GaussianMixtureSegmenter(3).fit(rows).labels_, truth)
    round_ = adjusted_rand_score(
        GaussianMixtureSegmenter(3, covariance_type="spherical").fit(rows).labels_, truth
    )
    assert full > 0.99 > round_


@pytest.mark.parametrize("kind", KINDS)
def test_em_climbs(kind: Any, rows: np.ndarray) -> None:
    labels = np.random.default_rng(0).integers(0, 3, len(rows))
    prior = replace(Prior.learn(rows, labels, 1e-6), rows=1e-9, target=np.zeros((2, 2)))
    mixture = _mixture.maximise(_mixture.from_labels(rows, labels, kind), kind, prior)
    likelihoods = []
    for _ in range(15):
        moments = _mixture.expect(mixture, rows, kind)
        mixture = _mixture.maximise(moments, kind, prior)
        likelihoods.append(moments.log_likelihood)
    assert (np.diff(likelihoods) > -1e-5).all()
    assert likelihoods[-1] > likelihoods[0]


@pytest.mark.parametrize("kind", ["full", "tied", "diag"])
def test_fresh_rows_are_at_least_as_likely_as_with_scikit_learn(kind: Any) -> None:
    data, _ = make_blobs(3000, 5, centers=6, cluster_std=3.0, random_state=2)
    fit, fresh = data[::2], data[1::2]
    ours = GaussianMixtureSegmenter(6, covariance_type=kind, reg=1e-6).fit(fit)
    peer = GaussianMixture(6, covariance_type=kind, random_state=0).fit(fit)
    assert ours.score_samples(fresh).mean() >= peer.score(fresh) - 0.002


def test_moments_do_not_depend_on_the_chunk_or_the_origin(rows: np.ndarray) -> None:
    labels = (rows[:, 0] > 0).astype(np.int64)
    prior = Prior.learn(rows, labels, 1e-3)
    near = _mixture.maximise(_mixture.from_labels(rows, labels, "full"), "full", prior)
    for k in (0, 1):
        members = rows[labels == k]
        covariance = np.cov(members.T, bias=True)
        expected = (len(members) * covariance + prior.rows * prior.target) / (len(members) + prior.rows)
        found = np.linalg.inv(near.precisions_cholesky[k] @ near.precisions_cholesky[k].T)
        np.testing.assert_allclose(found, expected + prior.floor * np.eye(2), rtol=1e-9)
    far = _mixture.maximise(_mixture.from_labels(rows + 1e6, labels, "full"), "full", prior)
    np.testing.assert_allclose(far.precisions_cholesky, near.precisions_cholesky, rtol=1e-6)


def test_the_prior_counts_more_where_segments_share_their_shape() -> None:
    rng = np.random.default_rng(0)
    shapes = rng.normal(size=(2, 8, 8))
    labels = np.repeat([0, 1], 60)
    noise = rng.normal(size=(120, 8))
    alike, different = noise @ shapes[0], np.einsum("ij,ijk->ik", noise, shapes[labels])
    assert Prior.learn(alike, labels, 1e-6).rows > 10 * Prior.learn(different, labels, 1e-6).rows


def test_more_features_than_rows_per_segment_are_fitted_honestly() -> None:
    data, truth = make_blobs(120, 60, centers=3, cluster_std=2.0, random_state=0)
    model = GaussianMixtureSegmenter(3).fit(data[::2])
    assert adjusted_rand_score(truth[1::2], model.predict(data[1::2])) > 0.95
    # Rows that were not fitted are nearly as likely as those that were: nothing has collapsed.
    assert model.score_samples(data[::2]).mean() - model.score_samples(data[1::2]).mean() < 40


def test_memberships_are_calibrated_where_groups_overlap() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 4000)
    data = rng.normal(size=(4000, 3)) * np.where(truth, 0.7, 1.3)[:, None] + np.outer(truth, [3.0, 0, 0])
    proba = GaussianMixtureSegmenter(2).fit(data).predict_proba(data)
    second = proba[:, 1] if proba[truth == 1, 1].mean() > 0.5 else proba[:, 0]
    bins = np.digitize(second, np.linspace(0, 1, 11))
    gaps = [abs(float((truth - second)[bins == b].mean())) * (bins == b).mean() for b in set(bins)]
    assert sum(gaps) < 0.02
    assert ((second > 0.1) & (second < 0.9)).mean() > 0.05


def test_a_tied_covariance_uses_one_root_for_all() -> None:
    mixture = Mixture(np.array([0.5, 0.5]), np.array([[0.0, 0], [3, 0]]), np.array([[[0.5, 0], [0, 1.0]]]))
    np.testing.assert_allclose(mixture._distances(np.array([[1.0, 2.0]])), [[0.25 + 4, 1 + 4]])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"covariance_type": "round"}, "full, tied, diag, spherical"),
        ({"reg": 0}, "reg"),
        ({"reg": "x"}, "reg"),
    ],
)
def test_wrong_settings_are_refused(params: dict[str, Any], message: str, rows: np.ndarray) -> None:
    with pytest.raises(FitError, match=message):
        GaussianMixtureSegmenter(3, **params).fit(rows)


def test_a_fit_that_does_not_settle_says_so(rows: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segmentwerk.segmenters.gaussian_mixture._MAX_ITER", 1)
    model = GaussianMixtureSegmenter(3).fit(rows)
    assert not model.converged_
    assert any("did not settle" in note for note in model.notes_)


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_the_exported_mixture_agrees_however_far_a_row_or_the_origin_is(kind: Any) -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 3)) + 6 * rng.integers(0, 3, size=(400, 1))
    for origin in (0.0, 1e5):
        model = GaussianMixtureSegmenter(3, covariance_type=kind).fit(rows + origin)
        session = onnxruntime.InferenceSession(model.to_onnx().SerializeToString())
        asked = np.vstack([rows[:50] + origin + far for far in (0, 1e2, 1e4, -1e6)])
        proba, score = session.run(["proba", "score"], {"x": asked})
        np.testing.assert_allclose(proba, model.predict_proba(asked), atol=1e-9)
        np.testing.assert_allclose(score, model.score_samples(asked), rtol=1e-9)

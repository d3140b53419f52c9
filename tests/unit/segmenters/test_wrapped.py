from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from sklearn.base import BaseEstimator
from sklearn.cluster import MiniBatchKMeans
from sklearn.mixture import BayesianGaussianMixture
from sklearn.tree import DecisionTreeClassifier

from segmentwerk.core.errors import FitError, ModelError
from segmentwerk.segmenters import _persist
from segmentwerk.segmenters.base import SegmenterError
from segmentwerk.segmenters.gaussian_mixture import GaussianMixtureSegmenter
from segmentwerk.segmenters.wrapped import WrappedSegmenter


class MiniBatch(WrappedSegmenter):
    """A clusterer without memberships."""

    complexity = 1

    def __init__(self, n_segments: int = 4, min_segment_share: float = 0.02) -> None:
        self.n_segments = n_segments
        self.min_segment_share = min_segment_share

    def _make_estimator(self) -> BaseEstimator:
        return MiniBatchKMeans(self.n_segments, n_init=3, random_state=0)


class Bayesian(MiniBatch):
    """A mixture that leaves components without rows."""

    def _make_estimator(self) -> BaseEstimator:
        return BayesianGaussianMixture(
            n_components=self.n_segments, weight_concentration_prior=1e-3, max_iter=300, random_state=0
        )


def groups(n_rows: int = 600, shares: tuple[float, ...] = (0.5, 0.3, 0.2)) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    label = rng.choice(len(shares), n_rows, p=shares)
    return np.array([[0.0, 0.0], [9.0, 0.0], [2.0, 9.0], [2.0, 12.0]])[label] + rng.normal(
        size=(n_rows, 2)
    ), label


def test_a_clusterer_is_certain_and_scores_by_the_distance_to_the_mean() -> None:
    rows, label = groups()
    model = MiniBatch(3).fit(rows)
    np.testing.assert_array_equal(model.labels_, label)  # segments are numbered by size
    np.testing.assert_array_equal(model.predict_proba(rows), np.eye(3)[label])
    means = np.array([rows[label == segment].mean(axis=0) for segment in range(3)])
    np.testing.assert_allclose(model.score_samples(rows), -((rows - means[label]) ** 2).sum(axis=1))


@pytest.mark.parametrize("kind", [MiniBatch, Bayesian])
def test_a_small_component_joins_the_one_whose_mean_is_nearest(kind: type[MiniBatch]) -> None:
    rows, label = groups(shares=(0.5, 0.3, 0.17, 0.03))
    model = kind(4, min_segment_share=0.1).fit(rows)
    assert model.n_segments_ == 3
    np.testing.assert_array_equal(model.labels_[label == 3], 2)
    assert "Merged 1 of 4 segments" in model.notes_[0]


def test_components_without_rows_are_merged_or_refused() -> None:
    rows, _ = groups()
    assert Bayesian(6).fit(rows).n_segments_ == 3
    with pytest.raises(FitError, match="hold no row"):
        Bayesian(6, min_segment_share=0).fit(rows)


@pytest.mark.parametrize("kind", [MiniBatch, Bayesian])
def test_the_exported_model_agrees(kind: type[MiniBatch]) -> None:
    rows, _ = groups(shares=(0.5, 0.3, 0.17, 0.03))
    model = kind(4, min_segment_share=0.1).fit(rows)
    session = onnxruntime.InferenceSession(model.to_onnx().SerializeToString())
    asked = np.random.default_rng(1).normal(3, 6, size=(400, 2))
    proba, score = session.run(["proba", "score"], {"x": asked})
    assert proba.dtype == score.dtype == np.float64
    np.testing.assert_allclose(proba, model.predict_proba(asked), atol=1e-12)
    np.testing.assert_allclose(score, model.score_samples(asked), rtol=1e-10)


def test_more_segments_than_rows_are_refused() -> None:
    with pytest.raises(SegmenterError, match="distinct"):
        MiniBatch(4).fit(np.array([[0.0], [1.0], [2.0]] * 5))


@pytest.mark.parametrize("kind", [MiniBatch, Bayesian])
def test_the_estimator_is_saved_without_pickle_and_without_labels(
    kind: type[MiniBatch], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, _ = groups()
    model = kind(3).fit(rows)
    assert not hasattr(model.estimator_, "labels_")
    monkeypatch.setattr(_persist, "_class", lambda *_: kind)  # which else are those of the package alone
    model.save(tmp_path / "model")
    assert {path.suffix for path in (tmp_path / "model").iterdir()} == {".json", ".safetensors"}
    loaded = kind.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_proba(rows), model.predict_proba(rows))
    np.testing.assert_array_equal(loaded.score_samples(rows), model.score_samples(rows))


def test_an_estimator_that_could_harm_is_not_loaded(tmp_path: Path) -> None:
    tree = DecisionTreeClassifier(max_depth=1).fit([[0.0], [1.0]], [0, 1])
    model = GaussianMixtureSegmenter(2).fit(groups()[0])
    model.estimator_ = tree
    model.save(tmp_path / "model")
    with pytest.raises(ModelError, match=r"not scikit-learn's own|Tree"):
        GaussianMixtureSegmenter.load(tmp_path / "model")


def test_names_in_saved_folders_stay_as_they_were(tmp_path: Path) -> None:
    rows, _ = groups()
    model = GaussianMixtureSegmenter(3).fit(rows)
    model.save(tmp_path / "model")
    content = (tmp_path / "model" / _persist.ARRAYS).read_bytes()
    assert set(_persist.load_arrays(content)) == {"weights_", "means_", "whiteners_"}
    path = tmp_path / "model" / _persist.SETTINGS
    settings = json.loads(path.read_text())
    settings["params"]["checkpoint"] = None  # as autoencoders were saved
    settings.pop("digest")
    path.write_text(json.dumps({**settings, "digest": _persist._digest(content, settings)}))
    loaded = GaussianMixtureSegmenter.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.precisions_cholesky_, model.precisions_cholesky_)
    np.testing.assert_array_equal(loaded.predict(rows), model.labels_)

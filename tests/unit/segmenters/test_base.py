from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.core.errors import FitError, InputError, ModelError
from segmentwerk.segmenters import base
from segmentwerk.segmenters.base import Segmenter, SegmenterError, chunks, sample_rows
from segmentwerk.segmenters.gaussian_mixture import GaussianMixtureSegmenter
from segmentwerk.segmenters.kmeans import KMeansSegmenter
from segmentwerk.segmenters.onnx_graph import Graph

LINE = np.array([[0.0], [1.0], [2.0], [10.0], [11.0], [20.0]])


class Nearest(Segmenter):
    """Assigns rows to given points on a line; learns nothing, so that the base's own work shows."""

    complexity = 0

    def __init__(self, points: tuple[float, ...], min_segment_share: float = 0.0) -> None:
        self.points = points
        self.min_segment_share = min_segment_share

    def _fit(self, data: FloatArray, _monitor: object = None, /) -> None:
        self.points_ = np.array(self.points)
        self.n_segments_ = len(self.points)

    def _membership(self, data: FloatArray) -> tuple[FloatArray, FloatArray]:
        gaps = np.abs(data - self.points_)
        return np.eye(self.n_segments_)[gaps.argmin(axis=1)], -gaps.min(axis=1)

    def _keep(self, components: IntArray) -> None:
        self.points_ = self.points_[components]
        self.n_segments_ = len(components)

    def _to_onnx(self, graph: Graph, x: str) -> tuple[str, str]:
        raise NotImplementedError


def test_labels_are_numbered_by_size_and_ties_by_centre() -> None:
    model = Nearest((20.0, 10.5, 1.0, 30.0)).fit(np.vstack([LINE, [[30.0]]]))
    assert model.points_.tolist() == [1.0, 10.5, 20.0, 30.0]
    assert model.labels_.tolist() == [0, 0, 0, 1, 1, 2, 3]


def test_small_segments_go_to_the_next_best_one() -> None:
    model = Nearest((1.0, 10.5, 20.0), min_segment_share=0.2).fit(LINE)
    assert model.labels_.tolist() == [0, 0, 0, 1, 1, 1]
    assert model.notes_ == ("Merged 1 of 3 segments below min_segment_share=0.2 into the others.",)


def test_an_empty_segment_is_refused_unless_small_ones_may_be_merged() -> None:
    with pytest.raises(FitError, match=r"1 of 3 segments hold no row.*min_segment_share"):
        Nearest((1.0, 10.5, 99.0)).fit(LINE)
    assert Nearest((1.0, 10.5, 99.0), min_segment_share=0.01).fit(LINE).n_segments_ == 2


def test_one_segment_left_of_several_is_no_segmentation() -> None:
    with pytest.raises(FitError, match=r"only one is above min_segment_share=0\.4"):
        Nearest((1.0, 20.0), min_segment_share=0.4).fit(LINE)


def test_errors_serve_users_and_scikit_learn_alike() -> None:
    with pytest.raises(SegmenterError) as caught:
        Nearest((1.0,)).fit(LINE * np.nan)
    assert isinstance(caught.value, FitError)
    assert isinstance(caught.value, InputError)
    assert isinstance(caught.value, ValueError)
    assert "Column 0" in str(caught.value)
    assert "scale" in caught.value.remedy


def order(data: FloatArray) -> IntArray:
    return base._row_order(data, data.min(axis=0), data.max(axis=0))


def test_the_order_of_rows_follows_their_content() -> None:
    rng = np.random.default_rng(0)
    data = np.column_stack([rng.normal(size=500), rng.exponential(size=500), rng.integers(0, 2, 500)])
    rows, columns = rng.permutation(500), [2, 0, 1]
    ordered = data[order(data)]
    np.testing.assert_array_equal(data[rows][order(data[rows])], ordered)
    turned = data[:, columns]
    np.testing.assert_array_equal(turned[order(turned)], ordered[:, columns])


@pytest.mark.parametrize("kind", [KMeansSegmenter, GaussianMixtureSegmenter])
def test_a_table_in_a_file_is_learned_from_a_sample_and_assigned_whole(
    kind: type[Segmenter], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "MAX_FIT_ROWS", 900)
    rng = np.random.default_rng(0)
    groups = rng.choice(3, 6_000, p=[0.5, 0.3, 0.2])
    data = np.array([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]])[groups] + rng.normal(size=(6_000, 2))
    np.save(tmp_path / "rows.npy", data)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    learned: list[int] = []
    learn = kind._fit
    monkeypatch.setattr(kind, "_fit", lambda self, rows, m: (learned.append(len(rows)), learn(self, rows, m)))
    model = kind(3).fit(mapped)
    assert learned == [900]
    assert np.shares_memory(model._validated(mapped, reset=False), mapped)  # no copy
    assert "Learned from 900 of 6000 rows." in model.notes_
    assert np.mean(model.labels_ == groups) > 0.99
    np.testing.assert_array_equal(model.labels_, model.predict(mapped))
    turned = kind(3).fit(data[::-1])
    np.testing.assert_array_equal(turned.labels_[::-1], model.labels_)


@pytest.mark.parametrize("n_columns", [1, 30, 5_000])
def test_chunks_cover_each_row_once(n_columns: int) -> None:
    covered = [row for part in chunks(np.empty((10_000, n_columns))) for row in range(10_000)[part]]
    assert covered == list(range(10_000))


def test_a_sample_keeps_enough_distinct_rows() -> None:
    data = np.zeros((5_000, 1))
    data[7] = 1.0
    assert len(sample_rows(data, 100, 1, np.random.default_rng(0))) == 100
    assert len(sample_rows(data, 100, 2, np.random.default_rng(0))) == 5_000


def test_loading_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nowhere"):
        Segmenter.load(tmp_path / "nowhere")
    KMeansSegmenter(2).fit(LINE).save(tmp_path / "model")
    with pytest.raises(ModelError, match="holds a KMeansSegmenter, not a GaussianMixtureSegmenter"):
        GaussianMixtureSegmenter.load(tmp_path / "model")
    arrays = tmp_path / "model" / "arrays.safetensors"
    arrays.write_bytes(arrays.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelError, match="digest"):
        Segmenter.load(tmp_path / "model")


def test_a_class_from_elsewhere_is_not_loaded(tmp_path: Path) -> None:
    Nearest((1.0, 20.0)).fit(LINE).save(tmp_path / "model")
    with pytest.raises(ModelError, match="no segmenter of this package"):
        Segmenter.load(tmp_path / "model")


def test_training_labels_are_not_saved(tmp_path: Path) -> None:
    model = KMeansSegmenter(2).fit(LINE)
    model.save(tmp_path / "model")
    assert not hasattr(Segmenter.load(tmp_path / "model"), "labels_")

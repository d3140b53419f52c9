"""The way for graphics cards against the processor's; all but the recording of a step runs without a card."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from segmentwerk.segmenters import _cuda, _device, _embedder, _mixture, _training, autoencoder
from segmentwerk.segmenters._cuda_training import CudaTrainer
from segmentwerk.segmenters._losses import contrast
from segmentwerk.segmenters._neighbors import neighbor_graph
from segmentwerk.segmenters._optimizer import AdamW, one_cycle
from segmentwerk.segmenters._training import Hyperparameters, Trainer
from segmentwerk.segmenters._training_data import TrainingData
from segmentwerk.segmenters.autoencoder import AutoencoderSegmenter
from segmentwerk.segmenters.gaussian_mixture import GaussianMixtureSegmenter
from segmentwerk.segmenters.kmeans import KMeansSegmenter

CPU = torch.device("cpu")
PARAMS = Hyperparameters(embedding=3, epochs=4, learning_rate=2e-3, temperature=0.5, contrast=1.0)
needs_card = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA card here")


@pytest.fixture(autouse=True)
def _short_epochs_and_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    _training._memory.clear()
    monkeypatch.setattr(_training, "MIN_STEPS", 10)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the processor play the card, for tables of every size."""
    monkeypatch.setattr(_device, "cuda", lambda *_: CPU)
    return


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make three thousand rows a large table: batches of 128 anchors in groups of 32."""
    monkeypatch.setattr(_training, "BATCH", 32)
    monkeypatch.setattr(_training, "MAX_STEPS", 20)


def curved(n_rows: int = 3000, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Eight groups along a curve with gaps between them, turned into thirty dimensions."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(8, size=n_rows)
    turn = (groups + 0.15 + 0.7 * rng.random(n_rows)) / 4 * np.pi
    curve = [4 * np.cos(turn), 4 * np.sin(2 * turn), 1.5 * turn]
    points = np.column_stack([*curve, rng.standard_normal((n_rows, 2))]) @ rng.standard_normal((5, 30))
    return 0.7 * points + 0.3 * rng.standard_normal((n_rows, 30)), groups


def dataset(n_rows: int = 260) -> TrainingData:
    rows = curved(n_rows)[0]
    return TrainingData.prepare(rows, [f"x{i}" for i in range(30)], 5, CPU)


@pytest.mark.parametrize(("n_columns", "n_pool"), [(5, 300), (5, 120), (80, 300)])
def test_neighbours_are_those_of_the_tree_search(n_columns: int, n_pool: int, monkeypatch) -> None:
    monkeypatch.setattr(_cuda, "_SEARCHED", 64)  # several blocks, the last one not full
    monkeypatch.setattr("segmentwerk.segmenters._training_data.MAX_POOL", n_pool)
    rows = np.random.default_rng(0).normal(size=(300, n_columns))
    names = [f"x{i}" for i in range(n_columns)]
    ours, theirs = (TrainingData.prepare(rows, names, 6, CPU, on_card=way) for way in (True, False))
    torch.testing.assert_close(ours.graph, theirs.graph)


def test_a_row_is_never_its_own_neighbour_even_among_equals() -> None:
    rows = np.repeat(np.random.default_rng(0).normal(size=(10, 3)), 6, axis=0)
    graph = _cuda.neighbor_graph(torch.from_numpy(rows).float(), 60, 4)
    assert graph.shape == (60, 4)
    assert not (graph == torch.arange(60)[:, None]).any()
    np.testing.assert_array_equal(graph.numpy() // 6, np.arange(60)[:, None] // 6 * np.ones((1, 4), int))
    assert neighbor_graph(rows, 60, 4).shape == (60, 4)


def test_the_mixture_s_steps_are_numpy_s(card: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cuda, "_SUMMED", 200)  # several blocks, and some rows left over
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(900, 5)) + 4 * rng.integers(3, size=900)[:, None]
    rows[:5] = 50.0  # far from every component, where densities vanish
    mixture = GaussianMixtureSegmenter(3).fit(rows)._model
    points, expected = _cuda.CudaRows(rows, CPU), _mixture.expect(mixture, rows, "full")
    found = points.expect(mixture)
    for name in ("counts", "sums", "scatter", "means", "log_likelihood"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(points.evaluate(mixture), _mixture.evaluate(mixture, rows), atol=1e-12)
    np.testing.assert_array_equal(points.labels(mixture), mixture.log_joint(rows).argmax(axis=1))


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_a_mixture_is_the_same_with_a_card(kind: _mixture.Covariance, monkeypatch) -> None:
    rows, _ = curved(6000)
    segmenter = GaussianMixtureSegmenter(8, covariance_type=kind)
    without = segmenter.fit(rows)
    expected = without.means_, without.labels_, without.bic_
    monkeypatch.setattr(_device, "cuda", lambda *_: CPU)
    segmenter.fit(rows)
    np.testing.assert_allclose(segmenter.means_, expected[0], rtol=1e-7, atol=1e-7)
    np.testing.assert_array_equal(segmenter.labels_, expected[1])
    assert segmenter.bic_ == pytest.approx(expected[2], rel=1e-9)


def test_a_batch_grows_with_the_table_and_an_epoch_meets_every_anchor() -> None:
    made = dataset()
    small = CudaTrainer(made, PARAMS, 0)
    assert (small.batch, small.steps) == (Trainer(made, PARAMS, 0).batch, Trainer(made, PARAMS, 0).steps)
    for n_anchors in (23_999, 47_999, 100_000, 999_488):
        trainer = CudaTrainer(dataclasses.replace(made, anchors=torch.arange(n_anchors)), PARAMS, 0)
        assert trainer.batch % _training.BATCH == 0
        assert n_anchors / trainer.batch <= trainer.steps <= 2 * _training.MAX_STEPS
        met = torch.cat(list(trainer._batches())).unique()
        assert len(met) >= n_anchors - trainer.batch
        assert trainer._rate(0) == pytest.approx(PARAMS.learning_rate * 0.04 * (trainer.batch / 192) ** 0.5)


def test_on_a_small_table_both_ways_take_the_same_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_training, "MIN_STEPS", 1)  # one shuffled pass an epoch: the same random draws
    made = dataset(640)  # three whole batches
    curves = []
    for kind in (Trainer, CudaTrainer):
        _training._memory.clear()
        trainer = kind(made, PARAMS, 0)
        trainer.run(lambda *_: None)
        curves.append(trainer.curve)
    np.testing.assert_allclose(curves[0], curves[1], rtol=1e-4)


def test_the_optimiser_does_not_need_to_know_the_rate() -> None:
    start = torch.randn(50, generator=torch.Generator().manual_seed(0))
    ours, theirs = start.clone(), start.clone()
    optimizer, reference = AdamW(ours), AdamW(theirs)
    for step in range(20):
        gradient = torch.randn(50) * (10 if step % 2 else 0.1)
        rate = 1e-2 * one_cycle(step / 20)
        optimizer.replay(ours, gradient, torch.tensor(optimizer.factors(rate)))
        reference.step(theirs, gradient, rate)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)
    assert optimizer.steps == reference.steps == 20


def test_the_contrast_in_groups_is_their_mean() -> None:
    left, right = torch.randn(4, 12, 3), torch.randn(4, 12, 3)
    apart = torch.stack([contrast(left[i], right[i], 0.3) for i in range(4)]).mean()
    torch.testing.assert_close(contrast(left, right, 0.3), apart)


def test_large_batches_find_curved_groups_and_learn_from_every_row(
    card: None, small_batches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, groups = curved()
    monkeypatch.setattr(autoencoder, "MAX_ROWS", 500)
    learned: list[int] = []
    run = CudaTrainer.run

    def spy(self: CudaTrainer, after_epoch) -> _embedder.Embedder:
        learned.append(len(self.dataset.rows))
        assert self.batch == 128
        return run(self, after_epoch)

    monkeypatch.setattr(CudaTrainer, "run", spy)
    segmenter = AutoencoderSegmenter(8, epochs=8).fit(rows)
    assert learned == [len(rows)]
    assert not any("sample" in note for note in segmenter.notes_)
    found = adjusted_rand_score(groups, segmenter.labels_)
    assert found >= 0.88
    assert found > adjusted_rand_score(groups, KMeansSegmenter(8).fit(rows).labels_)


@pytest.mark.parametrize("head", ["mixture", "kmeans"])
def test_what_was_fitted_on_a_card_predicts_the_same_without(
    head: autoencoder.Head, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, _ = curved(800)
    monkeypatch.setattr(_cuda, "_MAPPED", 300)
    with monkeypatch.context() as with_card:
        with_card.setattr(_device, "cuda", lambda *_: CPU)
        segmenter = AutoencoderSegmenter(8, head=head, epochs=2, fine_tuning=1).fit(rows)
        there = segmenter.predict_proba(rows), segmenter.score_samples(rows), segmenter.transform(rows)
        np.testing.assert_array_equal(segmenter.predict(rows), segmenter.labels_)
    here = segmenter.predict_proba(rows), segmenter.score_samples(rows), segmenter.transform(rows)
    for one, other in zip(there, here, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(segmenter.predict(rows), segmenter.labels_)
    session = onnxruntime.InferenceSession(segmenter.to_onnx().SerializeToString())
    proba, score = session.run(["proba", "score"], {"x": rows})
    np.testing.assert_allclose(proba, here[0], atol=1e-9)
    np.testing.assert_allclose(score, here[1], rtol=1e-9)


def test_a_training_for_the_card_is_not_taken_for_one_without(small_batches: None) -> None:
    made = dataset(1500)
    assert CudaTrainer(made, PARAMS, 0).key != Trainer(made, PARAMS, 0).key


def test_few_rows_and_machines_without_a_card_stay_with_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_device, "_has_driver", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert _device.cuda() == _device.cuda(_device.MANY) == torch.device("cuda")
    assert _device.cuda(_device.MANY - 1) is None
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert _device.cuda() is None


@pytest.mark.skipif(_device._has_driver(), reason="NVIDIA's driver is installed")
def test_without_a_driver_nobody_imports_torch_to_ask_for_a_card() -> None:
    asked = "import sys; from segmentwerk.segmenters import _device; assert _device.cuda(10**6) is None"
    subprocess.run([sys.executable, "-c", f"{asked}; assert 'torch' not in sys.modules"], check=True)


@needs_card
def test_a_recorded_step_is_the_step_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = curved(30_000)[0]
    made = TrainingData.prepare(rows, [f"x{i}" for i in range(30)], 5, torch.device("cuda"), on_card=True)
    curves = []
    for way in ("recorded", "step by step"):
        _training._memory.clear()
        trainer = CudaTrainer(made, PARAMS, 0)
        if way == "step by step":
            monkeypatch.setattr(trainer, "_record", lambda: None)
        trainer.run(lambda *_: None)
        curves.append(trainer.curve)
    np.testing.assert_allclose(curves[0], curves[1], rtol=1e-3)


@needs_card
def test_the_same_seed_gives_the_same_on_a_card() -> None:
    rows = curved(60_000)[0]
    results = []
    for _ in range(2):
        _training._memory.clear()
        results.append(AutoencoderSegmenter(8, epochs=3).fit(rows))
    np.testing.assert_array_equal(results[0].labels_, results[1].labels_)
    for name, array in results[0].network_.items():
        np.testing.assert_array_equal(array, results[1].network_[name])

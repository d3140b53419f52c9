"""Autoencoder embedding: segments in a learned space that keeps neighbours together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.core.seeds import derive
from segmentwerk.segmenters import _device, _diagnostics
from segmentwerk.segmenters._embedder import Embedder
from segmentwerk.segmenters._heads import HEADS, HeadName, fit_head
from segmentwerk.segmenters._neighbors import modularity
from segmentwerk.segmenters._variables import Variables
from segmentwerk.segmenters.base import (
    MAX_FIT_ROWS,
    Monitor,
    Segmenter,
    SegmenterError,
    check_n_segments,
    chunks,
)
from segmentwerk.segmenters.onnx_graph import Graph

if TYPE_CHECKING:
    from segmentwerk.segmenters._cells import JoinedCells
    from segmentwerk.segmenters._training_data import TrainingData

MAX_ROWS = 50_000
"""Rows that the network and its head learn from, at most, so that the cost of a fit is bounded.

On a graphics card they learn from all that a segmenter learns from.
"""

_RANGES = {
    "embedding": (1, 256),
    "epochs": (1, 10_000),
    "learning_rate": (1e-6, 1.0),
    "temperature": (0.05, 10.0),
    "contrast": (0.0, 100.0),
    "n_neighbors": (1, 1_000),
    "n_restarts": (1, 100),
    "fine_tuning": (0, 1_000),
}
_REDUCED_EPOCHS = 10


@dataclass(frozen=True)
class _Attempt:
    """A trained network, its validation loss by epoch, and the segments in its embedding."""

    embedder: Embedder
    curve: list[float]
    head: Segmenter | JoinedCells
    modularity: float


class AutoencoderSegmenter(Segmenter):
    """Segments of a learned embedding, found there by k-means, a Gaussian mixture or joined cells.

    A small network (hidden layers of 256 and 128 units) learns to restore damaged rows and, by a
    contrastive term, to place each row near its nearest neighbours of the reference space and away
    from others. Segments are the head's, on embeddings scaled to length one. After training the
    network is folded into plain linear maps, so that prediction needs numpy alone.

    By their names (`core.space_columns`) columns are levels of one categorical variable (restored by
    cross-entropy, damaged as a whole), flags that say that a number is unknown (which is then not
    asked for), or numbers.

    Scores are negative squared reconstruction errors, because outliers show in the input, not in
    the embedding.

    Parameters
    ----------
    n_segments
        Number of segments, before small ones are merged.
    head
        ``mixture`` (full covariance), ``kmeans``, or ``communities``: small cells of the embedding, joined
        where nearest neighbours of the reference space join them, whatever form that gives.
    embedding
        Dimensions of the embedding.
    epochs
        Rounds of training at most; each takes one pass over the rows, but 24 to 125 batches of 192.
    learning_rate
        Peak of the one-cycle schedule.
    temperature
        Of the contrastive term: the lower, the more it minds the closest strangers.
    contrast
        Weight of the contrastive term; reconstruction weighs 1.
    n_neighbors
        Nearest neighbours that count as alike.
    n_restarts
        Networks to train; kept is the one whose segments keep most neighbours together.
    fine_tuning
        Epochs in which network and segments are drawn together after training (improved deep embedded
        clustering, Guo et al. 2017); 0 for none.
    min_segment_share
        Segments with a smaller share of the training rows are dissolved and the others refitted.
    random_state
        Seed of the network, its batches and the head.

    Attributes
    ----------
    network_ : dict of str to ndarray
        Weights and offsets of encoder and decoder, and what the columns are.
    head_ : Segmenter or JoinedCells
        What was fitted to the embedding.
    diagnostics_ : dict
        ``restored`` (share of each variable's variance), ``effective_rank`` and ``dead_dimensions``
        of the embedding, ``spread`` (0 when all rows coincide in it), ``validation_loss`` by epoch,
        and the ``modularity`` of each restart.
    """

    complexity: ClassVar[int] = 3
    begins_alike: ClassVar[bool] = True  # with the network
    expected_refusals: ClassVar[dict[str, str]] = {"one giant outlier": "The embedding collapsed"}
    quick: ClassVar[dict[str, Any]] = {"epochs": 1, "head": "kmeans"}

    def __init__(
        self,
        n_segments: int = 5,
        *,
        head: HeadName = "mixture",
        embedding: int = 16,
        epochs: int = 20,
        learning_rate: float = 2e-3,
        temperature: float = 0.5,
        contrast: float = 1.0,
        n_neighbors: int = 10,
        n_restarts: int = 1,
        fine_tuning: int = 0,
        min_segment_share: float = 0.02,
        random_state: int = 0,
    ) -> None:
        self.n_segments = n_segments
        self.head = head
        self.embedding = embedding
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.temperature = temperature
        self.contrast = contrast
        self.n_neighbors = n_neighbors
        self.n_restarts = n_restarts
        self.fine_tuning = fine_tuning
        self.min_segment_share = min_segment_share
        self.random_state = random_state

    @property
    def reduced(self) -> dict[str, Any]:
        """Half the usual epochs, where more were asked."""
        return {"epochs": min(self.epochs, _REDUCED_EPOCHS)}

    def _fit(self, data: FloatArray, monitor: Monitor | None, /) -> None:
        check_n_segments(self.n_segments, data)
        self._check_settings()
        from segmentwerk.core.threads import one_thread
        from segmentwerk.segmenters import _training  # here, because torch takes a second to import
        from segmentwerk.segmenters._training_data import TrainingData

        card = _device.cuda()
        with one_thread() if card is None else _device.training_lock:
            sample = self._sample(data, MAX_ROWS if card is None or self._is_mixed(data) else MAX_FIT_ROWS)
            dataset = TrainingData.prepare(
                sample, self._names(), self.n_neighbors, card or _training.device(), on_card=card is not None
            )
            attempts = [self._attempt(dataset, sample, number, monitor) for number in range(self.n_restarts)]
        best = max(attempts, key=lambda attempt: attempt.modularity)
        self.network_, self.head_ = best.embedder.arrays(), best.head
        self.n_segments_, self.converged_ = best.head.n_segments_, best.head.converged_
        self._report(best, sample, [attempt.modularity for attempt in attempts])

    def _attempt(
        self, dataset: TrainingData, sample: FloatArray, number: int, monitor: Monitor | None
    ) -> _Attempt:
        """Train one network and find segments in its embedding."""
        from segmentwerk.segmenters._cuda_training import CudaTrainer
        from segmentwerk.segmenters._training import Hyperparameters, Trainer

        def report(epoch: int, loss: float) -> None:
            if monitor is not None:
                monitor(number * self.epochs + epoch, -loss)

        params = Hyperparameters(
            self.embedding, self.epochs, self.learning_rate, self.temperature, self.contrast
        )
        kind = Trainer if _device.cuda() is None else CudaTrainer
        trainer = kind(dataset, params, derive(self.random_state, "network", number))
        embedder = trainer.run(report)
        head = self._fit_head(_device.to_device(embedder, len(sample)).embed(sample), dataset)
        if self.fine_tuning:
            embedder = trainer.fine_tune(head.labels_, self.fine_tuning)
            head = self._fit_head(_device.to_device(embedder, len(sample)).embed(sample), dataset)
        return _Attempt(
            embedder, trainer.curve, head, modularity(head.labels_, dataset.graph.numpy(force=True))
        )

    def _fit_head(self, points: FloatArray, dataset: TrainingData) -> Segmenter | JoinedCells:
        seed = derive(self.random_state, "head")
        return fit_head(self.head, points, dataset, self.n_segments, self.min_segment_share, seed)

    def _sample(self, data: FloatArray, size: int) -> FloatArray:
        """Return the rows to learn from, in random order."""
        order = np.random.default_rng(self.random_state).permutation(len(data))[:size]
        if len(order) < len(data):
            self._note(f"Learned from a random sample of {len(order)} of {len(data)} rows.")
        sample = data[order]
        check_n_segments(self.n_segments, sample)
        return sample

    def _is_mixed(self, data: FloatArray) -> bool:
        """Whether there are levels or flags: such tables gained nothing from more rows (decision 0010)."""
        variables = Variables.read(self._names(), data)
        return bool((variables.group >= 0).any() or (variables.flag >= 0).any())

    def _names(self) -> list[str]:
        names = getattr(self, "feature_names_in_", None)
        return [f"x{column}" for column in range(self.n_features_in_)] if names is None else list(names)

    def _check_settings(self) -> None:
        if self.head not in HEADS:
            raise SegmenterError(f"head is {self.head!r}.", f"Known: {', '.join(HEADS)}.")
        for name, (low, high) in _RANGES.items():
            value, whole = getattr(self, name), isinstance(low, int)
            if not isinstance(value, int if whole else int | float) or not low <= value <= high:
                kind = "an integer" if whole else "a number"
                raise SegmenterError(f"{name} is {value!r}.", f"Use {kind} from {low:g} to {high:g}.")

    def _report(self, best: _Attempt, sample: FloatArray, modularities: list[float]) -> None:
        """Write down what was learned, and what a reader should know about it."""
        sample = sample[:MAX_ROWS]
        points, errors = _device.to_device(best.embedder, len(sample)).embed_and_judge(sample)
        dead = _diagnostics.dead_dimensions(points)
        self.diagnostics_ = {
            "restored": _diagnostics.restored_share(sample, errors, best.embedder.variables, self._names()),
            "effective_rank": _diagnostics.effective_rank(points),
            "dead_dimensions": dead,
            "spread": _diagnostics.spread(points),
            "validation_loss": best.curve,
            "modularity": modularities,
        }
        for note in best.head.notes_:
            self._note(f"In the embedding: {note}")
        if dead:
            self._note(f"{dead} of {self.embedding} dimensions of the embedding are dead; fewer would do.")

    @property
    def _embedder(self) -> Embedder:
        return Embedder.from_arrays(self.network_)

    def _embed(self, data: FloatArray) -> FloatArray:
        return np.concatenate(list(self._points(data)))

    def _labels(self, data: FloatArray) -> IntArray:
        return np.concatenate([self.head_._labels(points) for points in self._points(data)])

    def _points(self, data: FloatArray) -> Iterator[FloatArray]:
        """Yield the embedding of some rows after the other; the graphics card takes all at once."""
        embedder, whole = _device.to_device(self._embedder, len(data)), _device.cuda(len(data)) is not None
        return (embedder.embed(data[part]) for part in ([slice(None)] if whole else chunks(data)))

    def _shares(self, data: FloatArray) -> Iterator[FloatArray]:  # needs no decoder
        return (self.head_._membership(points)[0] for points in self._points(data))

    def _by_chunk(self, data: FloatArray) -> Iterator[tuple[FloatArray, FloatArray]]:
        embedder = _device.to_device(self._embedder, len(data))
        return (self._judge(embedder, data[part]) for part in chunks(data))

    def _membership(self, data: FloatArray) -> tuple[FloatArray, FloatArray]:
        return self._judge(self._embedder, data)

    def _judge(self, embedder: Embedder, data: FloatArray) -> tuple[FloatArray, FloatArray]:
        points, errors = embedder.embed_and_judge(data)
        return self.head_._membership(points)[0], -errors.sum(axis=1)

    def _refine(self, data: FloatArray) -> None:
        self.head_._refine(self._embed(data[:: max(1, len(data) // MAX_ROWS)]))

    def _keep(self, components: IntArray) -> None:
        self.head_._keep(components)
        self.n_segments_ = self.head_.n_segments_

    def _to_onnx(self, graph: Graph, x: str) -> tuple[str, str]:
        points, score = self._embedder.to_onnx(graph, x)
        return self.head_._to_onnx(graph, points)[0], score

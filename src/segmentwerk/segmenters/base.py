"""The contract of every segmenter: a scikit-learn estimator on the shared reference space."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import onnx
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClusterMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.core.errors import FitError, InputError, ModelError
from segmentwerk.core.threads import enough_threads
from segmentwerk.segmenters import _persist
from segmentwerk.segmenters.onnx_graph import DOUBLE, Graph

Monitor = Callable[[int, float], None]
"""Told the epoch and its validation value (higher is better); raises to stop a fit that is not worth it."""

MAX_SEGMENTS = 50
"""More segments than anyone can act on; a larger number is a typing error or a different problem."""

FEWER = "Ask for fewer segments or lower min_segment_share."
MAX_FIT_ROWS = 1_000_000
"""Rows that are learned from at most, and held in memory."""
_LARGEST = 1e100
_CHUNK = 131_072
"""Values handled at a time: few enough that intermediate results stay in the processor's cache."""


class SegmenterError(FitError, InputError, ValueError):
    """Rows or a setting that a segmenter cannot work with; a ValueError too, as scikit-learn expects."""


class Segmenter(TransformerMixin, ClusterMixin, BaseEstimator, ABC):
    """Base of all segmenters: it checks input, limits segment sizes, orders labels and saves.

    What scikit-learn has needs `wrapped.WrappedSegmenter` and one method. Else a subclass stores its
    constructor arguments untouched (among them ``min_segment_share``) and implements `_fit`,
    `_membership`, `_keep` and `_to_onnx`; `_refine` and `_embed` where they apply. Whatever it learns
    goes to attributes ending in ``_`` that hold arrays, dicts of arrays, JSON values or estimators, so
    that `save` finds them.

    Attributes
    ----------
    complexity : int
        Orders algorithms from simple to complex; ties between candidates go to the simpler one.
    expected_failed_checks : dict of str to str
        scikit-learn's estimator checks that cannot hold, each with the reason.
    expected_refusals : dict of str to str
        Hostile rows of the contract suite, by name, that it refuses, each with the words it says.
    quick : dict
        Parameters under which a fit takes a second at most; the contract's many small fits use them.
    reads : tuple of str
        Features that it is a rule about; where they only describe segments, it does not take part.
    uses_outcome : bool
        Whether it is fitted to a later outcome of the rows, in `_fit_to_outcome`.
    continues : bool
        Whether what it is fitted to there are the segments that the rows have at present.
    begins_alike : bool
        Whether models of different parameters begin with the same costly work, which a process remembers.
    labels_ : ndarray of shape (n_rows,)
        Segment of each training row, 0 the largest segment; equals ``predict`` of the training rows.
    n_segments_ : int
        Number of segments after those below ``min_segment_share`` were merged.
    converged_ : bool
        Whether the fit reached its tolerance.
    notes_ : tuple of str
        What happened that a reader of the result should know.
    """

    complexity: ClassVar[int]
    expected_failed_checks: ClassVar[dict[str, str]] = {}
    expected_refusals: ClassVar[dict[str, str]] = {}
    quick: ClassVar[dict[str, Any]] = {}
    reads: ClassVar[tuple[str, ...]] = ()
    uses_outcome: ClassVar[bool] = False
    continues: ClassVar[bool] = False
    begins_alike: ClassVar[bool] = False

    min_segment_share: float
    n_segments_: int
    labels_: IntArray
    converged_: bool
    notes_: tuple[str, ...]
    n_features_in_: int

    def fit(self, X: Any, y: Any = None, monitor: Monitor | None = None) -> Self:
        """Learn segments from the reference space.

        Parameters
        ----------
        X
            Reference space (n_rows, n_features), DataFrame or array, finite. Float64 arrays are read in
            place, memory-mapped ones too; beyond a million rows, an even sample of them is learned from.
        y
            The rows' later outcome (n_rows,), finite, for segmenters that use one; ignored by the others.
        monitor
            Called after each epoch by segmenters that train in epochs.

        Raises
        ------
        SegmenterError
            If the rows hold NaN, are too few, or all alike; if a setting makes no sense.
        FitError
            If fewer than two segments of the asked size remain.
        """
        data = self._validated(X, reset=True)
        low, high = self._extremes(data)
        _check_share(self.min_segment_share)
        if len(data) > 1 and (low == high).all():
            raise SegmenterError(f"All {len(data)} rows are alike.", "There is nothing to segment.")
        self.notes_, self.converged_ = (), True
        order = _row_order(data, low, high)
        if len(order) > MAX_FIT_ROWS:
            order = order[np.linspace(0, len(order) - 1, MAX_FIT_ROWS).astype(np.int64)]
            self._note(f"Learned from {MAX_FIT_ROWS} of {len(data)} rows.")
        learned = np.take(data, order, axis=0)
        with enough_threads(data.size):
            if self.uses_outcome and y is not None:
                self._fit_to_outcome(learned, _outcome(y, data)[order])
            else:
                self._fit(learned, monitor)
            self.labels_ = self._settle(learned, data)
        return self

    @property
    def reduced(self) -> dict[str, Any]:
        """Parameters of a shorter fit, for comparisons whose both sides are fitted so (null copies)."""
        return {}

    def predict_proba(self, X: Any) -> FloatArray:
        """Return soft memberships (n_rows, n_segments_); rows sum to 1."""
        return np.concatenate(list(self._shares(self._checked(X))))

    def predict(self, X: Any) -> IntArray:
        """Return the segment of each row (n_rows,): the likeliest by `predict_proba`."""
        return self._labels(self._checked(X))

    def score_samples(self, X: Any) -> FloatArray:
        """Return how typical each row is (n_rows,): a log density or a negative squared distance."""
        return np.concatenate([score for _, score in self._by_chunk(self._checked(X))])

    def transform(self, X: Any) -> FloatArray:
        """Return the space that the segmenter separates (n_rows, n_dimensions)."""
        return self._embed(self._checked(X))

    def to_onnx(self) -> onnx.ModelProto:
        """Return the fitted segmenter as an ONNX model.

        Input ``x`` float64 (n, n_features_in_); outputs ``proba`` float64 (n, n_segments_) as of
        `predict_proba` and ``score`` float64 (n,) as of `score_samples`.
        """
        check_is_fitted(self)
        graph = Graph(type(self).__name__)
        proba, score = self._to_onnx(graph, "x")
        return graph.model(
            {"x": (DOUBLE, ["n", self.n_features_in_])},
            {"proba": (proba, (DOUBLE, ["n", self.n_segments_])), "score": (score, (DOUBLE, ["n"]))},
        )

    def save(self, folder: Path | str) -> None:
        """Write the fitted segmenter to a folder, without pickle and without its training labels."""
        check_is_fitted(self)
        _persist.save(self, Path(folder))

    @classmethod
    def load(cls, folder: Path | str) -> Self:
        """Read a saved segmenter.

        Raises
        ------
        ModelError
            If the folder is missing, damaged, or holds another kind of segmenter.
        """
        loaded = _persist.load(Path(folder))
        if not isinstance(loaded, cls):
            raise ModelError(f"{folder} holds a {type(loaded).__name__}, not a {cls.__name__}.")
        return loaded

    @abstractmethod
    def _fit(self, data: FloatArray, monitor: Monitor | None, /) -> None:
        """Learn ``n_segments_`` components from rows in canonical order."""

    @abstractmethod
    def _membership(self, data: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return memberships (n, n_segments_) and scores (n,) of a chunk of rows."""

    @abstractmethod
    def _keep(self, components: IntArray) -> None:
        """Keep these components, in this order, and set ``n_segments_``; the others share out their rows."""

    @abstractmethod
    def _to_onnx(self, graph: Graph, x: str) -> tuple[str, str]:
        """Add `_membership` to an ONNX graph and return the names of its two tensors."""

    def _fit_to_outcome(self, data: FloatArray, outcome: FloatArray) -> None:
        """Learn components from rows and their outcome (n_rows,); where ``uses_outcome``."""
        raise NotImplementedError

    def _refine(self, data: FloatArray) -> None:
        """Fit the components that are left once more, from where they are."""

    def _embed(self, data: FloatArray) -> FloatArray:
        return data.copy()

    def _note(self, text: str) -> None:
        self.notes_ = (*self.notes_, text)

    def _settle(self, learned: FloatArray, data: FloatArray) -> IntArray:
        """Merge segments that are too small, number the rest by size and return every row's segment."""
        floor = max(1.0, self.min_segment_share * len(data))
        n_asked, labels = self.n_segments_, self._labels(data)
        while (counts := np.bincount(labels, minlength=self.n_segments_)).min() < floor:
            if self.min_segment_share == 0:
                raise FitError(f"{int((counts == 0).sum())} of {n_asked} segments hold no row.", FEWER)
            self._keep(np.delete(np.arange(self.n_segments_), counts.argmin()))
            self._refine(learned)
            labels = self._labels(data)
        if self.n_segments_ < n_asked:
            self._report_merge(n_asked)
        by_size = _by_size(labels, data)
        if (by_size == np.arange(self.n_segments_)).all():
            return labels
        self._keep(by_size)
        return self._labels(data)

    def _report_merge(self, n_asked: int) -> None:
        limit = f"min_segment_share={self.min_segment_share:g}"
        if self.n_segments_ < 2:
            raise FitError(f"Of {n_asked} segments only one is above {limit}.", FEWER)
        self._note(
            f"Merged {n_asked - self.n_segments_} of {n_asked} segments below {limit} into the others."
        )

    def _labels(self, data: FloatArray) -> IntArray:
        return np.concatenate([proba.argmax(axis=1) for proba in self._shares(data)])

    def _shares(self, data: FloatArray) -> Iterator[FloatArray]:
        """Yield memberships (n, n_segments_) of some rows after the other."""
        return (proba for proba, _ in self._by_chunk(data))

    def _by_chunk(self, data: FloatArray) -> Iterator[tuple[FloatArray, FloatArray]]:
        return (self._membership(data[part]) for part in chunks(data))

    def _checked(self, X: Any) -> FloatArray:
        check_is_fitted(self)
        data = self._validated(X, reset=False)
        self._extremes(data)
        return data

    def _validated(self, X: Any, *, reset: bool) -> FloatArray:
        """Return the rows as float64, without a copy where they are."""
        try:
            data: FloatArray = validate_data(
                self, X, reset=reset, dtype=np.float64, ensure_all_finite=False, ensure_min_samples=1 + reset
            )
        except ValueError as error:
            raise SegmenterError(str(error)) from error
        return data

    def _extremes(self, data: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the least and the largest value of each column, or say which one cannot be used."""
        low, high = data.min(axis=0), data.max(axis=0)
        # NaN fails both comparisons, so one test finds NaN, infinity and values whose square overflows.
        usable = (low > -_LARGEST) & (high < _LARGEST)
        if not usable.all():
            names = getattr(self, "feature_names_in_", range(data.shape[1]))
            raise SegmenterError(
                f"Column {names[int(usable.argmin())]!r} holds NaN, infinity or a value beyond {_LARGEST:g}.",
                "Fill, clip and scale the features first (ReferenceSpace does).",
            )
        return low, high


def chunks(data: FloatArray | NDArray[np.float32]) -> Iterator[slice]:
    """Yield slices that cover all rows in turn."""
    size = max(256, _CHUNK // data.shape[1])
    return (slice(start, start + size) for start in range(0, len(data), size))


def check_n_segments(n_segments: int, data: FloatArray) -> None:
    """Refuse a number of segments that the rows cannot carry.

    Raises
    ------
    SegmenterError
        If it is no integer from 1 to `MAX_SEGMENTS`, or exceeds the number of distinct rows.
    """
    if not isinstance(n_segments, int | np.integer) or not 1 <= n_segments <= MAX_SEGMENTS:
        raise SegmenterError(f"n_segments is {n_segments!r}.", f"Use an integer from 1 to {MAX_SEGMENTS}.")
    if _distinct(data, n_segments) < n_segments:
        raise SegmenterError(
            f"n_samples={len(data)} rows, {_distinct(data, n_segments)} of them distinct, "
            f"make no {n_segments} segments.",
            FEWER,
        )


def sample_rows(data: FloatArray, size: int, n_segments: int, rng: np.random.Generator) -> FloatArray:
    """Return a sample of the rows in their order, or all where a sample would hold too few distinct ones."""
    if len(data) <= size:
        return data
    sample = data[np.sort(rng.choice(len(data), size, replace=False))]
    return sample if _distinct(sample, n_segments) >= n_segments else data


def _distinct(data: FloatArray, enough: int) -> int:
    """Count distinct rows, all of them only where a thousand hold less than ``enough``."""
    probe = len(np.unique(data[:: max(1, len(data) // 1000)], axis=0))
    return probe if probe >= enough else len(np.unique(data, axis=0))


def _check_share(share: float) -> None:
    if not isinstance(share, int | float) or not 0 <= share < 0.5:
        raise SegmenterError(f"min_segment_share is {share!r}.", "Use a number from 0 up to 0.5.")


def _outcome(y: Any, data: FloatArray) -> FloatArray:
    outcome = np.asarray(y, dtype=np.float64)
    if outcome.shape != (len(data),) or not np.isfinite(outcome).all():
        raise SegmenterError(
            f"The outcome of {len(data)} rows has the shape {outcome.shape}, or holds NaN or infinity.",
            "Give each row one number.",
        )
    return outcome


def _row_order(data: FloatArray, low: FloatArray, high: FloatArray) -> IntArray:
    """Return an order of the rows that depends neither on their order nor on that of the columns.

    Random draws then pick the same rows however the table was sorted. Rows are sorted by a weighted
    sum whose weights come from each column's own values.
    """
    spread = np.where(high > low, high - low, 1.0)
    weights = 1.5 + np.sin(7 * (data.mean(axis=0) - low) / spread + 3 * np.tanh(low / spread))
    return np.argsort(data @ (weights / spread))


def _by_size(labels: IntArray, data: FloatArray) -> IntArray:
    """Return the segments, largest first; equal ones by their centroids, column by column."""
    counts = np.bincount(labels)
    if len(np.unique(counts)) == len(counts):
        return np.argsort(-counts)
    centroids = np.array([data[labels == label].mean(axis=0) for label in range(len(counts))])
    return np.lexsort((*centroids.T[::-1], -counts))

"""A scikit-learn estimator as a segmenter: fitted, ordered, saved and exported by what is here."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from sklearn.base import BaseEstimator

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.segmenters.base import Monitor, Segmenter, check_n_segments
from segmentwerk.segmenters.onnx_graph import Graph


class WrappedSegmenter(Segmenter):
    """Segments that a scikit-learn clusterer or mixture finds.

    A subclass makes the estimator in `_make_estimator`. It needs ``predict`` for new rows and a converter in
    skl2onnx: k-means, mini-batch k-means and the mixtures have both. Memberships are its
    ``predict_proba``, or certain without one; scores are its ``score_samples``, or negative squared
    distances to the segment's mean. A component below ``min_segment_share`` joins the one whose mean
    is nearest.

    Attributes
    ----------
    estimator_ : BaseEstimator
        The fitted estimator.
    members_ : ndarray of shape (n_components, n_segments_)
        1 where a component of the estimator belongs to a segment.
    centers_ : ndarray of shape (n_components, n_features_in_)
        Mean of the training rows of each component; of all rows where it has none.
    """

    n_segments: int

    @abstractmethod
    def _make_estimator(self) -> BaseEstimator:
        """Return the estimator, unfitted, with at most ``n_segments`` components."""

    def _fit(self, data: FloatArray, _monitor: Monitor | None = None, /) -> None:
        check_n_segments(self.n_segments, data)
        self.estimator_ = self._make_estimator().fit(data)
        vars(self.estimator_).pop("labels_", None)  # of the training rows, which are no part of a model
        labels = self._components(data)
        self.centers_ = np.tile(data.mean(axis=0), (self.n_segments, 1))
        for component in np.unique(labels):
            self.centers_[component] = data[labels == component].mean(axis=0)
        self.converged_ = bool(getattr(self.estimator_, "converged_", True))
        self.members_, self.n_segments_ = np.eye(self.n_segments), self.n_segments

    def _keep(self, components: IntArray) -> None:
        """Keep some segments; the components of the others join the segment whose mean is nearest."""
        homes = self.members_.argmax(axis=1)
        kept = np.flatnonzero(np.isin(homes, components))
        gaps = ((self.centers_[:, None] - self.centers_[kept]) ** 2).sum(axis=2)
        nearest = homes[kept][gaps.argmin(axis=1)]
        homes = np.where(np.isin(homes, components), homes, nearest)
        self.members_ = (homes[:, None] == components).astype(np.float64)
        self.n_segments_ = len(components)

    @property
    def _is_soft(self) -> bool:
        return hasattr(self.estimator_, "predict_proba")

    def _components(self, data: FloatArray) -> IntArray:
        return np.asarray(self.estimator_.predict(data), dtype=np.int64)

    def _membership(self, data: FloatArray) -> tuple[FloatArray, FloatArray]:
        if self._is_soft:
            shares = self.estimator_.predict_proba(data)
            return shares @ self.members_, self.estimator_.score_samples(data)
        labels = self._components(data)
        return self.members_[labels], -((data - self.centers_[labels]) ** 2).sum(axis=1)

    def _to_onnx(self, graph: Graph, x: str) -> tuple[str, str]:
        label, *answers = graph.estimator(self.estimator_, x, self.n_features_in_)
        members = graph.constant(self.members_)
        if self._is_soft:
            score = graph.add("Squeeze", answers[1], graph.constant([1]))
            return graph.add("MatMul", answers[0], members), score
        residual = graph.add("Sub", x, graph.add("Gather", graph.constant(self.centers_), label))
        squares = graph.sum(graph.add("Mul", residual, residual), 1, keep=False)
        return graph.add("Gather", members, label), graph.add("Neg", squares)

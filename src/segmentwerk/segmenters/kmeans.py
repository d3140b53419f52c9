"""k-means: compact segments around their mean account."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from sklearn.cluster import KMeans

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.core.errors import FitError
from segmentwerk.segmenters.base import FEWER, Monitor, Segmenter, check_n_segments, chunks, sample_rows
from segmentwerk.segmenters.onnx_graph import Graph

_STARTS = 10
_SAMPLES = (20_000, 160_000)
"""Rows that starts compete on, and rows that the best one settles on."""
_MAX_ITER = 300


class KMeansSegmenter(Segmenter):
    """Segments that minimise the squared distance of their rows to their centre.

    Ten greedy k-means++ starts (Arthur & Vassilvitskii 2007) compete on a sample of the rows; the
    best one is polished by Lloyd's iterations on a larger sample, then takes one step on all rows.

    Memberships are the posterior of equally likely Gaussians around the centres that share one
    variance, measured in the space that the centres span, because no other direction tells them
    apart. Scores are negative squared distances to the nearest centre.

    Parameters
    ----------
    n_segments
        Number of segments, before small ones are merged.
    min_segment_share
        Segments with a smaller share of the training rows are dissolved and the others refitted.
    random_state
        Seed of the starts.

    Attributes
    ----------
    centers_ : ndarray of shape (n_segments_, n_features_in_)
    variance_ : float
        Variance within segments along the directions between centres.
    inertia_ : float
        Sum of squared distances of the training rows to their centre.
    """

    complexity: ClassVar[int] = 1
    expected_refusals: ClassVar[dict[str, str]] = {"one giant outlier": "Of 4 segments only one is above"}

    def __init__(
        self, n_segments: int = 5, *, min_segment_share: float = 0.02, random_state: int = 0
    ) -> None:
        self.n_segments = n_segments
        self.min_segment_share = min_segment_share
        self.random_state = random_state

    def _fit(self, data: FloatArray, _monitor: Monitor | None = None) -> None:
        check_n_segments(self.n_segments, data)
        self._learn(data)

    def _learn(self, data: FloatArray) -> None:
        rng = np.random.default_rng(self.random_state)
        middle = sample_rows(data, _SAMPLES[1], self.n_segments, rng)
        small = sample_rows(middle, _SAMPLES[0], self.n_segments, rng)
        best = KMeans(
            self.n_segments, n_init=_STARTS, max_iter=_MAX_ITER, random_state=self.random_state
        ).fit(small)
        if len(middle) > len(small):
            by_size = np.argsort(-np.bincount(best.labels_))  # the final order, which saves a pass
            best = _lloyd(middle, best.cluster_centers_[by_size])
        self._adopt(data, best)

    def _refine(self, data: FloatArray) -> None:
        self._adopt(data, _lloyd(data, self.centers_))

    def _adopt(self, data: FloatArray, fitted: KMeans) -> None:
        """Take over the segments that were found; centres learned on a sample take one step on all rows."""
        self.centers_ = fitted.cluster_centers_
        labels = fitted.labels_ if len(fitted.labels_) == len(data) else self._labels(data)
        self._center(data, labels, len(self.centers_))
        self.converged_ = fitted.n_iter_ < _MAX_ITER
        if not self.converged_:
            self._note(f"k-means did not settle within {_MAX_ITER} iterations.")

    def _center(self, data: FloatArray, labels: IntArray, n_segments: int) -> None:
        """Put the centres into the middle of their rows."""
        self.n_segments_ = n_segments
        sums, counts = np.zeros((n_segments, data.shape[1])), np.bincount(labels, minlength=n_segments)
        if not counts.all():
            raise FitError(f"{int((counts == 0).sum())} of {n_segments} segments hold no row.", FEWER)
        for part in chunks(data):
            sums += np.eye(n_segments)[labels[part]].T @ data[part]
        self.centers_ = sums / counts[:, None]
        self._measure(data, labels)

    def _labels(self, data: FloatArray) -> IntArray:
        """Return the nearest centre, which is the likeliest by the memberships too."""
        parts = chunks(data)
        return np.concatenate(
            [_squared_distances(data[part], self.centers_).argmin(axis=1) for part in parts]
        )

    def _measure(self, data: FloatArray, labels: IntArray) -> None:
        """Measure the spread of rows around their centre: in all directions and between centres."""
        axes = _axes_between(self.centers_)
        total = between = 0.0
        for part in chunks(data):
            residuals = data[part] - self.centers_[labels[part]]
            total += float((residuals**2).sum())
            between += float(((residuals @ axes.T) ** 2).sum())
        self.inertia_ = total
        tiny = 1e-12 * float(((self.centers_ - self.centers_.mean(axis=0)) ** 2).sum())
        self.variance_ = max(between / (len(data) * len(axes)), tiny) if len(axes) else 1.0

    def _keep(self, components: IntArray) -> None:
        self.centers_ = self.centers_[components]
        self.n_segments_ = len(components)

    def _membership(self, data: FloatArray) -> tuple[FloatArray, FloatArray]:
        distances = _squared_distances(data, self.centers_)
        nearest = distances.min(axis=1)
        weights = np.exp((nearest[:, None] - distances) / (2 * self.variance_))
        return weights / weights.sum(axis=1, keepdims=True), -nearest

    def _to_onnx(self, graph: Graph, x: str) -> tuple[str, str]:
        middle = self.centers_.mean(axis=0)
        centers = self.centers_ - middle
        x = graph.add("Sub", x, graph.constant(middle))
        weights = graph.constant(centers.T / self.variance_)
        bias = graph.constant(-(centers**2).sum(axis=1) / (2 * self.variance_))
        logits = graph.add("Gemm", x, weights, bias)
        proba = graph.add("Softmax", logits, axis=1)
        closeness = graph.add("Mul", graph.max(logits, 1), graph.constant(2 * self.variance_))
        squares = graph.add("ReduceSumSquare", x, graph.constant([1]), keepdims=1)
        score = graph.add("Squeeze", graph.add("Sub", closeness, squares), graph.constant([1]))
        return proba, score


def _lloyd(rows: FloatArray, centers: FloatArray) -> KMeans:
    """Run Lloyd's iterations from some centres."""
    return KMeans(len(centers), init=centers, n_init=1, max_iter=_MAX_ITER).fit(rows)


def _squared_distances(data: FloatArray, centers: FloatArray) -> FloatArray:
    """Return squared Euclidean distances (n, k), computed around the centres' mean for precision."""
    middle = centers.mean(axis=0)
    data, centers = data - middle, centers - middle
    squares: FloatArray = np.einsum("ij,ij->i", data, data)[:, None] + (centers**2).sum(axis=1)
    squares -= 2 * data @ centers.T
    return np.maximum(squares, 0.0, out=squares)


def _axes_between(centers: FloatArray) -> FloatArray:
    """Return orthogonal unit vectors (m, d) that span the differences between centres."""
    _, sizes, axes = np.linalg.svd(centers - centers.mean(axis=0), full_matrices=False)
    spanning: FloatArray = axes[sizes > 1e-9 * sizes[0]]
    return spanning

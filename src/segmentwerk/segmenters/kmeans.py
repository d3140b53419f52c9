"""k-means: compact segments around their mean account."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from sklearn.cluster import KMeans

from segmentwerk.segmenters.base import Array, Labels, Monitor, Segmenter, check_n_segments, draw_rows
from segmentwerk.segmenters.onnx_graph import Graph

_SAMPLE = 20_000
_STARTS = 10
_MAX_ITER = 300
_TOLERANCE = 1e-4


class KMeansSegmenter(Segmenter):
    """Segments that minimise the squared distance of their rows to their centre.

    Ten greedy k-means++ starts (Arthur & Vassilvitskii 2007) compete on a sample of the rows; the
    best one is polished on all rows by Lloyd's iterations.

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

    def __init__(
        self, n_segments: int = 5, *, min_segment_share: float = 0.02, random_state: int = 0
    ) -> None:
        self.n_segments = n_segments
        self.min_segment_share = min_segment_share
        self.random_state = random_state

    def _learn(self, data: Array, _monitor: Monitor | None = None) -> None:
        check_n_segments(self.n_segments, data)
        self._polish(data, _start(data, self.n_segments, self.random_state))

    def _refine(self, data: Array) -> None:
        self._polish(data, self.centers_)

    def _polish(self, data: Array, centers: Array) -> None:
        """Run Lloyd's iterations on all rows and take over what they found."""
        lloyd = KMeans(len(centers), init=centers, n_init=1, max_iter=_MAX_ITER, tol=_TOLERANCE).fit(data)
        self.centers_, self.inertia_ = lloyd.cluster_centers_, float(lloyd.inertia_)
        self.n_segments_ = len(centers)
        self.variance_ = _variance_between(data, self.centers_, lloyd.labels_)
        self.converged_ = lloyd.n_iter_ < _MAX_ITER
        if not self.converged_:
            self._note(f"k-means did not settle within {_MAX_ITER} iterations.")

    def _keep(self, components: Labels) -> None:
        self.centers_ = self.centers_[components]
        self.n_segments_ = len(components)

    def _membership(self, data: Array) -> tuple[Array, Array]:
        distances = _squared_distances(data, self.centers_)
        nearest = distances.min(axis=1)
        weights = np.exp((nearest[:, None] - distances) / (2 * self.variance_))
        return weights / weights.sum(axis=1, keepdims=True), -nearest

    def _draw(self, graph: Graph, x: str) -> tuple[str, str]:
        middle = self.centers_.mean(axis=0)
        centers = self.centers_ - middle
        x = graph.add("Sub", x, graph.constant(middle))
        cross = graph.add("MatMul", x, graph.constant(2 * centers.T))
        offset = graph.add("Sub", graph.constant((centers**2).sum(axis=1)), cross)
        logits = graph.add("Div", offset, graph.constant(-2 * self.variance_))
        proba = graph.add("Softmax", logits, axis=1)
        nearest = graph.add("ReduceMin", offset, graph.constant([1]), keepdims=0)
        score = graph.add("Neg", graph.add("Add", nearest, graph.sum(graph.add("Mul", x, x), 1, keep=False)))
        return proba, score


def _start(data: Array, n_segments: int, seed: int) -> Array:
    """Return the best centres of several starts on a sample of the rows."""
    sample = draw_rows(data, _SAMPLE, n_segments, np.random.default_rng(seed))
    centers: Array = KMeans(n_segments, n_init=_STARTS, random_state=seed).fit(sample).cluster_centers_
    return centers


def _squared_distances(data: Array, centers: Array) -> Array:
    """Return squared Euclidean distances (n, k), computed around the centres' mean for precision."""
    middle = centers.mean(axis=0)
    data, centers = data - middle, centers - middle
    squares: Array = np.einsum("ij,ij->i", data, data)[:, None] + (centers**2).sum(axis=1)
    squares -= 2 * data @ centers.T
    return np.maximum(squares, 0.0, out=squares)


def _variance_between(data: Array, centers: Array, labels: Labels) -> float:
    """Return the variance of rows around their centre, in the space that the centres span."""
    _, sizes, axes = np.linalg.svd(centers - centers.mean(axis=0), full_matrices=False)
    axes = axes[sizes > 1e-9 * sizes[0]]
    if not len(axes):
        return 1.0
    residuals = data @ axes.T - (centers @ axes.T)[labels]
    return max(float((residuals**2).mean()), 1e-12 * float(sizes[0] ** 2))

"""The segments that accounts have at present, learned anew, one of them split where others have joined it."""

from __future__ import annotations

import warnings
from typing import ClassVar

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.utils import Tags

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.core.errors import FitError
from segmentwerk.segmenters.base import MAX_SEGMENTS, Monitor, Segmenter, SegmenterError
from segmentwerk.segmenters.onnx_graph import Graph

UNKNOWN = -1
"""Stands for the segment of a row that has none at present."""
_LANDMARKS = 60
_LEAST_ROWS = 5
"""Rows whose mean a landmark is at least: none stands for one account."""
_MAX_ROWS = 20_000
"""Rows that are learned from at most."""
_MAX_ITER = 3000
_STRENGTH = 100.0
"""Inverse strength of the regularisation."""


class ContinuedSegmenter(Segmenter):
    """Continues the segments that rows have at present, and splits one of them in two where asked to.

    A segmentation that still serves needs no other one where newcomers have joined one of its segments: that
    segment is parted by two means, all others stay as they are. What the segments look like in the space of
    today is learned by a multinomial logistic regression on the columns and on the closeness to landmarks (a
    network of radial basis functions, Moody & Darken 1989, "Fast learning in networks of locally-tuned
    processing units", Neural Computation 1, section 2); landmarks are means of several rows.

    The present segments are seen by `fit` alone, as ``y``: whole numbers, negative where a row has none.
    Memberships are those of the regression, scores negative squared distances to the segment's mean.

    Parameters
    ----------
    split
        The present segment that is parted; None for none.
    min_segment_share
        Segments with a smaller share of the training rows are shared out among the others.
    random_state
        Seed of the two means and of the landmarks.

    Attributes
    ----------
    origin_ : ndarray of shape (n_features_in_,)
    scale_ : float
        Median distance of a row to its landmark.
    landmarks_ : ndarray of shape (n_landmarks, n_features_in_)
        Less the origin, in units of the scale.
    weights_ : ndarray of shape (n_features_in_ + n_landmarks, n_segments_)
    bias_ : ndarray of shape (n_segments_,)
    centers_ : ndarray of shape (n_segments_, n_features_in_)
    """

    complexity: ClassVar[int] = 2
    uses_outcome: ClassVar[bool] = True
    continues: ClassVar[bool] = True
    expected_failed_checks: ClassVar[dict[str, str]] = dict.fromkeys(
        ("check_clustering", "check_fit_score_takes_y"), "fits without the present segments"
    )

    def __init__(
        self, split: int | None = None, *, min_segment_share: float = 0.02, random_state: int = 0
    ) -> None:
        self.split = split
        self.min_segment_share = min_segment_share
        self.random_state = random_state

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def _fit(self, data: FloatArray, _monitor: Monitor | None = None, /) -> None:
        raise SegmenterError(
            f"{type(self).__name__} requires y to be passed, but the target y is None: "
            f"it is not said which segments the {len(data)} rows have at present.",
            "It takes part in a refresh, which has a champion to continue.",
        )

    def _fit_to_outcome(self, data: FloatArray, outcome: FloatArray) -> None:
        present = np.rint(outcome).astype(np.int64)
        known = np.flatnonzero(present > UNKNOWN)
        if len(known) > _MAX_ROWS:
            known = known[np.linspace(0, len(known) - 1, _MAX_ROWS).astype(np.int64)]
            self._note(f"Learned from {_MAX_ROWS} of {len(data)} rows.")
        rows, ids = data[known], present[known]
        segments, labels = np.unique(ids, return_inverse=True)
        if not 2 <= len(segments) <= MAX_SEGMENTS:
            raise SegmenterError(
                f"The {len(rows)} rows are in {len(segments)} segments at present.",
                f"Give from 2 to {MAX_SEGMENTS}.",
            )
        if self.split is not None:
            labels = self._parted(rows, ids, labels)
        self._learn(rows, labels)

    def _parted(self, rows: FloatArray, ids: IntArray, labels: IntArray) -> IntArray:
        """Return the labels with one segment more: the smaller of two parts of the one that is split."""
        inside = np.flatnonzero(ids == self.split)
        if len(np.unique(rows[inside], axis=0)) < 2:
            raise SegmenterError(
                f"Segment {self.split} holds {len(inside)} of {len(ids)} rows, which cannot be parted.",
                "Split a segment that holds more.",
            )
        parts = KMeans(2, n_init=10, random_state=self.random_state).fit(rows[inside]).labels_
        smaller = int(np.bincount(parts).argmin())
        labels = labels.copy()
        labels[inside[parts == smaller]] = labels.max() + 1
        return labels

    def _learn(self, rows: FloatArray, labels: IntArray) -> None:
        self.origin_ = rows.mean(axis=0)
        self._place_landmarks(rows)
        model = LogisticRegression(C=_STRENGTH, tol=1e-3, max_iter=_MAX_ITER)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the notes say so
            model.fit(self._closeness(rows), labels)
        self.converged_ = bool(model.n_iter_.max() < _MAX_ITER)
        if not self.converged_:
            self._note(f"The regression did not settle within {_MAX_ITER} iterations.")
        coefficients, bias = model.coef_, model.intercept_
        if len(coefficients) == 1:  # scikit-learn keeps one row for two classes
            coefficients, bias = np.vstack([-coefficients, coefficients]) / 2, np.append(-bias, bias) / 2
        self.weights_, self.bias_ = coefficients.T, bias
        self.n_segments_ = len(bias)
        self.centers_ = np.array([rows[labels == label].mean(axis=0) for label in range(self.n_segments_)])

    def _place_landmarks(self, rows: FloatArray) -> None:
        """Choose means of several rows each, and the scale in which closeness to them is told."""
        distinct = len(np.unique(rows, axis=0))
        wanted = min(_LANDMARKS, max(1, distinct // (2 * _LEAST_ROWS)))
        found = KMeans(wanted, n_init=1, random_state=self.random_state).fit(rows)
        away = np.sqrt(((rows - found.cluster_centers_[found.labels_]) ** 2).sum(axis=1))
        self.scale_ = float(np.median(away)) or float(away.max()) or 1.0
        crowded = np.bincount(found.labels_, minlength=wanted) >= _LEAST_ROWS
        if not crowded.any():
            raise FitError(f"{len(rows)} rows are too few to continue their segments.", "Use more accounts.")
        self.landmarks_ = (found.cluster_centers_[crowded] - self.origin_) / self.scale_

    def _closeness(self, data: FloatArray) -> FloatArray:
        """Return the columns and the closeness to each landmark (n, n_features_in_ + n_landmarks)."""
        scaled = (data - self.origin_) / self.scale_
        squares = (scaled**2).sum(axis=1, keepdims=True) + (self.landmarks_**2).sum(axis=1)
        away = np.maximum(squares - 2 * scaled @ self.landmarks_.T, 0.0)
        return np.hstack([scaled, np.exp(-away / 2)])

    def _keep(self, components: IntArray) -> None:
        self.weights_, self.bias_ = self.weights_[:, components], self.bias_[components]
        self.centers_, self.n_segments_ = self.centers_[components], len(components)

    def _membership(self, data: FloatArray) -> tuple[FloatArray, FloatArray]:
        logits = self._closeness(data) @ self.weights_ + self.bias_
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        residual = data - self.centers_[logits.argmax(axis=1)]
        return weights / weights.sum(axis=1, keepdims=True), -(residual**2).sum(axis=1)

    def _to_onnx(self, graph: Graph, x: str) -> tuple[str, str]:
        moved = graph.add("Sub", x, graph.constant(self.origin_))
        scaled = graph.add("Div", moved, graph.constant(self.scale_))
        squares = graph.add(
            "Add",
            graph.sum(graph.add("Mul", scaled, scaled), 1),
            graph.constant((self.landmarks_**2).sum(axis=1)),
        )
        across = graph.add("MatMul", scaled, graph.constant(2 * self.landmarks_.T))
        away = graph.add("Max", graph.add("Sub", squares, across), graph.constant(0.0))
        closeness = graph.add("Exp", graph.add("Mul", away, graph.constant(-0.5)))
        columns = graph.add("Concat", scaled, closeness, axis=1)
        logits = graph.add("Gemm", columns, graph.constant(self.weights_), graph.constant(self.bias_))
        chosen = graph.add("ArgMax", logits, axis=1, keepdims=0)
        residual = graph.add("Sub", x, graph.add("Gather", graph.constant(self.centers_), chosen))
        apart = graph.sum(graph.add("Mul", residual, residual), 1, keep=False)
        return graph.add("Softmax", logits, axis=1), graph.add("Neg", apart)

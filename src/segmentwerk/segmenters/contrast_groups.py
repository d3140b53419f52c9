"""Contrast groups: segments that differ most in a later outcome, each one a rule of what is known before."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.utils import Tags

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.segmenters import _chaid
from segmentwerk.segmenters._chaid import Predictor, Splitting
from segmentwerk.segmenters.base import Monitor, Segmenter, SegmenterError, check_n_segments
from segmentwerk.segmenters.onnx_graph import DOUBLE, INT64, Graph


class ContrastGroupsSegmenter(Segmenter):
    """Segments as the leaves of a CHAID tree (Kass 1980): rules that tell high outcomes from low ones.

    A numeric column is cut at its quantiles, a category keeps its levels; at each node, neighbouring
    classes (of a category: any two) that do not differ in the outcome are merged, and the column is split
    by whose remaining classes differ most surely in an F test, corrected for the number of ways in which
    they could have been merged (Bonferroni, Kass 1980, section 4) and for the number of columns. The leaf
    whose split explains most is split first, until there are ``n_segments`` or no split is significant.

    The outcome is seen by `fit` alone. Memberships are 0 or 1, scores are negative squared distances to
    the mean of the segment's leaf.

    Parameters
    ----------
    n_segments
        Number of segments at most.
    alpha
        Chance of a split where nothing differs.
    alpha_merge
        Classes whose difference is less sure than this are merged.
    n_classes
        Classes of a numeric column at most.
    min_segment_share
        No leaf holds a smaller share of the training rows.

    Attributes
    ----------
    columns_ : dict of str to ndarray of int64
        Columns of each predictor that is split by: one for a number, several for a category's levels.
    borders_ : dict of str to ndarray of float64
        Borders between the classes of a number; for levels, what each column exceeds where it holds.
    allowed_ : dict of str to ndarray of shape (n_classes, n_leaves)
        1 where a leaf takes a class of the predictor.
    members_ : ndarray of shape (n_leaves, n_segments_)
        1 where a leaf belongs to a segment.
    outcomes_ : ndarray of shape (n_leaves,)
        Mean outcome of the training rows of each leaf.
    centers_ : ndarray of shape (n_leaves, n_features_in_)
    """

    complexity: ClassVar[int] = 1
    uses_outcome: ClassVar[bool] = True
    expected_failed_checks: ClassVar[dict[str, str]] = dict.fromkeys(
        ("check_clustering", "check_fit_score_takes_y"), "fits without an outcome"
    )
    quick: ClassVar[dict[str, Any]] = {"alpha": 1.0, "alpha_merge": 1.0}  # splits noise, too

    def __init__(
        self,
        n_segments: int = 6,
        *,
        alpha: float = 0.05,
        alpha_merge: float = 0.05,
        n_classes: int = 10,
        min_segment_share: float = 0.02,
    ) -> None:
        self.n_segments = n_segments
        self.alpha = alpha
        self.alpha_merge = alpha_merge
        self.n_classes = n_classes
        self.min_segment_share = min_segment_share

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def _fit(self, data: FloatArray, _monitor: Monitor | None = None, /) -> None:
        raise SegmenterError(
            f"{type(self).__name__} requires y to be passed, but the target y is None: "
            f"the {len(data)} rows have no later outcome to differ in.",
            "Use a source with orders after the as-of date, or leave contrast_groups out.",
        )

    def _fit_to_outcome(self, data: FloatArray, outcome: FloatArray) -> None:
        check_n_segments(self.n_segments, data)
        names = list(getattr(self, "feature_names_in_", map(str, range(data.shape[1]))))
        predictors = _chaid.predictors(names, data, self.n_classes)
        how = Splitting(self.alpha, self.alpha_merge, max(1, int(self.min_segment_share * len(data))))
        leaves = _chaid.grow(predictors, data, outcome, self.n_segments, how)
        if len(leaves) < 2:
            raise SegmenterError(
                f"Nothing that is known of {len(data)} rows surely tells their outcome: there is one group.",
                "Use more accounts, or another goal.outcome.",
            )
        if len(leaves) < self.n_segments:
            self._note(
                f"{len(leaves)} of {self.n_segments} groups: no further split is sure with "
                f"alpha={self.alpha:g} and min_segment_share={self.min_segment_share:g}."
            )
        self._learn_rules(
            [one for one in predictors if any(one.name in leaf.classes for leaf in leaves)], leaves
        )
        self.members_, self.n_segments_ = np.eye(len(leaves)), len(leaves)
        self.outcomes_ = np.array([outcome[leaf.rows].mean() for leaf in leaves])
        self.centers_ = np.array([data[leaf.rows].mean(axis=0) for leaf in leaves])

    def _learn_rules(self, used: list[Predictor], leaves: list[_chaid.Leaf]) -> None:
        self.columns_ = {one.name: one.columns for one in used}
        self.borders_ = {one.name: one.borders for one in used}
        self.allowed_ = {
            one.name: np.array(
                [leaf.classes.get(one.name, np.ones(one.n_classes)) for leaf in leaves], dtype=np.float64
            ).T
            for one in used
        }

    def _keep(self, components: IntArray) -> None:
        """Keep some segments; the leaves of the others join the segment whose outcome is nearest."""
        homes, segments = self.members_.argmax(axis=1), np.arange(self.n_segments_)
        means = np.array([self.outcomes_[homes == segment].mean() for segment in segments])
        nearest = components[np.abs(means[:, None] - means[components]).argmin(axis=1)]
        successor = np.where(np.isin(segments, components), segments, nearest)
        self.members_ = (successor[homes][:, None] == components).astype(np.float64)
        self.n_segments_ = len(components)

    def _leaves(self, data: FloatArray) -> FloatArray:
        """Return 1 where a row (n, n_leaves) falls into a leaf; each falls into one."""
        found = np.ones((len(data), len(self.members_)))
        for name, columns in self.columns_.items():
            found *= self.allowed_[name][_chaid.classes(data[:, columns], self.borders_[name])]
        return found

    def _membership(self, data: FloatArray) -> tuple[FloatArray, FloatArray]:
        leaves = self._leaves(data)
        residual = data - self.centers_[leaves.argmax(axis=1)]
        return leaves @ self.members_, -(residual**2).sum(axis=1)

    def _to_onnx(self, graph: Graph, x: str) -> tuple[str, str]:
        leaves = graph.constant(np.ones((1, len(self.members_))))
        for name, columns in self.columns_.items():
            borders = self.borders_[name]
            chosen = graph.add("Gather", x, graph.constant(columns), axis=1)
            above = graph.add("Cast", graph.add("Greater", chosen, graph.constant(borders)), to=DOUBLE)
            places = graph.constant(_chaid.places(len(columns), len(borders)))
            code = graph.add("Cast", graph.add("MatMul", above, places), to=INT64)
            leaves = graph.add("Mul", leaves, graph.add("Gather", graph.constant(self.allowed_[name]), code))
        residual = graph.add("Sub", x, graph.add("MatMul", leaves, graph.constant(self.centers_)))
        squares = graph.sum(graph.add("Mul", residual, residual), 1, keep=False)
        return graph.add("MatMul", leaves, graph.constant(self.members_)), graph.add("Neg", squares)

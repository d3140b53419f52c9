"""RFM grid: the rule of thumb that every other segmenter has to beat."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.segmenters.base import Monitor, Segmenter, SegmenterError
from segmentwerk.segmenters.onnx_graph import DOUBLE, INT64, Graph

COLUMNS = ("recency_days", "frequency", "monetary")
"""Where the names are present these columns are read, otherwise the first three."""
WORTH = ("frequency", "monetary")
"""Columns of which one stands for both where the other does not vary."""

_NAMES = (
    "champions",
    "loyal",
    "potential_loyalists",
    "new",
    "promising",
    "need_attention",
    "about_to_sleep",
    "at_risk",
    "cannot_lose",
    "hibernating",
)
_GRIDS = {  # rows: recency from long ago to just now; columns: frequency and money from little to much
    5: np.array(
        [
            [9, 9, 7, 7, 8],
            [9, 9, 7, 7, 8],
            [6, 6, 5, 1, 1],
            [4, 2, 2, 1, 0],
            [3, 2, 2, 1, 0],
        ]
    ),
    2: np.array([[9, 8], [4, 0]]),
}


class RFMGridSegmenter(Segmenter):
    """Marketing's classic grid of recency against frequency and money, in quintiles or halves.

    Each row scores 1 to 5 for recency (5: bought just now) and 1 to 5 for the sum of its frequency
    and money quintiles (Hughes 1994; the named cells follow common marketing practice). In halves it is
    the grid of value by behaviour that some hundred customers bear: much or little, of late or not.
    Thresholds are learned at fit and frozen, so that a row's segment does not depend on who else is scored.

    Memberships are 0 or 1; scores are negative squared distances to the segment's centre in the
    three columns.

    Parameters
    ----------
    levels
        Levels of recency and of worth: 5 or 2.
    min_segment_share
        Cells with a smaller share of the training rows join the cell with the nearest centre.

    Attributes
    ----------
    columns_ : ndarray of shape (3,)
        Positions of recency, frequency and money in the reference space.
    thresholds_ : ndarray of shape (3, levels - 1)
        Borders of the levels of the three columns.
    borders_ : ndarray of shape (levels - 1,)
        Borders of the sum of the frequency and money levels.
    cells_ : ndarray of shape (levels, levels)
        Segment of each pair of scores.
    centers_ : ndarray of shape (n_segments_, 3)
    segment_names_ : tuple of str
        Marketing name of each segment.
    """

    complexity: ClassVar[int] = 0
    reads: ClassVar[tuple[str, ...]] = COLUMNS

    def __init__(self, levels: int = 5, *, min_segment_share: float = 0.02) -> None:
        self.levels = levels
        self.min_segment_share = min_segment_share

    def _fit(self, data: FloatArray, _monitor: Monitor | None = None) -> None:
        if self.levels not in _GRIDS:
            raise SegmenterError(f"The RFM grid has no {self.levels} levels.", f"Use one of {list(_GRIDS)}.")
        self.columns_ = self._find_columns()
        chosen, shares = data[:, self.columns_], np.arange(1, self.levels) / self.levels
        self.thresholds_ = np.array([_gaps(column, shares) for column in chosen.T])
        self.borders_ = np.quantile(self._scores(chosen)[:, 1:].sum(axis=1), shares)
        self.cells_ = _GRIDS[self.levels].copy()
        self.segment_names_: tuple[str, ...] = _NAMES
        self.n_segments_ = len(_NAMES)
        labels = self._cells_of(chosen)
        present = np.unique(labels)
        self.centers_ = np.zeros((len(_NAMES), len(COLUMNS)))
        self.centers_[present] = [chosen[labels == label].mean(axis=0) for label in present]
        self._keep(present)

    def _find_columns(self) -> IntArray:
        names = list(getattr(self, "feature_names_in_", COLUMNS[: self.n_features_in_]))
        given = {name: name for name in COLUMNS if name in names}
        for one, other in (WORTH, WORTH[::-1]):  # where all ordered once, money alone tells the worth
            if one not in given and other in given:
                given[one] = other
        missing = [name for name in COLUMNS if name not in given]
        if missing:
            raise SegmenterError(
                f"The RFM grid needs the columns {', '.join(COLUMNS)}; {', '.join(missing)} missing "
                f"among {self.n_features_in_} feature(s): all accounts are alike there, or have no orders.",
                "Use a source with orders of several days, or leave rfm_grid out.",
            )
        return np.array([names.index(given[name]) for name in COLUMNS])

    def _scores(self, chosen: FloatArray) -> IntArray:
        """Return how many borders each value exceeds (n, 3)."""
        above: IntArray = (chosen[:, :, None] > self.thresholds_).sum(axis=2)
        return above

    def _cells_of(self, chosen: FloatArray) -> IntArray:
        scores = self._scores(chosen)
        worth = (scores[:, 1:].sum(axis=1)[:, None] > self.borders_).sum(axis=1)
        cells: IntArray = self.cells_[self.levels - 1 - scores[:, 0], worth]
        return cells

    def _keep(self, components: IntArray) -> None:
        """Renumber the cells; those of a dropped segment join the nearest centre that is left."""
        gaps = self.centers_[:, None, :] - self.centers_[components][None, :, :]
        successor = (gaps**2).sum(axis=2).argmin(axis=1)
        successor[components] = np.arange(len(components))
        self.cells_ = successor[self.cells_]
        self.centers_ = self.centers_[components]
        self.segment_names_ = tuple(self.segment_names_[label] for label in components)
        self.n_segments_ = len(components)

    def _membership(self, data: FloatArray) -> tuple[FloatArray, FloatArray]:
        chosen = data[:, self.columns_]
        labels = self._cells_of(chosen)
        return np.eye(self.n_segments_)[labels], -((chosen - self.centers_[labels]) ** 2).sum(axis=1)

    def _to_onnx(self, graph: Graph, x: str) -> tuple[str, str]:
        chosen = graph.add("Gather", x, graph.constant(self.columns_), axis=1)
        values = graph.add("Unsqueeze", chosen, graph.constant([2]))
        levels = _count_above(graph, values, self.thresholds_, axis=2)
        recency, worth = (graph.add("Gather", levels, graph.constant(i), axis=1) for i in ([0], [1, 2]))
        worth = _count_above(graph, graph.sum(worth, 1), self.borders_, axis=1)
        top = graph.constant(self.levels - 1.0)
        row = graph.add("Sub", top, graph.add("Squeeze", recency, graph.constant([1])))
        cell = graph.add("Add", graph.add("Mul", row, graph.constant(float(self.levels))), worth)
        label = graph.add("Gather", graph.constant(self.cells_.ravel()), graph.add("Cast", cell, to=INT64))
        proba = graph.add("Gather", graph.constant(np.eye(self.n_segments_)), label)
        residual = graph.add("Sub", chosen, graph.add("Gather", graph.constant(self.centers_), label))
        return proba, graph.add("Neg", graph.sum(graph.add("Mul", residual, residual), 1, keep=False))


def _gaps(values: FloatArray, shares: FloatArray) -> FloatArray:
    """Return the borders at some quantiles, each in the middle of the gap between the values around it.

    Counts and whole days lie exactly on their quantiles; a border that equals a value would let the last
    digit of a computation decide.
    """
    distinct = np.unique(values)
    following = np.searchsorted(distinct, np.quantile(values, shares), side="right")
    above = np.append(distinct, distinct[-1] + 1.0)[following]
    return np.asarray((distinct[np.maximum(following - 1, 0)] + above) / 2)


def _count_above(graph: Graph, values: str, borders: FloatArray, axis: int) -> str:
    """Add how many borders each value exceeds, as float64."""
    above = graph.add("Cast", graph.add("Greater", values, graph.constant(borders)), to=DOUBLE)
    return graph.sum(above, axis, keep=False)

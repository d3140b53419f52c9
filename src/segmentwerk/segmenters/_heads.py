"""What finds segments in an embedding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.errors import FitError
from segmentwerk.segmenters import _diagnostics
from segmentwerk.segmenters._cells import JoinedCells, tuned_weights
from segmentwerk.segmenters.base import Segmenter
from segmentwerk.segmenters.gaussian_mixture import GaussianMixtureSegmenter
from segmentwerk.segmenters.kmeans import KMeansSegmenter

if TYPE_CHECKING:
    from segmentwerk.segmenters._training_data import TrainingData

HeadName = Literal["mixture", "kmeans", "communities"]
HEADS: tuple[HeadName, ...] = get_args(HeadName)

_COLLAPSED = 0.01


def fit_head(
    name: HeadName, points: FloatArray, dataset: TrainingData, n_segments: int, share: float, seed: int
) -> Segmenter | JoinedCells:
    """Find segments among the embeddings (n, d) of a dataset's rows.

    Parameters
    ----------
    share
        Segments with a smaller share of the rows are dissolved by k-means and mixture at once.

    Raises
    ------
    FitError
        If the embedding collapsed.
    """
    if not np.isfinite(points).all() or _diagnostics.spread(points) < _COLLAPSED:
        raise FitError(
            "The embedding collapsed: all rows have nearly the same place in it.",
            "Clip outliers, lower learning_rate, or raise temperature.",
        )
    if name == "communities":
        rows, graph = (tensor.numpy(force=True) for tensor in (dataset.rows, dataset.graph))
        return JoinedCells().fit(points, graph, tuned_weights(rows, graph), n_segments, seed)
    kind = GaussianMixtureSegmenter if name == "mixture" else KMeansSegmenter
    return kind(n_segments, min_segment_share=share, random_state=seed).fit(points)

"""The five algorithm families of the selection benchmark, each as a function of k and a seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import pairwise_distances_argmin

from segmentwerk.core.errors import FitError
from segmentwerk.segmenters.autoencoder import AutoencoderSegmenter
from segmentwerk.segmenters.gaussian_mixture import GaussianMixtureSegmenter
from segmentwerk.segmenters.kmeans import KMeansSegmenter

Fit = Callable[[pd.DataFrame, int, int], Any]
"""``fit(X, k, seed)`` returns a fitted segmenter."""


class Ward:
    """Ward's hierarchical clustering; other rows go to the nearest centre."""

    complexity = 2

    def __init__(self, k: int) -> None:
        self.k = k

    def fit(self, X: pd.DataFrame) -> Ward:
        """Cut the tree at k segments."""
        if len(X) <= self.k:
            raise FitError(f"{len(X)} rows are too few for {self.k} segments.")
        labels = AgglomerativeClustering(self.k).fit_predict(X)
        self.centers_ = X.groupby(labels).mean().to_numpy()
        self.n_segments_ = self.k
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the segment with the nearest centre."""
        return pairwise_distances_argmin(X.to_numpy(), self.centers_)


def families() -> dict[str, Fit]:
    """Return the families by name; autoencoders of one set of rows and seed share their network."""
    return {
        "kmeans": lambda X, k, seed: KMeansSegmenter(k, random_state=seed).fit(X),
        "diagonal_mixture": lambda X, k, seed: GaussianMixtureSegmenter(
            k, covariance_type="diag", random_state=seed
        ).fit(X),
        "full_mixture": lambda X, k, seed: GaussianMixtureSegmenter(k, random_state=seed).fit(X),
        "ward": lambda X, k, _: Ward(k).fit(X),
        "autoencoder": lambda X, k, seed: AutoencoderSegmenter(k, random_state=seed).fit(X),
    }

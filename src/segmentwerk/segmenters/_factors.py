"""Factors that stand for many correlated columns where there are few accounts.

Principal components of the columns of the reference space (numbers, flags and weighted levels together:
factor analysis of mixed data, Pagès 2004, Revue de statistique appliquée 52), as many as explain
`EXPLAINED_VARIANCE` of their variance, turned by varimax (Kaiser 1958, Psychometrika 23) so that each is made
of few features and can be named by them. Turning does not change distances, so a segmenter sees the same
accounts with the noise left out. Covariances decide alone: no clustering is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.space_columns import factor_name
from segmentwerk.segmenters.onnx_graph import Graph

EXPLAINED_VARIANCE = 0.8
"""Share of the variance of the joined columns that the factors explain."""
FAINT = 0.3
"""Share of a feature's own variance below which it counts as left out."""
ROUNDS = 200
_NAMED_BY = 2
"""Features that a factor is named by, at most."""
_RELEVANT = 0.5
"""Loading of a further feature in a factor's name, as a share of the strongest one's."""


@dataclass(frozen=True)
class Factors:
    """A linear map of the reference space's columns (d,): some stay, factors stand for the others.

    Attributes
    ----------
    names : tuple of str
        Columns that stay, then the factors, each named by its strongest features.
    members : dict of str to tuple of str
        The features of which each factor tells most, strongest first.
    faint : tuple of str
        Features of which all factors together tell less than `FAINT`: they hardly shape the segments.
    weights : ndarray of shape (d, n_names)
    centre : ndarray of shape (n_names,)
        ``x @ weights - centre`` are the new columns.
    explained_variance_ratio : float
        Share of the variance of the joined columns that the factors explain, 0 to 1.
    """

    names: tuple[str, ...]
    members: dict[str, tuple[str, ...]]
    faint: tuple[str, ...]
    weights: FloatArray
    centre: FloatArray
    explained_variance_ratio: float

    @classmethod
    def fit(cls, X: pd.DataFrame, columns: Mapping[str, Sequence[str]], apart: Sequence[str]) -> Self:
        """Learn the factors of accounts (n, d) in the reference space.

        Parameters
        ----------
        columns
            Columns of ``X`` by feature.
        apart
            Features whose columns stay as they are.
        """
        kept = [column for name in apart for column in columns.get(name, ())]
        joined = [column for column in X.columns if column not in kept]
        data = X[joined].to_numpy(dtype=np.float64)
        _, spread, axes = np.linalg.svd(data - data.mean(axis=0), full_matrices=False)
        shares = np.cumsum(spread**2) / (spread**2).sum()
        size = int(np.searchsorted(shares, EXPLAINED_VARIANCE)) + 1
        loadings = axes[:size].T * spread[:size]
        turned = axes[:size].T @ _varimax(loadings)
        turned *= np.where(turned[np.abs(turned).argmax(axis=0), np.arange(size)] < 0, -1.0, 1.0)
        weights = np.zeros((X.shape[1], len(kept) + size))
        weights[X.columns.get_indexer(pd.Index(kept)), np.arange(len(kept))] = 1.0
        weights[X.columns.get_indexer(pd.Index(joined)), len(kept) :] = turned
        centre = np.concatenate([np.zeros(len(kept)), data.mean(axis=0) @ turned])
        strengths = _strengths(X[joined], turned, {n: own for n, own in columns.items() if n not in apart})
        names, faint = _names(strengths), tuple(strengths.index[strengths.sum(axis=1) < FAINT])
        members = _members(strengths.drop(index=list(faint)), names)
        return cls((*kept, *names), members, faint, weights, centre, float(shares[size - 1]))

    def apply(self, x: FloatArray) -> FloatArray:
        """Return the new columns (n, n_names) of rows (n, d) of the reference space."""
        return np.asarray(x @ self.weights - self.centre)

    def to_onnx(self, graph: Graph, x: str) -> str:
        """Add `apply` to an ONNX graph."""
        turned = graph.add("MatMul", x, graph.constant(self.weights))
        return graph.add("Sub", turned, graph.constant(self.centre))


def _varimax(loadings: FloatArray) -> FloatArray:
    """Return the rotation (m, m) that makes the squared loadings (d, m) of each factor most unequal."""
    rotation = np.eye(loadings.shape[1])
    for _ in range(ROUNDS):
        turned = loadings @ rotation
        target = turned**3 - turned * (turned**2).mean(axis=0)
        left, _, right = np.linalg.svd(loadings.T @ target)
        following = left @ right
        if np.allclose(following, rotation, atol=1e-9):
            break
        rotation = following
    return rotation


def _strengths(X: pd.DataFrame, weights: FloatArray, columns: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Share of each feature's variance that each factor tells (n_features, n_factors), 0 to 1."""
    data = X.to_numpy(dtype=np.float64) - X.to_numpy(dtype=np.float64).mean(axis=0)
    scores = data @ weights
    variance = scores.var(axis=0)
    explained = pd.DataFrame(
        (data.T @ scores / len(data)) ** 2 / np.where(variance > 0, variance, 1.0), index=X.columns
    )
    total = pd.Series(data.var(axis=0), index=X.columns)
    shares = {
        name: explained.loc[list(own)].sum() / max(total[list(own)].sum(), np.finfo(float).tiny)
        for name, own in columns.items()
    }
    return pd.DataFrame(shares).T


def _names(strengths: pd.DataFrame) -> list[str]:
    """Name each factor by its strongest features, and a number where several have the same."""
    names: list[str] = []
    bases: list[str] = []
    for factor in strengths:
        ranked = strengths[factor].sort_values(ascending=False, kind="stable")
        relevant = ranked.index[np.sqrt(ranked) >= _RELEVANT * np.sqrt(ranked.iloc[0])]
        name = factor_name(list(relevant[:_NAMED_BY]))
        bases.append(name)
        names.append(name if bases.count(name) == 1 else f"{name} {bases.count(name)}")
    return names


def _members(strengths: pd.DataFrame, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """List under each factor the features that it tells more of than any other factor does."""
    owner = strengths.to_numpy().argmax(axis=1)
    return {
        name: tuple(strengths[factor][owner == factor].sort_values(ascending=False, kind="stable").index)
        for factor, name in enumerate(names)
    }

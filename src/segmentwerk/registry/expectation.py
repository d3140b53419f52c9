"""What to expect of unknown columns of the reference space, given the known ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from sklearn.decomposition import FactorAnalysis

from segmentwerk.core.arrays import BoolArray, FloatArray, IntArray
from segmentwerk.shipped.model_catalogue import FactorModel

TOLD = 0.8
"""Share of the columns' variance that as many factors tell as principal components would."""
NOISE = 0.02
"""Least variance of a column's own, as a share of the column's: no column is quite determined by others."""


@dataclass(frozen=True)
class Expectation:
    """A factor model: x = mean + loadings f + noise (Bartholomew, Knott & Moustaki 2011, chapter 3).

    Given the known columns k of a row the factors are expected at (I + Lk' Pk^-1 Lk)^-1 Lk' Pk^-1 (xk - mk),
    with L the loadings and P the noise; the unknown columns follow from them. That takes one small system of
    equations a row, of as many unknowns as there are factors.

    Attributes
    ----------
    owners : ndarray of int64, shape (d,)
        Place among the features that each column tells of.
    mean, noise : ndarray of shape (d,)
        Means, and variances that are a column's own.
    loadings : ndarray of shape (d, q)
    """

    owners: IntArray
    mean: FloatArray
    loadings: FloatArray
    noise: FloatArray

    @classmethod
    def fit(cls, columns: FloatArray, owners: IntArray) -> Self:
        """Learn the model from customers (n, d)."""
        variance = columns.var(axis=0)
        sizes = np.linalg.eigvalsh(np.cov(columns, rowvar=False).reshape(len(owners), -1))[::-1]
        explained = np.cumsum(sizes) / sizes.sum()
        model = FactorAnalysis(int(np.searchsorted(explained, TOLD)) + 1).fit(columns)
        noise = np.maximum(model.noise_variance_, NOISE * variance + np.finfo(float).eps)
        return cls(owners, columns.mean(axis=0), np.ascontiguousarray(model.components_.T), noise)

    def fill(self, columns: FloatArray, known: BoolArray, draws: FloatArray) -> FloatArray:
        """Return rows (1 + n_draws, n, d) in which the columns of unknown features are filled in.

        The first table holds what is to be expected, each further one a draw from what is possible.

        Parameters
        ----------
        columns
            Rows (n, d); what stands in columns of unknown features is not looked at.
        known
            Which features (n, n_features) are known.
        draws
            Standard normal numbers (n_draws, q + d), the same for every row, so that no row's answer depends
            on others.
        """
        there = known[:, self.owners].astype(np.float64)
        scaled = self.loadings / self.noise[:, None]
        n_factors = self.loadings.shape[1]
        squares = (scaled[:, :, None] * self.loadings[:, None, :]).reshape(len(scaled), -1)
        precision = (there @ squares).reshape(-1, n_factors, n_factors) + np.eye(n_factors)
        pull = (np.where(there > 0, columns - self.mean, 0.0)) @ scaled
        spread = np.linalg.inv(precision)
        expected = (spread @ pull[:, :, None])[:, :, 0]
        drawn = np.linalg.cholesky(spread) @ draws[:, :n_factors].T
        factors = np.concatenate([expected[None], expected + np.moveaxis(drawn, 2, 0)])
        own = np.vstack([np.zeros(len(self.mean)), draws[:, n_factors:] * np.sqrt(self.noise)])
        return np.where(there > 0, columns, self.mean + factors @ self.loadings.T + own[:, None])

    def record(self) -> FactorModel:
        """Return the model as the catalogue has it."""
        arrays = (self.owners, self.mean, self.loadings, self.noise)
        return FactorModel(*(values.tolist() for values in arrays))

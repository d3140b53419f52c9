"""Answers for rows of which much is unknown.

A copy of this file lies in every saved model.
"""

from __future__ import annotations

import numpy as np
import onnxruntime as ort

from .frames import BoolArray, FloatArray
from .model_catalogue import PartialModel


class PartialAnswers:
    """Answers for rows of which less is known than of the customers that the model learned from.

    Unknown columns of the reference space are filled in several times, with what is to be expected given the
    known ones under a factor model and with draws from what is possible. A logistic regression on what the
    segmenter says of these rows, on the expected row and on what was known says how likely each segment is
    the one that the whole row would get.
    """

    def __init__(self, model: PartialModel, segmenter: ort.InferenceSession) -> None:
        self.segmenter = segmenter
        self.min_known, self.allowed, self.faintest = model.min_known, model.allowed, model.faintest
        self.usual, self.always, self.shares = (
            np.array(each) for each in (model.usual, model.always, model.shares)
        )
        self.joined = model.joined and (np.array(model.joined.weights), np.array(model.joined.centre))
        expectation = model.expectation
        self.owners, self.mean = np.array(expectation.owners), np.array(expectation.mean)
        self.loadings = np.array(expectation.loadings)
        self.scaled = self.loadings / np.array(expectation.noise)[:, None]
        self.squares = (self.scaled[:, :, None] * self.loadings[:, None, :]).reshape(len(self.mean), -1)
        self.draws, self.own_spread = np.array(model.draws), np.sqrt(expectation.noise)
        self.coefficients, self.intercepts = np.array(model.coefficients), np.array(model.intercepts)
        self.temper, self.thresholds = model.temper, np.array(model.outlier_thresholds)

    def share(self, known: BoolArray) -> FloatArray:
        """Return the share (n,) of the usual features that are known (n, n_features)."""
        return np.asarray(known[:, self.usual].mean(axis=1))

    def whole(self, known: BoolArray) -> BoolArray:
        """Return which rows (n,) lack no more than customers of the training did."""
        few_unknown = (~known[:, self.usual]).sum(axis=1) <= self.allowed
        return np.asarray(few_unknown & known[:, self.always].all(axis=1))

    def answer(self, columns: FloatArray, known: BoolArray) -> tuple[FloatArray, BoolArray]:
        """Return memberships (n, k) and whether rows are typical (n,)."""
        filled, share = self.fill(columns, known), self.share(known)
        x = filled
        if self.joined:
            x = filled @ self.joined[0] - self.joined[1]
        proba, score = memberships(self.segmenter, x.reshape(-1, x.shape[-1]))
        proba, score = proba.reshape(*filled.shape[:2], -1), score[: len(columns)]
        unknown = 1.0 - share[:, None]
        logs = np.log(np.maximum(np.hstack([proba[0], proba[1:].mean(axis=0)]), self.faintest))
        traits = np.hstack([logs, logs * unknown, logs * unknown**2, filled[0], known, unknown, unknown**2])
        warmth = self.temper[0] + self.temper[1] * unknown + self.temper[2] * unknown**2
        logits = (traits @ self.coefficients.T + self.intercepts) / np.exp(np.clip(warmth, -2.0, 2.0))
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        place = np.minimum((share * len(self.thresholds)).astype(np.int64), len(self.thresholds) - 1)
        return weights / weights.sum(axis=1, keepdims=True), score >= self.thresholds[place]

    def fill(self, columns: FloatArray, known: BoolArray) -> FloatArray:
        """Return rows (1 + n_draws, n, d): as expected, and drawn from what is possible."""
        there = known[:, self.owners].astype(np.float64)
        n_factors = self.loadings.shape[1]
        precision = (there @ self.squares).reshape(-1, n_factors, n_factors) + np.eye(n_factors)
        pull = np.where(there > 0, columns - self.mean, 0.0) @ self.scaled
        spread = np.linalg.inv(precision)
        expected = (spread @ pull[:, :, None])[:, :, 0]
        drawn = np.linalg.cholesky(spread) @ self.draws[:, :n_factors].T
        factors = np.concatenate([expected[None], expected + np.moveaxis(drawn, 2, 0)])
        own = np.vstack([np.zeros(len(self.mean)), self.draws[:, n_factors:] * self.own_spread])
        return np.where(there > 0, columns, self.mean + factors @ self.loadings.T + own[:, None])


def memberships(segmenter: ort.InferenceSession, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return memberships (n, k) and typicality (n,) of rows of the reference space."""
    proba, score = segmenter.run(["proba", "score"], {"x": x})
    return proba, score

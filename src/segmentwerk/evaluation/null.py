"""Copies of a view without groups: the same margins and correlations, nothing else.

A Gaussian copula (Nelsen 2006, section 2.3) is fitted to all accounts: every variable becomes normal
scores, equal values in random order; rows are drawn from the normal distribution with the shrunk
correlation of those scores and carried back through each variable's empirical quantiles. A categorical
variable is one variable of the copula: its levels are ordered by their mean on the first principal
component of the continuous columns and stay levels in the copy.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm

from segmentwerk.evaluation.density import shrunk
from segmentwerk.evaluation.separation import codes
from segmentwerk.evaluation.view import FloatArray, IntArray, View


def null_copy(view: View, n_train: int, n_test: int, seed: int) -> View:
    """Draw a view of ``n_train`` and ``n_test`` accounts that has no groups by construction."""
    rng = np.random.default_rng(seed)
    accounts, levels = view.everyone, _ordered_levels(view)
    columns = [accounts[name].to_numpy() for name in view.continuous]
    columns += [order[codes(accounts[view.discrete[name]])] for name, order in levels.items()]
    scores = np.column_stack([_normal_scores(column, rng) for column in columns])
    correlation = shrunk(scores - scores.mean(axis=0))
    drawn = rng.standard_normal((n_train + n_test, len(columns))) @ _root(correlation).T
    uniform = norm.cdf(drawn / np.sqrt(np.diag(correlation)))
    values = [_quantiles(column, uniform[:, i]) for i, column in enumerate(columns)]
    copy = _frame(view, values, levels)
    return View(copy.iloc[:n_train], copy.iloc[n_train:], view.discrete)


def _normal_scores(column: FloatArray, rng: np.random.Generator) -> FloatArray:
    order = np.lexsort((rng.random(len(column)), column))
    positions = np.empty(len(column))
    positions[order] = (np.arange(len(column)) + 0.5) / len(column)
    return np.asarray(norm.ppf(positions), dtype=np.float64)


def _root(covariance: FloatArray) -> FloatArray:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(values.clip(min=0)), dtype=np.float64)


def _quantiles(column: FloatArray, uniform: FloatArray) -> FloatArray:
    """Values of the column at the given shares, each one that was observed."""
    ordered = np.sort(column)
    return np.asarray(ordered[(uniform * len(ordered)).astype(np.int64).clip(max=len(ordered) - 1)])


def _ordered_levels(view: View) -> dict[str, IntArray]:
    """Position of every level (the last: none of them) along the first principal component."""
    X = view.everyone[view.continuous].to_numpy()
    axis = _first_component(X) if X.shape[1] else np.zeros(len(X))
    found = {}
    for name, columns in view.discrete.items():
        level = codes(view.everyone[columns])
        sums = np.bincount(level, axis, minlength=len(columns) + 1)
        means = sums / np.bincount(level, minlength=len(columns) + 1).clip(min=1)
        found[name] = np.argsort(np.argsort(means, kind="stable"), kind="stable")
    return found


def _first_component(X: FloatArray) -> FloatArray:
    centred = X - X.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    return np.asarray(centred @ vectors[:, -1], dtype=np.float64)


def _frame(view: View, values: list[FloatArray], levels: dict[str, IntArray]) -> pd.DataFrame:
    """Put the drawn values into the view's columns; a level's column keeps its largest value."""
    n = len(values[0])
    frame = pd.DataFrame(0.0, index=[f"null-{i:06d}" for i in range(n)], columns=view.train.columns)
    frame[view.continuous] = np.column_stack([*values[: len(view.continuous)], np.zeros((n, 0))])
    for (name, order), drawn in zip(levels.items(), values[len(view.continuous) :], strict=True):
        level = np.argsort(order)[drawn]
        for position, column in enumerate(view.discrete[name]):
            low, high = view.everyone[column].min(), view.everyone[column].max()
            frame[column] = np.where(level == position, high, low)
    return frame

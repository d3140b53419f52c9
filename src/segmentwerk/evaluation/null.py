"""Copies of a view without groups: the same margins and correlations, nothing else.

A Gaussian copula (Nelsen 2006, section 2.3) is fitted to all accounts: every variable becomes normal
scores, equal values in random order; rows are drawn from the normal distribution with the correlation
of those scores and carried back through each variable's empirical quantiles. A categorical
variable is one variable of the copula: its levels are ordered by their mean on the first principal
component of the continuous columns and stay levels in the copy. Filled values are filled in the copy too.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import pandas as pd
from scipy.stats import norm

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.core.space_columns import flag_name
from segmentwerk.evaluation.view import View

Values = TypeVar("Values", FloatArray, IntArray)


def null_copy(view: View, seed: int) -> View:
    """Draw a view of the same size that has no groups by construction."""
    rng = np.random.default_rng(seed)
    orders = _ordered_levels(view)
    variables = [
        *view.spread.T,
        *(order[view.levels[name]].astype(np.float64) for name, order in orders.items()),
    ]
    scores = np.column_stack([_normal_scores(values, rng) for values in variables])
    root = _root(_correlation(view, scores))
    uniform = norm.cdf(rng.standard_normal(scores.shape) @ root.T)
    copy = _frame(view, uniform, orders)
    n_train = len(view.train)
    return View(copy.iloc[:n_train], copy.iloc[n_train:], view.discrete)


def _normal_scores(column: FloatArray, rng: np.random.Generator) -> FloatArray:
    order = np.lexsort((rng.random(len(column)), column))
    positions = np.empty(len(column))
    positions[order] = (np.arange(len(column)) + 0.5) / len(column)
    return np.asarray(norm.ppf(positions), dtype=np.float64)


def _correlation(view: View, scores: FloatArray) -> FloatArray:
    """Correlation of the scores (n, v), each pair over the accounts where both are known."""
    known = np.ones(scores.shape)
    for column, unknown in view.unknown.items():
        known[unknown, view.continuous.index(column)] = 0
    squares = (scores * known).T @ (scores * known)
    return np.asarray(squares / (known.T @ known).clip(min=1))


def _root(correlation: FloatArray) -> FloatArray:
    """Root R with R R' the nearest thing to the correlation that has no negative direction, diagonal 1."""
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(values.clip(min=0))
    return np.asarray(root / np.linalg.norm(root, axis=1, keepdims=True), dtype=np.float64)


def _quantiles(values: Values, uniform: FloatArray) -> Values:
    """Values at the given shares, each one that was observed."""
    ordered = np.sort(values)
    return np.asarray(ordered[(uniform * len(ordered)).astype(np.int64).clip(max=len(ordered) - 1)])


def _ordered_levels(view: View) -> dict[str, IntArray]:
    """Position of every level (the last: none of them) along the first principal component."""
    X = view.spread
    axis = _first_component(X) if X.shape[1] else np.zeros(len(X))
    orders = {}
    for name, levels in view.levels.items():
        n_levels = len(view.discrete[name]) + 1
        means = np.bincount(levels, axis, n_levels) / np.bincount(levels, minlength=n_levels).clip(min=1)
        orders[name] = np.argsort(np.argsort(means, kind="stable"), kind="stable")
    return orders


def _first_component(X: FloatArray) -> FloatArray:
    centred = X - X.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    return np.asarray(centred @ vectors[:, -1], dtype=np.float64)


def _frame(view: View, uniform: FloatArray, orders: dict[str, IntArray]) -> pd.DataFrame:
    """Carry uniform draws (n, n_variables) to the values and levels of the view's columns."""
    names = [f"null-{i:06d}" for i in range(len(uniform))]
    frame = pd.DataFrame(0.0, index=names, columns=view.train.columns)
    for draws, (name, order) in zip(uniform.T[len(view.continuous) :], orders.items(), strict=True):
        levels = np.argsort(order)[_quantiles(order[view.levels[name]], draws)]
        for position, column in enumerate(view.discrete[name]):
            low, high = view.everyone[column].min(), view.everyone[column].max()
            frame[column] = np.where(levels == position, high, low)
    for column, draws in zip(view.continuous, uniform.T, strict=False):
        values, unknown = view.everyone[column].to_numpy(), view.unknown.get(column)
        frame[column] = _quantiles(values if unknown is None or unknown.all() else values[~unknown], draws)
        if unknown is not None and unknown.any():
            flag = view.discrete[flag_name(column)][0]
            frame.loc[frame[flag] == view.everyone[flag].max(), column] = values[unknown][0]
    return frame

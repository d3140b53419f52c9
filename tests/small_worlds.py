"""Small generated accounts and plain stand-ins for segmenters."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans

from segmentwerk.core.errors import FitError, InputError
from segmentwerk.core.settings import EvaluationSettings
from segmentwerk.evaluation.scorecard import View

SETTINGS = EvaluationSettings(n_bootstrap=50, max_rows=1000, cross_validate_below=0)
"""One split, as for many accounts, however few there are in a test."""


class Labelled:
    """Knows the label of every account beforehand."""

    def __init__(self, labels: pd.Series, n_segments: int | None = None) -> None:
        self.labels = labels
        self.n_segments_ = n_segments or int(labels.max()) + 1

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return self.labels.loc[X.index].to_numpy()


class Plain:
    """k-means without anything around it."""

    complexity = 1

    def __init__(self, k: int, seed: int, order: list[int] | None = None) -> None:
        self.model = KMeans(k, n_init=5, random_state=seed)
        self.n_segments_ = k
        self.order = np.arange(k) if order is None else np.array(order)

    def fit(self, X: pd.DataFrame) -> Plain:
        self.model.fit(X.to_numpy())
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return self.order[self.model.predict(X.to_numpy())]


def refit(k: int, order: list[int] | None = None):
    return lambda X, seed: Plain(k, seed, order).fit(X)


def blobs(n: int = 240, k: int = 3, distance: float = 8.0, d: int = 3, seed: int = 0):
    """Groups of equal size along the first columns, or one cloud; accounts in random order."""
    rng = np.random.default_rng(seed)
    types = np.arange(n) % k
    rng.shuffle(types)
    X = rng.standard_normal((n, d)) + distance * np.eye(k, d)[types] * (k > 1)
    index = [f"a{i:04d}" for i in range(n)]
    return pd.DataFrame(X, columns=[f"x{j}" for j in range(d)], index=index), pd.Series(types, index=index)


def split(X: pd.DataFrame, **more) -> View:
    """First two thirds to train on, the rest held out; ``more``: discrete, outcome, revenue, prospect."""
    cut = len(X) * 2 // 3
    parts = {
        f"{name}_{half}": values.iloc[rows]
        for name, values in more.items()
        if name != "discrete"
        for half, rows in (("train", slice(None, cut)), ("test", slice(cut, None)))
    }
    return View(X.iloc[:cut], X.iloc[cut:], more.get("discrete", {}), **parts)


def refused(model, data) -> str:
    """Fit; return what was said where that was refused, else nothing."""
    try:
        model.fit(data)
    except (FitError, InputError) as error:
        return str(error)
    return ""

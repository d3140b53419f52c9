"""From raw numbers and categories to a view, the way the product does it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segmentwerk.evaluation.scorecard import View
from segmentwerk.segmenters.preprocess import ReferenceSpace

HELD_OUT = 0.3


@dataclass(frozen=True)
class Labelled:
    """Raw features (n, d), object columns are categories, and what group each row is of."""

    name: str
    features: pd.DataFrame
    groups: np.ndarray
    generated: bool

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return len(np.unique(self.groups))


def numbered(X: np.ndarray, categories: dict[str, np.ndarray] | None = None) -> pd.DataFrame:
    """Name the columns x0 …, add categories as text, give every row an id."""
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(X.shape[1])])
    for name, codes in (categories or {}).items():
        frame[name] = pd.Series([f"level {code}" for code in codes], dtype=object)
    return frame.set_axis([f"row-{i:06d}" for i in range(len(frame))])


def view_of(features: pd.DataFrame, seed: int) -> View:
    """Split rows at random and put both halves into a reference space learned on the first."""
    numeric = features.select_dtypes("number").columns.tolist()
    held_out = np.random.default_rng(seed).random(len(features)) < HELD_OUT
    categorical = [str(name) for name in features if name not in numeric]
    space = ReferenceSpace(numeric=numeric, categorical=categorical, rare_share=0.02).fit(features[~held_out])
    return View(space.transform(features[~held_out]), space.transform(features[held_out]), space.discrete_)

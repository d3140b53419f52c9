"""Customers drawn with known groups, as order books show them: few traits seen through many features."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from segmentwerk.core.types import AccountTable, Feature, Window

TRAITS, SHOWN = 3, 12
"""Traits that differ by group, and features that show them."""
OTHERS, SHOWING_OTHERS = 3, 8
"""Traits that have nothing to do with the groups, and features that show those."""
CATEGORIES = 3
LEVELS = np.array(["a", "b", "c", "d"], dtype=object)
NOISE = 0.6
"""Deviation of a feature from the traits that it shows, in deviations of a trait within a group."""
APART = 3.2
"""Distance of any two centres at least, in the same unit."""


def world(rng: np.random.Generator, n: int, *, groups: bool) -> tuple[AccountTable, pd.Series]:
    """Draw customers of 2 to 4 groups, or of one cloud as wide, and the group of each.

    Half of the 20 numbers are skewed; the first of the three categories depends on the group.
    """
    k = int(rng.integers(2, 5))
    group = rng.choice(k, n, p=0.8 * rng.dirichlet(np.full(k, 6.0)) + 0.2 / k)
    traits = rng.standard_normal((n, TRAITS)) * (1.0 if groups else 2.2)
    if groups:
        traits += _centres(k, rng)[group]
    numbers = np.hstack(
        [_shown(traits, SHOWN, rng), _shown(rng.standard_normal((n, OTHERS)), SHOWING_OTHERS, rng)]
    )
    skewed = rng.random(numbers.shape[1]) < 0.5
    numbers[:, skewed] = np.exp(0.5 * numbers[:, skewed])
    columns = {f"x{i}": numbers[:, i] for i in range(numbers.shape[1])}
    for i in range(CATEGORIES):
        odds = rng.dirichlet(np.ones(len(LEVELS)), size=k)
        if i > 0 or not groups:
            odds = np.tile(odds[:1], (k, 1))
        drawn = (rng.random((n, 1)) > odds[group].cumsum(axis=1)).sum(axis=1).clip(max=len(LEVELS) - 1)
        columns[f"kind{i}"] = LEVELS[drawn]
    index = pd.Index([f"row-{i:06d}" for i in range(n)])
    return _table(pd.DataFrame(columns, index=index)), pd.Series(group, index=index)


def _centres(k: int, rng: np.random.Generator) -> np.ndarray:
    while True:
        centres = 2.2 * rng.standard_normal((k, TRAITS))
        gaps = np.linalg.norm(centres[:, None] - centres, axis=2)[np.triu_indices(k, 1)]
        if gaps.min() > APART:
            return centres


def _shown(traits: np.ndarray, n_features: int, rng: np.random.Generator) -> np.ndarray:
    """Show traits (n, t) through features (n, n_features), each a mixture of them with noise of its own."""
    loadings = rng.standard_normal((n_features, traits.shape[1]))
    loadings /= np.linalg.norm(loadings, axis=1, keepdims=True)
    return traits @ loadings.T + NOISE * rng.standard_normal((len(traits), n_features))


def _table(features: pd.DataFrame) -> AccountTable:
    catalogue = tuple(
        Feature(
            name,
            "numeric" if name.startswith("x") else "categorical",
            "",
            "behavioural",
            "orders",
            "ever",
            name,
        )
        for name in map(str, features)
    )
    return AccountTable(
        features=features,
        outcomes=pd.DataFrame(index=features.index),
        orders=pd.Series(1, index=features.index),
        catalogue=catalogue,
        window=Window(date(2026, 1, 1)),
        source="drawn customers",
        digest="",
    )

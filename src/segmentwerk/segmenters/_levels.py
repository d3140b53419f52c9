"""How a categorical feature enters the reference space: one column a level, rare levels together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segmentwerk.segmenters.base import Array
from segmentwerk.segmenters.onnx_graph import Graph

OTHER, MISSING = "other", "missing"


@dataclass(frozen=True)
class Levels:
    """The levels of one variable; a row holds ``scale`` in its level's column and 0 elsewhere.

    Levels never seen at fit count as ``other`` where that exists; else, like unknown values without
    a ``missing`` level, they have 0 in every column. The scale gives the columns a total variance of
    1 (less where one level holds nearly all rows), whatever the number of levels.
    """

    variable: str
    names: tuple[str, ...]
    scale: float

    @classmethod
    def fit(cls, variable: str, values: pd.Series, rare_share: float, clip: float) -> Levels:
        """Learn the levels, most frequent first; one or none says that the variable is constant."""
        shares = _texts(values).value_counts(normalize=True)
        named = shares.rename(index={"": MISSING})
        frequent = named[named >= rare_share]
        rest = 1 - named[named.index == MISSING].sum() - frequent.drop(MISSING, errors="ignore").sum()
        columns = {str(name): float(share) for name, share in frequent.items()}
        if rest > 1e-12:
            columns[OTHER] = columns.get(OTHER, 0.0) + float(rest)
        names = sorted(columns, key=lambda name: (name in (OTHER, MISSING), -columns[name], name))
        return cls(variable, tuple(names), level_scale(list(columns.values()), clip))

    @property
    def columns(self) -> list[str]:
        """Names of the columns in the reference space."""
        return [f"{self.variable}={name}" for name in self.names]

    @property
    def table(self) -> Array:
        """Row of the reference space for each code (n_levels + 1, n_levels); the last code means none."""
        return np.vstack([np.eye(len(self.names)), np.zeros(len(self.names))]) * self.scale

    def apply(self, values: pd.Series) -> Array:
        """Return the columns (n, n_levels)."""
        codes, found = pd.factorize(_texts(values))
        known, default = self._codes()
        lookup = np.array([known.get(str(text), default) for text in found], dtype=np.int64)
        return self.table[lookup[codes]]

    def draw(self, graph: Graph, position: int, weights: Array) -> str:
        """Draw ``apply(values) * weights`` as ONNX; the values are column ``position`` of the categories."""
        known, default = self._codes()
        return graph.category(position, known, default, self.table * weights)

    def _codes(self) -> tuple[dict[str, int], int]:
        """Return the code of each known text, and the code of any other."""
        known = {name: code for code, name in enumerate(self.names)}
        none = len(self.names)
        return known | {"": known.get(MISSING, none)}, known.get(OTHER, none)


def level_scale(shares: Sequence[float], clip: float) -> float:
    """Return the scale that gives 0/1 columns with these shares a total variance of 1.

    It is limited so that two rows of different level are at most ``clip`` apart.
    """
    variance = sum(share * (1 - share) for share in shares)
    return float(clip / np.sqrt(2)) if variance <= 0 else float(min(1 / np.sqrt(variance), clip / np.sqrt(2)))


def _texts(values: pd.Series) -> pd.Series:
    """Return the values as text, unknown ones as the empty text."""
    return values.astype(object).where(values.notna(), "").astype(str)

"""The shared reference space: every candidate is fitted and judged on the same numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import onnx
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.core.errors import ConfigError, InputError, nearest
from segmentwerk.core.settings import CLIP, RARE_SHARE
from segmentwerk.core.space_columns import ColumnKind, SpaceColumn
from segmentwerk.segmenters._encoders import LevelEncoder, NumberEncoder, level_scale, numeric_values
from segmentwerk.segmenters._factors import Factors
from segmentwerk.segmenters.onnx_graph import DOUBLE, NUMERIC, Graph, Tensor, raw_inputs

_FLAG_SHARE = 0.05
"""A feature that is unknown for a larger share of the rows gets a column saying so."""
_SAMPLE = 200_000
"""Rows at most that the shape of a numeric feature is learned from."""


class ReferenceSpace(TransformerMixin, BaseEstimator):
    """Turns raw features of mixed kind into comparable numbers.

    Numeric features: median for unknown values (with a ``NAME_missing`` column where they are many),
    Yeo-Johnson, robust scaling, clipping. Categorical features: one column ``NAME=LEVEL`` a level,
    rare levels together. Every feature counts as one variable of variance about 1, however many
    columns it has. An approach shares its weight equally among its features, so that forty web
    features weigh as much as three firmographic ones; the total variance stays that of the features.

    Parameters
    ----------
    numeric, categorical
        Feature names; other columns of the input are ignored.
    approaches
        Approach of each feature.
    weights
        Weight of each approach, 1 where not named; 0 leaves the approach out.
    clip
        Numeric values are clipped to plus or minus this many robust deviations.
    rare_share
        Levels rarer than this become one level, ``other``.
    joined
        Whether factors stand for the columns: for few rows of many features.
    apart
        Features that stay as they are where the others are joined.

    Attributes
    ----------
    columns_ : list of str
        Names of the reference space's columns: numbers, missing flags, levels; or what stands for them.
    unjoined_ : tuple of SpaceColumn
        Numbers, missing flags and levels, before features are joined.
    multipliers_ : ndarray
        Weight of each number, missing flag and level.
    factors_ : Factors or None
        What stands for numbers, flags and levels where features are joined.
    discrete_ : dict of str to list of str
        Columns that hold levels or flags rather than numbers, by variable.
    notes_ : tuple of str
        Which features were dropped, and why.
    """

    def __init__(
        self,
        numeric: Sequence[str],
        categorical: Sequence[str] = (),
        approaches: Mapping[str, str] | None = None,
        weights: Mapping[str, float] | None = None,
        clip: float = CLIP,
        rare_share: float = RARE_SHARE,
        joined: bool = False,
        apart: Sequence[str] = (),
    ) -> None:
        self.numeric = numeric
        self.categorical = categorical
        self.approaches = approaches
        self.weights = weights
        self.clip = clip
        self.rare_share = rare_share
        self.joined = joined
        self.apart = apart

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:  # noqa: ARG002 (pipelines pass y)
        """Learn the space from raw features (n_rows, n_features).

        Raises
        ------
        InputError
            If a feature is absent, not of its kind or infinite, or none is left.
        ConfigError
            If a weight is negative.
        """
        values, texts = self._read(X)
        self.notes_: tuple[str, ...] = ()
        self._fit_numbers(values)
        self._fit_levels(texts)
        self._fit_weights()
        self._join(values, texts)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the reference space (n_rows, n_columns), float64, with the input's index."""
        x = self.columns(X)
        if self.factors_ is not None:
            x = self.factors_.apply(x)
        return pd.DataFrame(x, index=X.index, columns=self.columns_)

    def columns(self, X: pd.DataFrame) -> FloatArray:
        """Return numbers, missing flags and levels (n_rows, len(owners_)), before features are joined."""
        check_is_fitted(self)
        return self._columns_of(*self._read(X))

    def _columns_of(self, values: FloatArray, texts: pd.DataFrame) -> FloatArray:
        """Return numbers, missing flags and levels, weighted."""
        blocks = [
            self.numbers_.apply(values[:, self._positions(self.kept_)]),
            np.isnan(values[:, self._positions(self.flagged_)]) * self.flag_scales_,
            *(levels.apply(texts[levels.variable]) for levels in self.levels_),
        ]
        return np.asarray(np.hstack(blocks) * self.multipliers_)

    @property
    def schema_(self) -> tuple[SpaceColumn, ...]:
        """What each column of the reference space holds."""
        if self.factors_ is None:
            return self.unjoined_
        stay = {column.name: column for column in self.unjoined_ if column.variable in self.apart}
        return tuple(stay.get(name, SpaceColumn(ColumnKind.FACTOR, name)) for name in self.columns_)

    @property
    def variables_(self) -> dict[str, list[str]]:
        """Numbers, missing flags and levels by the feature that they tell of; before features are joined."""
        own: dict[str, list[str]] = {}
        for column in self.unjoined_:
            own.setdefault(column.variable, []).append(column.name)
        return own

    @property
    def owners_(self) -> IntArray:
        """Place among the features (``numeric``, then ``categorical``) that each of `columns` tells of."""
        features = [*self.numeric, *self.categorical]
        return np.array([features.index(column.variable) for column in self.unjoined_], dtype=np.int64)

    @property
    def active_(self) -> list[str]:
        """The features that shape the space: they vary, have a weight and are told by factors."""
        faint = self.factors_.faint if self.factors_ is not None else ()
        return [name for name in self.variables_ if name not in faint]

    def to_onnx(self) -> onnx.ModelProto:
        """Return the space as an ONNX model.

        Inputs ``numeric`` float64 (n, len(self.numeric)), NaN for unknown, ``words`` string (n_words,) and
        ``codes`` int64 (n, len(self.categorical)), the places of the values in ``words``, the empty text for
        unknown; those of no features are left out. Outputs ``x`` float64 (n, n_columns) as of `transform`,
        and ``columns`` float64 (n, len(owners_)) where features are joined.
        """
        check_is_fitted(self)
        graph, names = Graph("reference_space"), list(self.categorical)
        widths = [len(self.kept_), len(self.flagged_), *(len(levels.names) for levels in self.levels_)]
        weights = np.split(self.multipliers_, np.cumsum(widths)[:-1])
        blocks = self._numbers_to_onnx(graph, weights[0], weights[1])
        blocks += [
            levels.to_onnx(graph, names.index(levels.variable), part)
            for levels, part in zip(self.levels_, weights[2:], strict=True)
        ]
        columns = x = graph.add("Concat", *blocks, axis=1)
        outputs: dict[str, tuple[str, Tensor]] = {}
        if self.factors_ is not None:
            x = self.factors_.to_onnx(graph, columns)
            outputs["columns"] = (columns, (DOUBLE, ["n", len(self.multipliers_)]))
        outputs["x"] = (x, (DOUBLE, ["n", len(self.columns_)]))
        return graph.model(raw_inputs(len(self.numeric), len(names)), outputs)

    def _read(self, X: pd.DataFrame) -> tuple[FloatArray, pd.DataFrame]:
        """Return the numeric features as an array and the categorical ones, or say what is wrong."""
        wanted = [*self.numeric, *self.categorical]
        if not isinstance(X, pd.DataFrame):
            raise InputError(f"The reference space needs a DataFrame, not {type(X).__name__}.")
        for name in wanted:
            if name not in X:
                raise InputError(f"Feature {name!r} is absent.", nearest(name, map(str, X.columns)))
        values = np.empty((len(X), len(self.numeric)))
        for position, name in enumerate(self.numeric):
            values[:, position] = numeric_values(X[name])
        return values, X[list(self.categorical)]

    def _fit_numbers(self, values: FloatArray) -> None:
        """Decide which numeric features are kept and flagged, and learn their shape."""
        names = np.array(self.numeric, dtype=object)
        used = np.array([self._weight(name) > 0 for name in names], dtype=bool)
        unknown = np.isnan(values).mean(axis=0)
        low, high = np.fmin.reduce(values), np.fmax.reduce(values)
        varied, flagged = used & (low < high), used & (unknown >= _FLAG_SHARE) & (unknown < 1)
        for name in names[used & ~varied & ~flagged]:
            self._drop(name, "it is constant or never known")
        two_valued = ((values == low) | (values == high) | np.isnan(values)).all(axis=0)
        self.kept_, self.flagged_ = list(names[varied]), list(names[flagged])
        self.binary_ = list(names[varied & two_valued])
        self.flag_scales_ = np.array(
            [level_scale([share, 1 - share], self.clip) for share in unknown[flagged]]
        )
        sample = values[:, varied]
        if len(sample) > _SAMPLE:
            sample = sample[np.random.default_rng(0).choice(len(sample), _SAMPLE, replace=False)]
        self.numbers_ = NumberEncoder.fit(sample, self.clip)

    def _fit_levels(self, texts: pd.DataFrame) -> None:
        self.levels_ = []
        for name in self.categorical:
            if self._weight(name) == 0:
                continue
            levels = LevelEncoder.fit(name, texts[name], self.rare_share, self.clip)
            if len(levels.names) > 1:
                self.levels_.append(levels)
            else:
                self._drop(name, "no two levels are frequent enough")

    def _fit_weights(self) -> None:
        """Name the columns and share each approach's weight among its variables."""
        numbers = list(dict.fromkeys([*self.kept_, *self.flagged_]))
        variables = numbers + [levels.variable for levels in self.levels_]
        if not variables:
            raise InputError("No feature varies, so there is nothing to compare.", " ".join(self.notes_))
        members = Counter(self._approach(name) for name in variables)
        squares = {approach: self._weight_of(approach) ** 2 for approach in members}
        unit = len(variables) / sum(squares.values())
        share = {
            name: np.sqrt(unit * squares[a] / members[a])
            for name in variables
            for a in [self._approach(name)]
        }
        flags = [SpaceColumn.flag(name) for name in self.flagged_]
        self.unjoined_ = (
            *map(SpaceColumn.number, self.kept_),
            *flags,
            *(column for levels in self.levels_ for column in levels.columns),
        )
        halved = set(self.kept_) & set(self.flagged_)  # a value and its flag are one variable
        parts = [0.5 if column.variable in halved else 1.0 for column in self.unjoined_]
        shares = np.array([share[column.variable] for column in self.unjoined_])
        self.multipliers_ = shares * np.sqrt(parts)
        self.columns_ = [column.name for column in self.unjoined_]
        self.discrete_ = {name: [name] for name in [*self.binary_, *(flag.name for flag in flags)]}
        self.discrete_ |= {levels.variable: [c.name for c in levels.columns] for levels in self.levels_}

    def _join(self, values: FloatArray, texts: pd.DataFrame) -> None:
        """Let factors stand for the columns, those of the features apart excepted."""
        self.factors_ = None
        if not self.joined or set(self.variables_) <= set(self.apart):
            return
        columns = pd.DataFrame(self._columns_of(values, texts), columns=self.columns_)
        self.factors_ = Factors.fit(columns, self.variables_, self.apart)
        self.columns_ = list(self.factors_.names)
        stay = set(self.columns_)
        self.discrete_ = {name: own for name, own in self.discrete_.items() if set(own) <= stay}

    def _numbers_to_onnx(self, graph: Graph, weights: FloatArray, flag_weights: FloatArray) -> list[str]:
        """Add the columns of the numeric features: values, then flags."""
        blocks = []
        if self.kept_:
            blocks.append(self.numbers_.to_onnx(graph, self._pick(graph, self.kept_), weights))
        if self.flagged_:
            unknown = graph.add("IsNaN", self._pick(graph, self.flagged_))
            present, absent = graph.constant(0.0), graph.constant(self.flag_scales_ * flag_weights)
            blocks.append(graph.add("Where", unknown, absent, present))
        return blocks

    def _pick(self, graph: Graph, names: Sequence[str]) -> str:
        """Add the columns of some numeric features."""
        if list(names) == list(self.numeric):
            return NUMERIC
        return graph.add("Gather", NUMERIC, graph.constant(self._positions(names)), axis=1)

    def _positions(self, names: Sequence[str]) -> IntArray:
        return np.array([list(self.numeric).index(name) for name in names], dtype=np.int64)

    def _approach(self, name: str) -> str:
        return (self.approaches or {}).get(name, "")

    def _weight_of(self, approach: str) -> float:
        weight = (self.weights or {}).get(approach, 1.0)
        if not 0 <= weight < np.inf:
            raise ConfigError(f"Approach {approach!r} has the weight {weight}.", "Use 0 or more.")
        return float(weight)

    def _weight(self, name: str) -> float:
        return self._weight_of(self._approach(name))

    def _drop(self, name: str, reason: str) -> None:
        self.notes_ = (*self.notes_, f"Left out {name}: {reason}.")

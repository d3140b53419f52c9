"""How features enter the reference space.

Numbers are filled, bent, scaled and clipped; categories get one column a level, rare levels together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import boxcox1p

from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.errors import InputError
from segmentwerk.core.space_columns import SpaceColumn
from segmentwerk.segmenters.onnx_graph import Graph

_QUANTILES = np.linspace(0.0005, 0.9995, 1000)
_EXPONENTS = np.round(np.linspace(-2, 4, 61), 1)
_FARTHEST = 1e15
"""Values count as this many units at most, so that no power of them overflows."""
_NORMAL_IQR = 1.349
"""Distance between the quartiles of a standard normal variable."""
OTHER, MISSING = "other", "missing"


@dataclass(frozen=True)
class NumberEncoder:
    """One entry a feature (p,): z = clip((yeojohnson(x / unit; exponent) - center) / scale) * gain.

    ``unit`` makes the result independent of the unit of measurement. ``gain`` keeps the variance of
    clipped values at most 1, so that a feature that is mostly zero does not outweigh the others.
    ``low`` and ``high`` are the extremes seen at fit.
    """

    fill: FloatArray
    unit: FloatArray
    exponent: FloatArray
    center: FloatArray
    scale: FloatArray
    gain: FloatArray
    low: FloatArray
    high: FloatArray
    clip: float

    @classmethod
    def fit(cls, values: FloatArray, clip: float) -> NumberEncoder:
        """Learn from values (n, p) with NaN for unknown; no column may be constant."""
        fitted = [_fit_column(column[~np.isnan(column)], clip) for column in values.T]
        fill, unit, exponent, center, scale, gain = np.reshape(fitted, (-1, 6)).astype(np.float64).T.copy()
        low, high = np.fmin.reduce(values), np.fmax.reduce(values)
        return cls(fill, unit, exponent, center, scale, gain, low, high, clip)

    def apply(self, values: FloatArray) -> FloatArray:
        """Return z (n, p)."""
        known = np.where(np.isnan(values), self.fill, values)
        bent = yeo_johnson(_in_units(known, self.unit), self.exponent)
        z: FloatArray = np.clip((bent - self.center) / self.scale, -self.clip, self.clip) * self.gain
        return z

    def to_onnx(self, graph: Graph, values: str, weights: FloatArray) -> str:
        """Add ``apply(values) * weights`` to an ONNX graph, in few passes over the values.

        With s the sign of v and L = log(1 + |v|), both branches of the transformation are
        s (exp(e L) - 1) / e with the exponent e = 1 + s (exponent - 1).
        """
        known = graph.add("Where", graph.add("IsNaN", values), graph.constant(self.fill), values)
        known = graph.add("Mul", known, graph.constant(1 / self.unit))
        known = graph.add("Clip", known, graph.constant(-_FARTHEST), graph.constant(_FARTHEST))
        one, sign = graph.constant(1.0), graph.add("Sign", known)
        log = graph.add("Log", graph.add("Add", graph.add("Abs", known), one))
        exponent = graph.add("Add", graph.add("Mul", sign, graph.constant(self.exponent - 1)), one)
        power = graph.add("Exp", graph.add("Mul", exponent, log))
        bent = graph.add("Div", graph.add("Sub", power, one), exponent)
        if np.isin(self.exponent, (0, 2)).any():  # the limit where e is 0
            bent = graph.add("Where", graph.add("Equal", exponent, graph.constant(0.0)), log, bent)
        scaled = graph.add("Mul", graph.add("Mul", sign, bent), graph.constant(1 / self.scale))
        centered = graph.add("Sub", scaled, graph.constant(self.center / self.scale))
        clipped = graph.add("Clip", centered, graph.constant(-self.clip), graph.constant(self.clip))
        return graph.add("Mul", clipped, graph.constant(self.gain * weights))


def numeric_values(column: pd.Series) -> FloatArray:
    """Return a numeric feature (n,) with NaN for unknown, or say that it is none."""
    try:
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"Column {column.name!r} holds something else than numbers.",
            "Correct the source, or declare the feature as categorical.",
        ) from error
    infinite = np.isinf(values)
    if infinite.any():
        row = int(infinite.argmax())
        raise InputError(f"Column {column.name!r} is infinite in row {row}.", "Use a finite or no value.")
    return values


def yeo_johnson(values: FloatArray, exponent: FloatArray) -> FloatArray:
    """Return the power transformation of Yeo & Johnson (2000), broadcasting over exponents."""
    bent: FloatArray = boxcox1p(np.maximum(values, 0), exponent) - boxcox1p(
        np.maximum(-values, 0), 2 - exponent
    )
    return bent


def _in_units(values: FloatArray, unit: FloatArray | float) -> FloatArray:
    with np.errstate(over="ignore"):
        return np.clip(values / unit, -_FARTHEST, _FARTHEST)


def _fit_column(observed: FloatArray, clip: float) -> tuple[float, ...]:
    sketch = np.quantile(observed, _QUANTILES, method="nearest")
    sizes = np.abs(sketch[sketch != 0])
    unit = float(np.quantile(sizes, 0.1)) if len(sizes) else 1.0
    exponent = _likeliest_exponent(_in_units(sketch, unit))
    bent = yeo_johnson(_in_units(observed, unit), np.array(exponent))
    center = float(np.median(bent))
    scale = _spread(bent, center, clip)
    spread = np.clip((bent - center) / scale, -clip, clip).std()
    return float(np.median(observed)), unit, exponent, center, scale, 1 / max(1.0, float(spread))


def _likeliest_exponent(sketch: FloatArray) -> float:
    """Return the exponent that makes the values most normal (Yeo & Johnson 2000, equation 3.1)."""
    if sketch[0] == sketch[-1]:
        return 1.0
    variances = yeo_johnson(sketch[:, None], _EXPONENTS).var(axis=0)
    slope = (np.sign(sketch) * np.log1p(np.abs(sketch))).mean()
    likelihoods = (_EXPONENTS - 1) * slope - 0.5 * np.log(np.maximum(variances, 1e-300))
    return float(_EXPONENTS[likelihoods.argmax()])


def _spread(values: FloatArray, center: float, clip: float) -> float:
    """Return a robust standard deviation that also fits features where most values are equal.

    There the few that differ set the scale: as they would for a 0/1 column, and so wide that nine in
    ten of them stay within the clip.
    """
    low, high = np.quantile(values, [0.25, 0.75], method="nearest")
    deviations = np.abs(values - center)
    moved = deviations > 0
    if not moved.any():
        return 1.0
    typical, far = np.quantile(deviations[moved], [0.5, 0.9], method="nearest")
    return float(max((high - low) / _NORMAL_IQR, typical * np.sqrt(moved.mean()), far / clip))


@dataclass(frozen=True)
class LevelEncoder:
    """The levels of one variable; a row holds ``scale`` in its level's column and 0 elsewhere.

    Levels never seen at fit count as ``other`` where that exists; else, like unknown values without
    a ``missing`` level, they have 0 in every column. The scale gives the columns a total variance of
    1 (less where one level holds nearly all rows), whatever the number of levels.
    """

    variable: str
    names: tuple[str, ...]
    scale: float

    @classmethod
    def fit(cls, variable: str, values: pd.Series, rare_share: float, clip: float) -> LevelEncoder:
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
    def columns(self) -> list[SpaceColumn]:
        """The columns in the reference space."""
        return [SpaceColumn.of_level(self.variable, name) for name in self.names]

    @property
    def table(self) -> FloatArray:
        """Row of the reference space for each code (n_levels + 1, n_levels); the last code means none."""
        return np.vstack([np.eye(len(self.names)), np.zeros(len(self.names))]) * self.scale

    def apply(self, values: pd.Series) -> FloatArray:
        """Return the columns (n, n_levels)."""
        codes, uniques = pd.factorize(_texts(values))
        known, default = self._codes()
        lookup = np.array([known.get(str(text), default) for text in uniques], dtype=np.int64)
        return self.table[lookup[codes]]

    def to_onnx(self, graph: Graph, position: int, weights: FloatArray) -> str:
        """Add ``apply(values) * weights`` to an ONNX graph, for column ``position`` of the categories."""
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

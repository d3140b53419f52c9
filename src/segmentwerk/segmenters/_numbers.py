"""How numeric features enter the reference space: fill, bend, scale, clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import boxcox1p

from segmentwerk.segmenters.base import Array
from segmentwerk.segmenters.onnx_graph import Graph

_QUANTILES = np.linspace(0.0005, 0.9995, 1000)
_EXPONENTS = np.round(np.linspace(-2, 4, 61), 1)
_FARTHEST = 1e15
"""Values count as this many units at most, so that no power of them overflows."""
_NORMAL_IQR = 1.349
"""Distance between the quartiles of a standard normal variable."""


@dataclass(frozen=True)
class Numbers:
    """One entry a feature (p,): z = clip((yeojohnson(x / unit; exponent) - center) / scale) * gain.

    ``unit`` makes the result independent of the unit of measurement. ``gain`` keeps the variance of
    clipped values at most 1, so that a feature that is mostly zero does not outweigh the others.
    ``low`` and ``high`` are the extremes seen at fit.
    """

    fill: Array
    unit: Array
    exponent: Array
    center: Array
    scale: Array
    gain: Array
    low: Array
    high: Array
    clip: float

    @classmethod
    def fit(cls, values: Array, clip: float) -> Numbers:
        """Learn from values (n, p) with NaN for unknown; no column may be constant."""
        fitted = [_fit_column(column[~np.isnan(column)], clip) for column in values.T]
        fill, unit, exponent, center, scale, gain = np.reshape(fitted, (-1, 6)).astype(np.float64).T.copy()
        low, high = np.fmin.reduce(values), np.fmax.reduce(values)
        return cls(fill, unit, exponent, center, scale, gain, low, high, clip)

    def apply(self, values: Array) -> Array:
        """Return z (n, p)."""
        known = np.where(np.isnan(values), self.fill, values)
        bent = yeo_johnson(_in_units(known, self.unit), self.exponent)
        z: Array = np.clip((bent - self.center) / self.scale, -self.clip, self.clip) * self.gain
        return z

    def draw(self, graph: Graph, values: str, weights: Array) -> str:
        """Draw ``apply(values) * weights`` as ONNX, in few passes over the values.

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


def yeo_johnson(values: Array, exponent: Array) -> Array:
    """Return the power transformation of Yeo & Johnson (2000), broadcasting over exponents."""
    bent: Array = boxcox1p(np.maximum(values, 0), exponent) - boxcox1p(np.maximum(-values, 0), 2 - exponent)
    return bent


def _in_units(values: Array, unit: Array | float) -> Array:
    with np.errstate(over="ignore"):
        return np.clip(values / unit, -_FARTHEST, _FARTHEST)


def _fit_column(observed: Array, clip: float) -> tuple[float, ...]:
    sketch = np.quantile(observed, _QUANTILES, method="nearest")
    sizes = np.abs(sketch[sketch != 0])
    unit = float(np.quantile(sizes, 0.1)) if len(sizes) else 1.0
    exponent = _likeliest_exponent(_in_units(sketch, unit))
    bent = yeo_johnson(_in_units(observed, unit), np.array(exponent))
    center = float(np.median(bent))
    scale = _spread(bent, center, clip)
    spread = np.clip((bent - center) / scale, -clip, clip).std()
    return float(np.median(observed)), unit, exponent, center, scale, 1 / max(1.0, float(spread))


def _likeliest_exponent(sketch: Array) -> float:
    """Return the exponent that makes the values most normal (Yeo & Johnson 2000, equation 3.1)."""
    if sketch[0] == sketch[-1]:
        return 1.0
    variances = yeo_johnson(sketch[:, None], _EXPONENTS).var(axis=0)
    slope = (np.sign(sketch) * np.log1p(np.abs(sketch))).mean()
    likelihoods = (_EXPONENTS - 1) * slope - 0.5 * np.log(np.maximum(variances, 1e-300))
    return float(_EXPONENTS[likelihoods.argmax()])


def _spread(values: Array, center: float, clip: float) -> float:
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

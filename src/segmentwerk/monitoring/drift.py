"""How far today's customers lie from those of the training, feature by feature.

The population stability index over frozen bins, with half an account added to each so that an empty bin says
something finite (Yurdakul & Naranjo 2020, "Statistical properties of the population stability index", Journal
of Risk Model Validation 14), says how much; Pearson's chi-square test of homogeneity, whether it can be
chance. Both must speak: of many accounts every difference is significant, of few every index is large.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.monitored import FeatureDrift
from segmentwerk.core.reference import LevelsReference, NumberReference, Reference
from segmentwerk.monitoring.freezing import binned, logs
from segmentwerk.monitoring.shifts import shift

SMOOTHING = 0.5
LOWEST = 2
"""Lowest bins that are looked at together: where all orders of a month are booked on a day, one of them alone
is empty by the calendar."""


def features(customers: pd.DataFrame, reference: Reference) -> tuple[FeatureDrift, ...]:
    """Return how far each feature has moved, the farthest first; one that is not there is all missing."""
    found = [_number(name, _column(customers, name), then) for name, then in reference.numbers.items()]
    found += [
        _levels(name, _texts(customers, name), len(customers), then)
        for name, then in reference.levels.items()
    ]
    return tuple(sorted(found, key=lambda one: -one.psi))


def _column(customers: pd.DataFrame, name: str) -> FloatArray:
    if name not in customers:
        return np.full(len(customers), np.nan)
    return customers[name].to_numpy(dtype=np.float64)


def _texts(customers: pd.DataFrame, name: str) -> pd.Series:
    column = customers[name] if name in customers else pd.Series(None, customers.index, dtype=object)
    return column.dropna().astype(str)


def _number(name: str, values: FloatArray, then: NumberReference) -> FeatureDrift:
    known = values[np.isfinite(values)]
    before, now = np.asarray(then.counts, dtype=np.float64), binned(known, then.edges).astype(np.float64)
    moved = shift(then.logs, logs(known))
    return FeatureDrift(
        name=name,
        psi=stability(before, now),
        p=homogeneous(before, now),
        missing=1 - len(known) / max(len(values), 1),
        missing_then=then.unknown / max(before.sum() + then.unknown, 1),
        factor=None if moved is None else float(np.exp(moved.value)),
        beyond=float(((known < then.low) | (known > then.high)).mean()) if len(known) else 0.0,
        lowest=float(now[:LOWEST].sum() / max(now.sum(), 1)),
        lowest_then=float(before[:LOWEST].sum() / max(before.sum(), 1)),
    )


def _levels(name: str, texts: pd.Series, customers: int, then: LevelsReference) -> FeatureDrift:
    counts = {str(level): int(count) for level, count in texts.value_counts().items()}
    known = then.counts
    before = np.array([*known.values(), then.other], dtype=np.float64)
    strange = sum(count for level, count in counts.items() if level not in known)
    now = np.array([*(counts.get(level, 0) for level in known), strange], dtype=np.float64)
    share_then = (before.sum() + then.unknown) or 1.0
    return FeatureDrift(
        name=name,
        psi=stability(before, now),
        p=homogeneous(before, now),
        missing=1 - len(texts) / max(customers, 1),
        missing_then=then.unknown / share_then,
        unknown=strange / max(len(texts), 1),
        gone=_gone(then, counts),
    )


def _gone(then: LevelsReference, counts: Mapping[str, int]) -> float:
    """Return the share that the training's customers had in levels that nobody has any more."""
    gone = sum(count for level, count in then.counts.items() if not counts.get(level))
    return gone / max(sum(then.counts.values()) + then.other, 1)


def stability(before: FloatArray, now: FloatArray) -> float:
    """Return the population stability index of two rows of counts (b,); 0 where either is empty.

    Examples
    --------
    >>> round(stability(np.array([500.0, 500.0]), np.array([250.0, 750.0])), 3)
    0.274
    """
    if not before.sum() or not now.sum():
        return 0.0
    p, q = ((counts + SMOOTHING) / (counts + SMOOTHING).sum() for counts in (before, now))
    return float(((q - p) * np.log(q / p)).sum())


def homogeneous(before: FloatArray, now: FloatArray) -> float:
    """Return the p-value of both rows of counts coming from one distribution; 1 where nothing can be said."""
    filled = (before + now) > 0
    if filled.sum() < 2 or not before.sum() or not now.sum():
        return 1.0
    return float(stats.chi2_contingency(np.vstack([before[filled], now[filled]]), correction=False).pvalue)


def unlikely(drifts: Mapping[str, float], alpha: float) -> set[str]:
    """Return the names whose p-values are too small for chance, over all of them (Holm 1979)."""
    found: set[str] = set()
    for place, (name, p) in enumerate(sorted(drifts.items(), key=lambda item: item[1])):
        if p > alpha / (len(drifts) - place):
            break
        found.add(name)
    return found

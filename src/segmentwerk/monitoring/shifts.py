"""Whether numbers are multiplied: a common shift of their logarithms, overall and level by level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segmentwerk.core.reference import Logs, PartReference


@dataclass(frozen=True)
class Shift:
    """By how much logarithms have moved, with the standard error."""

    value: float
    se: float

    @property
    def z(self) -> float:
        """In standard errors."""
        return self.value / self.se if self.se > 0 else 0.0

    @property
    def factor(self) -> float:
        """By what the numbers are multiplied."""
        return float(np.exp(self.value))


@dataclass(frozen=True)
class ShiftedPart:
    """One money feature in one level of a category, and by how much more than elsewhere it has moved."""

    feature: str
    category: str
    level: str
    accounts: int
    shift: Shift


def shift(then: Logs | None, now: Logs | None) -> Shift | None:
    """Return how far the mean of the logarithms has moved; None where one of them is not known."""
    if then is None or now is None:
        return None
    se = np.sqrt(then.deviation**2 / then.n + now.deviation**2 / now.n)
    return Shift(now.mean - then.mean, float(se))


def pooled(then: Sequence[PartReference], now: Sequence[PartReference], feature: str) -> Shift | None:
    """Return the shift of a feature within levels, by the category that leaves it the least uncertain.

    Who buys machines spends more than who buys screws; within a level of a category money scatters less, so
    that a small rise of all prices shows.
    """
    found = []
    for category in sorted({part.category for part in then}):
        shifts = [one.shift for one in _both(then, now, feature) if one.category == category]
        weights = np.array([1 / one.se**2 for one in shifts if one.se > 0])
        values = np.array([one.value for one in shifts if one.se > 0])
        if len(weights) > 1:
            found.append(Shift(float(weights @ values / weights.sum()), float(weights.sum() ** -0.5)))
    return min(found, key=lambda one: one.se, default=None)


def apart(then: Sequence[PartReference], now: Sequence[PartReference]) -> list[ShiftedPart]:
    """Return how far each money feature has moved in each level, the farthest first."""
    names = sorted({name for part in then for name in part.logs})
    found = [one for name in names for one in _both(then, now, name)]
    return sorted(found, key=lambda one: -abs(one.shift.value))


def _both(then: Sequence[PartReference], now: Sequence[PartReference], feature: str) -> list[ShiftedPart]:
    today = {(part.category, part.level): part for part in now}
    found = []
    for part in then:
        other = today.get((part.category, part.level))
        moved = shift(part.logs.get(feature), other.logs.get(feature) if other else None)
        if moved is not None and other is not None:
            found.append(ShiftedPart(feature, part.category, part.level, other.accounts, moved))
    return found

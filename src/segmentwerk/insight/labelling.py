"""Where the names on a map stand, so that they hide neither each other nor the points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from segmentwerk.core.arrays import FloatArray

GAPS = (6.0, 16.0, 28.0)
"""Distances from the point that are tried, nearest first."""
ANGLES = np.arange(0, 360, 45)


@dataclass(frozen=True)
class Box:
    """A rectangle on the canvas; ``weight`` says how bad it is to cover one unit of its area."""

    left: float
    bottom: float
    right: float
    top: float
    weight: float = 1.0

    def nearest(self, x: float, y: float) -> tuple[float, float]:
        """Return the point of it that lies nearest to another one."""
        return min(max(x, self.left), self.right), min(max(y, self.bottom), self.top)

    def covered(self, other: Box) -> float:
        """Return the area that both have in common."""
        across = min(self.right, other.right) - max(self.left, other.left)
        up = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(across, 0.0) * max(up, 0.0)


@dataclass(frozen=True)
class Label:
    """A name ``width`` and ``height`` large, at a point of a radius; ``towards`` is where it goes first."""

    x: float
    y: float
    width: float
    height: float
    radius: float = 0.0
    towards: float = 45.0

    def places(self) -> Iterator[Box]:
        """Yield where it may stand, the best place first."""
        turns = sorted(ANGLES, key=lambda angle: abs((angle - self.towards + 180) % 360 - 180))
        for gap in GAPS:
            for angle in np.radians(turns):
                across, up = np.cos(angle), np.sin(angle)
                reach = self.radius + gap
                left = self.x + reach * across + (np.sign(round(across, 9)) - 1) * self.width / 2
                bottom = self.y + reach * up + (np.sign(round(up, 9)) - 1) * self.height / 2
                yield Box(left, bottom, left + self.width, bottom + self.height)


def free_places(labels: Sequence[Label], taken: Sequence[Box], within: Box) -> list[Box]:
    """Return where each label stands: in its first free place, else in the one that hides least.

    Labels are placed in their order. ``taken`` is what they should not cover, ``within`` where they should
    stay.
    """
    taken = list(taken)
    chosen = []
    for label in labels:
        places = list(label.places())
        hidden: FloatArray = np.array([_hidden(place, taken, within) for place in places])
        best = places[int(hidden.argmin())]
        taken.append(best)
        chosen.append(best)
    return chosen


def _hidden(place: Box, taken: Sequence[Box], within: Box) -> float:
    area = (place.right - place.left) * (place.top - place.bottom)
    outside = area - place.covered(within)
    return outside + sum(one.weight * place.covered(one) for one in taken)

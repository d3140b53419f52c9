"""Where the boxes and bands of an alluvial figure lie, for every way of drawing it.

One column a date, one box a state, as high as what the state holds; bands lead from each box to those of the
next date, as thick as what goes there. All places lie in the unit square, 0 at the top and at the left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segmentwerk.core.arrays import FloatArray

GAP = 0.02
"""Between two boxes of a column, as a share of the height."""
BOX = 0.02
"""Width of a box."""


@dataclass(frozen=True)
class StateBox:
    """A state at a date; ``amount`` is what it holds."""

    column: int
    state: int
    amount: float
    left: float
    right: float
    top: float
    bottom: float


@dataclass(frozen=True)
class Band:
    """What goes from a state at a date to a state at the next one."""

    column: int
    before: int
    after: int
    amount: float
    left: float
    right: float
    left_top: float
    left_bottom: float
    right_top: float
    right_bottom: float


def layout(links: Sequence[FloatArray]) -> tuple[list[StateBox], list[Band]]:
    """Place boxes and bands.

    Parameters
    ----------
    links
        One matrix (n_states, n_states) from each date to the next: rows the states before, columns after.

    Returns
    -------
    boxes, bands
        Those that hold something; a state is as high at a date as the larger of what came and what goes.
    """
    sizes = _sizes(links)
    height = float((1.0 - GAP * (sizes.shape[1] - 1)) / max(sizes.sum(axis=1).max(), 1e-12))
    tops = _tops(sizes, height)
    lefts = np.linspace(0.0, 1.0 - BOX, len(sizes))
    boxes = [
        StateBox(
            column,
            state,
            float(sizes[column, state]),
            float(lefts[column]),
            float(lefts[column] + BOX),
            float(tops[column, state]),
            float(tops[column, state] + sizes[column, state] * height),
        )
        for column in range(len(sizes))
        for state in range(sizes.shape[1])
        if sizes[column, state] > 0
    ]
    bands = [
        band
        for column, link in enumerate(links)
        for band in _bands(column, link * height, link, tops, (lefts[column] + BOX, lefts[column + 1]))
    ]
    return boxes, bands


def _sizes(links: Sequence[FloatArray]) -> FloatArray:
    """Return what each state holds at each date, (n_dates, n_states)."""
    n_states = len(links[0])
    going = np.vstack([*(link.sum(axis=1) for link in links), np.zeros(n_states)])
    came = np.vstack([np.zeros(n_states), *(link.sum(axis=0) for link in links)])
    return np.asarray(np.maximum(going, came))


def _tops(sizes: FloatArray, height: float) -> FloatArray:
    before = np.cumsum(sizes, axis=1) - sizes
    return np.asarray(before * height + GAP * np.arange(sizes.shape[1]))


def _bands(
    column: int, thick: FloatArray, amounts: FloatArray, tops: FloatArray, between: tuple[float, float]
) -> list[Band]:
    """Return the bands of one step: in the order of the boxes at both ends, so that few of them cross."""
    from_top = tops[column][:, None] + np.cumsum(thick, axis=1) - thick
    to_top = tops[column + 1][None, :] + np.cumsum(thick, axis=0) - thick
    return [
        Band(
            column,
            int(before),
            int(after),
            float(amounts[before, after]),
            float(between[0]),
            float(between[1]),
            float(from_top[before, after]),
            float(from_top[before, after] + thick[before, after]),
            float(to_top[before, after]),
            float(to_top[before, after] + thick[before, after]),
        )
        for before, after in np.argwhere(amounts > 0)
    ]

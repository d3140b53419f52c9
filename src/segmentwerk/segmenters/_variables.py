"""Which columns of the reference space belong together: levels of a category, values and missing flags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segmentwerk.core.arrays import BoolArray, FloatArray, IntArray
from segmentwerk.core.space_columns import ColumnKind, SpaceColumn, flag_name


@dataclass(frozen=True)
class Variables:
    """The variables behind the columns of a reference space; each attribute has one entry a column.

    Attributes
    ----------
    group : ndarray of int64
        Number of the categorical variable that the column is a level of; -1 for numbers.
    flag : ndarray of int64
        Column that says that this column's value is missing; -1 where there is none.
    low, high : ndarray of float64
        Smallest and largest value; for levels and flags they mean no and yes.
    hidden : ndarray of float64
        What the column holds when its variable is unknown; NaN where that never happens.
    """

    group: IntArray
    flag: IntArray
    low: FloatArray
    high: FloatArray
    hidden: FloatArray

    @classmethod
    def read(cls, names: Sequence[str], data: FloatArray) -> Variables:
        """Understand the levels and flags among columns of these names; all others are numeric."""
        low, high = data.min(axis=0), data.max(axis=0)
        group = _groups(names, data, low, high)
        flag = _flags(names, data, low, high)
        hidden = np.where(group >= 0, low, np.nan)
        for column in np.flatnonzero(flag >= 0):
            missing = data[:, flag[column]] == high[flag[column]]
            hidden[column] = data[missing, column].mean()
            hidden[flag[column]] = high[flag[column]]
        return cls(group, flag, low, high, hidden)

    @property
    def levels(self) -> list[IntArray]:
        """Columns of each categorical variable."""
        return [np.flatnonzero(self.group == number) for number in range(self.group.max(initial=-1) + 1)]

    @property
    def numeric(self) -> BoolArray:
        """Whether each column holds a number rather than a level."""
        return self.group < 0

    @property
    def flagged(self) -> IntArray:
        """Columns whose values may be missing."""
        return np.flatnonzero(self.flag >= 0)

    @property
    def owner(self) -> IntArray:
        """Number, from 0, of the variable that each column belongs to; a flag belongs to its value's."""
        first = {number: column for column, number in reversed(list(enumerate(self.group)))}
        owner = np.array([first[g] if g >= 0 else column for column, g in enumerate(self.group)])
        owner[self.flag[self.flagged]] = self.flagged
        return np.unique(owner, return_inverse=True)[1].astype(np.int64)

    def present(self, data: FloatArray) -> FloatArray:
        """Return 1 where a value (n, n_columns) is known, 0 where its flag says that it is missing."""
        known = np.ones_like(data)
        flags = self.flag[self.flagged]
        known[:, self.flagged] = data[:, flags] < (self.low + self.high)[flags] / 2
        return known


def _groups(names: Sequence[str], data: FloatArray, low: FloatArray, high: FloatArray) -> IntArray:
    members: dict[str, list[int]] = {}
    for column, name in enumerate(names):
        read = SpaceColumn.read(name)
        if read.kind is ColumnKind.LEVEL and low[column] < high[column]:
            members.setdefault(read.variable, []).append(column)
    group = np.full(len(names), -1, dtype=np.int64)
    for columns in members.values():
        if len(columns) > 1 and _is_one_hot(data[:, columns], low[columns], high[columns]):
            group[columns] = group.max() + 1
    return group


def _is_one_hot(block: FloatArray, low: FloatArray, high: FloatArray) -> bool:
    """Whether each column has two values and each row at most one level."""
    chosen = block == high
    return bool((chosen | (block == low)).all() and (chosen.sum(axis=1) <= 1).all())


def _flags(names: Sequence[str], data: FloatArray, low: FloatArray, high: FloatArray) -> IntArray:
    place = {name: column for column, name in enumerate(names)}
    flag = np.full(len(names), -1, dtype=np.int64)
    for column, name in enumerate(names):
        flag_column = place.get(flag_name(name), -1)
        if (
            flag_column >= 0
            and low[flag_column] < high[flag_column]
            and np.isin(data[:, flag_column], (low[flag_column], high[flag_column])).all()
        ):
            flag[column] = flag_column
    return flag

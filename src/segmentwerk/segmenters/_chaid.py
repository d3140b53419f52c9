"""The splitting of contrast groups: CHAID (Kass 1980) for an outcome that is a number.

Kass, G. V. (1980): An exploratory technique for investigating large quantities of categorical data.
Applied Statistics 29, 119-127. The F test in place of chi-square is its usual form for a number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb, factorial, inf, log

import numpy as np
from scipy.special import fdtrc

from segmentwerk.core.arrays import BoolArray, FloatArray, IntArray
from segmentwerk.core.space_columns import SpaceColumn
from segmentwerk.segmenters._variables import Variables

MOST_LEVELS = 40
"""Levels of a category that are told apart; the rarest beyond them count as none of the levels."""
_LEAST_LOG_P = -700.0
"""Below it p-values are no numbers any more; what is explained decides."""


@dataclass(frozen=True)
class Predictor:
    """What can be split by: one numeric column in classes, or the levels of a category.

    ``borders`` has the borders between the classes of the one column, or for each level's column what it
    exceeds where the level holds; ``ordered`` says that only neighbouring classes may be merged.
    ``codes`` (n_rows,) is the class of each training row, 0 … n_classes - 1.
    """

    name: str
    columns: IntArray
    borders: FloatArray
    codes: IntArray
    ordered: bool

    @property
    def n_classes(self) -> int:
        """Number of classes, those without a row included."""
        return len(self.borders) + 1


@dataclass(frozen=True)
class Splitting:
    """When to split: chance of a split, and of none, where nothing differs; the smallest leaf in rows."""

    alpha: float
    alpha_merge: float
    min_rows: int


@dataclass(frozen=True)
class Leaf:
    """A group of rows and the classes, by predictor, that it takes (n_classes,); absent: all."""

    rows: IntArray
    classes: Mapping[str, BoolArray]


@dataclass(frozen=True)
class _Split:
    """A way to split a leaf: group of each class, the logarithm of its p-value, and what it explains."""

    predictor: Predictor
    groups: IntArray
    log_p: float
    explained: float


def classes(values: FloatArray, borders: FloatArray) -> IntArray:
    """Return the class of each row from its value (n, 1), or from its levels' values (n, n_levels)."""
    above = (values > borders).astype(np.float64)
    return np.asarray(above @ places(values.shape[1], len(borders))).astype(np.int64)


def places(n_columns: int, n_borders: int) -> FloatArray:
    """Return what each exceeded border adds to the class: one for a number, the level's place for levels."""
    return np.ones(n_borders) if n_columns == 1 else np.arange(1.0, n_borders + 1)


def predictors(names: Sequence[str], data: FloatArray, n_classes: int) -> list[Predictor]:
    """Return what rows can be split by, in the order of the names."""
    variables = Variables.read(names, data)
    found = [_number(names[c], c, data, n_classes) for c in np.flatnonzero(variables.numeric).tolist()]
    found += [_category(names, columns, data) for columns in variables.levels]
    return sorted((one for one in found if one.codes.max() > one.codes.min()), key=lambda one: one.name)


def _number(name: str, column: int, data: FloatArray, n_classes: int) -> Predictor:
    values = data[:, column]
    borders = between(values, np.arange(1, n_classes) / n_classes)
    codes = classes(values[:, None], borders)
    return Predictor(name, np.array([column]), borders, codes, ordered=True)


def _category(names: Sequence[str], columns: IntArray, data: FloatArray) -> Predictor:
    low, high = data[:, columns].min(axis=0), data[:, columns].max(axis=0)
    frequent = np.argsort(-(data[:, columns] > (low + high) / 2).sum(axis=0), kind="stable")[:MOST_LEVELS]
    kept = np.array(sorted(frequent, key=lambda place: names[int(columns[place])]))
    borders = ((low + high) / 2)[kept]
    codes = classes(data[:, columns[kept]], borders)
    return Predictor(
        SpaceColumn.read(names[int(columns[0])]).variable, columns[kept], borders, codes, ordered=False
    )


def between(values: FloatArray, shares: FloatArray) -> FloatArray:
    """Return different borders near some quantiles, each in the middle of the gap above it."""
    distinct = np.unique(values)
    above = np.searchsorted(distinct, np.quantile(values, shares), side="right")
    above = np.unique(above[(above > 0) & (above < len(distinct))])
    return np.asarray((distinct[above - 1] + distinct[above]) / 2)


def grow(
    predictors: Sequence[Predictor], data: FloatArray, outcome: FloatArray, most: int, how: Splitting
) -> list[Leaf]:
    """Split rows into ``most`` leaves, or fewer where no split is significant; the most telling one first."""
    finished: list[Leaf] = []
    growing: list[tuple[Leaf, _Split]] = []
    waiting = [Leaf(np.arange(len(data)), {})]
    while waiting:
        room = most + 1 - len(finished) - len(growing) - len(waiting)
        for leaf in waiting:
            split = _best_split(leaf, predictors, outcome, room, how)
            if split is None:
                finished.append(leaf)
            else:
                growing.append((leaf, split))
        waiting = []
        if growing and room > 1:
            leaf, split = growing.pop(int(np.argmax([split.explained for _, split in growing])))
            found_when_there_was_more_room = split.groups.max() >= room
            waiting = [leaf] if found_when_there_was_more_room else _parts(leaf, split)
    return [*finished, *(leaf for leaf, _ in growing)]


def _parts(leaf: Leaf, split: _Split) -> list[Leaf]:
    one = split.predictor
    groups = split.groups[one.codes[leaf.rows]]
    taken = leaf.classes.get(one.name, np.ones(one.n_classes, dtype=bool))
    return [
        Leaf(leaf.rows[groups == group], {**leaf.classes, one.name: taken & (split.groups == group)})
        for group in range(split.groups.max() + 1)
    ]


def _best_split(
    leaf: Leaf, predictors: Sequence[Predictor], outcome: FloatArray, room: int, how: Splitting
) -> _Split | None:
    """Return the split into at most ``room`` groups whose difference is surest, if it is significant."""
    rows = leaf.rows
    if room < 2 or len(rows) < 2 * how.min_rows or np.ptp(outcome[rows]) == 0:
        return None
    possible = [_split(one, rows, outcome[rows], room, how) for one in predictors]
    sure = [
        split
        for split in possible
        if split and min(0.0, split.log_p + log(len(predictors))) <= log(how.alpha)
    ]
    return min(sure, key=lambda split: (max(split.log_p, _LEAST_LOG_P), -split.explained), default=None)


def _split(one: Predictor, rows: IntArray, outcome: FloatArray, room: int, how: Splitting) -> _Split | None:
    codes = one.codes[rows]
    present = np.unique(codes)
    groups = _merged(_Moments.of(codes, outcome, present), one.ordered, room, how)
    n_groups = len(groups.members)
    if n_groups < 2:
        return None
    explained, log_p = groups.moments.test()
    group = np.zeros(len(present), dtype=np.int64)
    for number, members in enumerate(groups.members):
        group[members] = number
    ways = _ways(len(present), n_groups, ordered=one.ordered)
    largest = int(groups.moments.counts.argmax())
    return _Split(one, _for_all(group, present, largest, one), log_p + log(ways), explained)


def _for_all(group: IntArray, present: IntArray, largest: int, one: Predictor) -> IntArray:
    """Give classes without rows a group: of a number that of the class below, of a category the largest."""
    groups = np.full(one.n_classes, largest)
    groups[present] = group
    if one.ordered:
        below = np.searchsorted(present, np.arange(one.n_classes), side="right") - 1
        groups = group[np.maximum(below, 0)]
    return groups


@dataclass(frozen=True)
class _Moments:
    """Rows, sums and sums of squares of the outcome by group, each (n_groups,)."""

    counts: FloatArray
    sums: FloatArray
    squares: FloatArray

    @classmethod
    def of(cls, codes: IntArray, outcome: FloatArray, present: IntArray) -> _Moments:
        """Count the classes that have rows."""
        powers = (np.ones(len(outcome)), outcome, outcome**2)
        return cls(*(np.bincount(codes, power)[present].astype(np.float64) for power in powers))

    def merged(self, i: int, j: int) -> _Moments:
        """Return the moments with group j, the later one, joined to group i."""
        changed = []
        for values in (self.counts, self.sums, self.squares):
            joined = values.copy()
            joined[i] += joined[j]
            changed.append(np.delete(joined, j))
        return _Moments(*changed)

    def test(self) -> tuple[float, float]:
        """Return the sum of squares between all groups, and the logarithm of the p-value of their F test."""
        between = float((self.sums**2 / self.counts).sum() - self.sums.sum() ** 2 / self.counts.sum())
        within = max(float(self.squares.sum() - (self.sums**2 / self.counts).sum()), 0.0)
        degrees = (len(self.counts) - 1, float(self.counts.sum()) - len(self.counts))
        return between, float(_log_p(np.array([between]), np.array([within]), *degrees)[0])

    def differences(self, first: IntArray, second: IntArray) -> FloatArray:
        """Return the logarithms of the p-values of pairs of groups (n_pairs,)."""
        n, m = self.counts[first], self.counts[second]
        means = self.sums / self.counts
        spread = np.maximum(self.squares - self.sums * means, 0.0)
        between = n * m / (n + m) * (means[first] - means[second]) ** 2
        return _log_p(between, spread[first] + spread[second], 1, n + m - 2)


def _log_p(between: FloatArray, within: FloatArray, one: int, other: FloatArray | float) -> FloatArray:
    """Logarithm of the p-value of an F test; 0 where no spread is known."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (between / one) / (within / other)
        found = np.log(fdtrc(one, other, ratio))
    return np.where(np.isfinite(other) & (np.asarray(other) > 0) & ~np.isnan(ratio), found, 0.0)


@dataclass(frozen=True)
class _Groups:
    """Groups of classes: the classes of each, and their moments."""

    members: list[list[int]]
    moments: _Moments


def _merged(moments: _Moments, ordered: bool, room: int, how: Splitting) -> _Groups:
    """Merge classes while two do not surely differ, a group is too small, or there are too many."""
    members = [[place] for place in range(len(moments.counts))]
    while len(members) > 1:
        first, second = _pairs(len(members), ordered)
        log_p = moments.differences(first, second)
        small = moments.counts < how.min_rows
        touching = small[first] | small[second]
        if touching.any():
            log_p = np.where(touching, log_p, -inf)
        alike = int(log_p.argmax())
        enough = len(members) <= room and not touching.any()
        if enough and (len(members) == 2 or log_p[alike] <= log(how.alpha_merge)):
            break
        i, j = int(first[alike]), int(second[alike])
        moments = moments.merged(i, j)
        members[i] = members[i] + members.pop(j)
    return _Groups(members, moments)


def _pairs(n_groups: int, ordered: bool) -> tuple[IntArray, IntArray]:
    if ordered:
        return np.arange(n_groups - 1), np.arange(1, n_groups)
    both = np.array(list(combinations(range(n_groups), 2)))
    return both[:, 0], both[:, 1]


def _ways(n_classes: int, n_groups: int, *, ordered: bool) -> int:
    """Return in how many ways classes can be merged into groups (Kass 1980, section 4)."""
    if ordered:
        return comb(n_classes - 1, n_groups - 1)
    terms = ((-1) ** i * comb(n_groups, i) * (n_groups - i) ** n_classes for i in range(n_groups))
    return int(sum(terms)) // factorial(n_groups)

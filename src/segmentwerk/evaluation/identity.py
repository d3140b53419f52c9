"""Identity: which new segment continues which old one.

Old and new assignments of the same accounts are compared by the Jaccard overlap of every old with
every new segment; the optimal assignment (Hungarian method: Kuhn 1955; Crouse 2016) pairs them. A pair
that overlaps by at least `LEAST_OVERLAP` keeps its id. Every other segment is an event, and a new
segment without a pair gets an id that was never used before.

An account *moves* when its id changes. Those that only follow their segment, which was split, merged or
regrouped, are counted apart (`Identity.followed`), too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from scipy.sparse.csgraph import connected_components

from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.errors import InputError
from segmentwerk.core.types import Identity, IdentityEvent
from segmentwerk.core.types import IdentityKind as Kind

KINDS = get_args(Kind)

LEAST_OVERLAP = 0.5
"""Jaccard overlap from which a segment counts as the same (Hennig 2007: below, it is dissolved)."""
COVERED = 0.5
"""Share of a segment that must lie in another for it to count as a part of that other."""


def match(old: pd.Series, new: pd.Series, *, next_id: int, n_segments: int | None = None) -> Identity:
    """Carry stable ids over from an old to a new segmentation.

    Parameters
    ----------
    old
        Stable ids of the shared accounts (n,).
    new
        Labels 0 … k-1 of the new model for the same accounts, same index.
    next_id
        The first id never used.
    n_segments
        Number of segments k of the new model, where the shared accounts may not show them all.

    Raises
    ------
    InputError
        If no account is shared, the indexes differ, or ``next_id`` was used before.
    """
    _check(old, new, next_id)
    labels = range(max(int(new.max()) + 1, n_segments or 0))
    counts = pd.crosstab(old, new).reindex(columns=labels, fill_value=0)
    table = counts.to_numpy(dtype=np.float64)
    overlap = _overlap(table)
    pairs = zip(*linear_sum_assignment(-overlap), strict=True)
    kept = [(int(i), int(j)) for i, j in pairs if overlap[i, j] >= LEAST_OVERLAP]
    ids = {j: int(counts.index[i]) for i, j in kept}
    free = next_id
    for label in labels:
        if label not in ids:
            ids[label], free = free, free + 1
    events = _events(table, overlap, kept, [int(i) for i in counts.index], [ids[j] for j in labels])
    migration = counts.rename(columns=ids).rename_axis(index="old", columns="new").sort_index(axis=1)
    renamed = new.map(ids)
    moved = float((renamed != old).mean())
    followed = _followers(old, renamed, events)
    return Identity(dict(sorted(ids.items())), free, events, migration, moved, followed)


def _check(old: pd.Series, new: pd.Series, next_id: int) -> None:
    if len(old) == 0 or not old.index.equals(new.index):
        raise InputError(
            f"Old and new segments are of different accounts ({len(old)} and {len(new)}).",
            "Give both for the same accounts, at least one.",
        )
    if old.max() >= next_id:
        raise InputError(
            f"Id {old.max()} was used, so {next_id} is not the first free one.", "Give a higher next_id."
        )


def _overlap(table: FloatArray) -> FloatArray:
    """Jaccard overlap of every old with every new segment."""
    either = table.sum(axis=1, keepdims=True) + table.sum(axis=0, keepdims=True) - table
    return np.asarray(table / either)


def _events(
    table: FloatArray, overlap: FloatArray, kept: list[tuple[int, int]], old: list[int], new: list[int]
) -> tuple[IdentityEvent, ...]:
    """Say what became of every old and every new segment, in stable ids; each takes part in one event."""
    events = []
    for olds, news in _relatives(table, kept):
        closeness = _closeness(table, overlap, olds, news)
        known, fresh = tuple(old[i] for i in olds), tuple(new[j] for j in news)
        events.append(IdentityEvent(_kind(len(olds), len(news)), known, fresh, closeness))
    return tuple(sorted(events, key=lambda event: (KINDS.index(event.kind), event.old, event.new)))


def _relatives(table: FloatArray, kept: list[tuple[int, int]]) -> Iterator[tuple[list[int], list[int]]]:
    """Group old (rows) and new segments (columns) that continue each other; one without relatives is alone.

    Two are related where they kept the id, or most of one of them lies in the other.
    """
    n_old = len(table)
    related = table > COVERED * np.minimum(table.sum(axis=1, keepdims=True), table.sum(axis=0, keepdims=True))
    for i, j in kept:
        related[i, j] = True
    links = np.zeros((sum(table.shape), sum(table.shape)), dtype=bool)
    links[:n_old, n_old:] = related
    n_groups, group = connected_components(links, directed=False)
    for number in range(n_groups):
        members = np.flatnonzero(group == number)
        yield [int(i) for i in members if i < n_old], [int(j) - n_old for j in members if j >= n_old]


def _kind(n_old: int, n_new: int) -> Kind:
    if not n_old or not n_new:
        return "retired" if n_old else "new"
    if n_old == 1:
        return "kept" if n_new == 1 else "split"
    return "merged" if n_new == 1 else "regrouped"


def _followers(old: pd.Series, new: pd.Series, events: tuple[IdentityEvent, ...]) -> float:
    """Share of the accounts that get another id only because their segment was split, merged or regrouped."""
    before = {segment: number for number, event in enumerate(events) for segment in event.old}
    after = {segment: number for number, event in enumerate(events) for segment in event.new}
    return float(((old != new) & (old.map(before) == new.map(after))).mean())


def _closeness(table: FloatArray, overlap: FloatArray, olds: list[int], news: list[int]) -> float:
    """Jaccard overlap of the joined old with the joined new segments; of the closest where a side is none."""
    if not olds or not news:
        return float(overlap[olds].max() if olds else overlap[:, news].max())
    both = table[np.ix_(olds, news)].sum()
    return float(both / (table[olds].sum() + table[:, news].sum() - both))

"""Rows of one table of one block, and how they are built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from segmentwerk.data.demo import world
from segmentwerk.data.demo.world import Array


@dataclass(frozen=True)
class Rows:
    """A table and, for each of its rows, the position in the block of the firm that it belongs to."""

    table: pa.Table
    firm: Array

    def first(self, firms: int) -> pa.Table:
        """Return the rows of the block's first firms."""
        return self.table if firms >= world.BLOCK else self.table.filter(pa.array(self.firm < firms))


def levels(names: Sequence[str], index: Array, missing: Array | None = None) -> pa.Array:
    """Return the text of each row's level."""
    return pa.array(names, pa.string()).take(pa.array(index, mask=missing))


def numbers(values: Array, missing: Array | None = None) -> pa.Array:
    """Return numbers with nulls where missing."""
    return pa.array(values, mask=missing)


def timestamps(days: Array, start: date) -> pa.Array:
    """Return timestamps to the second from days since the start of the records."""
    seconds = (np.asarray(days) * 86_400).astype("int64").astype("timedelta64[s]")
    return pa.array((np.datetime64(start, "s") + seconds).astype("datetime64[us]"))


def dates(days: Array, start: date) -> pa.Array:
    """Return dates from days since the start of the records."""
    return pa.array(
        (np.datetime64(start, "s") + np.floor(days).astype("timedelta64[D]")).astype("datetime64[D]")
    )

"""Sums over the contacts of one campaign by segment and arm, computed where the contacts lie.

Everything that is told of a campaign is made of these: counts, means, variances and covariances, which
`tea_tasting` reads in one query. Those of all segments together are added up, not asked for again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import combinations, combinations_with_replacement

import ibis
from tea_tasting.aggr import Aggregates, read_aggregates

from segmentwerk.measurement.contacts import OUTCOMES

MONEY = ("cost", "revenue", "margin", "before", "late")
MEASURED = (*OUTCOMES, *(name for name in MONEY if name not in OUTCOMES))
DIGITS = 12
"""Significant digits of a mean or a variance."""
SKEWED = ("revenue", "margin")
"""Columns whose means have skewed errors: cubes are summed, too, and contacts counted that brought any."""


def product(*names: str) -> str:
    """Return the column that holds the product of others, such as the cube of one named three times."""
    return "_".join(("product", *sorted(names)))


def brought(name: str) -> str:
    """Return the column that is 1 where another is not 0."""
    return f"brought_{name}"


def columns_of_third_order(told: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the factors of every product of three columns that skewness is computed from, by its column.

    With the money before the contact, those of revenue less any multiple of it are among them.
    """
    found = [(name,) * 3 for name in SKEWED if name in told]
    if {"revenue", "before"} <= set(told):
        pairs = combinations_with_replacement(("before", "revenue"), 3)
        found += [names for names in pairs if names != ("revenue",) * 3]
    return {product(*names): names for names in found}


@dataclass(frozen=True)
class ArmSums:
    """The contacts of one campaign.

    Attributes
    ----------
    told
        Columns that something is told of; the others are absent, and a contact of which nothing is told in a
        column that is there counts as 0.
    by
        Sums by segment and arm; the segment is None for all contacts, also those without a segment.
    """

    campaign: str
    told: tuple[str, ...]
    by: Mapping[tuple[int | None, str], Aggregates] = field(default_factory=dict)

    @property
    def segments(self) -> tuple[int, ...]:
        """Segments that were contacted."""
        return tuple(sorted({segment for segment, _ in self.by if segment is not None and segment >= 0}))

    @property
    def arms(self) -> tuple[str, ...]:
        """Arms, in the order of their names."""
        return tuple(sorted({arm for _, arm in self.by}))

    def count(self, segment: int | None, arm: str) -> int:
        """Return the number of contacts."""
        found = self.by.get((segment, arm))
        return found.count() if found is not None else 0


def sound(contacts: ibis.Table, campaign: str) -> ibis.Table:
    """Return the contacts of a campaign that can be compared: in one arm, of an account that existed."""
    return contacts.filter(
        contacts.campaign == campaign, contacts.arm.notnull(), contacts.known.cast("int64") == 1
    )


def read(contacts: ibis.Table, campaign: str) -> ArmSums:
    """Read the sums of one campaign.

    Parameters
    ----------
    contacts
        As `contacts.COLUMNS`.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"campaign": "x", "segment_id": [1, 1, 1], "arm": ["a", "a", "b"], "known": 1,
    ...     "converted": [1.0, 0.0, 0.0]})
    >>> read(ibis.memtable(rows), "x").by[None, "a"].mean("converted")
    0.5
    """
    rows = sound(contacts, campaign)
    there = [name for name in MEASURED if name in rows.columns]
    counted = rows.aggregate(**{name: rows[name].count() for name in there}).to_pyarrow().to_pylist()[0]
    told = tuple(name for name in there if counted[name])
    filled = {name: rows[name].cast("float64").fill_null(0.0) for name in told}
    third = {
        column: filled[one] * filled[two] * filled[three]
        for column, (one, two, three) in columns_of_third_order(told).items()
    }
    some = {
        brought(name): (filled[name] != 0).ifelse(1, 0).cast("float64") for name in SKEWED if name in told
    }
    cell = rows.segment_id.cast("string") + ibis.literal("|") + rows.arm
    found = read_aggregates(
        rows.mutate(cell=cell, **filled, **third, **some).select("cell", *told, *third, *some),
        "cell",
        has_count=True,
        mean_cols=(*told, *third, *some),
        var_cols=told,
        cov_cols=list(combinations(told, 2)),
    )
    parts: dict[tuple[int | None, str], Aggregates] = {}
    for key in sorted(map(str, found)):
        segment, _, arm = key.partition("|")
        parts[int(segment), arm] = _settled(found[key])
    return ArmSums(campaign, told, parts | _wholes(parts))


def _settled(one: Aggregates) -> Aggregates:
    """Return sums in which what one contact does not tell, its variance, is 0 weighted and not a number.

    Threads that share many contacts add up in any order: what that changes is rounded away.
    """
    return Aggregates(
        one.count(),
        {name: _number(value) for name, value in one.mean_.items()},
        {name: _number(value) for name, value in one.var_.items()},
        {names: _number(value) for names, value in one.cov_.items()},
    )


def _number(value: float | None) -> float:
    return 0.0 if value is None or math.isnan(value) else float(f"{value:.{DIGITS}g}")


def _wholes(parts: Mapping[tuple[int | None, str], Aggregates]) -> dict[tuple[int | None, str], Aggregates]:
    """Add up the segments of each arm, in their order."""
    arms = {arm for _, arm in parts}
    return {(None, arm): added([one for (_, of), one in parts.items() if of == arm]) for arm in sorted(arms)}


def added(parts: Sequence[Aggregates]) -> Aggregates:
    """Return the sums of independent groups together."""
    return reduce(lambda one, other: one + other, parts)

"""Movement: which customers changed segment from one date to the next, in accounts and in money.

Two snapshots of the same model's answers give one `Movement`: two square tables over states. A state is a
segment, or one of three places beside the segments: too little known (`UNKNOWN`), not yet a customer
(`PROSPECT`), not there (`ABSENT`). A movement holds sums only and no id, so that it can be kept; half-lives,
forecasts and figures are made of movements and need no account again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any, Self

import pandas as pd

from segmentwerk.core.errors import InputError

UNKNOWN = -1
"""State of a customer of whom too little is known for a segment; the model's own answer then."""
ABSENT = -2
"""State of an account that does not stand in the data."""
PROSPECT = -3
"""State of an account without an order; whatever segment it may come to be."""
OUTSIDE = (UNKNOWN, PROSPECT, ABSENT)
"""The states that are no segment, in the order of the tables."""
LEAST_CELL = 5
"""Customers that a sum of money must come from to be told."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What a model said of all accounts at one date.

    Attributes
    ----------
    accounts
        Index ``account_id``: ``segment_id`` (below 0: none), ``revenue`` (money of the account as the
        source counts it at the date; NaN counts as none) and ``customer`` (bool). ``confidence`` (0 to 1)
        is needed for `lists.about_to_leave` alone.
    """

    as_of: date
    accounts: pd.DataFrame

    def states(self) -> pd.Series:
        """Return the state of every account."""
        known = self.accounts["segment_id"].fillna(UNKNOWN).astype("int64").clip(lower=UNKNOWN)
        return known.where(self.accounts["customer"].astype(bool), PROSPECT)


@dataclass(frozen=True, eq=False)
class Movement:
    """Who went from which state to which, between two dates.

    Attributes
    ----------
    accounts
        (n_states, n_states) counts of accounts: rows the states at ``since``, columns those at ``until``,
        both in the order segments by id, then `OUTSIDE`.
    money_before, money_after
        Same shape, the money of these accounts at ``since`` and at ``until``; an account that is not there
        has none.
    """

    since: date
    until: date
    accounts: pd.DataFrame
    money_before: pd.DataFrame
    money_after: pd.DataFrame

    @property
    def days(self) -> int:
        """Days between the dates."""
        return (self.until - self.since).days

    @property
    def segments(self) -> list[int]:
        """Ids of the segments."""
        return [state for state in self.accounts.index if state not in OUTSIDE]

    @property
    def between(self) -> pd.DataFrame:
        """Counts of the customers who have a segment at both dates, (k, k)."""
        return self.accounts.loc[self.segments, self.segments]

    @property
    def before(self) -> pd.Series:
        """Customers by segment at ``since``, (k,)."""
        return self.accounts.loc[self.segments].sum(axis=1)

    @property
    def after(self) -> pd.Series:
        """Customers by segment at ``until``, (k,)."""
        return self.accounts[self.segments].sum(axis=0)

    @property
    def stayed(self) -> pd.Series:
        """Customers by segment who have it at both dates, (k,)."""
        kept = self.between
        return pd.Series(kept.to_numpy().diagonal(), kept.index)

    @property
    def entries(self) -> pd.DataFrame:
        """Customers by segment at ``until`` who had none at ``since``: ``new``, ``won``, ``known``.

        New ones were not there, won ones were prospects; of known ones too little was known before.
        """
        places = {"new": ABSENT, "won": PROSPECT, "known": UNKNOWN}
        return pd.DataFrame({name: self.accounts.loc[place, self.segments] for name, place in places.items()})

    @property
    def exits(self) -> pd.DataFrame:
        """Customers by segment at ``since`` who have none at ``until``: ``gone``, ``unknown``, ``undone``.

        Gone ones are no longer there, of unknown ones too little is known now; undone ones count as
        prospects again, as when their only order was cancelled.
        """
        places = {"gone": ABSENT, "unknown": UNKNOWN, "undone": PROSPECT}
        return pd.DataFrame({name: self.accounts.loc[self.segments, place] for name, place in places.items()})

    @property
    def moved(self) -> float:
        """Share of the customers with a segment at both dates whose segment changed; NaN without any."""
        total = int(self.between.to_numpy().sum())
        return 1.0 - int(self.stayed.sum()) / total if total else float("nan")

    def transitions(self) -> pd.DataFrame:
        """Return the share of each segment's customers that went to each state, (k, n_states); rows sum to 1.

        Rows of segments without customers are NaN.
        """
        rows = self.accounts.loc[self.segments]
        total = rows.sum(axis=1)
        return rows.div(total.where(total > 0), axis=0)

    def told(self, money: pd.DataFrame, least: int = LEAST_CELL) -> pd.DataFrame:
        """Blank the money of cells with few accounts, which would tell what single customers spend.

        Parameters
        ----------
        money
            `money_before` or `money_after`.
        """
        return money.where((self.accounts >= least) | (self.accounts == 0))

    def kept(self) -> dict[str, Any]:
        """Return all of it as JSON values, without the money of few accounts; `read` reads it."""
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "states": [int(state) for state in self.accounts.index],
            "accounts": self.accounts.to_numpy().tolist(),
            "money_before": _plain(self.told(self.money_before)),
            "money_after": _plain(self.told(self.money_after)),
        }

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Self:
        """Read what `kept` returned; blanked money is NaN."""
        states = pd.Index(kept["states"], name="before"), pd.Index(kept["states"], name="after")
        tables = {
            name: pd.DataFrame(kept[name], *states, dtype="float64")
            for name in ("accounts", "money_before", "money_after")
        }
        since, until = date.fromisoformat(kept["since"]), date.fromisoformat(kept["until"])
        counts = tables.pop("accounts").astype("int64")
        return cls(since, until, counts, tables["money_before"], tables["money_after"])


def _plain(money: pd.DataFrame) -> list[list[float | None]]:
    return [[None if value != value else round(value, 2) for value in row] for row in money.to_numpy()]


def between(before: Snapshot, after: Snapshot, segments: Sequence[int] = ()) -> Movement:
    """Count who went from which state to which.

    Parameters
    ----------
    segments
        All segments of the model, where the snapshots may not show each; others are added.

    Raises
    ------
    InputError
        If the dates do not follow each other, an account stands twice or a column is missing.
    """
    if before.as_of >= after.as_of:
        raise InputError(
            f"A movement from {before.as_of} to {after.as_of} goes back in time.",
            "Give the earlier date first.",
        )
    for one in (before, after):
        _check(one)
    ids = before.accounts.index.union(after.accounts.index)
    was, now = (one.states().reindex(ids, fill_value=ABSENT) for one in (before, after))
    shown = {int(state) for state in (*was.unique(), *now.unique())} - set(OUTSIDE)
    states = [*sorted(shown | {int(one) for one in segments}), *OUTSIDE]
    counts = _square(pd.Series(1.0, ids), was, now, states).astype("int64")
    counts.loc[ABSENT, ABSENT] = 0
    sums = [
        _square(one.accounts["revenue"].astype("float64").reindex(ids).fillna(0.0), was, now, states)
        for one in (before, after)
    ]
    return Movement(before.as_of, after.as_of, counts, *sums)


def over(snapshots: Sequence[Snapshot], segments: Sequence[int] = ()) -> tuple[Movement, ...]:
    """Return the movements from each date to the next, whatever order the dates are given in.

    All have the same states, so that they can be added.
    """
    ordered = sorted(snapshots, key=lambda one: one.as_of)
    shown = {int(state) for one in ordered for state in one.states().unique()} - set(OUTSIDE)
    every = sorted(shown | {int(one) for one in segments})
    return tuple(between(first, second, every) for first, second in pairwise(ordered))


def _check(snapshot: Snapshot) -> None:
    for name in ("segment_id", "revenue", "customer"):
        if name not in snapshot.accounts.columns:
            raise InputError(f"The accounts of {snapshot.as_of} have no column {name!r}.")
    twice = int(snapshot.accounts.index.duplicated().sum())
    if twice:
        raise InputError(f"{twice} accounts stand twice at {snapshot.as_of}.", "Keep one row an account.")


def _square(values: pd.Series, was: pd.Series, now: pd.Series, states: Sequence[int]) -> pd.DataFrame:
    """Sum values over accounts by their states before (rows) and after (columns)."""
    sums = values.groupby([was.rename("before"), now.rename("after")]).sum().unstack().fillna(0.0)
    index, columns = pd.Index(states, name="before"), pd.Index(states, name="after")
    return sums.reindex(index=index, columns=columns, fill_value=0.0)

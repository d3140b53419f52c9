"""Lists that matter: which customers left the best segments or came into them since the last date.

Here stand ids of accounts: what is returned goes below home, or to a tool by a sink, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd
from scipy.stats import fisher_exact

from segmentwerk.monitoring.movement import Snapshot

ListName = Literal["left", "entered", "leaving"]
WAVERING = 0.2
"""Share of a segment's customers, those assigned with the lowest confidence, that may be about to leave."""
LEAST_LEFT = 10
"""Customers who must have left for it to be told whether those of low confidence leave sooner."""
CERTAIN = 0.01
"""Level of the test whether they do."""


@dataclass(frozen=True)
class Signal:
    """Whether low confidence foretold leaving from the last date to this one.

    ``wavering`` and ``others`` are the shares that left among those of the lowest confidence and among the
    rest; ``p`` is of Fisher's exact test that the former is not higher.
    """

    wavering: float
    others: float
    left: int
    p: float

    @property
    def tells(self) -> bool:
        """Whether it did, as far as one date can show."""
        return self.left >= LEAST_LEFT and self.p < CERTAIN


@dataclass(frozen=True, eq=False)
class Lists:
    """Accounts by list.

    ``left`` had one of the best segments at the last date and have another or none now; those that are gone
    from the data are not among them. ``entered`` have one now and had none of them. ``leaving`` have one and
    are assigned with low confidence; empty where ``signal`` does not tell.
    """

    best: tuple[int, ...]
    left: pd.Index
    entered: pd.Index
    leaving: pd.Index
    signal: Signal | None = None

    def accounts(self) -> dict[ListName, pd.Index]:
        """Return the accounts by list."""
        return {"left": self.left, "entered": self.entered, "leaving": self.leaving}

    def rows(self) -> pd.DataFrame:
        """Return one row an account and list: ``account_id``, ``list``; sorted, so the same is the same."""
        found = [
            pd.DataFrame({"account_id": sorted(map(str, ids)), "list": name})
            for name, ids in sorted(self.accounts().items())
        ]
        return pd.concat(found, ignore_index=True)


def since(before: Snapshot, after: Snapshot, best: Sequence[int]) -> Lists:
    """Return the lists that the movement from one date to the next gives.

    Parameters
    ----------
    best
        Ids of the best segments, one or more.
    """
    was, now = before.states(), after.states()
    held, holds = was[was.isin(best)].index, now[now.isin(best)].index
    left = held.intersection(now.index).difference(holds)
    signal = _signal(before, held.difference(holds), best)
    leaving = _wavering(after, holds) if signal is not None and signal.tells else holds[:0]
    return Lists(tuple(best), left, holds.difference(held), leaving, signal)


def richest(snapshot: Snapshot) -> int | None:
    """Return the segment whose customers bring most money each; None where none brings any.

    Where the business has set priorities, those choose the best segment instead.
    """
    states = snapshot.states()
    money = snapshot.accounts["revenue"].fillna(0.0).groupby(states).mean()
    money = money[money.index >= 0]
    if money.empty or money.max() <= 0:
        return None
    return int(money.index.to_numpy()[money.to_numpy().argmax()])


def _wavering(snapshot: Snapshot, members: pd.Index) -> pd.Index:
    """Return the members that were assigned with the lowest confidence."""
    confidence = snapshot.accounts["confidence"].reindex(members)
    order = confidence.sort_values(kind="stable", na_position="last")
    return order.index[: round(WAVERING * len(order))]


def _signal(before: Snapshot, left: pd.Index, best: Sequence[int]) -> Signal | None:
    """Return whether those of low confidence left sooner; None where no confidence is known."""
    if "confidence" not in before.accounts.columns:
        return None
    states = before.states()
    members = states[states.isin(best)].index
    wavering = _wavering(before, members)
    rest = members.difference(wavering)
    if not len(wavering) or not len(rest):
        return None
    gone = len(wavering.intersection(left)), len(rest.intersection(left))
    table = [[gone[0], len(wavering) - gone[0]], [gone[1], len(rest) - gone[1]]]
    p = float(fisher_exact(table, alternative="greater")[1])
    return Signal(gone[0] / len(wavering), gone[1] / len(rest), sum(gone), p)

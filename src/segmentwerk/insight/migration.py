"""Who moves from the champion's segments to the new ones: accounts and money, counted once for every page.

An account moves when the id of its segment changes. The definition, and the count, are those of
`evaluation.identity`; here the money of those accounts and the names of the segments are added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from segmentwerk.core.types import Identity
from segmentwerk.insight.profiles import MIN_CELL_SIZE

NAN = float("nan")


@dataclass(frozen=True)
class Migration:
    """How the accounts that both models know go from the old segments to the new ones.

    Attributes
    ----------
    identity
        Events, shares, and ``migration``: accounts by old (rows) and new ids (columns).
    before, after
        Name of every old and every new segment by its id.
    accounts, moved, followed
        Number of accounts that both models know, of those that move, and of those among these that only
        follow their segment through a split, a merger or a regrouping.
    leaving
        Number of accounts by old id that move.
    revenue, revenue_moved
        Revenue of all, and of those that move; NaN where it is not known, or the accounts are too few.
    revenue_leaving
        Revenue by old id of the accounts that move, NaN likewise.
    """

    identity: Identity
    before: Mapping[int, str]
    after: Mapping[int, str]
    accounts: int
    moved: int
    followed: int
    leaving: pd.Series
    revenue: float
    revenue_moved: float
    revenue_leaving: pd.Series

    @classmethod
    def of(
        cls,
        identity: Identity,
        old: pd.Series,
        new: pd.Series,
        *,
        before: Mapping[int, str],
        after: Mapping[int, str],
        revenue: pd.Series | None,
    ) -> Migration:
        """Add names and money to the identity of two models.

        Parameters
        ----------
        old, new
            Stable ids of the same accounts (n,), same index.
        before, after
            Names by id.
        revenue
            Money of each account (n,), where the source tells it.
        """
        moves = old != new
        money = pd.Series(NAN, old.index) if revenue is None else revenue.loc[old.index].fillna(0.0)
        leaving = moves.groupby(old).sum()
        left_revenue = _hiding(money.where(moves, 0.0).groupby(old).sum(min_count=1), leaving)
        n_moved = int(moves.sum())
        return cls(
            identity,
            before,
            after,
            accounts=len(old),
            moved=n_moved,
            followed=round(identity.followed * len(old)),
            leaving=leaving,
            revenue=float(money.sum(min_count=1)),
            revenue_moved=float(money[moves].sum(min_count=1)) if n_moved >= MIN_CELL_SIZE else NAN,
            revenue_leaving=left_revenue,
        )


def _hiding(amounts: pd.Series, accounts: pd.Series) -> pd.Series:
    """Blank the amounts of few accounts, and one more where the total would tell them by the difference."""
    visible = amounts.where(accounts >= MIN_CELL_SIZE)
    if 0 < accounts[visible.isna()].sum() < MIN_CELL_SIZE and visible.notna().any():
        visible = visible.where(visible.index != accounts[visible.notna()].idxmin())
    return visible

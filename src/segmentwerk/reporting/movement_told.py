"""Movement between segments as tables: in customers, in money, and how long customers stay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from segmentwerk.insight.language import UNKNOWN, Language
from segmentwerk.monitoring import half_life
from segmentwerk.monitoring.movement import Movement
from segmentwerk.reporting.tables import Grid

FOREVER = 36500
"""Days from which on a half-life says nothing."""


@dataclass(frozen=True)
class MovementTables:
    """The tables of the movements from each date to the next, oldest first, at least one."""

    movements: Sequence[Movement]
    named: Callable[[int], str]
    language: Language

    def _t(self, key: str, **values: object) -> str:
        return self.language.text(f"monitoring.{key}", **values)

    @property
    def _last(self) -> Movement:
        return self.movements[-1]

    @property
    def customers(self) -> Grid:
        """The transition matrix of the latest movement, in customers, with who came and went."""
        last, number = self._last, self.language.number
        came, went = last.entries.sum(axis=1), last.exits.sum(axis=1)
        rows = [
            [self.named(row), *(number(int(n)) for n in counts), number(int(went[row]))]
            for row, counts in zip(last.segments, last.between.to_numpy(), strict=True)
        ]
        rows.append([self._t("entries"), *(number(int(came[row])) for row in last.segments), UNKNOWN])
        return self._grid(rows, "movement", self._t("exits"))

    @property
    def money(self) -> Grid:
        """What the customers of each way bring at the later date, and what all of a row brought before."""
        last = self._last
        before = last.money_before.loc[last.segments, last.segments].sum(axis=1)
        rows = [
            [self.named(row), *map(self._money, [*after, before[row]])]
            for row, after in zip(last.segments, self._after.to_numpy(), strict=True)
        ]
        return self._grid(rows, "movement_money", self._t("money_before"))

    @property
    def _after(self) -> pd.DataFrame:
        return self._last.money_after.loc[self._last.segments, self._last.segments]

    def _money(self, value: float) -> str:
        return UNKNOWN if value != value else self.language.decimal(value, 0)

    def _grid(self, rows: list[list[str]], caption: str, last_head: str) -> Grid:
        last = self._last
        to = [self._t("moved_to", id=segment) for segment in last.segments]
        told = self._t(caption, since=last.since, until=last.until, currency=self.language.currency)
        return Grid([self._t("moved_from"), *to, last_head], rows, caption=told)

    @property
    def half_lives(self) -> Grid:
        """How long customers stay."""
        rows = []
        for one in half_life.half_lives(self.movements):
            days = [self._days(value) for value in (one.days, one.low, one.high)]
            rows.append([self.named(one.segment), days[0], f"{days[1]} … {days[2]}"])
        heads = [self._t(name) for name in ("segment", "half_life", "interval")]
        return Grid(heads, rows, caption=self._t("half_lives"))

    def _days(self, value: float) -> str:
        return self.language.number(round(value), "days") if value == value and value < FOREVER else "∞"

"""Who gets which measure: as far as consent and capacity reach, by which channel, in which arm."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from typing import Any, Literal, get_args

import pandas as pd

from segmentwerk.activation import figures, holdout, playbook
from segmentwerk.activation.holdout import Power
from segmentwerk.activation.offers import Offers
from segmentwerk.activation.plans import COLUMNS, Situation, Task
from segmentwerk.activation.playbook import Match, Matches
from segmentwerk.activation.priorities import Focus, Ranking
from segmentwerk.core.activation_settings import (
    ActivationSettings,
    MeasureSettings,
    PlaybookSettings,
    Stance,
    Words,
)

TOLD_OFFERS = 5
"""Items that a message may list."""


@dataclass(frozen=True)
class Planned:
    """A task before its arms are drawn, with those who are eligible and fit the capacity."""

    task: Task
    key: str
    people: pd.DataFrame


@dataclass(frozen=True)
class Planner:
    """What every step from matches to assignments needs."""

    situation: Situation
    people: pd.DataFrame
    table: pd.DataFrame
    offers: Offers
    ranking: Ranking
    focus: Focus
    playbook: PlaybookSettings
    settings: ActivationSettings
    language: Literal["en", "de"]
    key: bytes
    drawn: pd.DataFrame | None = None

    @cached_property
    def names(self) -> dict[int, str]:
        """Names of the segments by id."""
        found = self.people.drop_duplicates("segment_id").set_index("segment_id")["segment"]
        return dict(zip(found.index.tolist(), found.tolist(), strict=True))

    @property
    def begin(self) -> date:
        """First day of all measures."""
        return self.settings.begin or self.situation.book.as_of

    def tasks(self, matches: Matches) -> tuple[list[Planned], float]:
        """Give the work to those who come first, as far as the capacity reaches; return also all the work."""
        room = self.settings.capacity if self.settings.capacity is not None else math.inf
        chosen = list(playbook.chosen(matches, self.playbook, self.settings.measures))
        planned, needed = [], 0.0
        for number in self._order():
            for match, measure, bases in (one for one in chosen if one[0].segment_id == number):
                people, unreachable = self._eligible(number, measure, bases)
                each = self._work(measure)
                room_here = self._fitting(each, room)
                kept = people.iloc[:room_here]
                needed += each * len(people) * (1 - self.settings.holdout)
                room -= each * len(kept) * (1 - self.settings.holdout)
                planned.append(
                    Planned(
                        self._task(match, measure, len(kept), unreachable, len(people) - len(kept)),
                        match.measure,
                        kept,
                    )
                )
        return planned, needed

    def _order(self) -> list[int]:
        """Segments in focus first, then those that are kept, each by rank."""
        ids: list[int] = self.ranking.segments.index.tolist()
        return sorted(ids, key=lambda number: get_args(Stance).index(self.focus.stances[number]))

    def _work(self, measure: MeasureSettings) -> float:
        """Return the capacity that one account takes; what takes nobody's time takes none."""
        if not measure.hours or not measure.channels:
            return 0.0
        return measure.hours if self.settings.capacity_unit == "hours" else 1.0

    def _fitting(self, each: float, room: float) -> int | None:
        """Return how many accounts fit, those who are held back included; None for all."""
        if each == 0 or math.isinf(room):
            return None
        return math.floor(max(room, 0.0) / each / (1 - self.settings.holdout) + 1e-9)

    def _eligible(
        self, number: int, measure: MeasureSettings, bases: tuple[str, ...]
    ) -> tuple[pd.DataFrame, int]:
        """Return who may be addressed, with the first channel that serves, and how many may not."""
        people = self.people[(self.people["segment_id"] == number) & self.people["basis"].isin(bases)]
        channel = pd.Series(pd.NA, index=people.index, dtype=object)
        for name in measure.channels:
            channel = channel.where(channel.notna() | ~self._open(name, people.index), name)
        open_ = channel.notna()
        unreachable = int((~open_).sum()) if measure.channels else 0
        return people.assign(channel=channel)[open_], unreachable

    def _open(self, channel: str, ids: pd.Index) -> pd.Series:
        reachable = self.situation.reachable
        if reachable is None or channel not in reachable:
            return pd.Series(True, index=ids)
        return reachable[channel].reindex(ids).fillna(False).astype(bool)

    def _task(
        self, match: Match, measure: MeasureSettings, eligible: int, unreachable: int, postponed: int
    ) -> Task:
        number, key = match.segment_id, match.measure
        return Task(
            match=match,
            measure=measure,
            name=self._words(measure.name),
            message=self._filled(number, key, "message", measure.message, ""),
            offer=self._filled(number, key, "offer", measure.offer, ""),
            begin=self.begin,
            until=self.begin + timedelta(days=measure.days),
            eligible=eligible,
            unreachable=unreachable,
            postponed=postponed,
        )

    def _words(self, words: Words) -> str:
        return words.de if self.language == "de" else words.en

    def _filled(self, number: int, key: str, name: str, words: Words, item: str) -> str:
        place = f"playbook.measures.{key}.{name}"
        return playbook.fill(self._words(words), self._facts(number) | {"item": item}, place)

    def _facts(self, number: int) -> dict[str, Any]:
        row = figures.row(self.table, number)
        items = self.offers.segments
        return {
            "segment": self.names[number],
            "traits": list(self.situation.traits.get(number, ())),
            "accounts": int(row["accounts"]),
            "revenue": row.get("revenue", math.nan),
            "potential": row.get("potential", math.nan),
            "offers": items.loc[items["segment_id"] == number, "item"].head(TOLD_OFFERS).tolist(),
            "as_of": self.situation.book.as_of,
        }

    def draw(self, planned: list[Planned]) -> tuple[pd.DataFrame, list[Task], dict[str, Power]]:
        """Draw the arms of each campaign over all its segments, and measure what they can tell."""
        parts, tasks, powers = [], [], {}
        by_campaign: dict[str, list[Planned]] = {}
        for one in planned:
            by_campaign.setdefault(one.key, []).append(one)
        for key, some in by_campaign.items():
            campaign = f"{self.begin:%Y-%m} {key}"
            people = pd.concat([one.people for one in some])
            arms = holdout.arms(
                people.index,
                people["segment_id"],
                campaign=campaign,
                share=self.settings.holdout,
                key=self.key,
                drawn=self._drawn(campaign),
            )
            measure = self.playbook.measures[key]
            if measure.channels:
                powers[key] = self._power(measure, arms)
            for one in some:
                rows = one.people.assign(arm=arms.loc[one.people.index], campaign=campaign, measure=key)
                tasks.append(self._measured(one.task, rows))
                parts.append(self._rows(one, rows))
        empty = pd.DataFrame({name: pd.Series(dtype=object) for name in COLUMNS})
        found = pd.concat([part for part in parts if len(part)] or [empty], ignore_index=True)
        found = found.sort_values(["campaign", "segment_id", "priority"], ignore_index=True)
        return found[list(COLUMNS)], tasks, powers

    def _drawn(self, campaign: str) -> pd.Series | None:
        if self.drawn is None:
            return None
        mine = self.drawn[self.drawn["campaign"] == campaign].drop_duplicates("account_id")
        return mine.set_index("account_id")["arm"]

    def _measured(self, task: Task, rows: pd.DataFrame) -> Task:
        found = self._power(task.measure, rows["arm"])
        ways = rows.loc[rows["arm"] == "treated", "channel"].value_counts()
        return replace(task, channels={str(way): int(count) for way, count in ways.items()}, power=found)

    def _power(self, measure: MeasureSettings, arms: pd.Series) -> Power:
        treated = int((arms == "treated").sum())
        recent = self.situation.recent.reindex(arms.index)
        return holdout.power(recent, measure.kpi, measure.days, treated, len(arms) - treated)

    def _rows(self, one: Planned, rows: pd.DataFrame) -> pd.DataFrame:
        number, measure = one.task.match.segment_id, one.task.measure
        texts = {
            name: {item: self._filled(number, one.key, name, words, item) for item in rows["item"].unique()}
            for name, words in (("message", measure.message), ("offer", measure.offer))
        }
        return rows.reset_index().assign(
            message=lambda table: table["item"].map(texts["message"]),
            offer=lambda table: table["item"].map(texts["offer"]),
            owner=measure.owner,
            from_date=one.task.begin,
            until_date=one.task.until,
        )[list(COLUMNS)]

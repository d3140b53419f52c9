"""The plan: for each segment its measures, for each account its arm, its channel and its place in the row."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Literal

import numpy as np
import pandas as pd

from segmentwerk.activation import figures, holdout, offers, playbook, priorities
from segmentwerk.activation.figures import Book
from segmentwerk.activation.holdout import Power
from segmentwerk.activation.offers import Offers
from segmentwerk.activation.playbook import Match, Matches
from segmentwerk.activation.priorities import Focus, Ranking
from segmentwerk.core.activation_settings import (
    ActivationSettings,
    MeasureSettings,
    PlaybookSettings,
    Words,
)
from segmentwerk.core.settings import GoalSettings

COLUMNS = (
    "account_id",
    "segment_id",
    "segment",
    "campaign",
    "measure",
    "arm",
    "channel",
    "message",
    "offer",
    "owner",
    "from_date",
    "until_date",
    "priority",
    "potential",
)
"""Of the assignments, one row an account and measure."""
TOLD_OFFERS = 5
"""Items that a message may list."""


@dataclass(frozen=True)
class Situation:
    """What is known of the accounts.

    Attributes
    ----------
    segments
        Index ``account_id``: ``segment_id`` (-1: none), ``segment`` (its name), ``confidence``, ``basis``;
        an account without any order counts as `firmographic`, whatever its segment stands on.
    traits
        What each segment is known by, in words, by id.
    effects
        As `playbook.match` takes them.
    purchases, recent
        As `offers.bought` and `figures.recent` give them.
    reachable
        Index ``account_id``, one bool column a channel; None where nothing is known of channels.
    """

    book: Book
    segments: pd.DataFrame
    traits: Mapping[int, tuple[str, ...]]
    effects: pd.DataFrame
    purchases: pd.DataFrame
    recent: pd.DataFrame
    reachable: pd.DataFrame | None = None


@dataclass(frozen=True)
class Task:
    """One measure in one segment: for how many, by which ways, at what cost, and what can be learned."""

    match: Match
    measure: MeasureSettings
    name: str
    message: str
    offer: str
    begin: date
    until: date
    eligible: int
    unreachable: int
    postponed: int
    channels: dict[str, int] = field(default_factory=dict)
    power: Power | None = None

    @property
    def treated(self) -> int:
        """Accounts that are addressed."""
        return self.power.treated if self.power else 0

    @property
    def control(self) -> int:
        """Accounts that are left alone, to compare with."""
        return self.power.control if self.power else 0

    @property
    def cost(self) -> float:
        """Money for all treated accounts."""
        return self.treated * self.measure.cost

    @property
    def hours(self) -> float:
        """Hours of work for all treated accounts."""
        return self.treated * self.measure.hours

    @property
    def expected(self) -> float:
        """What the target would bring with all treated accounts: money, or orders."""
        return self.treated * self.power.wanted if self.power else math.nan


@dataclass(frozen=True)
class SegmentPlan:
    """What is known of one segment and what is done with it; figures as `figures.by_segment` gives them."""

    id: int
    name: str
    traits: tuple[str, ...]
    stance: Literal["focus", "keep", "let_go"]
    figures: Mapping[str, float]
    rank: Mapping[str, float]
    matches: tuple[Match, ...]
    tasks: tuple[Task, ...]
    offers: pd.DataFrame
    first: pd.DataFrame
    """The first accounts by priority: ``account_id``, ``potential``, ``item``."""


@dataclass(frozen=True)
class Plan:
    """Everything that is planned as of a date; ``segments`` in the order of their priority.

    ``unassigned`` counts the accounts without a segment, ``assignments`` are `COLUMNS`.
    """

    as_of: date
    goal: str
    segments: tuple[SegmentPlan, ...]
    ranking: Ranking
    focus: Focus
    matches: Matches
    assignments: pd.DataFrame
    absent: Mapping[str, str]
    unassigned: int
    powers: Mapping[str, Power]
    """What can be learned of each measure over all its segments, by its key."""
    capacity: float | None
    capacity_unit: str
    needed: float
    """Work that there is for all who are eligible, in the capacity's unit."""

    @property
    def tasks(self) -> tuple[Task, ...]:
        """All measures of all segments."""
        return tuple(task for segment in self.segments for task in segment.tasks)


def make(
    situation: Situation,
    measures: PlaybookSettings,
    goal: GoalSettings,
    settings: ActivationSettings,
    *,
    language: Literal["en", "de"],
    key: bytes,
    seed: int,
    drawn: pd.DataFrame | None = None,
) -> Plan:
    """Rank the segments, match measures, draw the arms and give every account its place.

    Parameters
    ----------
    language
        Of messages and offers.
    key
        Secret that the arms depend on.
    drawn
        What the ledger holds: accounts of a campaign that has begun keep their arm.
    """
    book, segments = situation.book, _by_kind(situation)
    ids = segments["segment_id"]
    ranking = priorities.rank(book, ids, goal.priorities, n_bootstrap=settings.n_bootstrap, seed=seed)
    table = figures.by_segment(book, ids)
    focus = priorities.focus(ranking, table, settings)
    kinds = segments[ids >= 0].groupby("segment_id")["basis"].unique()
    bases = {int(number): tuple(some) for number, some in kinds.items()}
    matches = playbook.match(measures, situation.effects, focus.stances, bases, goal.name)
    customers = book.accounts.index[book.accounts["customers"] > 0]
    found = offers.find(situation.purchases, ids.loc[ids.index.intersection(customers)])
    people = _people(book, segments, found)
    planner = _Planner(
        situation, people, table, found, ranking, focus, measures, settings, language, key, drawn
    )
    planned, needed = planner.tasks(matches)
    assignments, tasks, powers = planner.draw(planned)
    return Plan(
        as_of=book.as_of,
        goal=goal.name,
        segments=tuple(
            SegmentPlan(
                id=int(number),
                name=planner.names[int(number)],
                traits=situation.traits.get(int(number), ()),
                stance=focus.stances[int(number)],
                figures=table.loc[number].to_dict(),
                rank=row.to_dict(),
                matches=matches.of(int(number)),
                tasks=tuple(task for task in tasks if task.match.segment_id == number),
                offers=found.segments[found.segments["segment_id"] == number],
                first=_first(people, int(number)),
            )
            for number, row in ranking.segments.iterrows()
        ),
        ranking=ranking,
        focus=focus,
        matches=matches,
        assignments=assignments,
        absent=book.absent,
        unassigned=int((ids < 0).sum()),
        powers=powers,
        capacity=settings.capacity,
        capacity_unit=settings.capacity_unit,
        needed=needed,
    )


def _by_kind(situation: Situation) -> pd.DataFrame:
    """Return the segments with the kind of account as ``basis``."""
    rows = situation.segments.sort_index()
    is_customer = situation.book.accounts["customers"].loc[rows.index] > 0
    return rows.assign(basis=rows["basis"].where(is_customer, "firmographic"))


def _people(book: Book, segments: pd.DataFrame, found: Offers) -> pd.DataFrame:
    """Return the accounts that have a segment, the first of each segment first."""
    rows = segments[segments["segment_id"] >= 0]
    rows = rows.assign(priority=priorities.within(book, rows))
    accounts = book.accounts.loc[rows.index]
    rows["potential"] = (
        accounts["potential"].where(accounts["customers"] > 0) if "potential" in accounts else np.nan
    )
    rows["item"] = found.accounts["item"].reindex(rows.index).astype(object)
    rows["item"] = rows["item"].where(rows["item"].notna(), "")
    return rows.sort_values(["segment_id", "priority"])


def _first(people: pd.DataFrame, number: int, rows: int = 10) -> pd.DataFrame:
    mine = people[people["segment_id"] == number].head(rows)
    return mine.reset_index()[["account_id", "priority", "potential", "confidence", "item"]]


@dataclass(frozen=True)
class _Planned:
    """A task before its arms are drawn, with those who are eligible and fit the capacity."""

    task: Task
    key: str
    people: pd.DataFrame


@dataclass(frozen=True)
class _Planner:
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

    @property
    def names(self) -> dict[int, str]:
        """Names of the segments by id."""
        found = self.people.drop_duplicates("segment_id").set_index("segment_id")["segment"]
        return {int(number): str(name) for number, name in found.items()}

    @property
    def begin(self) -> date:
        """First day of all measures."""
        return self.settings.begin or self.situation.book.as_of

    def tasks(self, matches: Matches) -> tuple[list[_Planned], float]:
        """Give the work to those who come first, as far as the capacity reaches; return also all the work."""
        room = self.settings.capacity if self.settings.capacity is not None else math.inf
        chosen = list(playbook.chosen(matches, self.playbook, self.settings.measures))
        planned, needed = [], 0.0
        for number in self._order():
            for match, measure, bases in (one for one in chosen if one[0].segment_id == number):
                people, unreachable = self._eligible(number, measure, bases)
                each = self._work(measure)
                room_here = self._fitting(each, room)
                kept = people.head(room_here)
                kept_treated = len(kept) * (1 - self.settings.holdout)
                needed += each * len(people) * (1 - self.settings.holdout)
                room -= each * kept_treated
                planned.append(
                    _Planned(
                        self._task(match, measure, len(kept), unreachable, len(people) - len(kept)),
                        match.measure,
                        kept,
                    )
                )
        return planned, needed

    def _order(self) -> list[int]:
        """Segments in focus first, then those that are kept, each by rank."""
        stances = ("focus", "keep", "let_go")
        ids = [int(number) for number in self.ranking.segments.index]
        return sorted(ids, key=lambda number: stances.index(self.focus.stances[number]))

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
        row = self.table.loc[number]
        items = self.offers.segments
        return {
            "segment": self.names[number],
            "traits": list(self.situation.traits.get(number, ())),
            "accounts": int(row["accounts"]),
            "revenue": float(row.get("revenue", math.nan)),
            "potential": float(row.get("potential", math.nan)),
            "offers": items.loc[items["segment_id"] == number, "item"].head(TOLD_OFFERS).tolist(),
            "as_of": self.situation.book.as_of,
        }

    def draw(self, planned: list[_Planned]) -> tuple[pd.DataFrame, list[Task], dict[str, Power]]:
        """Draw the arms of each campaign over all its segments, and measure what they can tell."""
        parts, tasks, powers = [], [], {}
        by_campaign: dict[str, list[_Planned]] = {}
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

    def _rows(self, one: _Planned, rows: pd.DataFrame) -> pd.DataFrame:
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


def lengths(measures: PlaybookSettings) -> list[int]:
    """Return the durations of which the past must be known (`figures.recent`)."""
    return sorted(set(_lengths(measures)))


def _lengths(measures: PlaybookSettings) -> Iterator[int]:
    for measure in measures.measures.values():
        yield from holdout.lengths(measure.days)

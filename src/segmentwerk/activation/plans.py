"""A plan as plain data: what is known of the accounts, and what is done with whom."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import pandas as pd

from segmentwerk.activation.figures import Book
from segmentwerk.activation.holdout import Power
from segmentwerk.activation.playbook import Match, Matches
from segmentwerk.activation.priorities import Focus, Ranking
from segmentwerk.core.activation_settings import MeasureSettings, Stance

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
    stance: Stance
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

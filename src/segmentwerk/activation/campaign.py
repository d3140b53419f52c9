"""The plan: the segments in their order, the measures of each, and whom they are for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import pandas as pd

from segmentwerk.activation import figures, holdout, offers, playbook, priorities
from segmentwerk.activation.allocation import Planner
from segmentwerk.activation.figures import Book
from segmentwerk.activation.offers import Offers
from segmentwerk.activation.plans import Plan, SegmentPlan, Situation
from segmentwerk.core.activation_settings import ActivationSettings, PlaybookSettings
from segmentwerk.core.settings import GoalSettings

FIRST = 6
"""Accounts of a segment that the plan lists by themselves."""


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
    places = ranking.segments
    bases = {number: tuple(segments.loc[ids == number, "basis"].unique()) for number in focus.stances}
    matches = playbook.match(measures, situation.effects, focus.stances, bases, goal.name)
    customers = book.accounts.index[book.accounts["customers"] > 0]
    found = offers.find(situation.purchases, ids.loc[ids.index.intersection(customers)])
    people = _people(book, segments, found)
    planner = Planner(
        situation, people, table, found, ranking, focus, measures, settings, language, key, drawn
    )
    planned, needed = planner.tasks(matches)
    assignments, tasks, powers = planner.draw(planned)
    return Plan(
        as_of=book.as_of,
        goal=goal.name,
        segments=tuple(
            SegmentPlan(
                id=number,
                name=planner.names[number],
                traits=situation.traits.get(number, ()),
                stance=focus.stances[number],
                figures=figures.row(table, number),
                rank=figures.row(places, number),
                matches=matches.of(number),
                tasks=tuple(task for match in matches.of(number) for task in tasks if task.match is match),
                offers=found.segments[found.segments["segment_id"] == number],
                first=_first(people, number),
            )
            for number in places.index.tolist()
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


def _first(people: pd.DataFrame, number: int) -> pd.DataFrame:
    mine = people[people["segment_id"] == number].head(FIRST)
    return mine.reset_index()[["account_id", "priority", "potential", "confidence", "item"]]


def lengths(measures: PlaybookSettings) -> list[int]:
    """Return the durations of which the past must be known (`figures.recent`)."""
    return sorted(set(_lengths(measures)))


def _lengths(measures: PlaybookSettings) -> Iterator[int]:
    for measure in measures.measures.values():
        yield from holdout.lengths(measure.days)

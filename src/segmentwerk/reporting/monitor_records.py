"""What the run of a monitored date tells MLflow: figures with the date as step, so that it draws curves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from segmentwerk.config import MonitorSettings
from segmentwerk.contest import run_records
from segmentwerk.core.monitored import Monitored
from segmentwerk.core.records import Dataset, Description, Metric, Param, Record, Tag, Text
from segmentwerk.insight.language import Language
from segmentwerk.monitoring.assessing import THEN
from segmentwerk.monitoring.movement import Movement
from segmentwerk.reporting import monitor_page
from segmentwerk.reporting.monitor_words import why_not
from segmentwerk.tracking import provenance

SINCE = "monitoring.since"
"""Tag of a run: the date that its movement is counted from."""
POINTS = "monitoring.points"
"""Tag of a run: the dates whose figures it holds, so that none is logged twice."""


def step(day: date) -> int:
    """Return a date as a step: 20260401, so that the axis of a chart can be read."""
    return day.year * 10_000 + day.month * 100 + day.day


def records(
    one: Monitored, settings: MonitorSettings, language: Language, comparison: str
) -> Iterator[Record]:
    """List what is logged of a date beside its figures, without any id of an account."""
    yield Dataset(one.source, one.source, one.source_digest, one.accounts, context="monitoring")
    yield from provenance.tags()
    yield Tag("source", one.source)
    yield Tag("as_of", str(one.as_of))
    yield Tag("advice", one.advice)
    yield Tag("gates", "failed" if any(each.calls for each in one.findings) else "passed")
    for each in one.findings:
        word = f" ({each.word})" if each.word else ""
        told = why_not(each, language) if each.status == "not_applicable" else each.message
        yield Tag(f"gate.{each.code}", f"{each.status}{word}: {told}")
    if one.movement:
        yield Tag(SINCE, str(one.movement["since"]))
    yield Param("accounts", one.accounts)
    yield Param("customers", one.customers)
    yield Param("model", one.model)
    yield Param("trained_as_of", one.trained_as_of)
    yield Text("config.yaml", run_records.shareable(settings))
    yield Text("monitored.json", one.model_dump_json(indent=1))
    yield Description(monitor_page.summary(one, language, comparison))


def points(dates: Sequence[Monitored], known: Sequence[str] = ()) -> Iterator[Record]:
    """List the figures of dates at their steps; ``known`` are dates that the run has already."""
    fresh = [one for one in dates if str(one.as_of) not in known]
    for one in fresh:
        for name, value in numbers(one).items():
            yield Metric(name, value, step(one.as_of))
    if fresh:
        yield Tag(POINTS, ",".join(sorted({*known, *(str(one.as_of) for one in fresh)})))


def numbers(one: Monitored) -> dict[str, float]:
    """Return the figures of a date by their names in MLflow."""
    figures = {name: figure for name, figure in one.figures.items() if not name.startswith(THEN)}
    found = {name: figure.value for name, figure in figures.items()}
    for name, figure in figures.items():
        if figure.low is not None and figure.high is not None:
            group, _, short = name.partition("/")
            found[f"{run_records.INTERVAL}/{group}_{short}_low"] = figure.low
            found[f"{run_records.INTERVAL}/{group}_{short}_high"] = figure.high
    found["gates/failed"] = float(sum(each.calls for each in one.findings))
    found["gates/told"] = float(sum(each.status == "failed" and not each.calls for each in one.findings))
    return found | {f"psi/{drift.name}": drift.psi for drift in one.drifts} | moves(one)


def moves(one: Monitored) -> dict[str, float]:
    """Return who moved since the date before; empty for the first."""
    if not one.movement:
        return {}
    moved = Movement.read(one.movement)
    found = {
        "movement/came": float(moved.entries.to_numpy().sum()),
        "movement/went": float(moved.exits.to_numpy().sum()),
    }
    return found | ({"movement/moved": moved.moved} if moved.moved == moved.moved else {})


def moved_since(one: Monitored, known: str) -> Iterator[Record]:
    """List the movement to a date where the run tells that from another date, or none.

    A date that was monitored later may lie in between; the later value at a step is the one that is shown.
    """
    since = str(one.movement["since"]) if one.movement else ""
    if since and since != known:
        for name, value in moves(one).items():
            yield Metric(name, value, step(one.as_of))
        yield Text("monitored.json", one.model_dump_json(indent=1))
        yield Tag(SINCE, since)

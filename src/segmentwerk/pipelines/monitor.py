"""`segmentwerk monitor`: whether the champion still holds at one date or several, and what has changed."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from segmentwerk.config import MonitorSettings
from segmentwerk.core.context import Context
from segmentwerk.core.errors import GateError
from segmentwerk.core.files import locked
from segmentwerk.core.monitored import Monitored
from segmentwerk.core.records import Artifact
from segmentwerk.insight.language import Language
from segmentwerk.insight.words import called
from segmentwerk.monitoring import movement
from segmentwerk.monitoring.keeping import KeptDates
from segmentwerk.monitoring.movement import Snapshot
from segmentwerk.registry.incumbent import segment_name
from segmentwerk.registry.publish import describe
from segmentwerk.release import movers, watching
from segmentwerk.release.asking import segments_of
from segmentwerk.release.watching import Watched
from segmentwerk.reporting import monitor_page, monitor_records
from segmentwerk.reporting.monitor_page import MonitorPage
from segmentwerk.reporting.monitor_words import MonitorOrigin, headline
from segmentwerk.reporting.plan_records import Version
from segmentwerk.scoring.load import LoadedModel, load
from segmentwerk.tracking.writer import Store

log = logging.getLogger(__name__)

FOLDER = "monitoring"
"""Below home: what was found at each date, aggregates only."""
NOTE = "<!-- monitoring -->"
"""Begins the line on a version's page that leads to its latest monitored date."""


def run(settings: MonitorSettings, context: Context) -> dict[str, Any]:
    """Look at each date, keep what was found, tell it, and say no where something is to be done.

    Dates may be given in any order and again; what is kept and told afterwards is the same.

    Raises
    ------
    ConfigError, InputError, ModelError
        If source or model cannot be used.
    GateError
        If a gate calls for something at the latest of the given dates, after all was written.
    """
    store = Store(settings.tracking.uri, settings.home, enabled=settings.tracking.enabled)
    store.prepare(settings.tracking.experiment)
    loaded = load(settings.model, store.uri)
    movers.insist(loaded, settings)
    watched = Watched.of(loaded, settings, context)
    kept = KeptDates(settings.home / FOLDER, loaded.uri, loaded.digest, settings.source.name)
    snapshots = _look(watched, settings, kept, context)
    with locked(kept.place / ".lock"):
        _join(watched, settings, kept, snapshots, context)
        dates = kept.read()
        asked = [one for one in dates if one.as_of in snapshots]
        summary = _tell(dates, asked, loaded, settings, store, context)
        if settings.sink is not None:
            summary["lists"] = _lists(dates, asked[-1], watched, snapshots, settings, context)
    if asked[-1].advice != "keep":
        context.write_summary(summary)  # the error says no, but all was done
        raise _refusal(asked[-1], settings, loaded)
    return summary


def _lists(
    dates: Sequence[Monitored],
    last: Monitored,
    watched: Watched,
    snapshots: Mapping[date, Snapshot],
    settings: MonitorSettings,
    context: Context,
) -> dict[str, Any] | None:
    """Hand over whom the movement to the latest of the given dates names; None where no date is before it."""
    earlier = [one.as_of for one in dates if one.as_of < last.as_of]
    if not earlier:
        log.info("Lists need an earlier date to compare with: monitor one, for instance as_of=[…,…].")
        return None
    before = snapshots.get(earlier[-1]) or watching.snapshot(watched, settings, earlier[-1], context)
    return movers.hand_over(watched.loaded, before, snapshots[last.as_of], settings, context)


def _look(
    watched: Watched, settings: MonitorSettings, kept: KeptDates, context: Context
) -> dict[date, Snapshot]:
    """Look at each date asked for and keep it at once: what is found is not lost if a later date fails."""
    asked: Sequence[date | None] = sorted(set(settings.as_of)) if settings.as_of else [None]
    found: dict[date, Snapshot] = {}
    with Progress(console=Console(stderr=True), transient=True) as bar:
        for as_of in bar.track(asked, description="Monitoring"):
            looked = watching.look(watched, settings, as_of, context)
            kept.keep(looked.monitored)
            found[looked.monitored.as_of] = looked.snapshot
    return found


def _join(
    watched: Watched,
    settings: MonitorSettings,
    kept: KeptDates,
    snapshots: Mapping[date, Snapshot],
    context: Context,
) -> None:
    """Count who moved from each kept date to the next, where that is not kept yet.

    A date that comes between two others, or is looked at again, changes the next one's movement, too; of a
    date that was not asked for now, the source is asked again where every account was.
    """
    known, dates = dict(snapshots), kept.read()

    def at(day: date) -> Snapshot:
        if day not in known:
            known[day] = watching.snapshot(watched, settings, day, context)
        return known[day]

    segments = segments_of(watched.loaded)
    for before, after in pairwise(dates):
        since = str(before.as_of)
        fresh = {before.as_of, after.as_of} & set(snapshots)
        if fresh or after.movement is None or after.movement["since"] != since:
            moved = movement.between(at(before.as_of), at(after.as_of), segments)
            kept.keep(after.model_copy(update={"movement": moved.kept()}))


def _tell(
    dates: Sequence[Monitored],
    asked: Sequence[Monitored],
    loaded: LoadedModel,
    settings: MonitorSettings,
    store: Store,
    context: Context,
) -> dict[str, Any]:
    """Write the page, log a run a date, and link the version and its comparison to the latest one."""
    language = Language(settings.report.language, settings.source.currency)
    version = Version.of(loaded, store)
    names = {segment.id: called(segment_name(segment), language) for segment in loaded.catalogue.segments}
    about = MonitorOrigin(version.shown, names)
    pages = monitor_page.write(MonitorPage(dates, about, language, settings.seed), context.output / FOLDER)
    runs = {}
    for one in dates:
        earlier = [other for other in dates if other.as_of <= one.as_of]
        if one in asked or one.as_of > asked[0].as_of:  # a later date's curve goes through the new ones
            runs[one.as_of] = _log(one, earlier, one in asked, pages, settings, language, version, store)
    _link(dates[-1], runs.get(dates[-1].as_of, ""), version, store, language)
    for one in asked:
        log.info("%s", headline(one, language))
    log.info("Page: %s", pages[0])
    last = asked[-1]
    return {
        "inputs": {
            "source": last.source,
            "as_of": [one.as_of for one in asked],
            "digest": last.source_digest,
        },
        "model": loaded.uri,
        "advice": {str(one.as_of): one.advice for one in asked},
        "findings": {str(one.as_of): [each.model_dump() for each in one.failed] for one in asked},
        "kept": [one.as_of for one in dates],
        "page": {"html": pages[0], "markdown": pages[1]},
        "run_ids": {str(day): run_id for day, run_id in runs.items()},
    }


def _log(
    one: Monitored,
    dates: Sequence[Monitored],
    whole: bool,
    pages: tuple[Path, Path],
    settings: MonitorSettings,
    language: Language,
    version: Version,
    store: Store,
) -> str:
    """Log a date into its own run, with the curve up to it; return the run's id."""
    tags = {"verb": "monitor", **version.tags}
    name, key = f"monitoring {one.source} {one.as_of}", _key(one)
    with store.run(settings.tracking.experiment, name, key=key, tags=tags) as run:
        told: Mapping[str, str] = {}
        if run.is_known and store.answers():
            told = store.client.get_run(run.id).data.tags
        known = told.get(monitor_records.POINTS, "").split(",")
        if whole or not any(known):  # a run that a killed command never began
            run.write(monitor_records.records(one, settings, language, version.comparison))
            run.write([Artifact(path, FOLDER) for path in pages])
        run.write(monitor_records.points(dates, [day for day in known if day]))
        if str(one.as_of) in known:
            run.write(monitor_records.moved_since(one, told.get(monitor_records.SINCE, "")))
    return run.id


def _key(one: Monitored) -> str:
    """Name the run by version, source and date, so that the same date again goes on in the same run."""
    told = "\n".join((one.model, one.digest, one.source, str(one.as_of)))
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _link(one: Monitored, run_id: str, version: Version, store: Store, language: Language) -> None:
    """Let the version's page and the comparison's run lead to the latest monitored date."""
    if not version.name or not run_id or not store.enabled or not store.answers():
        return
    client = store.client
    marks = {"monitoring.as_of": str(one.as_of), "monitoring.advice": one.advice, "monitoring.run": run_id}
    for name, value in marks.items():
        client.set_model_version_tag(version.name, version.version, name, value)
        if version.comparison:
            client.set_tag(version.comparison, name, value)
    advice = language.text(f"monitoring.advice_{one.advice}")
    line = language.text("monitoring.on_version", as_of=one.as_of, advice=advice, run=run_id)
    told = str(client.get_model_version(version.name, version.version).description or "")
    rest = told.split(NOTE)[-1].partition("\n\n")[2] if told.startswith(NOTE) else told
    describe(store, version.name, int(version.version), f"{NOTE}{line}\n\n{rest}")


def _refusal(one: Monitored, settings: MonitorSettings, loaded: LoadedModel) -> GateError:
    """Return what says that something is to be done."""
    language = Language("en", settings.source.currency)
    remedy = (
        "Correct the source's records, then monitor the date again."
        if one.advice == "repair"
        else "Compare anew from the champion on: segmentwerk refresh."
    )
    return GateError(f"{loaded.uri}: {headline(one, language)}", remedy)

"""`segmentwerk compare`: tune and judge all segmenters on one scorecard, register the best."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd

from segmentwerk.config import CompareSettings
from segmentwerk.contest import run_records
from segmentwerk.contest.candidates import Candidate, build, refitter
from segmentwerk.contest.contest import Contest, identity
from segmentwerk.contest.outcome import Outcome
from segmentwerk.contest.race import Race
from segmentwerk.contest.unfinished import unfinished
from segmentwerk.core.context import Context
from segmentwerk.core.errors import ConfigError, FitError, nearest
from segmentwerk.core.files import atomic_file
from segmentwerk.core.processes import processes
from segmentwerk.core.records import Artifact, Description, Metric, Param, Record, Tag, Text
from segmentwerk.core.seeds import derive
from segmentwerk.core.settings import SegmenterSettings
from segmentwerk.core.threads import threads
from segmentwerk.core.types import Selection, StudyResult, Verdict
from segmentwerk.data import privacy
from segmentwerk.evaluation.selection import against_baseline, select
from segmentwerk.evaluation.structure import verdict
from segmentwerk.insight.language import ENGLISH, Language
from segmentwerk.measurement import learned_effects
from segmentwerk.preparation.prepare import Prepared, prepare
from segmentwerk.release.release import Release, release
from segmentwerk.reporting import gallery, listings, pages, sentences, terminal
from segmentwerk.reporting.story import Story, of_comparison
from segmentwerk.tracking import provenance
from segmentwerk.tracking.writer import Run, Store

log = logging.getLogger(__name__)

REPORT = "report"
"""Folder of the segment report, below the output and among the artifacts."""


def run(settings: CompareSettings, context: Context) -> dict[str, Any]:
    """Hold the contest, register the winner and return the summary.

    Raises
    ------
    InputError, ConfigError
        If the source or the config cannot be used; nothing was logged then.
    FitError
        If no segmenter could be fitted.
    """
    chosen = _chosen(settings)
    store = Store(settings.tracking.uri, settings.home, enabled=settings.tracking.enabled)
    with store.preparing(settings.tracking.experiment):
        prepared = prepare(settings, context)
    title = f"compare {prepared.table.source}"
    with (
        unfinished(settings.home, "compare", *identity(prepared, settings, chosen)) as key,
        store.run(settings.tracking.experiment, title, tags={"verb": "compare"}, key=key) as parent,
        threads(),
    ):
        parent.write([*run_records.of_table(prepared.table), *run_records.of_settings(settings)])
        parent.write(provenance.tags())
        with (
            Contest.open(prepared, settings, settings.tuning, context, store, key, parent) as contest,
            processes() as helpers,
        ):
            found = _hold(contest, chosen, settings, parent, helpers)
        with context.timed("release"):
            released = release(prepared, found.winner, settings, context, store, parent, pages.card)
        _write_labels(found, prepared, context)
        with context.timed("figures"):
            pictures, drawn = gallery.draw(found, released, prepared, settings, context.output)
        earned = learned_effects.recall(settings.home, settings.registry.model_name, prepared.table.source)
        story = of_comparison(found, released, prepared, settings, earned)
        language = released.described.language
        with context.timed("report"):
            report = pages.write_report(story, pictures, context.output / REPORT, language)
        page = _page(story, released, settings, context, _address(store, settings, parent))
        parent.write(_records(found, page, prepared, context))
        parent.write([*drawn, *(Artifact(path, REPORT) for path in report)])
        parent.write(_files(settings, released, prepared, context))
    if not context.quiet:
        terminal.show(story, released, settings.tracking.uri, settings.source.currency)
    return _summary(found, released, prepared, parent)


def _chosen(settings: CompareSettings) -> dict[str, SegmenterSettings]:
    """Return the candidates by name, each checked to be buildable before anything runs."""
    names = settings.candidates or list(settings.segmenters)
    for name in names:
        if name not in settings.segmenters:
            raise ConfigError(f"There is no segmenter {name!r}.", nearest(name, settings.segmenters))
        build(settings.segmenters[name], {}, min_share=settings.evaluation.min_segment_share, seed=0)
    return {name: settings.segmenters[name] for name in names}


def _hold(
    contest: Contest,
    chosen: dict[str, SegmenterSettings],
    settings: CompareSettings,
    parent: Run,
    helpers: Executor,
) -> Outcome:
    race = Race(contest, parent, helpers)
    race.run(chosen)
    if not race.candidates:
        raise FitError("No segmenter could be fitted.", " ".join(race.left_out.values()))
    names = [name for name in chosen if name in race.candidates]
    candidates = {found.name: found for name in names for found in race.candidates[name]}
    studies = {name: race.studies[name] for name in names}
    cards = against_baseline(
        [candidate.card for candidate in candidates.values()], settings.evaluation, settings.goal
    )
    candidates = {card.candidate: replace(candidates[card.candidate], card=card) for card in cards}
    with contest.context.timed("select"):
        selection = select(cards, settings.evaluation, settings.goal)
    language = Language.of(
        settings.report.language, settings.source.currency, contest.prepared.table.catalogue
    )
    _conclude(race, candidates, selection, studies, language)
    with contest.context.timed("select"):
        judged = _verdict(contest, candidates[selection.winner], settings, helpers)
    return Outcome(candidates, cards, studies, selection, judged, race.left_out)


def _conclude(
    race: Race,
    candidates: dict[str, Candidate],
    selection: Selection,
    studies: dict[str, StudyResult],
    language: Language,
) -> None:
    """Write on each segmenter's run how it stands beside the others, which only now is known."""
    winner = candidates[selection.winner].card
    for name, study in studies.items():
        own = [found.card for found in candidates.values() if found.card.algorithm == name]
        page = pages.segmenter(own, winner, study, selection, language)
        race.runs[name].write([*run_records.of_gates(candidates[name].card), Description(page)])


def _verdict(contest: Contest, winner: Candidate, settings: CompareSettings, helpers: Executor) -> Verdict:
    log.info("Asking whether there is any structure, against data without groups ...")
    share = settings.evaluation.min_segment_share
    params = winner.params | winner.model.reduced
    return verdict(
        refitter(winner.spec, params, contest.prepared.view, min_share=share),
        contest.prepared.view,
        settings.evaluation,
        seed=derive(settings.seed, "verdict"),
        card=winner.card,
        spread=helpers.map,
    )


def _address(store: Store, settings: CompareSettings, run: Run) -> str:
    """Return where the MLflow UI shows the report, relative to any of its pages; empty without tracking."""
    if not store.enabled:
        return ""
    experiment = store.prepare(settings.tracking.experiment)
    return f"#/experiments/{experiment}/runs/{run.id}/artifacts/{REPORT}/report.html"


def _page(story: Story, released: Release, settings: CompareSettings, context: Context, address: str) -> str:
    """Write the run's description; ids of accounts never leave the machine, so it says where they lie."""
    path = released.packed.assignments
    if path.is_relative_to(settings.home):
        path = path.relative_to(settings.home)
    else:  # the folder of outputs was set: its address is nobody else's business
        path = Path(context.output.name) / path.name
    language = released.described.language
    return pages.comparison(story, language, address=address, members=path.as_posix(), model=released.uri)


def _records(found: Outcome, page: str, prepared: Prepared, context: Context) -> Iterator[Record]:
    selection, winner = found.selection, found.winner
    yield Tag("winner", winner.card.algorithm)
    yield Tag("verdict", found.verdict.kind)
    yield Param("n_segments", winner.card.n_segments)
    yield Param("n_factors", len(prepared.factors))
    for name, value in sorted(winner.card.params.items()):
        yield Param(f"winner.{name}", value)
    yield Description(page)
    for score in winner.card.scores:
        yield Metric(score.key, score.value)
    yield Metric("wall_time/stages_seconds", sum(context.timings.values()))
    timings = pd.Series(context.timings, name="seconds").rename_axis("stage")
    yield Text("comparison/timings.csv", timings.to_csv())
    for path in listings.write(selection, found.cards, prepared, context.output):
        yield Artifact(path, "comparison")


def _write_labels(found: Outcome, prepared: Prepared, context: Context) -> None:
    """Write every candidate's label of every customer: for looking closer on this machine only."""
    space = prepared.space.transform(prepared.table.features.loc[prepared.table.customers])
    labels = pd.DataFrame(
        {name: candidate.model.predict(space) for name, candidate in found.candidates.items()},
        index=space.index.rename("account_id"),
    )
    labels.insert(0, "held_out", labels.index.isin(prepared.holdout))
    with atomic_file(context.output / "candidates.parquet") as draft:
        labels.reset_index().to_parquet(draft, index=False)


def _files(
    settings: CompareSettings, released: Release, prepared: Prepared, context: Context
) -> Iterator[Record]:
    """List the files that may leave this machine: no id, no row of a customer."""
    for page in prepared.accounts.quality_pages:
        yield Artifact(page, "quality")
    key = privacy.key(settings.home)
    assignments = pd.read_parquet(released.packed.assignments)
    assignments["account_id"] = privacy.pseudonymise(assignments["account_id"], key)
    path = context.output / "pseudonymised" / "assignments.parquet"
    with atomic_file(path) as draft:
        assignments.to_parquet(draft, index=False)
    yield Artifact(path, "assignments")


def _summary(found: Outcome, released: Release, prepared: Prepared, parent: Run) -> dict[str, Any]:
    table = prepared.table
    return {
        "inputs": {
            "source": table.source,
            "digest": table.digest,
            "as_of": table.window.as_of,
            "outcome_until": table.window.outcome_until,
            "rows": prepared.accounts.checked.rows,
            "quarantined": prepared.accounts.checked.rejected,
            "accounts": len(table.orders),
            "customers": len(table.customers),
            "held_out": len(prepared.holdout),
            "factors": prepared.factors,
            "faint": prepared.faint,
        },
        "scores": {
            card.candidate: {score.key: score.value for score in card.scores if score.family != "wall_time"}
            for card in found.cards
        },
        "decision": {
            "winner": found.selection.winner,
            "algorithm": found.winner.card.algorithm,
            "n_segments": found.winner.card.n_segments,
            "params": found.winner.card.params,
            "reason": sentences.reasons(found.selection, found.cards, ENGLISH),
            "near_ties": found.selection.near_ties,
            "pareto": found.selection.pareto,
            "comparisons": [asdict(item) for item in found.selection.comparisons],
            "verdict": found.verdict.kind,
            "verdict_reason": found.verdict.reason,
            "left_out": found.left_out,
        },
        "model": released.summary(),
        "run_id": parent.id,
    }

"""The segment report of a comparison: gather what it tells, write it, hand it to the writer."""

from __future__ import annotations

from segmentwerk.config import CompareSettings
from segmentwerk.contest.outcome import Outcome
from segmentwerk.core.context import Context
from segmentwerk.core.records import Artifact, Record
from segmentwerk.insight import sentences
from segmentwerk.insight.language import Language
from segmentwerk.insight.report import Story, Told, write
from segmentwerk.preparation.prepare import Prepared, outcome_name
from segmentwerk.release.release import Release
from segmentwerk.reporting.gallery import Pictures
from segmentwerk.tracking.writer import Run, Store

FOLDER = "report"
PAGE = f"{FOLDER}/report.html"
"""Where the report lies among the artifacts of the parent run."""


def make(
    found: Outcome,
    released: Release,
    prepared: Prepared,
    settings: CompareSettings,
    context: Context,
    pictures: Pictures,
) -> list[Record]:
    """Write the report and the cards into the output folder and list them as artifacts."""
    table = prepared.table
    language = Language.of(settings.report.language, settings.source.currency, table.catalogue)
    story = Story(
        source=table.source,
        as_of=table.window.as_of,
        customers=len(table.customers),
        held_out=None if prepared.in_turn else len(prepared.holdout),
        quarantined=sum(prepared.accounts.checked.rejected.values()),
        digest=table.digest,
        proposal=released.proposal,
        replaced=released.replaced.version if released.replaced else None,
        selection=found.selection,
        scorecards=found.cards,
        verdict=found.verdict,
        cards=released.cards,
        moves=released.moves,
        prospects=released.prospects,
        told=told(found, prepared, settings, language),
        pictures=pictures,
        left_out=found.left_out,
        factors=prepared.factors,
        faint=prepared.faint,
    )
    return [Artifact(path, FOLDER) for path in write(story, context.output / FOLDER, language)]


def told(found: Outcome, prepared: Prepared, settings: CompareSettings, language: Language) -> Told:
    """Say what stands beside the tables."""
    card, table = found.winner.card, prepared.table
    outcome = sentences.outcome(outcome_name(settings.goal), table.window, language)
    return Told(
        number=sentences.number_of_segments(
            found.studies, card, found.selection, settings.evaluation, language
        ),
        structure=sentences.structure(found.verdict, settings.evaluation, language),
        meanings=sentences.meanings(found.selection, outcome, card.score("value/reference"), language),
    )


def address(store: Store, experiment: str, run: Run) -> str:
    """Return where the MLflow UI shows the report, relative to any of its pages; empty without tracking."""
    if not store.enabled:
        return ""
    return f"#/experiments/{store.prepare(experiment)}/runs/{run.id}/artifacts/{PAGE}"

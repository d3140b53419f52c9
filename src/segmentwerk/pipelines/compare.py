"""`segmentwerk compare`: tune and judge all segmenters on one scorecard, register the best."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from segmentwerk.config import CompareSettings
from segmentwerk.contest.holding import Held, held
from segmentwerk.contest.outcome import Outcome
from segmentwerk.core.context import Context
from segmentwerk.core.files import atomic_file
from segmentwerk.core.records import Artifact, Description, Metric, Param, Record, Tag, Text
from segmentwerk.data import privacy
from segmentwerk.insight.language import ENGLISH
from segmentwerk.measurement import learned_effects
from segmentwerk.preparation.prepare import Prepared
from segmentwerk.release.describing import Described
from segmentwerk.release.release import Release, release
from segmentwerk.reporting import analysed, gallery, listings, pages, sentences, terminal
from segmentwerk.reporting.analysed import Asking
from segmentwerk.reporting.story import Story, of_comparison
from segmentwerk.tracking.encode import MAX_NOTE
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
    with held(settings, context, "compare", pages.segmenter) as contest:
        return publish(contest)


def publish(contest: Held, described: Described | None = None, lead: str = "") -> dict[str, Any]:
    """Register the winner, tell people and return the summary.

    Parameters
    ----------
    described
        Of the winner, where that was asked for before.
    lead
        A paragraph before everything else on the run's page, as Markdown.
    """
    settings, context, store = contest.settings, contest.context, contest.store
    prepared, parent, found = contest.prepared, contest.parent, contest.found
    with context.timed("release"):
        released = release(prepared, found.winner, settings, context, store, parent, pages.card, described)
    _write_labels(found, prepared, context)
    with context.timed("analysed"):
        told = analysed.sections(Asking.of(released, prepared, settings.seed))
    with context.timed("figures"):
        more = [figure for section in told for figure in section.figures]
        pictures, drawn = gallery.draw(found, released, prepared, settings, context.output, more)
    earned = learned_effects.recall(settings.home, settings.registry.model_name, prepared.table.source)
    story = of_comparison(found, released, prepared, settings, earned)
    language = released.described.language
    with context.timed("report"):
        report = pages.write_report(story, pictures, context.output / REPORT, language, told)
    address = _address(store, settings, parent)
    lead = f"{lead}\n\n" if lead else ""
    page = lead + _page(story, released, contest, address, len(lead))
    parent.write([Description(page), *records(contest)])
    parent.write([*drawn, *(Artifact(path, REPORT) for path in report)])
    parent.write(_files(settings, released, prepared, context))
    if not context.quiet:
        terminal.show(story, released, settings.tracking.uri, settings.source.currency)
    return summary(contest) | {"model": released.summary(), "run_id": parent.id}


def _address(store: Store, settings: CompareSettings, run: Run) -> str:
    """Return where the MLflow UI shows the report, relative to any of its pages; empty without tracking."""
    if not store.enabled:
        return ""
    experiment = store.prepare(settings.tracking.experiment)
    return f"#/experiments/{experiment}/runs/{run.id}/artifacts/{REPORT}/report.html"


def _page(story: Story, released: Release, contest: Held, address: str, taken: int) -> str:
    """Write the run's description; ids of accounts never leave the machine, so it says where they lie."""
    path, settings, context = released.packed.assignments, contest.settings, contest.context
    if path.is_relative_to(settings.home):
        path = path.relative_to(settings.home)
    else:  # the folder of outputs was set: its address is nobody else's business
        path = Path(context.output.name) / path.name
    language = released.described.language
    told = {"address": address, "members": path.as_posix(), "model": released.uri}
    return pages.comparison(story, language, **told, room=MAX_NOTE - taken)


def records(contest: Held) -> Iterator[Record]:
    """List what the run tells of the contest, whatever becomes of the winner."""
    found, context = contest.found, contest.context
    selection, winner = found.selection, found.winner
    yield Tag("winner", winner.card.algorithm)
    yield Tag("verdict", found.verdict.kind)
    yield Param("n_segments", winner.card.n_segments)
    yield Param("n_factors", len(contest.prepared.factors))
    for name, value in sorted(winner.card.params.items()):
        yield Param(f"winner.{name}", value)
    for score in winner.card.scores:
        yield Metric(score.key, score.value)
    yield Metric("wall_time/stages_seconds", sum(context.timings.values()))
    timings = pd.Series(context.timings, name="seconds").rename_axis("stage")
    yield Text("comparison/timings.csv", timings.to_csv())
    for path in listings.write(selection, found.cards, contest.prepared, context.output):
        yield Artifact(path, "comparison")


def _write_labels(found: Outcome, prepared: Prepared, context: Context) -> None:
    """Write every candidate's label of every customer: for looking closer on this machine only."""
    space = prepared.space.transform(prepared.table.features.loc[prepared.table.learnable])
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


def summary(contest: Held) -> dict[str, Any]:
    """Return what `summary.json` says of the contest."""
    found, prepared = contest.found, contest.prepared
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
            **({"sampled_from": n} if (n := prepared.accounts.population) is not None else {}),
            "customers": len(table.customers),
            "joined": asdict(table.joined) if table.joined else None,
            "learnable": len(table.learnable),
            "active": table.leading,
            "describing": table.describing,
            "held_out": len(prepared.holdout),
            "factors": prepared.factors,
            "faint": prepared.faint,
        },
        "scores": {
            card.candidate: {score.key: score.value for score in card.scores if score.family != "wall_time"}
            | dict.fromkeys(listings.absent(card, found.cards))
            for card in found.cards
        },
        "decision": {
            "winner": found.selection.winner,
            "algorithm": found.winner.card.algorithm,
            "n_segments": found.winner.card.n_segments,
            "params": found.winner.card.params,
            "reason": sentences.reasons(found.selection, found.cards, ENGLISH),
            "near_ties": found.selection.near_ties,
            "halted": [card.candidate for card in found.cards if card.halted],
            "pareto": found.selection.pareto,
            "comparisons": [asdict(item) for item in found.selection.comparisons],
            "verdict": found.verdict.kind,
            "verdict_reason": found.verdict.reason,
            "left_out": found.left_out,
        },
    }

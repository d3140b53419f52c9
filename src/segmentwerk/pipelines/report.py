"""The segment report of a comparison: gather what it tells, write it, hand it to the writer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from segmentwerk.config import CompareSettings
from segmentwerk.core.records import Artifact, Record
from segmentwerk.core.types import AccountTable
from segmentwerk.features import peers
from segmentwerk.insight import cards
from segmentwerk.insight.language import Language
from segmentwerk.insight.report import Story, write
from segmentwerk.pipelines.context import Context
from segmentwerk.pipelines.gallery import Pictures
from segmentwerk.pipelines.preparation import Prepared
from segmentwerk.pipelines.release import Release
from segmentwerk.tracking.writer import Run, Store

if TYPE_CHECKING:
    from segmentwerk.pipelines.compare import Outcome

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
    space = prepared.space.transform(table.features.loc[released.labels.index])
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
        cards=cards.make(
            table, space, released.labels, released.segments, released.measured, potential(table)
        ),
        identity=released.identity,
        pictures=pictures,
        left_out=found.left_out,
        factors=prepared.factors,
        faint=prepared.faint,
    )
    language = Language.of(settings.report.language, settings.source.currency, table.catalogue)
    return [Artifact(path, FOLDER) for path in write(story, context.output / FOLDER, language)]


def address(store: Store, experiment: str, run: Run) -> str:
    """Return where the MLflow UI shows the report, relative to any of its pages; empty without tracking."""
    if not store.enabled:
        return ""
    return f"#/experiments/{store.prepare(experiment)}/runs/{run.id}/artifacts/{PAGE}"


def potential(table: AccountTable) -> pd.Series | None:
    """Return what each customer would spend more in a year if it spent like its peers, in money.

    None where the table does not tell: no peers were learned, or the features they need are left out.
    """
    learned: Any = table.definitions.get(peers.STEP.name)
    if not learned or not set(peers.STEP.reads) <= set(table.features):
        return None
    rows = table.features.loc[table.customers]
    return (peers.spending(rows, learned) - rows["revenue_12m"]).clip(lower=0.0).fillna(0.0)

"""The figures of a comparison, as PNG for MLflow's gallery and as one interactive page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from segmentwerk.config import CompareSettings
from segmentwerk.core.records import Artifact, Record
from segmentwerk.insight import plots
from segmentwerk.insight.draw_html import draw_html
from segmentwerk.insight.draw_png import draw_png
from segmentwerk.insight.figure import Figure
from segmentwerk.insight.profiles import effects
from segmentwerk.pipelines.preparation import Prepared
from segmentwerk.pipelines.release import Release

if TYPE_CHECKING:
    from segmentwerk.pipelines.compare import Outcome


def draw(
    found: Outcome, released: Release, prepared: Prepared, settings: CompareSettings, output: Path
) -> Iterator[Record]:
    """Draw all figures into ``output/figures`` and yield them as artifacts."""
    figures = list(_figures(found, released, prepared, settings))
    folder = output / "figures"
    for figure in figures:
        yield Artifact(draw_png(figure, folder), "figures")
    title = f"{found.selection.winner} won on {prepared.table.source}"
    yield Artifact(draw_html(figures, title, folder / "interactive.html"), "figures")


def _figures(
    found: Outcome, released: Release, prepared: Prepared, settings: CompareSettings
) -> Iterator[Figure]:
    keys = [key for key in settings.evaluation.primary if found.winner.card.score(key) is not None]
    yield plots.side_by_side(found.selection, found.cards, keys)
    for key in keys:
        yield plots.ranked(found.selection, found.cards, key)
    yield plots.by_segments(found.studies, found.winner.card)
    yield plots.history(found.studies)
    yield plots.sizes(released.segments)
    yield plots.stability(released.segments, found.winner.card)
    view = prepared.view
    labels = pd.Series(found.winner.model.predict(view.train), index=view.train.index)
    yield plots.profile(effects(prepared.table, labels), released.segments)
    yield plots.map_of(view.train, labels, released.segments, settings.seed)
    for candidate in found.candidates.values():
        curve = getattr(candidate.model, "diagnostics_", {}).get("validation_loss")
        if curve and candidate.name == candidate.card.algorithm:
            yield plots.training(curve)
    if released.replaced is not None:
        yield plots.migration(released.identity)

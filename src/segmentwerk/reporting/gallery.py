"""The figures of a comparison, as PNG for the report and MLflow's viewer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from segmentwerk.config import CompareSettings
from segmentwerk.contest.outcome import Outcome
from segmentwerk.core.records import Artifact, Record
from segmentwerk.insight import plots, segment_plots
from segmentwerk.insight.draw_png import draw_png
from segmentwerk.insight.figure import Figure
from segmentwerk.insight.language import Language
from segmentwerk.preparation.prepare import Prepared, outcome_name
from segmentwerk.release.release import Release
from segmentwerk.reporting.story import criteria
from segmentwerk.tuning.importance import importances
from segmentwerk.tuning.space import SearchSpace

Pictures = list[tuple[Figure, Path]]


def draw(
    outcome: Outcome,
    released: Release,
    prepared: Prepared,
    settings: CompareSettings,
    output: Path,
    more: Iterable[Figure] = (),
) -> tuple[Pictures, list[Record]]:
    """Draw all figures and some more into ``output/figures``.

    Return them with their files, and what is to be logged.
    """
    language = released.described.language
    folder = output / "figures"
    figures = [
        *_figures(outcome, released, prepared, settings, language),
        *_searches(outcome, language),
        *more,
    ]
    drawn = [(figure, draw_png(figure, folder, language)) for figure in figures]
    return drawn, [Artifact(path, "figures") for _, path in drawn]


def _figures(
    outcome: Outcome, released: Release, prepared: Prepared, settings: CompareSettings, language: Language
) -> Iterator[Figure]:
    card, segments = outcome.winner.card, released.described.segments
    yield plots.scores(outcome.selection, outcome.cards, criteria(outcome.selection), language)
    yield plots.by_segments(outcome.studies, card, language)
    yield plots.history(outcome.studies, language)
    yield segment_plots.sizes(segments, language)
    yield segment_plots.stability(segments, card, language)
    yield segment_plots.separation(segments, released.described.near, language)
    describing = prepared.table.describing
    yield segment_plots.profile(released.described.measured, segments, language, describing)
    yield from _outcome(released, prepared, settings, language)


def _outcome(
    released: Release, prepared: Prepared, settings: CompareSettings, language: Language
) -> Iterator[Figure]:
    """Draw the later outcome by segment, in money where its logarithm is what is explained."""
    known, name = prepared.table.outcomes, outcome_name(settings.goal)
    if name not in known:
        return
    name = name.removeprefix("log_")
    unit = "money" if name == "future_revenue" else "share"
    values = known[name].loc[released.described.labels.index]
    yield segment_plots.outcome(
        values, released.described.labels, released.described.segments, unit, language
    )


def _searches(outcome: Outcome, language: Language) -> Iterator[Figure]:
    specs = {one.card.algorithm: one.spec for one in outcome.candidates.values()}
    for name, result in outcome.studies.items():
        if name in specs and (shares := importances(result, SearchSpace(specs[name].search_space))):
            yield plots.importance(name, shares, language)

"""The figures of a comparison, as PNG for MLflow's gallery and as one interactive page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from segmentwerk.config import CompareSettings
from segmentwerk.core.records import Artifact, Record
from segmentwerk.core.types import StudyResult
from segmentwerk.insight import plots, segment_plots
from segmentwerk.insight.draw_html import draw_html
from segmentwerk.insight.draw_png import draw_png
from segmentwerk.insight.figure import Figure
from segmentwerk.insight.language import Language
from segmentwerk.insight.report_tables import criteria
from segmentwerk.pipelines.preparation import Prepared, outcome_name
from segmentwerk.pipelines.release import Release
from segmentwerk.tuning import pictures
from segmentwerk.tuning.space import SearchSpace

if TYPE_CHECKING:
    import optuna
    import plotly.graph_objects as go

    from segmentwerk.pipelines.compare import Outcome

Pictures = list[tuple[Figure, Path]]


def draw(
    found: Outcome, released: Release, prepared: Prepared, settings: CompareSettings, output: Path
) -> tuple[Pictures, list[Record]]:
    """Draw all figures into ``output/figures``; return them with their files, and what is to be logged."""
    language = Language(settings.report.language, settings.source.currency)
    folder = output / "figures"
    figures = list(_figures(found, released, prepared, settings, language))
    drawn = [(figure, draw_png(figure, folder, language)) for figure in figures]
    records: list[Record] = [Artifact(path, "figures") for _, path in drawn]
    charts: dict[str, go.Figure] = {}
    for name, result in found.studies.items():
        study = pictures.rebuilt(result, SearchSpace(settings.segmenters[name].search_space))
        for kind in pictures.pictured(study):
            title, stem = _title(name, kind, result, study, language), f"tuning_{name}_{kind}"
            path = pictures.draw(study, kind, title, folder / f"{stem}.png")
            records.append(Artifact(path, "figures"))
            charts[stem] = pictures.chart(study, kind).update_layout(title=title, template="simple_white")
    title = language.text("figures.gallery", winner=found.selection.winner, source=prepared.table.source)
    page = draw_html(figures, title, folder / "interactive.html", language, charts)
    return drawn, [*records, Artifact(page, "figures")]


def _figures(
    found: Outcome, released: Release, prepared: Prepared, settings: CompareSettings, language: Language
) -> Iterator[Figure]:
    card, segments = found.winner.card, released.segments
    keys = criteria(found.selection)
    yield plots.side_by_side(found.selection, found.cards, keys, language)
    for key in keys:
        yield plots.ranked(found.selection, found.cards, key, language)
    yield plots.by_segments(found.studies, card, language)
    yield plots.history(found.studies, language)
    yield segment_plots.sizes(segments, language)
    yield segment_plots.stability(segments, card, language)
    yield segment_plots.separation(segments, released.near, language)
    yield segment_plots.profile(released.measured, segments, language)
    yield from _outcome(released, prepared, settings, language)
    view = prepared.view
    yield segment_plots.map_of(
        view.train, released.labels.loc[view.train.index], segments, settings.seed, language
    )
    for candidate in found.candidates.values():
        curve = getattr(candidate.model, "diagnostics_", {}).get("validation_loss")
        if curve and candidate.name == candidate.card.algorithm:
            yield plots.training(curve, language)
    if released.replaced is not None:
        yield segment_plots.migration(released.identity, language)


def _outcome(
    released: Release, prepared: Prepared, settings: CompareSettings, language: Language
) -> Iterator[Figure]:
    """Draw the later outcome by segment, in money where its logarithm is what is explained."""
    known, name = prepared.table.outcomes, outcome_name(settings.goal)
    if name not in known:
        return
    name = name.removeprefix("log_")
    unit = "money" if name == "future_revenue" else "share"
    values = known[name].loc[released.labels.index]
    yield segment_plots.outcome(values, released.labels, released.segments, unit, language)


def _title(name: str, kind: str, result: StudyResult, study: optuna.Study, language: Language) -> str:
    """Say what one of Optuna's pictures shows."""
    best = result.finalists[0]
    told: dict[str, object] = {"study": name, "total": len(result.trials), "number": best.number}
    if kind == "importance":
        parameter, share = next(iter(pictures.importances(study).items()))
        told |= {"parameter": parameter, "share": language.percent(share)}
    params = ", ".join(
        f"{key}={value:.3g}" if isinstance(value, float) else f"{key}={value}"
        for key, value in best.params.items()
    )
    return language.text(f"figures.optuna_{kind}", value=language.decimal(best.value), params=params, **told)

"""The figures of a comparison, as PNG for the report and MLflow's viewer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from segmentwerk.config import CompareSettings
from segmentwerk.core.records import Artifact, Record
from segmentwerk.core.types import StudyResult
from segmentwerk.insight import plots, segment_plots
from segmentwerk.insight.contestants import spoken
from segmentwerk.insight.draw_png import draw_png, localise
from segmentwerk.insight.figure import Figure
from segmentwerk.insight.language import Language
from segmentwerk.insight.report_tables import criteria
from segmentwerk.insight.words import candidate
from segmentwerk.pipelines.preparation import Prepared
from segmentwerk.pipelines.release import Release
from segmentwerk.tuning import pictures
from segmentwerk.tuning.space import SearchSpace

if TYPE_CHECKING:
    import optuna

    from segmentwerk.pipelines.compare import Outcome

Pictures = list[tuple[Figure, Path]]
OPTUNA = {
    "Hyperparameter": "parameter",
    "Hyperparameter Importance": "importance",
    "Importance for Objective Value": "importance",
    "Objective Value": "objective",
    "Trial": "trial",
}
"""Labels of Optuna's own pictures, and our texts for them."""


def draw(
    found: Outcome, released: Release, prepared: Prepared, settings: CompareSettings, output: Path
) -> tuple[Pictures, list[Record]]:
    """Draw all figures into ``output/figures``; return them with their files, and what is to be logged."""
    language = Language.of(settings.report.language, settings.source.currency, prepared.table.catalogue)
    folder = output / "figures"
    figures = list(_figures(found, released, language))
    drawn = [(figure, draw_png(figure, folder, language)) for figure in figures]
    records: list[Record] = [Artifact(path, "figures") for _, path in drawn]
    words = {english: language.text(f"figures.{key}") for english, key in OPTUNA.items()}
    for name, result in found.studies.items():
        study = pictures.rebuilt(result, SearchSpace(settings.segmenters[name].search_space))
        for kind in pictures.pictured(study):
            title = _title(name, kind, result, study, language)
            path = folder / f"tuning_{name}_{kind}.png"
            pictures.draw(study, kind, title, path, lambda canvas: localise(canvas, language, words))
            records.append(Artifact(path, "figures"))
    return drawn, records


def _figures(found: Outcome, released: Release, language: Language) -> Iterator[Figure]:
    card, segments = found.winner.card, released.segments
    selection, cards = spoken(found.selection, found.cards, language)
    yield plots.scores(selection, cards, criteria(selection), language)
    yield plots.by_segments(found.studies, card, language)
    yield plots.history(found.studies, language)
    yield segment_plots.sizes(segments, language)
    yield segment_plots.stability(segments, card, language)
    yield segment_plots.separation(segments, released.near, language)
    yield segment_plots.profile(released.measured, segments, language)


def _title(name: str, kind: str, result: StudyResult, study: optuna.Study, language: Language) -> str:
    """Say what one of Optuna's pictures shows."""
    best = result.finalists[0]
    told: dict[str, object] = {"study": candidate(name, language)}
    if kind == "importance":
        parameter, share = next(iter(pictures.importances(study).items()))
        told |= {"parameter": parameter, "share": language.percent(share)}
    params = ", ".join(
        f"{key}={value:.3g}" if isinstance(value, float) else f"{key}={value}"
        for key, value in best.params.items()
    )
    return language.text(f"figures.optuna_{kind}", params=params, **told)

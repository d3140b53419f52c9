"""The page of one analysis for people: HTML that prints, and the same as Markdown; no row of an account."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from segmentwerk.core.escaping import escape
from segmentwerk.core.files import atomic_file
from segmentwerk.core.records import Artifact, Metric, Record, Text
from segmentwerk.insight.draw_png import draw_png
from segmentwerk.insight.figure import Figure
from segmentwerk.insight.language import Language
from segmentwerk.reporting.tables import Grid
from segmentwerk.reporting.templating import template


@dataclass(frozen=True)
class PagePart:
    """A section: sentences, a table, a figure; each may be missing."""

    title: str
    lines: Sequence[str] = ()
    grid: Grid | None = None
    figure: Figure | None = None


@dataclass(frozen=True)
class ToldAnalysis:
    """One analysis in one language.

    Attributes
    ----------
    headlines
        What was found, in sentences.
    limits
        What it does not say.
    metrics
        Numbers for the run, by name without the method.
    tables
        What the figures and tables are made of, by file name.
    """

    title: str
    note: str
    headlines: Sequence[str]
    parts: Sequence[PagePart]
    limits: Sequence[str]
    metrics: Mapping[str, float]
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)


@dataclass(frozen=True)
class WrittenAnalysis:
    """The files of a page."""

    html: Path
    markdown: Path
    figures: Sequence[Path]


def write(told: ToldAnalysis, folder: Path, language: Language) -> WrittenAnalysis:
    """Write ``analysis.html``, ``analysis.md`` and the figures into a folder.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    figures = [part.figure for part in told.parts if part.figure is not None]
    drawn = {figure.name: draw_png(figure, folder / "figures", language) for figure in figures}
    addresses = {name: _address(path) for name, path in drawn.items()}
    found = []
    for name in ("analysis.html", "analysis.md"):
        path = folder / name
        page = template(f"{name}.j2", language).render(told=told, addresses=addresses)
        with atomic_file(path) as draft:
            draft.write_text(page, encoding="utf-8")
        found.append(path)
    return WrittenAnalysis(found[0], found[1], list(drawn.values()))


def records(told: ToldAnalysis, method: str, written: WrittenAnalysis) -> list[Record]:
    """Return what is logged of a page, without any id of an account."""
    found: list[Record] = [Metric(f"{method}/{name}", value) for name, value in told.metrics.items()]
    found += [Text(f"tables/{name}.csv", table.to_csv(index=False)) for name, table in told.tables.items()]
    found += [Artifact(path, "analysis") for path in (written.html, written.markdown)]
    return found + [Artifact(path, "figures") for path in written.figures]


def summary(told: ToldAnalysis) -> str:
    """Return what stands on the run's page, as Markdown."""
    return "\n".join(f"- {escape(line)}" for line in told.headlines)


def _address(path: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"

"""The segment report: one HTML page that needs nothing else, and the segment cards as Markdown."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from segmentwerk.core.files import atomic_file
from segmentwerk.core.markdown import escape
from segmentwerk.core.types import Identity, Scorecard, Selection, Verdict
from segmentwerk.insight import report_tables
from segmentwerk.insight.alt import alt_text
from segmentwerk.insight.cards import Card, grade
from segmentwerk.insight.figure import Figure
from segmentwerk.insight.language import Language
from segmentwerk.insight.words import column_label, label, level_of

OF_SEGMENTS = ("sizes", "profile", "map", "separation", "stability")
OF_CANDIDATES = ("side_by_side", "scores_separation_gain", "scores_stability_agreement", "by_segments")


@dataclass(frozen=True)
class Story:
    """Everything that the report tells; summaries alone, no account's row.

    ``held_out`` is None where each customer was held out in turn; ``version`` is None where nothing was
    registered; ``replaced`` is the version of the champion that
    the model was compared with. ``pictures`` are the figures with their PNG files. ``factors`` lists
    the features that each factor stands for where customers are few for all features, ``faint`` those
    that no factor tells of; ``failed`` names the gates that the winner's scorecard failed.
    """

    source: str
    as_of: date
    customers: int
    held_out: int | None
    quarantined: int
    digest: str
    model_name: str
    version: int | None
    champion: bool
    replaced: int | None
    selection: Selection
    scorecards: Sequence[Scorecard]
    verdict: Verdict
    cards: Sequence[Card]
    identity: Identity
    pictures: Sequence[tuple[Figure, Path]] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    factors: Mapping[str, Sequence[str]] = field(default_factory=dict)
    faint: Sequence[str] = ()
    failed: Sequence[str] = ()


@dataclass(frozen=True)
class Picture:
    """A picture inside the page: a data address, and words for those who cannot see it."""

    name: str
    title: str
    alt: str
    address: str


def write(story: Story, folder: Path, language: Language) -> tuple[Path, Path]:
    """Write ``report.html`` and ``cards.md`` into a folder and return both paths.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    page, cards = folder / "report.html", folder / "cards.md"
    for path, text in ((page, to_html(story, language)), (cards, to_markdown(story, language))):
        with atomic_file(path) as draft:
            draft.write_text(text, encoding="utf-8")
    return page, cards


def to_html(story: Story, language: Language) -> str:
    """Return the report as one HTML page without outside resources."""
    pictures = {figure.name: _picture(figure, path, language) for figure, path in story.pictures}
    return _render(
        "report.html.j2",
        story,
        language,
        reasons=report_tables.reasons(story.selection, story.scorecards, language),
        ranking=report_tables.ranking(story.selection, story.scorecards, language),
        gates=report_tables.gates(story.scorecards, language),
        migration=report_tables.migration(story.identity, language),
        of_segments=[pictures[name] for name in OF_SEGMENTS if name in pictures],
        of_candidates=[pictures[name] for name in OF_CANDIDATES if name in pictures],
        flows=pictures.get("migration"),
    )


def to_markdown(story: Story, language: Language) -> str:
    """Return the segment cards as Markdown."""
    return _render("cards.md.j2", story, language)


def _render(template: str, story: Story, language: Language, **more: object) -> str:
    environment = Environment(
        loader=PackageLoader("segmentwerk", "insight"),
        autoescape=select_autoescape(("html.j2",)),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=escape if template.endswith(".md.j2") else None,
    )
    words: dict[str, object] = {
        "t": language.text,
        "label": label,
        "level_of": level_of,
        "column_label": column_label,
        "names_of": lambda names, language: [label(name, language) for name in names],
    }
    page = environment.get_template(template)
    return page.render(story=story, language=language, grade=grade, **words, **more)


def _picture(figure: Figure, path: Path, language: Language) -> Picture:
    content = base64.b64encode(path.read_bytes()).decode()
    address = f"data:image/png;base64,{content}"
    return Picture(figure.name, figure.title, alt_text(figure, language), address)

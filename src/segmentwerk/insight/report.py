"""The segment report: one HTML page that needs nothing else, and the segment cards as Markdown."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from segmentwerk.core.escaping import escape
from segmentwerk.core.files import atomic_file
from segmentwerk.core.proposal import Proposal
from segmentwerk.core.types import Scorecard, Selection, Verdict
from segmentwerk.insight import report_tables, sentences
from segmentwerk.insight.alt import alt_text
from segmentwerk.insight.cards import Card, Prospects, grade
from segmentwerk.insight.contestants import spoken
from segmentwerk.insight.figure import Figure
from segmentwerk.insight.language import Language
from segmentwerk.insight.migration import Migration
from segmentwerk.insight.telling import tell
from segmentwerk.insight.words import candidate, column_label, label, level_of

OF_SEGMENTS = ("sizes", "outcome", "profile", "separation", "stability")
OF_CANDIDATES = ("scores", "by_segments")


@dataclass(frozen=True)
class Told:
    """Sentences that stand beside the tables (`insight.sentences`)."""

    number: str
    structure: str
    meanings: Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class Story:
    """Everything that the report tells; summaries alone, no account's row.

    ``proposal`` is what is to be decided. ``held_out`` is None where each customer was held out in turn;
    ``replaced`` is the version of the champion that the model was compared with. ``pictures`` are the
    figures with their PNG files. ``factors`` lists
    the features that each factor stands for where customers are few for all features, ``faint`` those
    that no factor tells of. ``moves`` is None without a champion, ``prospects`` without prospects.
    """

    source: str
    as_of: date
    customers: int
    held_out: int | None
    quarantined: int
    digest: str
    proposal: Proposal
    replaced: int | None
    selection: Selection
    scorecards: Sequence[Scorecard]
    verdict: Verdict
    cards: Sequence[Card]
    told: Told
    moves: Migration | None = None
    prospects: Prospects | None = None
    pictures: Sequence[tuple[Figure, Path]] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    factors: Mapping[str, Sequence[str]] = field(default_factory=dict)
    faint: Sequence[str] = ()


@dataclass(frozen=True)
class Picture:
    """A picture inside the page: a data address, and words for those who cannot see it."""

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
    selection, scorecards = spoken(story.selection, story.scorecards, language)
    story = replace(story, selection=selection, scorecards=scorecards)
    pictures = {figure.name: _picture(figure, path, language) for figure, path in story.pictures}
    return _render(
        "report.html.j2",
        story,
        language,
        told=tell(story.proposal, language),
        reasons=report_tables.reasons(story.selection, story.scorecards, language),
        ranking=report_tables.ranking(story.selection, story.scorecards, language),
        gates=report_tables.gates(story.scorecards, language),
        overview=report_tables.overview(story.cards, language),
        **_moving(story, language),
        **_prospects(story, language),
        of_segments=[pictures[name] for name in OF_SEGMENTS if name in pictures],
        of_candidates=[pictures[name] for name in OF_CANDIDATES if name in pictures],
    )


def _moving(story: Story, language: Language) -> dict[str, object]:
    if story.moves is None or story.replaced is None:
        return {}
    return {
        "migration": report_tables.migration(story.moves, language),
        "moved": sentences.moved(story.moves, story.replaced, language),
        "events": sentences.events(story.moves, language),
    }


def _prospects(story: Story, language: Language) -> dict[str, object]:
    found = story.prospects
    if found is None:
        return {"prospects": None}
    names = {card.segment.id: card.segment.name for card in story.cards}
    return {
        "prospects": report_tables.prospects(found, names, language),
        "prospects_note": sentences.prospects(found, language),
    }


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
        "candidate": candidate,
        "names_of": lambda names, language: [label(name, language) for name in names],
    }
    page = environment.get_template(template)
    return page.render(story=story, language=language, grade=grade, **words, **more)


def _picture(figure: Figure, path: Path, language: Language) -> Picture:
    content = base64.b64encode(path.read_bytes()).decode()
    address = f"data:image/png;base64,{content}"
    return Picture(alt_text(figure, language), address)

"""The pages that tell what happened, from templates: in MLflow, and the report's files."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

from segmentwerk.config import CompareSettings
from segmentwerk.core.files import atomic_file
from segmentwerk.core.proposal import Proposal
from segmentwerk.core.types import Scorecard, Selection, StudyResult
from segmentwerk.insight.figure import Figure
from segmentwerk.insight.language import Language
from segmentwerk.preparation.prepare import Prepared
from segmentwerk.registry.publish import MAX_DESCRIPTION
from segmentwerk.release.describing import Described
from segmentwerk.release.packaging import Packed
from segmentwerk.reporting import question
from segmentwerk.reporting.section import Section
from segmentwerk.reporting.story import Story, VersionStory
from segmentwerk.reporting.templating import template
from segmentwerk.segmenters.prospect import OUTLIER_SHARE
from segmentwerk.tracking.encode import MAX_NOTE

OF_SEGMENTS = ("sizes", "outcome", "profile", "separation", "stability")
OF_CANDIDATES = ("scores", "by_segments")


def comparison(
    story: Story, language: Language, *, address: str, members: str, model: str, room: int = MAX_NOTE
) -> str:
    """Return the description of a comparison as Markdown; what matters least gives way where room is short.

    Parameters
    ----------
    address
        Of the segment report; empty where there is none.
    members
        Path of the file with the segment of every account.
    model
        Address of the version.
    """
    shown_question = question.put(story.proposal, language)
    where = {"address": address, "members": members, "model": model}
    return _fitting("comparison.md.j2", language, 6, room, story=story, question=shown_question, **where)


def version(story: VersionStory, proposal: Proposal | None, language: Language) -> str:
    """Return a version's card as Markdown, short enough for the registry.

    After Mitchell et al. (2019), Model Cards for Model Reporting: what it is for, what it learned from, how
    good it is, and where it ends. ``proposal`` is what is to be decided; None until it is registered.
    """
    shown_question = None if proposal is None else question.put(proposal, language)
    values = {
        "story": story,
        "question": shown_question,
        "outlier_share": OUTLIER_SHARE,
        "news": "",
        "replaces": False,
    }
    return _fitting("version.md.j2", language, 2, MAX_DESCRIPTION, **values)


def card(
    described: Described,
    packed: Packed,
    prepared: Prepared,
    settings: CompareSettings,
    proposal: Proposal | None = None,
) -> str:
    """Return a version's card; what `release.release` is given to write it with."""
    return version(VersionStory.of(described, packed, prepared, settings), proposal, described.language)


def segmenter(
    cards: Sequence[Scorecard],
    winner: Scorecard,
    study: StudyResult,
    selection: Selection,
    language: Language,
) -> str:
    """Return the description of a segmenter's run as Markdown.

    Parameters
    ----------
    cards
        Its judged finalists, best of tuning first.
    winner
        The scorecard of the winner of the comparison, which may be one of them.
    """
    about = language.find("about", cards[0].algorithm)
    values = {"cards": cards, "winner": winner, "study": study, "selection": selection, "about": about}
    return _render("segmenter.md.j2", language, **values)


def write_report(
    story: Story,
    pictures: Sequence[tuple[Figure, Path]],
    folder: Path,
    language: Language,
    analysed: Sequence[Section] = (),
) -> tuple[Path, Path]:
    """Write ``report.html`` and ``cards.md`` into a folder and return both paths.

    Parameters
    ----------
    pictures
        The figures with their PNG files.
    analysed
        What the analyst's methods add.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    page, cards = folder / "report.html", folder / "cards.md"
    for path, text in (
        (page, report(story, pictures, language, analysed)),
        (cards, segment_cards(story, language)),
    ):
        with atomic_file(path) as draft:
            draft.write_text(text, encoding="utf-8")
    return page, cards


def report(
    story: Story,
    pictures: Sequence[tuple[Figure, Path]],
    language: Language,
    analysed: Sequence[Section] = (),
) -> str:
    """Return the report as one HTML page without outside resources."""
    shown = {figure.name: _picture(figure, path, language) for figure, path in pictures}
    return _render(
        "report.html.j2",
        language,
        story=story,
        question=question.put(story.proposal, language),
        of_segments=[shown[name] for name in OF_SEGMENTS if name in shown],
        of_candidates=[shown[name] for name in OF_CANDIDATES if name in shown],
        analysed=[(one, [shown[figure.name] for figure in one.figures]) for one in analysed],
    )


def segment_cards(story: Story, language: Language) -> str:
    """Return the segment cards as Markdown."""
    return _render("cards.md.j2", language, story=story)


def _fitting(name: str, language: Language, levels: int, room: int, **values: object) -> str:
    """Render a page with as much as fits; its last level stays, whatever the room."""
    page = template(name, language)
    for level in range(levels, -1, -1):
        text = page.render(level=level, **values)
        if len(text) <= room:
            break
    return text


def _render(name: str, language: Language, **values: object) -> str:
    return template(name, language).render(**values)


def _picture(figure: Figure, path: Path, language: Language) -> Mapping[str, str]:
    """Return a picture inside the page: a data address, and words for those who cannot see it."""
    content = base64.b64encode(path.read_bytes()).decode()
    return {"alt": figure.alt(language), "address": f"data:image/png;base64,{content}"}

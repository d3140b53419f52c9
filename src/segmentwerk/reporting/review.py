"""What a reviewer reads on the parent run, and the files behind it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import isfinite
from pathlib import Path

import pandas as pd

from segmentwerk.config import CompareSettings
from segmentwerk.contest.outcome import Outcome
from segmentwerk.core.escaping import escape
from segmentwerk.core.files import atomic_file
from segmentwerk.core.types import Scorecard, Selection
from segmentwerk.features.table import catalogue
from segmentwerk.insight import markdown, report_tables, sentences
from segmentwerk.insight.contestants import spoken
from segmentwerk.insight.language import Language
from segmentwerk.insight.report import Told
from segmentwerk.insight.telling import markdown as decision_of
from segmentwerk.insight.telling import tell
from segmentwerk.insight.words import candidate
from segmentwerk.preparation.prepare import Prepared
from segmentwerk.release.release import Release
from segmentwerk.tracking.encode import MAX_NOTE


def page(
    found: Outcome,
    released: Release,
    prepared: Prepared,
    settings: CompareSettings,
    told: Told,
    language: Language,
    report: str,
    output: Path,
) -> str:
    """Write the description of a comparison as Markdown.

    Parameters
    ----------
    told
        The sentences that stand beside the tables.
    report
        Address of the segment report.
    output
        Folder of the run, where the accounts of each segment lie.
    """
    found = _in_words(found, language)
    selection = found.selection
    kind = language.text(f"page.{found.verdict.kind}")
    won = language.text("page.won", winner=selection.winner, k=len(released.segments), kind=kind)
    opening = [  # the UI folds everything after some six lines
        decision_of(
            tell(released.proposal, language),
            news=f"{won} {sentences.headline(released.cards, language)}",
            replaces=released.proposal.comparison is not None,
        ),
        "",
    ]
    sections = [  # the last number says which gives way first
        (opening, 0),
        (_segments(released, language, report), 0),
        (_summaries(released), 6),
        (_migration(released, language), 3),
        (_why(found, told, language), 0),
        (_gates(found, language), 2),
        (_failures(found, language), 4),
        (_members(released, settings, output, language), 1),
        (_data(prepared, language), 5),
    ]
    return fitting(sections)


def _in_words(found: Outcome, language: Language) -> Outcome:
    """Return the outcome with its candidates under the names that readers know."""
    selection, cards = spoken(found.selection, found.cards, language)
    by_name = {card.candidate: card for card in cards}
    renamed = {candidate(name, language): one for name, one in found.candidates.items()}
    return replace(
        found,
        selection=selection,
        cards=cards,
        candidates={name: replace(one, card=by_name[name]) for name, one in renamed.items()},
        left_out={candidate(name, language): why for name, why in found.left_out.items()},
    )


def fitting(sections: Sequence[tuple[list[str], int]], room: int = MAX_NOTE) -> str:
    """Join sections; where they are too long, those with the highest number are left to the report."""
    order = sorted({number for _, number in sections}, reverse=True)
    for most in order:
        text = "\n".join(line for lines, number in sections if number <= most for line in lines)
        if len(text) <= room:
            break
    return text


def _segments(released: Release, language: Language, report: str) -> list[str]:
    """Write the segments as a table, and what each is like."""
    heads, rows = report_tables.overview(released.cards, language, released.prospects)
    beyond = [sentences.prospects(released.prospects, language)] if released.prospects else []
    link = [language.text("page.open_report", address=report), ""] if report else []
    return [
        f"### {language.text('page.segments')}",
        "",
        markdown.table(heads, rows, left=2),
        "",
        " ".join([language.text("report.potential_note"), *beyond]),
        "",
        *link,
    ]


def _summaries(released: Release) -> list[str]:
    return [
        *markdown.listed(
            f"**{one.id} {escape(one.name)}**: {escape(one.summary)}" for one in released.segments
        ),
        "",
    ]


def _migration(released: Release, language: Language) -> list[str]:
    if released.moves is None or released.replaced is None:
        return []
    heads, rows = report_tables.migration(released.moves, language)
    return [
        f"### {language.text('report.migration', version=released.replaced.version)}",
        "",
        sentences.moved(released.moves, released.replaced.version, language),
        "",
        *markdown.listed(map(escape, sentences.events(released.moves, language))),
        "",
        markdown.table(heads, rows),
        "",
        language.text("report.migration_note"),
        "",
    ]


def _why(found: Outcome, told: Told, language: Language) -> list[str]:
    """Write why the winner won, with the ranking and what its heads mean."""
    heads, rows = report_tables.ranking(found.selection, found.cards, language)
    left_out = [
        f"{language.text('report.left_out', name=name)} {escape(why)}" for name, why in found.left_out.items()
    ]
    return [
        f"### {language.text('page.why')}",
        "",
        " ".join(report_tables.reasons(found.selection, found.cards, language, by_criterion=False)),
        "",
        f"**{language.text('page.why_k', k=found.winner.card.n_segments)}:** {told.number}",
        "",
        told.structure,
        "",
        markdown.table(heads, rows),
        "",
        language.text("report.ranking_note"),
        "",
        *markdown.listed(
            f"**{word}**{f' (`{key}`)' if key else ''}: {meaning}." for word, key, meaning in told.meanings
        ),
        *markdown.listed(left_out),
        "",
    ]


def _gates(found: Outcome, language: Language) -> list[str]:
    """Write the winner's gates with their limits."""
    heads, rows = report_tables.gates_of(found.winner.card, language)
    return [
        f"### {language.text('report.gates')}: {found.selection.winner}",
        "",
        markdown.table(heads, rows, left=4),
        "",
    ]


def _failures(found: Outcome, language: Language) -> list[str]:
    """Write which gates others failed."""
    others = [card for card in found.cards if card.candidate != found.selection.winner]
    failed = [line for card in others for line in report_tables.failed_gates(card, language)]
    return [*markdown.listed(failed), ""] if failed else []


def _members(released: Release, settings: CompareSettings, output: Path, language: Language) -> list[str]:
    """Say where the accounts of each segment are listed; ids themselves never leave the machine."""
    path = released.assignments
    if path.is_relative_to(settings.home):
        path = path.relative_to(settings.home)
    else:  # the folder of outputs was set: its address is nobody else's business
        path = Path(output.name) / path.name
    return [language.text("page.members", path=path.as_posix(), model=released.uri), ""]


def _data(prepared: Prepared, language: Language) -> list[str]:
    table = prepared.table
    text = language.text(
        "report.data_in_turn" if prepared.in_turn else "report.data",
        customers=language.number(len(table.customers)),
        as_of=language.day(table.window.as_of),
        held_out=language.number(len(prepared.holdout)),
        quarantined=language.number(sum(prepared.accounts.checked.rejected.values())),
        digest=table.digest,
    )
    joined = [language.text("page.made_of_short", count=len(prepared.factors))] if prepared.factors else []
    return [" ".join([f"**{language.text('page.data')}:** {text}", *joined]), ""]


def ranking(selection: Selection) -> pd.DataFrame:
    """Return the ranking as people read it: short numbers, words for the gates."""
    table = selection.ranking.copy()
    table["gates"] = table["failed"].where(table["failed"] != "", "passed")
    table = table.drop(columns=["algorithm", "complexity", "passed", "failed", "rank_se", "pareto"])
    for name in table.select_dtypes("float").columns:
        table[name] = table[name].map(lambda value: f"{value:.3f}" if isfinite(value) else "-")
    return table.rename(columns={"n_segments": "segments"}).astype(str)


def gates(cards: Sequence[Scorecard]) -> Iterable[str]:
    """List the failed gates of each candidate."""
    for card in cards:
        for gate in card.gates:
            if gate.status == "failed":
                yield f"- {card.candidate} failed {gate.code} ({gate.title}): {gate.message}"


def _features(prepared: Prepared) -> pd.DataFrame:
    """List every feature there is, and of those that this source does not give, why."""
    built = {feature.name for feature in prepared.table.catalogue}
    reasons = prepared.accounts.absent
    rows = [vars(feature) | {"absent": ""} for feature in prepared.table.catalogue] + [
        vars(feature) | {"absent": reasons.get(feature.name, "these accounts are too few or too alike")}
        for feature in catalogue()
        if feature.name not in built
    ]
    return pd.DataFrame(rows)


def files(selection: Selection, cards: Sequence[Scorecard], prepared: Prepared, output: Path) -> list[Path]:
    """Write ranking, scorecards and per-segment figures as CSV; no account's row is in them."""
    scores = pd.DataFrame(
        [{"candidate": card.candidate, **vars(score)} for card in cards for score in card.scores]
    )
    segments = pd.concat([card.per_segment.assign(candidate=card.candidate) for card in cards])
    features = _features(prepared)
    written = []
    for name, frame in {
        "ranking": selection.ranking,
        "scores": scores,
        "segments": segments.reset_index(),
        "features": features,
    }.items():
        path = output / f"{name}.csv"
        with atomic_file(path) as draft:
            frame.to_csv(draft, index=False)
        written.append(path)
    return written

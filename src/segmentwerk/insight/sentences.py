"""What the reviewer's pages say in sentences beside their tables: the same words in every place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite

from segmentwerk.core.escaping import escape
from segmentwerk.core.settings import EvaluationSettings
from segmentwerk.core.types import Score, Scorecard, Selection, StudyResult, Verdict, Window
from segmentwerk.evaluation.structure import LEAST_APART
from segmentwerk.insight.cards import Card, Prospects
from segmentwerk.insight.language import Language
from segmentwerk.insight.migration import Migration
from segmentwerk.insight.plots import best_by_segments, criterion
from segmentwerk.insight.report_tables import criteria, total


def headline(cards: Sequence[Card], language: Language) -> str:
    """Say in Markdown where the business is: who holds the revenue, and where more could be had."""
    everyone = sum(card.segment.accounts for card in cards)
    revenue = total(card.revenue for card in cards)
    told = {"customers": language.number(everyone), "revenue": language.number(revenue, "money")}
    known = isfinite(revenue)
    top = max(cards, key=lambda card: card.revenue if known else card.segment.accounts).segment
    shares = {"share": language.percent(top.share), "revenue_share": language.percent(top.revenue_share)}
    key = "page.headline" if known else "page.headline_sizes"
    sentences = [language.text(key, id=top.id, name=escape(top.name), **told, **shares)]
    promising = [card for card in cards if card.potential > 0]
    if promising:
        most = max(promising, key=lambda card: card.potential)
        amount = language.number(most.potential, "money")
        segment = {"id": most.segment.id, "name": escape(most.segment.name)}
        sentences.append(language.text("page.headline_potential", potential=amount, **segment))
    return " ".join(sentences)


def moved(moves: Migration, version: int, language: Language) -> str:
    """Say how many accounts move, with how much revenue, and how many of them only follow their segment."""
    share = language.percent(moves.identity.moved, 1)
    counts = {"moved": language.number(moves.moved), "accounts": language.number(moves.accounts)}
    text = language.text("page.moved", version=version, share=share, **counts)
    if isfinite(moves.revenue_moved) and moves.revenue > 0:
        part = language.percent(moves.revenue_moved / moves.revenue, 1)
        money = language.number(moves.revenue_moved, "money")
        text += language.text("page.moved_revenue", revenue=money, share=part)
    text += "."
    if moves.followed:
        left = language.number(moves.moved - moves.followed)
        followed = language.number(moves.followed)
        text += " " + language.text("page.followed", followed=followed, left=left)
    return text


def events(moves: Migration, language: Language) -> list[str]:
    """Say what became of each segment, by name."""

    def named(ids: Sequence[int], names: Mapping[int, str]) -> str:
        return language.listed([f"{one} {names.get(one, '')}".strip() for one in ids])

    return [
        language.text(
            f"events.{event.kind}",
            old=named(event.old, moves.before),
            new=named(event.new, moves.after),
            jaccard=language.decimal(event.jaccard),
        )
        for event in moves.identity.events
    ]


def prospects(told: Prospects, language: Language) -> str:
    """Say how far it can be believed which segments prospects fall into, and how many have none."""
    count = language.number(told.left_out)
    if told.found.empty:
        return language.text("page.prospects_none", count=count)
    note = language.text(
        "page.prospects_note",
        accuracy=language.percent(told.accuracy),
        majority=language.percent(told.majority),
        error=language.decimal(100 * told.calibration_error, 1),
    )
    if not told.left_out:
        return note
    return f"{note} {language.text('page.prospects_left_out', count=count)}"


def number_of_segments(
    studies: Mapping[str, StudyResult],
    card: Scorecard,
    selection: Selection,
    settings: EvaluationSettings,
    language: Language,
) -> str:
    """Say why the winner has as many segments as it has."""
    k = float(card.n_segments)
    found = best_by_segments(studies[card.algorithm]) if card.algorithm in studies else {}
    if k not in found or len(found) < 2:
        sentences = [language.text("page.k_only", algorithm=card.algorithm, k=card.n_segments)]
    else:
        rival = max((one for one in found if one != k), key=lambda one: found[one].value)
        key = "page.k_best" if found[k].value >= found[rival].value else "page.k_final"
        values = {"value": found[k].value, "next_value": found[rival].value}
        counts = {"low": min(found), "high": max(found), "k": k, "next": rival}
        sentences = [
            language.text(
                key,
                algorithm=card.algorithm,
                **{name: int(count) for name, count in counts.items()},
                **{name: language.decimal(value, 3) for name, value in values.items()},
            )
        ]
    if selection.near_ties and not selection.rule_of_thumb:
        sentences.append(language.text("page.k_tie"))
    least = language.percent(settings.min_segment_share, 1)
    sentences.append(language.text("page.k_limits", most=settings.max_segments, least=least))
    return " ".join(sentences)


def structure(verdict: Verdict, settings: EvaluationSettings, language: Language) -> str:
    """Say what the verdict on structure is and rests on, with the limits beside what was measured."""
    opening = language.text(f"verdicts.{verdict.kind}")
    if not isfinite(verdict.jaccard):
        return opening
    measured = language.text(
        "page.structure",
        jaccard=language.decimal(verdict.jaccard),
        least=language.decimal(settings.min_jaccard),
        apart=language.percent(verdict.apart),
        least_apart=language.percent(LEAST_APART),
    )
    return f"{opening} {measured}"


def outcome(name: str, window: Window, language: Language) -> str:
    """Say what an outcome is."""
    words = language.find("outcomes", name)
    if words is None:
        return name
    return str(words).format(since=language.day(window.as_of), until=language.day(window.outcome_until))


def meanings(
    selection: Selection, told_outcome: str, reference: Score | None, language: Language
) -> list[tuple[str, str, str]]:
    """Return what the heads of the ranking mean: word, name of the metric where it has one, and meaning."""
    found = [(language.text("report.rank"), "", language.text("meaning.rank"))]
    for key in criteria(selection):
        words = str(language.find("meaning", key) or "").format(outcome=told_outcome)
        if key.startswith("value/") and reference is not None:
            told = language.text("page.best_known", reference=language.decimal(reference.value))
            words = f"{words}. {told}"
        found.append((criterion(key, language), key, words.rstrip(".")))
    return found

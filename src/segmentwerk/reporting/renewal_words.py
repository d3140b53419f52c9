"""What a refresh says in one paragraph: whether the champion stays, why, and what would change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from segmentwerk.contest.outcome import Outcome
from segmentwerk.contest.seeding import CONTINUED
from segmentwerk.core.proposal import Comparison
from segmentwerk.insight.language import Language
from segmentwerk.insight.words import candidate, criterion
from segmentwerk.monitoring.movement import LEAST_CELL
from segmentwerk.monitoring.renewal import Renewal
from segmentwerk.release.describing import Described
from segmentwerk.reporting import sentences


def paragraph(
    renewal: Renewal, champion: int, found: Outcome, described: Described, as_of: date, language: Language
) -> str:
    """Return the paragraph after a contest.

    Parameters
    ----------
    champion
        The champion's version.
    described
        The winner beside the champion.
    as_of
        Of the contest.
    """
    comparison = described.comparison
    assert comparison is not None  # there is a champion
    return " ".join(
        [
            _verdict(renewal, champion, comparison.held_out, language),
            _made(found, champion, as_of, language),
            *_measured(comparison, language),
            *_changes(renewal, described, comparison, language),
            *_watched(renewal, champion, language),
        ]
    )


def faulty(renewal: Renewal, champion: int, language: Language) -> str:
    """Return the paragraph where wrong records kept a contest from being held."""
    return _verdict(renewal, champion, 0, language)


def _verdict(renewal: Renewal, champion: int, held_out: int, language: Language) -> str:
    gates: Sequence[str] = [f"{one.code} {one.title}" for one in renewal.findings]
    if renewal.cause == "unfit":
        gates = [f"{one.code} {language.find('gates', one.code) or one.title}" for one in renewal.against]
    told = {"champion": champion, "held_out": held_out, "monitored": renewal.monitored}
    asked = {"gates": "; ".join(gates), "least": renewal.least_gain}
    return language.text(f"refresh.{renewal.cause}", **asked, **told)


def _made(found: Outcome, champion: int, as_of: date, language: Language) -> str:
    card = found.winner.card
    if card.algorithm == CONTINUED:
        told = {"champion": champion, "split": found.winner.params["split"], "k": card.n_segments}
        return language.text("refresh.split", **told)
    algorithm, candidates = candidate(card.algorithm, language), len(found.cards)
    told = {"algorithm": algorithm, "k": card.n_segments, "candidates": candidates, "as_of": as_of}
    return language.text("refresh.made", **told)


def _measured(comparison: Comparison, language: Language) -> Iterator[str]:
    overall = comparison.overall
    if overall is None:
        return
    each = [
        language.text(
            "refresh.each", criterion=criterion(one.key, language), new=one.challenger, old=one.champion
        )
        for one in comparison.differences
    ]
    told = {"value": overall.value, "low": overall.low, "high": overall.high, "each": each}
    yield language.text("refresh.measured", held_out=comparison.held_out, **told)


def _moves(comparison: Comparison, language: Language) -> str:
    money, moved = "", round(comparison.moved * comparison.accounts)
    if comparison.revenue and comparison.moved_revenue is not None and moved >= LEAST_CELL:
        share = comparison.moved_revenue / comparison.revenue
        told = {"moved_revenue": comparison.moved_revenue, "revenue": comparison.revenue}
        money = language.text("decision.moves_money", revenue_share=share, **told)
    shown = {"moved": moved, "accounts": comparison.accounts, "share": comparison.moved}
    return language.text("refresh.moves", money=money, **shown)


def _changes(
    renewal: Renewal, described: Described, comparison: Comparison, language: Language
) -> Iterator[str]:
    if renewal.cause == "same":
        return
    yield _moves(comparison, language)
    if described.moves is not None:
        yield language.text("refresh.events", events="; ".join(sentences.events(described.moves, language)))


def _watched(renewal: Renewal, champion: int, language: Language) -> Iterator[str]:
    if renewal.monitored is None:
        yield language.text("refresh.unwatched", champion=champion)
    elif not renewal.findings:
        yield language.text("refresh.passed", monitored=renewal.monitored)

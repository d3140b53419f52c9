"""The tables of the report as texts: why the winner won, the ranking with intervals, the gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from segmentwerk.core.types import Gate, Identity, Score, Scorecard, Selection
from segmentwerk.insight.language import NO_BREAK, Language
from segmentwerk.insight.plots import criterion

Row = list[str]
MEASURED = {
    "G001": "substance/smallest_share",
    "G002": "stability/jaccard_min",
    "G004": "identifiability/balanced_accuracy",
    "G005": "substance/n_segments",
    "G006": "separation/gain",
}
"""The score that each gate looks at."""


def criteria(selection: Selection) -> list[str]:
    """Return the scores that the candidates were ranked by."""
    return [str(name) for name in selection.ranking.columns if "/" in str(name)]


def reasons(selection: Selection, cards: Sequence[Scorecard], language: Language) -> list[str]:
    """Say in sentences why the winner won, and how sure that is."""
    winner = next(card for card in cards if card.candidate == selection.winner)
    rank = selection.ranking.set_index("candidate")["rank"].loc[selection.winner]
    passed = sum(card.passed for card in cards)
    names = [criterion(key, language) for key in criteria(selection)]
    told = {"winner": selection.winner, "k": winner.n_segments, "criteria": language.listed(names)}
    if selection.rule_of_thumb:
        sentences = [language.text("report.rule_of_thumb", winner=selection.winner, k=winner.n_segments)]
    else:
        sentences = [
            language.text("report.passed_gates", passed=passed, total=len(cards))
            if winner.passed
            else language.text("report.no_gates"),
            language.text("report.won", rank=language.decimal(float(rank)), **told),
        ]
    if selection.near_ties and not selection.rule_of_thumb:
        sentences.append(language.text("report.ties", names=language.listed(list(selection.near_ties))))
    for item in selection.comparisons:
        role = language.find("roles", str(item["role"])) or str(item["role"])
        share = language.percent(float(str(item["ahead"])))
        sentences.append(language.text("report.ahead", role=role, candidate=item["candidate"], share=share))
        sentences.append(language.text("report.differences", listed="; ".join(differences(item, language))))
    if len(selection.pareto) > 1:
        sentences.append(language.text("report.front", names=language.listed(list(selection.pareto))))
    return sentences


def differences(comparison: Mapping[str, Any], language: Language) -> list[str]:
    """Write by how much the winner is ahead of or behind another candidate in each criterion.

    The number is the distance, with its 95% interval; where that reaches below zero, the order may be the
    other one.
    """
    told = []
    for key, found in comparison["differences"].items():
        value, low, high = found["value"], found["low"], found["high"]
        behind = value < 0
        span = _span(*((-value, -high, -low) if behind else (value, low, high)), language)
        word = language.text("report.behind_by" if behind else "report.ahead_by", span=span)
        told.append(f"{criterion(key, language)}: {word}")
    return told


def ranking(selection: Selection, cards: Sequence[Scorecard], language: Language) -> tuple[Row, list[Row]]:
    """Return heads and rows of the ranking: name, segments, mean rank, each criterion with its interval."""
    found = {card.candidate: card for card in cards}
    keys = criteria(selection)
    heads = [language.text(f"report.{name}") for name in ("candidate", "segments", "rank")]
    rows = []
    for row in selection.ranking.to_dict("records"):
        card = found[str(row["candidate"])]
        scores = [interval(card.score(key), language) for key in keys]
        rows.append([card.candidate, str(card.n_segments), language.decimal(float(row["rank"])), *scores])
    return [*heads, *(criterion(key, language) for key in keys)], rows


def interval(score: Score | None, language: Language) -> str:
    r"""Write a score with its 95% interval.

    Examples
    --------
    >>> interval(Score("separation", "gain", 0.05, 0.04, 0.06), Language("de"))
    '0,050 (0,040\xa0…\xa00,060)'
    """
    if score is None:
        return "-"
    return _span(score.value, score.low, score.high, language)


def _span(value: float, low: float, high: float, language: Language) -> str:
    text = language.decimal(value, 3)
    if isfinite(low):
        ends = (language.decimal(end, 3) for end in (low, high))
        text += f" ({f'{NO_BREAK}…{NO_BREAK}'.join(ends)})"
    return text


def gates(
    cards: Sequence[Scorecard], language: Language
) -> tuple[Row, list[tuple[str, list[tuple[str, str]]]]]:
    """Return heads, and for each gate its title and (status, text) of every candidate."""
    heads = [language.text("report.gate"), *(card.candidate for card in cards)]
    rows = []
    for number, gate in enumerate(cards[0].gates):
        title = f"{gate.code} {language.find('gates', gate.code) or gate.title}"
        answers = [(card.gates[number].status, _answer(card, card.gates[number], language)) for card in cards]
        rows.append((title, [(str(status), text) for status, text in answers]))
    return heads, rows


def _answer(card: Scorecard, gate: Gate, language: Language) -> str:
    status = language.text(f"gates.{gate.status}")
    score = card.score(MEASURED.get(gate.code, ""))
    if score is None or gate.status == "not_applicable":
        return status
    shares = gate.code in ("G001", "G004")
    value = language.percent(score.value, 1) if shares else language.decimal(score.value, 3)
    return f"{status} ({language.number(score.value) if gate.code == 'G005' else value})"


def migration(identity: Identity, language: Language) -> tuple[Row, list[Row]]:
    """Return heads and rows of the migration matrix, rows the old ids, columns the new ones."""
    matrix = identity.migration
    heads = [
        language.text("report.from"),
        *(language.text("report.to", id=segment) for segment in matrix.columns),
    ]
    counts = matrix.to_numpy(dtype=float)
    rows = [
        [str(segment), *map(language.number, row)]
        for segment, row in zip(matrix.index, counts.tolist(), strict=True)
    ]
    return heads, rows

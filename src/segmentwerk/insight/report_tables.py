"""The tables of the report as texts: why the winner won, the ranking with intervals, the gates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite

from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.types import Gate, PairedComparison, Score, Scorecard, Selection
from segmentwerk.insight.cards import Card, Prospects
from segmentwerk.insight.language import NO_BREAK, Language
from segmentwerk.insight.migration import Migration
from segmentwerk.insight.plots import criterion

Row = list[str]
SHARES = ("G001", "G004", "G007")
"""Gates whose numbers are shares."""


def criteria(selection: Selection) -> list[str]:
    """Return the scores that the candidates were ranked by."""
    return [str(name) for name in selection.ranking.columns if "/" in str(name)]


def reasons(
    selection: Selection, cards: Sequence[Scorecard], language: Language, *, by_criterion: bool = True
) -> list[str]:
    """Say in sentences why the winner won, and how sure that is; with differences by criterion or without."""
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
        role, share = language.text(f"roles.{item.role}"), language.percent(item.ahead)
        sentences.append(language.text("report.ahead", role=role, candidate=item.candidate, share=share))
        if by_criterion:
            listed = "; ".join(differences(item, language))
            sentences.append(language.text("report.differences", listed=listed))
    if len(selection.pareto) > 1:
        sentences.append(language.text("report.front", names=language.listed(list(selection.pareto))))
    return sentences


def differences(comparison: PairedComparison, language: Language) -> list[str]:
    """Write by how much the winner is ahead of or behind another candidate in each criterion.

    The number is the distance, with its 95% interval; where that reaches below zero, the order may be the
    other one.
    """
    told = []
    for key, found in comparison.differences.items():
        value, low, high = found.value, found.low, found.high
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
    """Return heads, and for each gate its title with what it asks and (status, text) of every candidate."""
    heads = [language.text("report.gate"), *(card.candidate for card in cards)]
    rows = []
    for number, gate in enumerate(cards[0].gates):
        texts = dict.fromkeys(limit(card.gates[number], language) for card in cards)  # may depend on k
        asked = "; ".join(text for text in texts if text)
        title = gate_title(gate, language) + (f": {asked}" if asked else "")
        answers = [(str(card.gates[number].status), _answer(card.gates[number], language)) for card in cards]
        rows.append((title, answers))
    return heads, rows


def gates_of(card: Scorecard, language: Language) -> tuple[Row, list[Row]]:
    """Return heads and rows of one candidate's gates: what is asked, what was measured, the answer."""
    heads = [language.text(name) for name in ("report.gate", "page.asked", "page.measured", "page.answer")]
    rows = [
        [
            gate_title(gate, language),
            limit(gate, language) or "-",
            measured(gate, language) or "-",
            language.text(f"gates.{gate.status}"),
        ]
        for gate in card.gates
    ]
    return heads, rows


def failed_gates(card: Scorecard, language: Language) -> list[str]:
    """Say of each gate that a candidate failed what was measured and what is asked."""
    return [
        language.text(
            "page.others_failed",
            candidate=card.candidate,
            gate=gate_title(gate, language),
            measured=measured(gate, language),
            asked=limit(gate, language),
        )
        for gate in card.gates
        if gate.status == "failed"
    ]


def gate_title(gate: Gate, language: Language) -> str:
    """Name a gate with its code."""
    return f"{gate.code} {language.find('gates', gate.code) or gate.title}"


def limit(gate: Gate, language: Language) -> str:
    """Say what a gate asks; empty where it does not apply."""
    words = language.find("limits", gate.code)
    if words is None or "limit" not in gate.facts:
        return ""
    return str(words).format(limit=_number(gate, "limit", language))


def measured(gate: Gate, language: Language) -> str:
    """Write what a gate looked at; empty where it does not apply."""
    return _number(gate, "measured", language) if "measured" in gate.facts else ""


def _answer(gate: Gate, language: Language) -> str:
    status, found = language.text(f"gates.{gate.status}"), measured(gate, language)
    return f"{status} ({found})" if found else status


def _number(gate: Gate, name: str, language: Language) -> str:
    value = float(gate.facts[name])
    if gate.code in SHARES:
        return language.percent(value, 1)
    if value.is_integer() and gate.code != "G002":
        return language.number(value)
    return language.decimal(value, 3 if gate.code == "G006" else 2)


def migration(moves: Migration, language: Language) -> tuple[Row, list[Row]]:
    """Return heads and rows of who moves: old segments by name, new ones by id, totals, shares and money."""
    matrix = moves.identity.migration
    money = moves.revenue == moves.revenue
    heads = [
        language.text("report.from"),
        *(language.text("report.to", id=segment) for segment in matrix.columns),
        *(language.text(f"report.{name}") for name in ("accounts", "moving")),
        *([language.text("report.moving_revenue")] if money else []),
    ]
    rows = [
        _row(f"{segment} {moves.before.get(segment, '')}".strip(), counts, leaving, revenue, money, language)
        for segment, counts, leaving, revenue in zip(
            matrix.index, matrix.to_numpy(dtype=float), moves.leaving, moves.revenue_leaving, strict=True
        )
    ]
    totals = matrix.to_numpy(dtype=float).sum(axis=0)
    everyone = language.text("page.all")
    return heads, [*rows, _row(everyone, totals, moves.moved, moves.revenue_moved, money, language)]


def _row(
    name: str, counts: FloatArray, leaving: float, revenue: float, money: bool, language: Language
) -> Row:
    total = float(counts.sum())
    share = language.percent(leaving / total, 1) if total else "-"
    told = [language.number(float(count)) for count in counts]
    moving = f"{language.number(float(leaving))} ({share})"
    return [
        name,
        *told,
        language.number(total),
        moving,
        *([language.number(float(revenue), "money")] if money else []),
    ]


def overview(
    cards: Sequence[Card], language: Language, prospects: Prospects | None = None
) -> tuple[Row, list[Row]]:
    """Return heads and rows of the segments: name, accounts, money, and prospects; the last row is all."""
    names = ("id", "name", "accounts", "share", "revenue", "revenue_share", "potential")
    heads = [language.text(f"report.{name}") for name in names]
    rows = [
        [
            str(card.segment.id),
            card.segment.name,
            language.number(card.segment.accounts),
            language.percent(card.segment.share, 1),
            language.number(card.revenue, "money"),
            language.percent(card.segment.revenue_share),
            language.number(card.potential, "money"),
        ]
        for card in cards
    ]
    rows.append(_all(cards, language))
    if prospects is not None:
        heads.append(language.text("page.prospects_count"))
        counts = prospects.found["accounts"].reindex([card.segment.id for card in cards], fill_value=0)
        for row, count in zip(rows, [*counts, counts.sum()], strict=True):
            row.append(language.number(float(count)))
    return heads, rows


def _all(cards: Sequence[Card], language: Language) -> Row:
    revenue, potential = total(card.revenue for card in cards), total(card.potential for card in cards)
    return [
        "",
        language.text("page.all"),
        language.number(sum(card.segment.accounts for card in cards)),
        language.percent(sum(card.segment.share for card in cards), 1),
        language.number(revenue, "money"),
        language.percent(sum(card.segment.revenue_share for card in cards)),
        language.number(potential, "money"),
    ]


def total(amounts: Iterable[float]) -> float:
    """Sum amounts; NaN where one is not told, lest it be told by the difference."""
    return float(sum(amounts))


def prospects(told: Prospects, names: Mapping[int, str], language: Language) -> tuple[Row, list[Row]]:
    """Return heads and rows of prospects by segment."""
    found = told.found
    heads = [
        language.text(name)
        for name in ("report.id", "report.name", "page.prospects_count", "report.share", "page.confidence")
    ]
    everyone = int(found["accounts"].sum())
    rows = [
        [
            str(segment),
            names.get(int(str(segment)), ""),
            language.number(row["accounts"]),
            language.percent(row["accounts"] / everyone, 1),
            language.percent(row["confidence"]),
        ]
        for segment, row in found.iterrows()
    ]
    return heads, rows

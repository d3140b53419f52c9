"""The tables of all pages, as texts: each is made once, whatever page it stands on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from segmentwerk.core.escaping import escape
from segmentwerk.core.proposal import Difference, Proposal
from segmentwerk.core.types import Gate, Interval, Score, Scorecard, Selection
from segmentwerk.insight.cards import Card, Prospects, grade
from segmentwerk.insight.language import NO_BREAK, UNKNOWN, Language
from segmentwerk.insight.migration import Migration
from segmentwerk.insight.profiles import Effect
from segmentwerk.insight.words import candidate, criterion, label, level_of
from segmentwerk.reporting.story import criteria

MEASURED = {"G001": "%1", "G002": ".2", "G004": "%1", "G006": ".3", "G007": "%1"}
"""How what a gate measured is written, where it is no count."""
REFITS = "stability/"
"""How the keys of scores begin that candidates lack which could no longer win (`evaluation.turns`)."""


@dataclass(frozen=True)
class Grid:
    """A table of texts; the columns after the first ``left`` ones hold numbers."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int = 1
    caption: str = ""

    @property
    def markdown(self) -> str:
        """The table as Markdown, each text shown as it is."""
        rule = ["---" if place < self.left else "---:" for place in range(len(self.heads))]
        rows = [[escape(cell) for cell in row] for row in (self.heads, *self.rows)]
        return "\n".join(f"| {' | '.join(row)} |" for row in (rows[0], rule, *rows[1:]))

    @property
    def plain(self) -> str:
        """The table for a terminal: columns side by side."""
        rows = [self.heads, *self.rows]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        padded = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows)
        return "\n".join("  " + "  ".join(row).rstrip() for row in padded)


def ranking(selection: Selection, cards: Sequence[Scorecard], language: Language) -> Grid:
    """Return name, segments, mean rank, and each criterion with its interval, of every candidate."""
    by_name, keys = {card.candidate: card for card in cards}, criteria(selection)
    heads = [language.text(f"report.{name}") for name in ("candidate", "segments", "rank")]
    rows = []
    for row in selection.ranking.to_dict("records"):
        card = by_name[str(row["candidate"])]
        scores = [_score(card, key, language) for key in keys]
        name = candidate(card.candidate, language)
        rows.append([name, str(card.n_segments), language.decimal(float(row["rank"])), *scores])
    return Grid([*heads, *(criterion(key, language) for key in keys)], rows)


def _score(card: Scorecard, key: str, language: Language) -> str:
    """Write a candidate's score, or why there is none."""
    score = card.score(key)
    gone = score is None and key.startswith(REFITS)
    return language.text("report.not_measured") if gone else interval(score, language)


def interval(score: Score | Interval | None, language: Language) -> str:
    r"""Write a score with its 95% interval.

    Examples
    --------
    >>> interval(Score("separation", "gain", 0.05, 0.04, 0.06), Language("de"))
    '0,050 (0,040\xa0…\xa00,060)'
    """
    return UNKNOWN if score is None else span(score.value, score.low, score.high, language)


def span(value: float, low: float, high: float, language: Language, form: str = ".3") -> str:
    """Write a number with the ends of its interval, if it has one."""
    text, *ends = (language.write(number, form) for number in (value, low, high))
    return f"{text} ({f'{NO_BREAK}…{NO_BREAK}'.join(ends)})" if isfinite(low) else text


def gates(card: Scorecard, language: Language) -> Grid:
    """Return what each gate asks of a candidate, what was measured, and the answer."""
    heads = [language.text(name) for name in ("report.gate", "page.asked", "page.measured", "page.answer")]
    rows = [
        [
            gate_title(gate, language),
            limit(gate, language) or UNKNOWN,
            measured(gate, language) or UNKNOWN,
            language.text(f"gates.{gate.status}"),
        ]
        for gate in card.gates
    ]
    return Grid(heads, rows, left=4)


def gate_title(gate: Gate, language: Language) -> str:
    """Name a gate with its code."""
    return f"{gate.code} {language.find('gates', gate.code) or gate.title}"


def limit(gate: Gate, language: Language) -> str:
    """Say what a gate asks; empty where it does not apply."""
    known = "limit" in gate.facts and language.find("limits", gate.code)
    return language.text(f"limits.{gate.code}", limit=gate.facts["limit"]) if known else ""


def measured(gate: Gate, language: Language) -> str:
    """Write what a gate looked at; empty where it does not apply."""
    known = "measured" in gate.facts
    return language.write(gate.facts["measured"], MEASURED.get(gate.code, "n")) if known else ""


def gates_of_all(cards: Sequence[Scorecard], language: Language) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return for each gate its title with what it asks, and (status, text) of every candidate."""
    rows = []
    for same_gate in zip(*(card.gates for card in cards), strict=True):
        limits = dict.fromkeys(
            text for gate in same_gate if (text := limit(gate, language))
        )  # may depend on k
        title = gate_title(same_gate[0], language) + (f": {'; '.join(limits)}" if limits else "")
        rows.append((title, [(str(gate.status), _answer(gate, language)) for gate in same_gate]))
    return rows


def _answer(gate: Gate, language: Language) -> str:
    status, value = language.text(f"gates.{gate.status}"), measured(gate, language)
    return f"{status} ({value})" if value else status


def scores(cards: Sequence[Scorecard], language: Language) -> Grid:
    """Return the first card's scores that have words, beside those of the others.

    Where it was not measured to the end, the rows are those of the last one.
    """
    rows = [
        [f"{criterion(score.key, language)} ({score.key})"]
        + [_score(card, score.key, language) for card in cards]
        for score in cards[-1 if cards[0].halted else 0].scores
        if language.find("criteria", score.key)  # the others are metrics of the run
    ]
    return Grid([language.text("page.score"), *(candidate(card.candidate, language) for card in cards)], rows)


def parameters(card: Scorecard, language: Language) -> Grid:
    """Return a candidate's parameters."""
    heads = [language.text("page.parameter"), language.text("page.value")]
    return Grid(heads, [[name, str(value)] for name, value in sorted(card.params.items())], left=2)


def migration(moves: Migration, language: Language) -> Grid:
    """Return who moves: old segments by name, new ones by id, totals, shares and money."""
    matrix = moves.identity.migration
    money = isfinite(moves.revenue)
    heads = [
        language.text("report.from"),
        *(language.text("report.to", id=segment) for segment in matrix.columns),
        *(language.text(f"report.{name}") for name in ("accounts", "moving")),
        *([language.text("report.moving_revenue")] if money else []),
    ]
    counts = matrix.to_numpy(dtype=np.float64)
    names = [f"{segment} {moves.before.get(segment, '')}".strip() for segment in matrix.index]
    columns = zip(
        [*names, language.text("page.all")],
        [*counts, counts.sum(axis=0)],
        [*moves.leaving, moves.moved],
        [*moves.revenue_leaving, moves.revenue_moved],
        strict=True,
    )
    rows = [
        [
            name,
            *(language.number(float(count)) for count in (*to, to.sum())),
            f"{language.number(float(leaving))} ({_share(leaving, to.sum(), language)})",
            *([language.number(float(revenue), "money")] if money else []),
        ]
        for name, to, leaving, revenue in columns
    ]
    return Grid(heads, rows)


def _share(part: float, whole: float, language: Language) -> str:
    return language.percent(part / whole, 1) if whole else UNKNOWN


def overview(cards: Sequence[Card], language: Language, prospects: Prospects | None = None) -> Grid:
    """Return the segments: name, accounts, money, and prospects; the last row is all."""
    names = ("id", "name", "accounts", "share", "revenue", "revenue_share", "potential")
    forms = ("", "", "n", "%1", "money", "%", "money")
    segments = [card.segment for card in cards]
    rows = [
        [s.id, s.name, s.accounts, s.share, c.revenue, s.revenue_share, c.potential]
        for s, c in zip(segments, cards, strict=True)
    ]
    everyone = [
        "",
        language.text("page.all"),
        *(total(column) for column in list(zip(*rows, strict=True))[2:]),
    ]
    texts = [
        [language.write(value, form) for value, form in zip(row, forms, strict=True)]
        for row in (*rows, everyone)
    ]
    heads = [language.text(f"report.{name}") for name in names]
    if prospects is not None:
        heads.append(language.text(f"page.{prospects.key}_count"))
        counts = prospects.by_segment["accounts"].reindex([s.id for s in segments], fill_value=0)
        for row, count in zip(texts, [*counts, counts.sum()], strict=True):
            row.append(language.number(float(count)))
    return Grid(heads, texts, left=2)


def total(amounts: Iterable[float]) -> float:
    """Sum amounts; NaN where one is not told, lest it be told by the difference."""
    return float(sum(amounts))


def prospects(summary: Prospects, names: Mapping[int, str], language: Language) -> Grid:
    """Return prospects by segment."""
    keys = ("report.id", "report.name", f"page.{summary.key}_count", "report.share", "page.confidence")
    everyone = summary.by_segment["accounts"].sum()
    rows = [
        [
            str(segment),
            names.get(segment, ""),
            language.number(accounts),
            language.percent(accounts / everyone, 1),
            language.percent(confidence),
        ]
        for segment, accounts, confidence in summary.by_segment[["accounts", "confidence"]].itertuples()
    ]
    return Grid([language.text(key) for key in keys], rows, left=2)


def apart(effects: Iterable[Effect], language: Language) -> Grid:
    """Return what sets a segment apart: medians or shares inside and outside, and the size of the effect."""
    rows = []
    for effect in effects:
        unit = "share" if effect.level else effect.feature.unit
        words = language.text(f"grades.{grade(effect.effect)}")
        rows.append(
            [
                f"{label(effect.feature.name, language)} {level_of(effect.level, language)}".strip(),
                language.number(effect.inside, unit),
                language.number(effect.outside, unit),
                f"{language.decimal(effect.effect)} ({words})",
            ]
        )
    return Grid(
        [language.text(f"report.{name}") for name in ("feature", "inside", "outside", "effect")], rows
    )


def differences(proposal: Proposal, language: Language) -> Grid | None:
    """Return how a version does beside the champion; None where there is nothing to compare on."""
    comparison, t = proposal.comparison, language.text
    if comparison is None or not comparison.differences:
        return None
    versions = [t("decision.version", version=version) for version in (comparison.champion, proposal.version)]
    heads = [t("decision.criterion"), *versions, t("decision.difference"), t("decision.meaning")]
    rows = [
        _difference(one, criterion(one.key, language), language, ".3", "±.3")
        for one in comparison.differences
    ]
    if comparison.overall is not None:
        rows.append(_difference(comparison.overall, t("decision.overall"), language, "%", "±%1"))
    return Grid(heads, rows, left=5, caption=t("decision.differences", held_out=comparison.held_out))


def _difference(one: Difference, title: str, language: Language, form: str, signed: str) -> list[str]:
    same, better, worse = one.low == one.high == 0, one.low > 0, one.high < 0
    word = "same" if same else "worse" if worse else "better" if better else "unsure"
    scores = [language.write(value, form) for value in (one.champion, one.challenger)]
    difference = span(one.value, one.low, one.high, language, signed)
    return [title, *scores, difference, language.text(f"decision.{word}")]


def promotion(proposal: Proposal, language: Language) -> Grid | None:
    """Return what a promotion asks, measured and limit side by side; None where nothing was asked."""
    if not proposal.gates:
        return None
    heads = [language.text(f"decision.{name}") for name in ("gate", "measured", "limit", "answer")]
    rows = [_promotion(gate, language) for gate in proposal.gates]
    return Grid(heads, rows, left=4, caption=language.text("decision.gates"))


def _promotion(gate: Gate, language: Language) -> list[str]:
    key = f"promotion.{gate.code}"
    few = "_few" if "least" in gate.facts else ""
    parts = (f"{key}{few}_measured", f"{key}{few}_limit")
    cells = [language.text(part, **gate.facts).strip() if gate.facts else UNKNOWN for part in parts]
    return [f"{gate.code} {language.text(key)}", *cells, language.text(f"decision.{gate.status}")]

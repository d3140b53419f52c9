"""What all pages say in sentences, in the same words in every place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isfinite

from segmentwerk.core.escaping import escape
from segmentwerk.core.settings import EvaluationSettings
from segmentwerk.core.types import (
    PairedComparison,
    Scorecard,
    Selection,
    StudyResult,
    Verdict,
    Window,
)
from segmentwerk.evaluation.structure import LEAST_APART
from segmentwerk.insight.cards import Card, Prospects
from segmentwerk.insight.discriminants import Discriminant
from segmentwerk.insight.language import Language
from segmentwerk.insight.migration import Migration
from segmentwerk.insight.plots import best_by_segments
from segmentwerk.insight.words import candidate, column_label, criterion, label
from segmentwerk.reporting import tables
from segmentwerk.reporting.story import Data, Story, criteria


def reasons(
    selection: Selection, cards: Sequence[Scorecard], language: Language, *, by_criterion: bool = False
) -> str:
    """Say why the winner won, and how sure that is; with differences by criterion or without."""
    return " ".join(_reasons(selection, cards, language, by_criterion=by_criterion))


def _reasons(
    selection: Selection, cards: Sequence[Scorecard], language: Language, *, by_criterion: bool
) -> Iterator[str]:
    t = language.text
    winner = next(card for card in cards if card.candidate == selection.winner)
    values = {"winner": candidate(selection.winner, language), "k": winner.n_segments}
    if selection.rule_of_thumb:
        yield t("report.rule_of_thumb", **values)
    else:
        passed = sum(card.passed for card in cards)
        yield t(
            "report.passed_gates" if winner.passed else "report.no_gates", passed=passed, total=len(cards)
        )
        rank = float(selection.ranking.set_index("candidate")["rank"].loc[selection.winner])
        names = [criterion(key, language) for key in criteria(selection)]
        yield t("report.won", rank=rank, criteria=names, **values)
        if selection.near_ties:
            yield t("report.ties", names=_candidates(selection.near_ties, language))
    halted = [card.candidate for card in cards if card.halted]
    if halted:
        yield t("report.halted", names=_candidates(halted, language))
    if winner.for_outcome:
        yield t("report.for_outcome")
    for item in selection.comparisons:
        role, name = t(f"roles.{item.role}"), candidate(item.candidate, language)
        yield t("report.ahead", role=role, candidate=name, share=item.ahead)
        if by_criterion:
            yield t("report.differences", listed="; ".join(_differences(item, language)))
    if len(selection.pareto) > 1:
        yield t("report.front", names=_candidates(selection.pareto, language))


def _candidates(names: Iterable[str], language: Language) -> list[str]:
    return [candidate(name, language) for name in names]


def _differences(comparison: PairedComparison, language: Language) -> Iterator[str]:
    """Write by how much the winner is ahead of or behind another candidate in each criterion.

    The number is the distance, with its 95% interval; where that reaches below zero, the order may be the
    other one.
    """
    for key, difference in comparison.differences.items():
        behind = difference.value < 0
        ends = (
            (-difference.value, -difference.high, -difference.low)
            if behind
            else (difference.value, difference.low, difference.high)
        )
        word = "report.behind_by" if behind else "report.ahead_by"
        yield f"{criterion(key, language)}: {language.text(word, span=tables.span(*ends, language))}"


def failures(card: Scorecard, language: Language) -> list[str]:
    """Say of each gate that a candidate failed what was measured and what is asked."""
    return [
        language.text(
            "page.others_failed",
            candidate=candidate(card.candidate, language),
            gate=tables.gate_title(gate, language),
            measured=tables.measured(gate, language),
            asked=tables.limit(gate, language),
        )
        for gate in card.gates
        if gate.status == "failed"
    ]


def headline(cards: Sequence[Card], language: Language) -> str:
    """Say in Markdown where the business is: who holds the revenue, and where more could be had."""
    revenue = tables.total(card.revenue for card in cards)
    known = isfinite(revenue)
    top = max(cards, key=lambda card: card.revenue if known else card.segment.accounts).segment
    text = language.text(
        "page.headline" if known else "page.headline_sizes",
        customers=sum(card.segment.accounts for card in cards),
        revenue=revenue,
        id=top.id,
        name=escape(top.name),
        share=top.share,
        revenue_share=top.revenue_share,
    )
    promising = [card for card in cards if card.potential > 0]
    if promising:
        most = max(promising, key=lambda card: card.potential)
        values = {"id": most.segment.id, "name": escape(most.segment.name), "potential": most.potential}
        text += " " + language.text("page.headline_potential", **values)
    return text


def moved(moves: Migration, version: int, language: Language) -> str:
    """Say how many accounts move, with how much revenue, and how many of them only follow their segment."""
    text = language.text("page.moved", version=version, moves=moves)
    if isfinite(moves.revenue_moved) and moves.revenue > 0:
        share = moves.revenue_moved / moves.revenue
        text += language.text("page.moved_revenue", revenue=moves.revenue_moved, share=share)
    text += "."
    if moves.followed:
        left = moves.moved - moves.followed
        text += " " + language.text("page.followed", followed=moves.followed, left=left)
    return text


def events(moves: Migration, language: Language) -> list[str]:
    """Say what became of each segment, by name."""

    def named(ids: Sequence[int], names: Mapping[int, str]) -> list[str]:
        return [f"{one} {names.get(one, '')}".strip() for one in ids]

    return [
        language.text(
            f"events.{event.kind}",
            old=named(event.old, moves.before),
            new=named(event.new, moves.after),
            jaccard=event.jaccard,
        )
        for event in moves.identity.events
    ]


def prospects(prospects_of_all: Prospects, language: Language) -> str:
    """Say how far it can be believed which segments prospects fall into, and how many have none."""
    key = f"page.{prospects_of_all.key}"
    if prospects_of_all.by_segment.empty:
        return language.text(f"{key}_none", count=prospects_of_all.left_out)
    note = language.text(
        f"{key}_note",
        accuracy=prospects_of_all.accuracy,
        majority=prospects_of_all.majority,
        error=100 * prospects_of_all.calibration_error,
    )
    left_out = language.text("page.prospects_left_out", count=prospects_of_all.left_out)
    return f"{note} {left_out}" if prospects_of_all.left_out else note


def number_of_segments(story: Story, language: Language) -> str:
    """Say why the winner has as many segments as it has."""
    card, selection, limits, t = story.winner, story.selection, story.limits, language.text
    k = float(card.n_segments)
    best = best_by_segments(story.studies[card.algorithm]) if card.algorithm in story.studies else {}
    values: dict[str, object] = {"algorithm": candidate(card.algorithm, language), "k": card.n_segments}
    if k not in best or len(best) < 2:
        sentences = [t("page.k_only", **values)]
    else:
        rival = max((one for one in best if one != k), key=lambda one: best[one].value)
        values |= {"value": best[k].value, "next_value": best[rival].value}
        values |= {"low": int(min(best)), "high": int(max(best)), "next": int(rival)}
        sentences = [t("page.k_best" if best[k].value >= best[rival].value else "page.k_final", **values)]
    if selection.near_ties and not selection.rule_of_thumb:
        sentences.append(t("page.k_tie"))
    sentences.append(t("page.k_limits", most=limits.max_segments, least=limits.min_segment_share))
    return " ".join(sentences)


def structure(verdict: Verdict, limits: EvaluationSettings, language: Language) -> str:
    """Say what the verdict on structure is and rests on, with the limits beside what was measured."""
    opening = language.text(f"verdicts.{verdict.kind}")
    if not isfinite(verdict.jaccard):
        return opening
    measured = language.text("page.structure", verdict=verdict, limits=limits, least_apart=LEAST_APART)
    return f"{opening} {measured}"


def outcome(name: str, window: Window, language: Language) -> str:
    """Say what an outcome is."""
    if not language.find("outcomes", name):
        return name
    return language.text(f"outcomes.{name}", since=window.as_of, until=window.outcome_until)


def meanings(story: Story, language: Language) -> list[tuple[str, str, str]]:
    """Return what the heads of the ranking mean: word, name of the metric where it has one, and meaning."""
    rows = [(language.text("report.rank"), "", language.text("meaning.rank"))]
    explained = outcome(story.outcome, story.data.window, language)
    reference = story.winner.score("value/reference")
    for key in criteria(story.selection):
        known = language.find("meaning", key)
        words = language.text(f"meaning.{key}", outcome=explained) if known else ""
        if key.startswith("value/") and reference is not None:
            words += ". " + language.text("page.best_known", reference=reference.value)
        rows.append((criterion(key, language), key, words.rstrip(".")))
    return rows


def looked_at(data: Data, language: Language) -> str:
    """Say which accounts a comparison looked at."""
    said = language.text("report.data_in_turn" if data.in_turn else "report.data", data=data)
    return f"{said} {sampled(data, language)}".strip()


def sampled(data: Data, language: Language) -> str:
    """Say that the accounts are a sample and how well it tells shares; empty where all were looked at."""
    if data.population is None:
        return ""
    points = language.decimal(100 * data.sampling_error)
    return language.text("report.sampled", data=data, points=points)


def loadings(discriminant: Discriminant, language: Language) -> str:
    """List the variables that tell a segment from the rest."""
    return ", ".join(
        f"{column_label(name, language)} ({language.decimal(loading)})"
        for name, loading in discriminant.loadings
    )


def results(cards: Sequence[Scorecard], selection: Selection, language: Language) -> str:
    """Say of each candidate whether it won, and why it did not."""
    return " ".join(_result(card, selection, language) for card in cards)


def _result(card: Scorecard, selection: Selection, language: Language) -> str:
    name = candidate(card.candidate, language)
    if card.candidate == selection.winner:
        return language.text("page.child_won", candidate=name, k=card.n_segments)
    return f"{language.text('page.child_lost', candidate=name)} {_why_not(card, selection, language)}"


def _why_not(card: Scorecard, selection: Selection, language: Language) -> str:
    ranks = selection.ranking.set_index("candidate")["rank"]
    own, best = float(ranks.loc[card.candidate]), float(ranks.loc[selection.winner])
    values = {"winner": candidate(selection.winner, language), "rank": own, "best": best}
    if card.halted:
        return language.text("page.lost_halted", **values)
    if not isfinite(own):
        limit_word = language.text("page.asked").lower()
        failed = [
            f"{tables.gate_title(gate, language)} ({tables.measured(gate, language)}; "
            f"{limit_word}: {tables.limit(gate, language)})"
            for gate in card.gates
            if gate.status == "failed" and gate.severity == "error"
        ]
        return language.text("page.lost_gates", gates=failed, **values)
    if selection.rule_of_thumb:
        return language.text("page.lost_thumb", **values)
    key = "page.lost_tie" if card.candidate in selection.near_ties else "page.lost_rank"
    return language.text(key, **values)


def search(study: StudyResult, language: Language) -> str:
    """Say how many trials a search made, and what became of them."""
    states = Counter(trial.state for trial in study.trials)
    counts = {state: states[state] for state in ("complete", "pruned", "failed")}
    return language.text("page.study", trials=len(study.trials), **counts)


def made_of(data: Data, language: Language) -> str:
    """Say in Markdown which factors stand for the features, where customers are few for all of them."""
    listed = [
        f"**{escape(column_label(name, language))}**"
        + (f" ({escape(', '.join(label(one, language) for one in members))})" if len(members) > 1 else "")
        for name, members in data.factors.items()
        if members
    ]
    alone = ", ".join(escape(column_label(column, language)) for column in data.alone)
    text = language.text(
        "page.made_of",
        stay=alone or language.text("page.made_of_none"),
        count=len(data.factors),
        data=data,
        factors=", ".join(listed),
    )
    return f"{text} {faint(data, language)}".strip()


def faint(data: Data, language: Language) -> str:
    """Say which features no factor tells of; empty where there are none."""
    names = [label(name, language) for name in data.faint]
    return language.text("report.faint", names=names) if names else ""

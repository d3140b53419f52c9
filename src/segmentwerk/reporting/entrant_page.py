"""What a reviewer reads on a segmenter's own run: what it is, how it did, and why it won or did not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import isfinite

from segmentwerk.core.types import Scorecard, Selection, StudyResult
from segmentwerk.insight import markdown, report_tables
from segmentwerk.insight.contestants import spoken
from segmentwerk.insight.language import Language
from segmentwerk.insight.plots import criterion


def page(
    name: str,
    cards: Sequence[Scorecard],
    winner: Scorecard,
    study: StudyResult,
    selection: Selection,
    language: Language,
) -> str:
    """Write the description of a segmenter's run as Markdown.

    Parameters
    ----------
    cards
        Its judged finalists, best of tuning first.
    winner
        The scorecard of the winner of the comparison, which may be one of them.
    """
    selection, (winner, *cards) = spoken(selection, [winner, *cards], language)
    about = language.find("about", name)
    lines = [" ".join(_outcome(card, winner, selection, language) for card in cards), ""]
    lines += [str(about), ""] if about else []
    lines += [_study(study, language), ""]
    for card in cards:
        told = {} if card.candidate == winner.candidate else {winner.candidate: winner}
        lines += _candidate(card, told, language)
    return "\n".join(lines)


def _outcome(card: Scorecard, winner: Scorecard, selection: Selection, language: Language) -> str:
    if card.candidate == winner.candidate:
        return language.text("page.child_won", candidate=card.candidate, k=card.n_segments)
    lost = language.text("page.child_lost", candidate=card.candidate)
    return f"{lost} {_why_not(card, selection, language)}"


def _why_not(card: Scorecard, selection: Selection, language: Language) -> str:
    ranks = selection.ranking.set_index("candidate")["rank"]
    own, best = float(ranks.loc[card.candidate]), float(ranks.loc[selection.winner])
    told = {"winner": selection.winner, "rank": language.decimal(own), "best": language.decimal(best)}
    if not isfinite(own):
        failed = [gate for gate in card.gates if gate.status == "failed" and gate.severity == "error"]
        listed = language.listed(
            [
                f"{report_tables.gate_title(gate, language)} ({report_tables.measured(gate, language)}; "
                f"{language.text('page.asked').lower()}: {report_tables.limit(gate, language)})"
                for gate in failed
            ]
        )
        return language.text("page.lost_gates", gates=listed, **told)
    if selection.rule_of_thumb:
        return language.text("page.lost_thumb", **told)
    key = "page.lost_tie" if card.candidate in selection.near_ties else "page.lost_rank"
    return language.text(key, **told)


def _study(study: StudyResult, language: Language) -> str:
    states = Counter(trial.state for trial in study.trials)
    return language.text(
        "page.study",
        trials=len(study.trials),
        **{state: states[state] for state in ("complete", "pruned", "failed")},
    )


def _candidate(card: Scorecard, beside: dict[str, Scorecard], language: Language) -> list[str]:
    """Write one finalist's parameters, scores and gates; its scores stand beside the winner's."""
    shown = {card.candidate: card, **beside}
    scores = [
        [
            f"{criterion(score.key, language)} ({score.key})",
            *(report_tables.interval(one.score(score.key), language) for one in shown.values()),
        ]
        for score in card.scores
        if language.find("criteria", score.key)  # the others are metrics of the run
    ]
    params = [[name, str(value)] for name, value in sorted(card.params.items())]
    return [
        f"### {card.candidate}",
        "",
        f"**{language.text('page.scores')}**",
        "",
        markdown.table([language.text("page.score"), *shown], scores),
        "",
        f"**{language.text('report.gates')}**",
        "",
        markdown.table(*report_tables.gates_of(card, language), left=4),
        "",
        f"**{language.text('page.parameters')}**",
        "",
        markdown.table([language.text("page.parameter"), language.text("page.value")], params, left=2),
        "",
    ]

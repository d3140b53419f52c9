"""Selection: which candidate wins, and what that stands on.

The rule (docs/decisions/0003-selection-rule.md): candidates that pass every gate are ranked by each
primary criterion and ordered by their mean rank; those within one standard error of the best (of the
difference, by bootstrap draws that all candidates share) are tied; among the tied ones fewer segments
win, then the simpler algorithm, then the better rank. Where none is better than noise, the baseline wins if
that is all it fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from segmentwerk.core.errors import InputError
from segmentwerk.core.settings import EvaluationSettings, GoalSettings
from segmentwerk.core.types import Interval, PairedComparison, Scorecard, Selection
from segmentwerk.evaluation.gates import BASELINE_CODE, NOISE_CODE, gate
from segmentwerk.evaluation.ranking import TARGETING, VALUE, MeanRanks, ahead, criteria_of, values_of

FAMILIES = (
    "separation/gain",
    "stability/agreement",
    VALUE,
    "identifiability/balanced_accuracy",
    "substance/evenness",
    TARGETING,
)
"""The score that stands for each family on the Pareto front; one that nobody has makes no difference."""
MORE_OFTEN = 0.5
"""Share of the draws in which a candidate must rank ahead of the baseline."""


def select(cards: Sequence[Scorecard], settings: EvaluationSettings, goal: GoalSettings) -> Selection:
    """Select the winner among scorecards that were judged on one view with one seed.

    Where no candidate passes every gate, those that fail the fewest are ranked.

    Raises
    ------
    InputError
        If there is no candidate or a name stands twice.
    """
    names = [card.candidate for card in cards]
    if not cards or len(set(names)) < len(names):
        raise InputError(f"Cannot select among {names}.", "Give at least one candidate, each name once.")
    cards = against_baseline(cards, settings, goal)
    chosen, criteria = choose(cards, settings, goal), criteria_of(cards, settings, goal)
    ranks, best = chosen.ranks, chosen.best
    order = sorted(range(len(chosen.eligible)), key=lambda i: (i != best, ranks.rank[i]))
    ranked = [chosen.eligible[i] for i in order]
    front = pareto(ranked)
    return Selection(
        winner=ranked[0].candidate,
        ranking=_table(ranked, ranks, cards, criteria).assign(
            pareto=lambda table: table["candidate"].isin(front)
        ),
        pareto=front,
        near_ties=tuple(ranks.names[i] for i in chosen.tied if i != best),
        comparisons=tuple(_comparisons(ranked, cards, criteria, settings)),
        rule_of_thumb=chosen.rule_of_thumb,
    )


@dataclass(frozen=True, eq=False)
class Choice:
    """Who is ranked, with their mean ranks, who is tied, and the place of the best one among them."""

    eligible: list[Scorecard]
    ranks: MeanRanks
    tied: list[int]
    best: int
    rule_of_thumb: bool

    @property
    def winner(self) -> Scorecard:
        """The card of the best one."""
        return self.eligible[self.best]


def choose(cards: Sequence[Scorecard], settings: EvaluationSettings, goal: GoalSettings) -> Choice:
    """Apply the rule and nothing more: what `select` tells of besides is not worked out."""
    cards = against_baseline(cards, settings, goal)
    fewest = min(failures(card) for card in cards)
    eligible = [card for card in cards if failures(card) == fewest]
    ranks = MeanRanks.of(eligible, criteria_of(cards, settings, goal))
    tied = ranks.tied()
    thumb = _rule_of_thumb(eligible, ranks, settings)
    best = min(tied, key=lambda i: (filled(eligible[i]), eligible[i].complexity, ranks.rank[i]))
    return Choice(eligible, ranks, tied, best if thumb is None else thumb, thumb is not None)


def _rule_of_thumb(
    eligible: Sequence[Scorecard], ranks: MeanRanks, settings: EvaluationSettings
) -> int | None:
    """Return the best grid of the baseline where nobody is better than noise, but the grid holds.

    A cut that anybody understands is then worth more than one that an algorithm happened to make.
    """
    holding = [
        i
        for i, card in enumerate(eligible)
        if card.algorithm == settings.baseline and failed(card) == [NOISE_CODE]
    ]
    return min(holding, key=lambda i: ranks.rank[i], default=None)


def failed(card: Scorecard) -> list[str]:
    """Return the codes of the failed gates of severity error."""
    return [item.code for item in card.gates if item.status == "failed" and item.severity == "error"]


def failures(card: Scorecard) -> int:
    """Count the failed gates of severity error."""
    return len(failed(card))


def filled(card: Scorecard) -> int:
    """Count the segments that hold accounts."""
    return int((card.per_segment["accounts"] > 0).sum())


def against_baseline(
    cards: Sequence[Scorecard], settings: EvaluationSettings, goal: GoalSettings
) -> list[Scorecard]:
    """Add gate G007 to every card: ranks ahead of the baseline in more than half of the draws.

    It does not apply to the baseline itself, nor where the baseline is absent or fails its own gates:
    only a cut that could be used instead is worth beating. A card that has the gate keeps it.
    """
    baselines = [card for card in cards if card.algorithm == settings.baseline]
    baseline = min(baselines, key=failures) if baselines else None
    criteria = criteria_of(cards, settings, goal)
    return [_with_baseline(card, baseline, criteria, settings.baseline) for card in cards]


def _with_baseline(
    card: Scorecard, baseline: Scorecard | None, criteria: dict[str, float], name: str
) -> Scorecard:
    if any(item.code == BASELINE_CODE for item in card.gates):
        return card
    ok: bool | None = None
    facts: dict[str, float] = {}
    if baseline is None:
        message = f"The baseline {name} is not among the candidates."
    elif card.algorithm == name:
        message = "This is the baseline."
    elif failures(baseline):
        message = f"The baseline {baseline.candidate} fails gates of its own."
    else:
        share = ahead(card, baseline, criteria)
        ok, facts = share > MORE_OFTEN, {"measured": share, "limit": MORE_OFTEN}
        message = (
            f"Ranks ahead of {baseline.candidate} in {share:.0%} of the bootstrap draws; "
            f"over {MORE_OFTEN:.0%} is asked."
        )
    result = gate(BASELINE_CODE, "Better than the baseline", ok, message, facts=facts)
    return replace(card, gates=(*card.gates, result))


def _comparisons(
    ranked: Sequence[Scorecard],
    cards: Sequence[Scorecard],
    criteria: dict[str, float],
    settings: EvaluationSettings,
) -> Iterator[PairedComparison]:
    """Compare the winner with the runner-up and the baseline, draw by draw."""
    winner = ranked[0]
    baselines = [card for card in cards if card.algorithm == settings.baseline]
    opponents: dict[Literal["runner-up", "baseline"], Sequence[Scorecard]]
    opponents = {"runner-up": ranked[1:2], "baseline": baselines[:1]}
    for role, opponent in opponents.items():
        for card in opponent:
            if card.candidate != winner.candidate:
                differences = {key: _difference(winner, card, key) for key in criteria}
                yield PairedComparison(role, card.candidate, ahead(winner, card, criteria), differences)


def _difference(winner: Scorecard, other: Scorecard, key: str) -> Interval:
    """Difference of one score with its 95% interval; positive speaks for the winner."""
    n_draws = min(len(winner.samples.get(key, [])), len(other.samples.get(key, [])))
    values = values_of([winner, other], key, n_draws)
    if not np.isfinite(values).all():
        return Interval(np.nan, np.nan, np.nan)
    difference = values[0] - values[1]
    low, high = np.quantile(difference[1:], [0.025, 0.975]) if n_draws else (np.nan, np.nan)
    return Interval(float(difference[0]), float(low), float(high))


def _table(
    ranked: Sequence[Scorecard], ranks: MeanRanks, cards: Sequence[Scorecard], criteria: dict[str, float]
) -> pd.DataFrame:
    """One row a candidate: the winner, the other ranked ones, then those out of the contest."""
    position = {name: i for i, name in enumerate(ranks.names)}
    out = sorted((card for card in cards if card.candidate not in position), key=failures)
    rows = []
    for card in (*ranked, *out):
        i = position.get(card.candidate)
        scores = {key: card.score(key) for key in criteria}
        rows.append(
            {
                "candidate": card.candidate,
                "algorithm": card.algorithm,
                "n_segments": card.n_segments,
                "complexity": card.complexity,
                "passed": card.passed,
                "failed": " ".join(item.code for item in card.gates if item.status == "failed"),
                "rank": np.nan if i is None else ranks.rank[i],
                "rank_se": np.nan if i is None else ranks.behind[i],
                **{key: np.nan if score is None else score.value for key, score in scores.items()},
            }
        )
    return pd.DataFrame(rows)


def pareto(cards: Sequence[Scorecard]) -> tuple[str, ...]:
    """Names of the candidates that no other one equals in every family and beats in one."""
    values = np.column_stack([values_of(cards, key, 0)[:, 0] for key in FAMILIES])
    return tuple(
        card.candidate
        for card, own in zip(cards, values, strict=True)
        if not ((values >= own).all(axis=1) & (values > own).any(axis=1)).any()
    )

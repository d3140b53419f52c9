"""Mean ranks of candidates, in the sample and in every bootstrap draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.settings import EvaluationSettings, GoalSettings
from segmentwerk.core.types import Scorecard

VALUE = "value/explained"
TARGETING = "targeting/gain"


def criteria_of(
    cards: Sequence[Scorecard], settings: EvaluationSettings, goal: GoalSettings
) -> dict[str, float]:
    """Weights of the primary criteria, joined by those that the goal weighs and that could be measured."""
    weights = dict.fromkeys(map(str, settings.primary), 1.0)
    if goal.value_weight > 0 and any(card.score(VALUE) for card in cards):
        weights[VALUE] = goal.value_weight
    if goal.targeting_weight > 0 and any(card.score(TARGETING) for card in cards):
        weights[TARGETING] = goal.targeting_weight
    return weights


def values_of(cards: Sequence[Scorecard], key: str, n_draws: int) -> FloatArray:
    """Return the value and draws of one criterion, (n_cards, 1 + n_draws).

    Larger is better; a score that was not measured is minus infinity, one without draws is constant.
    """
    rows = np.full((len(cards), 1 + n_draws), -np.inf)
    for row, card in zip(rows, cards, strict=True):
        score, draws = card.score(key), card.samples.get(key, [])
        if score is not None and np.isfinite(score.value):
            sign = 1.0 if score.higher_is_better else -1.0
            row[:] = sign * score.value
            row[1 : 1 + len(draws)] = sign * np.asarray(draws)[:n_draws]
    return rows


@dataclass(frozen=True, eq=False)
class MeanRanks:
    """Weighted mean ranks over the criteria, (n_cards, 1 + n_draws); 1 is best, first column the sample."""

    names: list[str]
    ranks: FloatArray

    @classmethod
    def of(cls, cards: Sequence[Scorecard], criteria: dict[str, float]) -> MeanRanks:
        """Rank the candidates by every criterion in the sample and in each draw."""
        n_draws = max((len(draws) for card in cards for draws in card.samples.values()), default=0)
        ranks = [rankdata(-values_of(cards, key, n_draws), axis=0) for key in criteria]
        return cls(
            [card.candidate for card in cards], np.average(ranks, axis=0, weights=list(criteria.values()))
        )

    @property
    def rank(self) -> FloatArray:
        """Mean rank in the sample, shape (n_cards,)."""
        return self.ranks[:, 0]

    @property
    def behind(self) -> FloatArray:
        """Standard error of each candidate's distance in mean rank to the best one, shape (n_cards,)."""
        distances = self.ranks[:, 1:] - self.ranks[int(np.argmin(self.rank)), 1:]
        return distances.std(axis=1) if distances.shape[1] else np.zeros(len(distances))

    def tied(self) -> list[int]:
        """Candidates within one standard error of the best mean rank, the best included."""
        return [int(i) for i in np.flatnonzero(self.rank - self.rank.min() <= self.behind + 1e-12)]


def ahead(first: Scorecard, second: Scorecard, criteria: dict[str, float]) -> float:
    """Share of the draws in which the first of two candidates has the better mean rank; ties count half."""
    ranks = MeanRanks.of([first, second], criteria).ranks
    draws = ranks[:, 1:] if ranks.shape[1] > 1 else ranks
    return float(((draws[0] < draws[1]) + 0.5 * (draws[0] == draws[1])).mean())

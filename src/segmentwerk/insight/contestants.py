"""The candidates of a comparison under the names that readers know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from segmentwerk.core.types import Scorecard, Selection
from segmentwerk.insight.language import Language
from segmentwerk.insight.words import candidate


def spoken(
    selection: Selection, cards: Sequence[Scorecard], language: Language
) -> tuple[Selection, list[Scorecard]]:
    """Return selection and scorecards with the candidates' names in words, such as ``k-means``."""
    ranking = selection.ranking.assign(
        candidate=[candidate(str(name), language) for name in selection.ranking["candidate"]]
    )
    comparisons = tuple(
        replace(item, candidate=candidate(item.candidate, language)) for item in selection.comparisons
    )
    told = replace(
        selection,
        winner=candidate(selection.winner, language),
        ranking=ranking,
        pareto=tuple(candidate(name, language) for name in selection.pareto),
        near_ties=tuple(candidate(name, language) for name in selection.near_ties),
        comparisons=comparisons,
    )
    return told, [replace(card, candidate=candidate(card.candidate, language)) for card in cards]

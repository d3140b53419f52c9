"""What happened, built once as plain data; every page, the report and the terminal tell it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Any, Self

from segmentwerk.config import CompareSettings
from segmentwerk.contest.outcome import Outcome
from segmentwerk.core.companies import Companies
from segmentwerk.core.proposal import Proposal
from segmentwerk.core.settings import EvaluationSettings
from segmentwerk.core.space_columns import ColumnKind
from segmentwerk.core.types import Scorecard, Selection, StudyResult, Verdict, Window
from segmentwerk.insight.cards import Card, Prospects
from segmentwerk.insight.migration import Migration
from segmentwerk.measurement.learned_effects import LearnedCampaign
from segmentwerk.preparation.prepare import Prepared, outcome_name
from segmentwerk.release.describing import Described
from segmentwerk.release.packaging import Packed
from segmentwerk.release.release import Release


@dataclass(frozen=True)
class Data:
    """The accounts that a comparison looked at.

    Attributes
    ----------
    n_features, n_variables
        Number of features, and of those that segments could be made of.
    held_out, in_turn
        Number of customers held out from fitting; ``in_turn`` says that each was, once.
    quarantined
        Number of faulty rows set aside.
    population
        Number of accounts that the sample was drawn from; None where all were looked at.
    factors, explained, alone, faint
        Where customers are few for all features: the features that each factor stands for, the share of
        these features that the factors tell, the columns that stand for themselves, and the features that
        no factor tells of.
    joined
        What was joined where accounts stand for company families.
    leading, describing, learnable
        Where a goal says what segments are made of: the features that they are made of and judged on, those
        that only describe, and the number of customers of whom any of the former is known.
    """

    source: str
    window: Window
    accounts: int
    customers: int
    n_features: int
    n_variables: int
    held_out: int
    in_turn: bool
    quarantined: int
    digest: str
    factors: Mapping[str, Sequence[str]] = field(default_factory=dict)
    explained: float = 1.0
    alone: Sequence[str] = ()
    faint: Sequence[str] = ()
    joined: Companies | None = None
    leading: Sequence[str] = ()
    describing: Sequence[str] = ()
    learnable: int = 0
    population: int | None = None

    @property
    def led(self) -> bool:
        """Whether some features only describe."""
        return bool(self.describing)

    @property
    def sampling_error(self) -> float:
        """How far a segment's share of the customers may lie from its share of all, 19 times in 20.

        Half the width of the interval for a share of one half, the widest there is, drawn without replacement
        (Cochran 1977, Sampling Techniques, sections 2.6 and 3.2); 0 where all were looked at.
        """
        if self.population is None:
            return 0.0
        return 1.96 * sqrt(0.25 / max(self.customers, 1) * (1 - self.accounts / self.population))

    @classmethod
    def of(cls, prepared: Prepared) -> Data:
        """Sum up what was prepared."""
        table, space = prepared.table, prepared.space
        return cls(
            source=table.source,
            window=table.window,
            accounts=len(table.orders),
            customers=len(table.customers),
            n_features=len(table.catalogue),
            n_variables=len(space.variables_),
            held_out=len(prepared.holdout),
            in_turn=prepared.in_turn,
            quarantined=sum(prepared.accounts.checked.rejected.values()),
            digest=table.digest,
            factors=prepared.factors,
            explained=space.factors_.explained_variance_ratio if space.factors_ else 1.0,
            alone=[column.name for column in space.schema_ if column.kind is not ColumnKind.FACTOR],
            faint=prepared.faint,
            joined=table.joined,
            leading=table.leading,
            describing=table.describing,
            learnable=len(table.learnable),
            population=prepared.accounts.population,
        )


@dataclass(frozen=True, kw_only=True)
class VersionStory:
    """What a version is: its card tells it, and the pages of the comparison that made it.

    ``limits`` are what was asked of the candidates. ``replaced`` is the champion's version, ``moves`` who
    leaves its segments; None without a champion. ``prospects`` is None where there are none.
    """

    data: Data
    goal: str
    limits: EvaluationSettings
    winner: Scorecard
    cards: Sequence[Card]
    prospects: Prospects | None = None
    moves: Migration | None = None
    replaced: int | None = None

    @classmethod
    def of(
        cls, described: Described, packed: Packed, prepared: Prepared, settings: CompareSettings, **more: Any
    ) -> Self:
        """Gather what is told of a version; ``more`` are the fields of a story that is more than that."""
        return cls(
            data=Data.of(prepared),
            goal=settings.goal.name,
            limits=settings.evaluation,
            winner=described.winner.card,
            cards=described.cards,
            prospects=packed.prospects,
            moves=described.moves,
            replaced=described.replaced.version if described.replaced else None,
            **more,
        )


@dataclass(frozen=True, kw_only=True)
class Story(VersionStory):
    """Everything that the pages of a comparison tell; summaries alone, no account's row.

    ``proposal`` is what is to be decided, ``outcome`` the name of what the goal wants explained.
    """

    proposal: Proposal
    selection: Selection
    scorecards: Sequence[Scorecard]
    studies: Mapping[str, StudyResult]
    verdict: Verdict
    outcome: str
    left_out: Mapping[str, str] = field(default_factory=dict)
    earned: Sequence[LearnedCampaign] = ()
    """What campaigns measured of the champion's segments."""

    @property
    def names(self) -> dict[int, str]:
        """Name of every segment by its id."""
        return {card.segment.id: card.segment.name for card in self.cards}


def of_comparison(
    found: Outcome,
    released: Release,
    prepared: Prepared,
    settings: CompareSettings,
    earned: Sequence[LearnedCampaign] = (),
) -> Story:
    """Gather what is told of a comparison."""
    return Story.of(
        released.described,
        released.packed,
        prepared,
        settings,
        proposal=released.proposal,
        selection=found.selection,
        scorecards=found.cards,
        studies=found.studies,
        verdict=found.verdict,
        outcome=outcome_name(settings.goal),
        left_out=found.left_out,
        earned=earned,
    )


def criteria(selection: Selection) -> list[str]:
    """Return the scores that the candidates were ranked by."""
    return [str(name) for name in selection.ranking.columns if "/" in str(name)]

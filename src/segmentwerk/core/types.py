"""Plain data that stages hand to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import pandas as pd

from segmentwerk.core import units
from segmentwerk.core.companies import Companies, Level

Facts = Mapping[str, float | str]
Kind = Literal["numeric", "categorical"]
Basis = Literal["full", "partial", "firmographic"]


@dataclass(frozen=True)
class Window:
    """The dates that a segmentation stands on.

    Features see records dated before ``as_of`` only; outcomes come from
    ``as_of <= date < outcome_until`` only.
    """

    as_of: date
    outcome_until: date | None = None


@dataclass(frozen=True)
class Feature:
    """The declaration of one column of the account table.

    ``approach`` is the approach of customer segmentation it belongs to (behavioural, value,
    firmographic, geographic, engagement, psychographic, needs). ``prospect`` says that it is
    known before an account's first order. ``parts`` are the source's own names of what a learned
    feature stands for (survey items, an attribute), the most telling first; one that counts the other
    way round begins with a minus. ``limits`` are the smallest and the largest possible
    value where its unit does not say them.
    """

    name: str
    kind: Kind
    unit: str
    approach: str
    table: str
    window: str
    description: str
    prospect: bool = False
    limits: tuple[float, float] | None = None
    parts: tuple[str, ...] = ()

    @property
    def possible(self) -> tuple[float, float]:
        """The smallest and the largest value that it can have at all."""
        return self.limits or units.LIMITS.get(self.unit, units.ANY)


@dataclass(frozen=True)
class AccountTable:
    """One row an account, as of a date.

    ``features`` (n_accounts, n_features): index ``account_id`` (text, sorted, unique), numeric
    columns float64 with NaN for unknown, categorical columns ``object`` with None for unknown;
    columns in the order of ``catalogue``.
    ``outcomes`` (n_accounts, n_outcomes): same index, float64, from the window after ``as_of``.
    ``orders`` (n_accounts,): int64, number of orders before ``as_of``; it tells a customer
    (one or more) from a prospect. Where a source has no orders, every account counts as a
    customer and ``orders`` is 1.
    ``definitions`` is what features learned from these accounts (peers' spending, factor loadings,
    parameters of the customer lifetime model), ready for JSON: kept with a model, it gives new
    accounts the same features.
    ``active`` names the approaches that segments are made of and judged on; the others only describe them.
    Where it is empty, segments are made of all.
    ``joined``: each row is a company family, under the id of the account that heads it; None: an account.
    """

    features: pd.DataFrame
    outcomes: pd.DataFrame
    orders: pd.Series
    catalogue: tuple[Feature, ...]
    window: Window
    source: str
    digest: str
    definitions: dict[str, object] = field(default_factory=dict)
    active: tuple[str, ...] = ()
    joined: Companies | None = None

    @property
    def level(self) -> Level:
        """What a row stands for."""
        return "account" if self.joined is None else "family"

    @property
    def customers(self) -> pd.Index:
        """Ids of the accounts with at least one order before the as-of date."""
        return self.orders.index[self.orders > 0]

    @property
    def leading(self) -> tuple[str, ...]:
        """Names of the features that segments are made of and judged on."""
        return tuple(f.name for f in self.catalogue if not self.active or f.approach in self.active)

    @property
    def describing(self) -> tuple[str, ...]:
        """Names of the features that only describe segments."""
        leading = set(self.leading)
        return tuple(feature.name for feature in self.catalogue if feature.name not in leading)

    @property
    def learnable(self) -> pd.Index:
        """Ids of the customers that segments are made of: those of whom a leading feature is known."""
        if not self.active:
            return self.customers
        known = self.features.loc[self.customers, list(self.leading)].notna().any(axis=1)
        return self.customers[known.to_numpy()]

    @property
    def own(self) -> tuple[str, ...]:
        """Names of the features without which only a guess can be made: those that make the segments.

        Where all do, those that an account has from its first order on.
        """
        return self.leading if self.active else tuple(f.name for f in self.catalogue if not f.prospect)

    @property
    def beforehand(self) -> tuple[str, ...]:
        """Names of the features that such a guess can be made from."""
        own = set(self.own)
        return tuple(feature.name for feature in self.catalogue if feature.name not in own)

    def names(self, kind: Kind | None = None) -> list[str]:
        """Return the feature names of one kind, in column order."""
        return [feature.name for feature in self.catalogue if kind is None or feature.kind == kind]


@dataclass(frozen=True)
class Score:
    """One number of the scorecard with its interval.

    ``low`` and ``high`` bound the 95% bootstrap interval; ``se`` is the standard error; NaN says
    that it does not apply. ``higher_is_better`` orders candidates.
    """

    family: str
    name: str
    value: float
    low: float = float("nan")
    high: float = float("nan")
    se: float = float("nan")
    unit: str = ""
    higher_is_better: bool = True

    @property
    def key(self) -> str:
        """The metric's name in MLflow: ``family/name``."""
        return f"{self.family}/{self.name}"


@dataclass(frozen=True)
class Gate:
    """The answer of one knock-out criterion.

    ``undecided`` says that the accounts are too few to tell; as a failure it counts against.
    ``not_measured`` says that the candidate could no longer win when this was to be asked. ``facts`` are
    what was measured and the limit, by name, for those who tell it in their own words.
    """

    code: str
    title: str
    status: Literal["passed", "failed", "undecided", "not_applicable", "not_measured"]
    message: str
    severity: Literal["error", "warning"] = "error"
    facts: Facts = field(default_factory=dict)

    @property
    def refuses(self) -> bool:
        """Whether it stands against the candidate."""
        return self.status in ("failed", "undecided") and self.severity == "error"


@dataclass(frozen=True)
class Scorecard:
    """Everything measured about one candidate.

    ``per_segment`` has one row a segment (index 0 … k-1) with columns such as ``accounts``,
    ``share``, ``jaccard``, ``revenue_share``. ``samples`` holds, for each score key, paired
    resamples (n_resamples,) so that two candidates can be compared draw by draw.
    """

    candidate: str
    algorithm: str
    n_segments: int
    params: dict[str, object]
    scores: tuple[Score, ...]
    gates: tuple[Gate, ...]
    per_segment: pd.DataFrame
    samples: dict[str, list[float]] = field(default_factory=dict)
    complexity: int = 0
    """The algorithm's rank in simplicity: among tied candidates the lower one wins."""
    for_outcome: bool = False
    """Whether its segments were made to tell of the outcome that is explained."""
    halted: bool = False
    """Whether it could no longer win before all was measured, so that its stability is not told."""

    @property
    def passed(self) -> bool:
        """Whether no gate of severity error failed or was not asked."""
        against = ("failed", "not_measured")
        return not any(gate.status in against and gate.severity == "error" for gate in self.gates)

    def score(self, key: str) -> Score | None:
        """Return the score called ``family/name``, or None where it was not measured."""
        return next((score for score in self.scores if score.key == key), None)


@dataclass(frozen=True)
class Interval:
    """A number with the ends of its 95% interval; NaN where it was not measured."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class PairedComparison:
    """The winner beside another candidate, draw by draw.

    ``ahead`` is the share of the bootstrap draws in which the winner has the better mean rank; in
    ``differences``, by score key, positive speaks for the winner.
    """

    role: Literal["runner-up", "baseline"]
    candidate: str
    ahead: float
    differences: Mapping[str, Interval]


@dataclass(frozen=True)
class Selection:
    """Which candidate won, and what the choice stands on; told in words by `reporting`.

    ``ranking`` has one row a candidate, best first: ``candidate``, ``algorithm``, ``n_segments``,
    ``passed``, ``rank`` (mean rank over the primary criteria, lower is better), ``rank_se``, and the
    primary scores. ``pareto`` names the candidates that no other one beats in every family.
    ``rule_of_thumb`` says that nobody was better than noise, so that the baseline was taken.
    """

    winner: str
    ranking: pd.DataFrame
    pareto: tuple[str, ...]
    near_ties: tuple[str, ...] = ()
    comparisons: tuple[PairedComparison, ...] = ()
    rule_of_thumb: bool = False


@dataclass(frozen=True)
class Verdict:
    """Whether the data holds groups: natural, reproducible or constructive (Dolnicar et al. 2018).

    ``gain`` and ``null_quantile`` are measured on a part of the accounts, so the scorecard's gain is another
    number. ``jaccard`` is the overlap of the least stable segment with its like in refits, ``apart`` the
    share of segments with a gap to their neighbours; NaN where they could not be measured.
    """

    kind: Literal["natural", "reproducible", "constructive"]
    reason: str
    gain: float
    null_quantile: float
    jaccard: float = float("nan")
    apart: float = float("nan")


IdentityKind = Literal["kept", "split", "merged", "regrouped", "new", "retired"]


@dataclass(frozen=True)
class IdentityEvent:
    """What happened to segments between two models; every old and every new segment is in one event.

    Kept: one continues as one. Split: one became several. Merged: several became one. Regrouped: several
    became several others. New and retired have no counterpart.
    """

    kind: IdentityKind
    old: tuple[int, ...]
    new: tuple[int, ...]
    jaccard: float


@dataclass(frozen=True)
class Identity:
    """How a new model's segments continue the champion's.

    ``ids`` maps each label of the new model (0 … k-1) to its stable id, ``next_id`` is the first id
    never used. ``migration`` counts shared accounts, rows the old ids, columns the new stable ids.
    ``moved`` is the share of shared accounts whose id changes; ``followed`` is the part of it that only
    follows its segment through a split, a merger or a regrouping.
    """

    ids: dict[int, int]
    next_id: int
    events: tuple[IdentityEvent, ...]
    migration: pd.DataFrame
    moved: float
    followed: float = 0.0


@dataclass(frozen=True)
class Trait:
    """One thing that a segment is known by, in keys that every language has words for.

    ``feature`` is the feature's name; a category has a ``level``, a number lies ``high`` or ``low``.
    ``parts`` are `Feature.parts` as they were when the segment got its name.
    """

    feature: str
    direction: Literal["high", "low"] = "high"
    level: str = ""
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Name:
    """What a segment is called, in no language yet; its id keeps it from model to model.

    ``number`` is its id where another segment has the same traits, else 0. ``text`` is the name of a
    segment that was registered before names had traits.
    """

    traits: tuple[Trait, ...] = ()
    number: int = 0
    text: str = ""


@dataclass(frozen=True)
class Segment:
    """What people read of one segment; every number in original units.

    ``name``, ``traits`` and the texts below are in the language that was asked for; ``called`` holds the
    name in keys.
    """

    id: int
    name: str
    label: int
    accounts: int
    share: float
    traits: tuple[str, ...]
    summary: str
    rule: str = ""
    rule_precision: float = float("nan")
    rule_recall: float = float("nan")
    revenue_share: float = float("nan")
    exemplar: str = ""
    warnings: tuple[str, ...] = ()
    called: Name = Name()


@dataclass(frozen=True)
class TrialRecord:
    """One finished attempt of a study."""

    number: int
    state: Literal["complete", "pruned", "failed"]
    params: dict[str, object]
    value: float
    seconds: float
    reason: str = ""
    scores: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class StudyResult:
    """The outcome of tuning one segmenter.

    ``finalists`` are the distinct best trials, best first; at least one.
    """

    study: str
    trials: tuple[TrialRecord, ...]
    finalists: tuple[TrialRecord, ...]
    seconds: float
    interrupted: bool = False

"""What is known of the accounts at a monitored date, as the gates look at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from segmentwerk.core.monitored import FeatureDrift, Promise, Unasked
from segmentwerk.core.reference import AnswersReference, Measure, PartReference, Reference
from segmentwerk.core.types import Feature
from segmentwerk.monitoring import drift, freezing
from segmentwerk.monitoring.telling import Told

CLOCKS = ("tenure_days", "age_years")
"""Features that grow by a day a day: that they have grown says nothing."""


@dataclass(frozen=True)
class Today:
    """The accounts at a date, what the version says of them, and what it remembers.

    Attributes
    ----------
    features
        (n_accounts, n_features) raw features; index: account ids.
    customers
        Ids of those with an order.
    said
        Index: account ids; ``segment_id``, ``confidence``, ``basis``, ``is_outlier``.
    measures
        ``gain``, ``agreement``, ``explained``, as far as they could be measured.
    told
        How then and now are told apart, or why that could not be asked.
    no_outcome
        Why it is not known what followed; None where it is.
    promises
        What campaigns promised beside what later ones found.
    """

    features: pd.DataFrame
    customers: pd.Index
    said: pd.DataFrame
    catalogue: Sequence[Feature]
    segments: tuple[int, ...]
    reference: Reference
    measures: dict[str, Measure] = field(default_factory=dict)
    told: Told | Unasked | None = None
    no_outcome: Unasked | None = None
    promises: tuple[Promise, ...] = ()

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The customers' features."""
        return self.features.loc[self.customers]

    @cached_property
    def drifts(self) -> tuple[FeatureDrift, ...]:
        """How far each feature has moved, the farthest first."""
        return drift.features(self.rows, self.reference)

    @cached_property
    def parts(self) -> tuple[PartReference, ...]:
        """The money by level."""
        return freezing.parts(self.rows, self.catalogue)

    @cached_property
    def answers(self) -> AnswersReference:
        """What the version says, in numbers."""
        return freezing.answers(self.said, self.customers, self.segments)

    @cached_property
    def table_of(self) -> dict[str, str]:
        """Which table each feature comes from."""
        return {feature.name: feature.table for feature in self.catalogue}

    def drift(self, name: str) -> FeatureDrift | None:
        """Return how far one feature has moved; None where the version does not remember it."""
        return next((one for one in self.drifts if one.name == name), None)

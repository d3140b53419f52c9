"""Segment cards: everything the report tells of one segment, as plain data."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from segmentwerk.core.types import AccountTable, Segment
from segmentwerk.insight.discriminants import Discriminant, discriminants
from segmentwerk.insight.profiles import MIN_CELL_SIZE, Effect, by_lead, top_effects

DIFFERENCES = 6
NAN = float("nan")
GRADES = ((0.474, "large"), (0.33, "medium"), (0.147, "small"))
"""Romano et al. (2006): sizes of Cliff's delta."""


@dataclass(frozen=True)
class Card:
    """One segment for people.

    ``differences`` are those of the features that the segments are made of, ``descriptions`` those of the
    features that only describe. ``revenue`` and ``potential`` are sums in money, ``revenue_typical`` is the
    median of an account; NaN where the source does not tell, or the accounts are too few to hide among.
    """

    segment: Segment
    differences: tuple[Effect, ...]
    discriminant: Discriminant | None
    revenue: float
    revenue_typical: float
    potential: float
    descriptions: tuple[Effect, ...] = ()


@dataclass(frozen=True)
class Prospects:
    """Which segments the accounts fall into that none was made of, and how far that can be believed.

    They are those without an order; ``led``: those of whom no feature is known that segments are made of.

    ``by_segment``: ``accounts`` and mean ``confidence`` by segment id; ``accuracy``, ``majority`` and
    ``calibration_error`` as in `segmenters.prospect`; ``left_out``: how many have no segment, as too little
    is known of them.
    """

    by_segment: pd.DataFrame
    accuracy: float
    majority: float
    calibration_error: float
    left_out: int = 0
    led: bool = False

    @property
    def key(self) -> str:
        """What texts about them are called by."""
        return "unanswered" if self.led else "prospects"


def make(
    table: AccountTable,
    space: pd.DataFrame,
    labels: pd.Series,
    segments: tuple[Segment, ...],
    measured: list[Effect],
    potential: pd.Series | None = None,
) -> tuple[Card, ...]:
    """Measure what the cards tell beyond the segments' descriptions.

    Parameters
    ----------
    space
        Customers in the reference space (n_customers, n_columns).
    labels
        (n_customers,) label 0 … k-1 with the same index.
    measured
        The effects of the features.
    potential
        Money that each customer spends less than its peers (n_customers,), where it is known.
    """
    directions = discriminants(space, labels)
    revenue = table.features.loc[labels.index].get("monetary")
    leading, describing = by_lead(table, measured)
    cards = []
    for segment in segments:
        members = labels == segment.label
        enough = segment.accounts >= MIN_CELL_SIZE
        cards.append(
            Card(
                segment,
                tuple(top_effects(leading, segment.label, DIFFERENCES)),
                directions.get(segment.label),
                NAN if revenue is None or not enough else float(revenue[members].sum()),
                NAN if revenue is None or not enough else float(revenue[members].median()),
                NAN if potential is None or not enough else float(potential[members].sum()),
                tuple(top_effects(describing, segment.label, DIFFERENCES)),
            )
        )
    return tuple(cards)


def grade(effect: float) -> str:
    """Name the size of an effect: large, medium, small or negligible.

    Examples
    --------
    >>> grade(-0.5), grade(0.2), grade(0.0)
    ('large', 'small', 'negligible')
    """
    return next((name for least, name in GRADES if abs(effect) >= least), "negligible")

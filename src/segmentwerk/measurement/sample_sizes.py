"""How many accounts a test needs, and what effect is seen with those that there are.

Base rates are those of the source's own history: what the accounts did in as many days as the test will last.
The power is that of two means, each with the spread of the history (`tea_tasting`, Cohen 1988, ch. 2).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from tea_tasting import Mean
from tea_tasting.aggr import Aggregates

from segmentwerk.measurement.arm_sums import ArmSums
from segmentwerk.measurement.intervals import LEAST

POWER = 0.8
"""Chance of seeing the effect where it is there."""
Metric = Literal["order_rate", "revenue"]
METRICS: dict[Metric, str] = {"order_rate": "converted", "revenue": "revenue"}
MOST = 1e12
"""Accounts beyond which no number is told."""


@dataclass(frozen=True)
class SampleSize:
    """What a test of one segment can show; ``segment`` is None for all accounts.

    Attributes
    ----------
    accounts
        Accounts that there are.
    usual
        The metric without the measure: a share, or money an account.
    wanted
        The effect to be seen, in the metric's unit.
    visible
        The smallest effect that is seen with all these accounts; NaN where nothing can be said.
    needed
        Accounts, control included, that show the wanted effect; None where nothing can be said.
    """

    segment: int | None
    metric: Metric
    accounts: int
    usual: float
    wanted: float
    visible: float
    needed: int | None

    @property
    def enough(self) -> bool:
        """Whether the accounts that there are show the wanted effect."""
        return self.needed is not None and self.needed <= self.accounts


@dataclass(frozen=True)
class TestDesign:
    """What a test is to show: effects, share of control, and how sure.

    ``effects`` by metric: more accounts that order as a share of all, more revenue as a share of the usual.
    """

    __test__ = False  # no test of pytest's

    effects: Mapping[Metric, float]
    control_share: float
    confidence: float


def plan(history: ArmSums, design: TestDesign) -> tuple[SampleSize, ...]:
    """Say what a test needs, for all accounts and for every segment.

    Parameters
    ----------
    history
        What accounts did without a measure, in one arm.
    """
    (arm,) = history.arms
    return tuple(
        _size(history.by[segment, arm], segment, metric, design)
        for segment in (None, *history.segments)
        for metric, column in METRICS.items()
        if column in history.told
    )


def _size(one: Aggregates, segment: int | None, metric: Metric, design: TestDesign) -> SampleSize:
    column, n = METRICS[metric], one.count()
    usual = float(one.mean(column))
    wanted = design.effects[metric] * (1.0 if metric == "order_rate" else usual)
    spread = one.var(column)
    if metric == "order_rate":  # each arm has the spread of its own rate
        reached = min(usual + wanted, 1.0)
        spread = design.control_share * reached * (1 - reached) + (1 - design.control_share) * spread
    found = SampleSize(segment, metric, n, usual, wanted, math.nan, None)
    if n < LEAST or not spread > 0:
        return found
    sums = Aggregates(n, {column: usual}, {column: spread})
    return replace(
        found,
        visible=_solved(sums, column, design, None),
        needed=_needed(sums, column, design, wanted),
    )


def _needed(sums: Aggregates, column: str, design: TestDesign, wanted: float) -> int | None:
    if not wanted > 0:
        return None
    found = _solved(sums, column, design, wanted)
    return math.ceil(found) if found < MOST else None


def _solved(sums: Aggregates, column: str, design: TestDesign, effect: float | None) -> float:
    """Return the effect that is seen, or the accounts that show one."""
    metric = Mean(
        column,
        effect_size=effect,
        power=POWER,
        alpha=1 - design.confidence,
        ratio=(1 - design.control_share) / design.control_share,
        use_t=False,
        equal_var=False,
    )
    if effect is None:
        return float(metric.solve_power_from_aggregates(sums, "effect_size")[0].effect_size)
    return float(metric.solve_power_from_aggregates(sums, "n_obs")[0].n_obs)

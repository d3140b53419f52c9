"""What to do next after one campaign: the arm of each segment, what the choice is worth, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from segmentwerk.core.types import Interval
from segmentwerk.measurement.intervals import Reading

Verdict = Literal["by_segment", "one_arm", "nothing", "not_enough"]

NET = ("margin", "revenue")
"""Outcomes in money, of which the cost of the contact is taken."""


@dataclass(frozen=True)
class ArmAdvice:
    """The arm of one segment, with its effect a contact against control.

    Attributes
    ----------
    needed
        Contacts that a test in this segment alone takes to show the effect; 0 where these did.
    sure
        Whether the arm is advised; else it is the most promising one, of which nothing is shown.
    """

    segment: int
    arm: str
    effect: Reading
    needed: int
    sure: bool = True


@dataclass(frozen=True)
class Advice:
    """What one campaign advises.

    Attributes
    ----------
    best
        The best arm for all.
    arms
        The arm of each segment.
    together
        Effect of each segment and arm against control, drawn together across segments.
    values
        ``policy``, ``best``, ``control``, ``gain``, ``uplift`` and ``best_uplift``: worth a contact on
        accounts that the choice did not see.
    needed
        Contacts that would tell; None where that is not known.
    pvalue, q, q_pvalue
        Whether segments answer differently: by permutation, and by Cochran's Q.
    """

    verdict: Verdict
    best: str
    arms: tuple[ArmAdvice, ...]
    together: Mapping[tuple[int, str], Reading]
    values: Mapping[str, Interval]
    needed: int | None = None
    pvalue: float = math.nan
    q: float = math.nan
    q_pvalue: float = math.nan

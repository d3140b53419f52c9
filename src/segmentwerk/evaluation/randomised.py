"""A campaign whose arms were drawn at random: effects, policies and tests are learned from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.core.errors import InputError
from segmentwerk.evaluation.effects import CellSums

FEWEST = 10
"""Contacts that a campaign must have."""


@dataclass(frozen=True, eq=False)
class RandomisedCampaign:
    """One campaign whose arms were drawn at random, a row a contacted account.

    Attributes
    ----------
    segment
        Segment 0 … n_segments - 1 that the account had when it was contacted (n,).
    arm
        Arm 0 … n_arms - 1 (n,).
    outcome
        Money net of the contact's cost, or 0 and 1, or a rate (n,).
    n_segments, n_arms
        How many there are, empty ones included.
    control
        The arm that is left alone; None where every arm is a measure.
    propensities
        Chance of each arm (n_arms,); None: as often as they came.

    Raises
    ------
    InputError
        If lengths differ, there are fewer contacts than `FEWEST`, a code or a number is impossible, an arm
        has no contact, or there is one arm only.
    """

    segment: IntArray
    arm: IntArray
    outcome: FloatArray
    n_segments: int
    n_arms: int
    control: int | None = None
    propensities: FloatArray | None = None

    def __post_init__(self) -> None:
        n = len(self.segment)
        if not (len(self.arm) == len(self.outcome) == n) or n < FEWEST:
            raise InputError(
                f"A campaign needs {FEWEST} contacts at least, not {n}, each with segment, arm and outcome."
            )
        for name, codes, bound in (
            ("segment", self.segment, self.n_segments),
            ("arm", self.arm, self.n_arms),
        ):
            if codes.min() < 0 or codes.max() >= bound:
                raise InputError(f"A campaign's {name} lies outside 0 … {bound - 1}.")
        if not np.isfinite(self.outcome).all():
            raise InputError("A campaign's outcome is no number.", "Leave out contacts of unknown outcome.")
        counts = np.bincount(self.arm, minlength=self.n_arms)
        if self.n_arms < 2 or counts.min() == 0:
            raise InputError("A campaign needs contacts in two arms or more.", "Leave out empty arms.")
        if not (self.chances > 0).all():
            raise InputError("The chance of an arm is not above 0.", "Give chances above 0 that sum to 1.")

    @property
    def chances(self) -> FloatArray:
        """Chance of each arm, (n_arms,)."""
        if self.propensities is not None:
            return np.asarray(self.propensities, dtype=np.float64)
        return np.bincount(self.arm, minlength=self.n_arms) / len(self.arm)

    @property
    def cells(self) -> CellSums:
        """Sums by segment and arm."""
        return self.cells_by(np.zeros(len(self.arm), dtype=np.int64), 1)

    def places(self, part: IntArray) -> IntArray:
        """Return the place of each account's part, segment and arm in an array of all of them, flat (n,)."""
        return (part * self.n_segments + self.segment) * self.n_arms + self.arm

    def cells_by(self, part: IntArray, n_parts: int) -> CellSums:
        """Sum contacts by part, segment and arm, (n_parts, n_segments, n_arms)."""
        shape, places = (n_parts, self.n_segments, self.n_arms), self.places(part)
        sums = (
            np.bincount(places, weights, minlength=int(np.prod(shape))).astype(np.float64).reshape(shape)
            for weights in (None, self.outcome, self.outcome**2)
        )
        return CellSums(*sums)

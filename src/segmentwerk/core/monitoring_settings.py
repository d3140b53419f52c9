"""What the stage `monitoring` can be told: from which size on a change counts, beyond chance."""

from __future__ import annotations

from pydantic import Field

from segmentwerk.core.settings import Settings


class MonitoringSettings(Settings):
    """How large and how unlikely a change must be before a gate fails (docs/concepts/drift.md)."""

    alpha: float = Field(default=0.001, gt=0, lt=0.5)
    """Chance of a false alarm in all tests of one gate together."""
    psi_warning: float = Field(default=0.06, gt=0)
    """Population stability index of a feature from which on it is told, beyond what chance gives."""
    psi_error: float = Field(default=0.2, gt=0)
    """… from which on it calls for a refresh."""
    missing: float = Field(default=0.05, gt=0, le=1)
    """By how much more a feature may be unknown, as a share of the customers."""
    unknown: float = Field(default=0.02, gt=0, le=1)
    """Share of the customers whose level may be new."""
    unit: float = Field(default=8.0, gt=1)
    """Factor from which on the money of a part of the accounts is taken to be in another unit."""
    money: float = Field(default=1.15, gt=1)
    """Factor by which the money of all accounts may rise or fall."""
    shares: float = Field(default=0.05, gt=0, le=1)
    """Share of the customers by which the segments' shares may differ (total variation)."""
    outliers: float = Field(default=0.03, gt=0, le=1)
    """Share of the customers that may be outliers."""
    kept: float = Field(default=0.5, ge=0, le=1)
    """Part of the gain, and of the explained outcome, at registration that must surely be there still."""
    agreement: float = Field(default=0.3, gt=0, le=1)
    """By how much less a fresh fit may agree with the segments than at registration."""
    auc: float = Field(default=0.8, gt=0.5, le=1)
    """How well a classifier may tell then from now (area under the curve)."""
    max_rows: int = Field(default=4000, ge=200)
    """Accounts that the classifier learns from at most."""
    then: bool = True
    """Whether the training's accounts are read again from the source, for the classifier."""
    outcome: bool = True
    """Whether what followed the last outcome window is compared with what was promised."""

"""One campaign measured: figures, findings, whether segments differ, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import ibis

from segmentwerk.core.measurement_settings import MeasurementSettings, Outcome
from segmentwerk.core.types import Gate
from segmentwerk.measurement import cells as of_cells
from segmentwerk.measurement import experiment_checks, kpis
from segmentwerk.measurement.cells import Cells
from segmentwerk.measurement.experiment_checks import CampaignCase, Evidence
from segmentwerk.measurement.kpis import ArmReadings

ORDER: tuple[Outcome, ...] = ("margin", "revenue", "converted", "responded")
"""Outcomes that arms are chosen by, the most telling first."""
MONEY = ("margin", "revenue")
"""Outcomes that the cost is taken from."""


@dataclass(frozen=True)
class CampaignResult:
    """What one campaign brought.

    Attributes
    ----------
    control
        The arm that was left alone; None where there is none.
    outcome
        By what arms are chosen; None where nothing is told.
    measure
        Of the playbook, where the contacts come from the ledger; else empty.
    names
        Names of the segments by id.
    readings
        As `kpis.measure` gives them.
    """

    campaign: str
    measure: str
    evidence: Evidence
    cells: Cells
    control: str | None
    outcome: Outcome | None
    names: Mapping[int, str]
    readings: tuple[ArmReadings, ...]
    findings: tuple[Gate, ...]
    until: date

    @property
    def net(self) -> bool:
        """Whether the outcome is money, of which the cost is taken."""
        return self.outcome in MONEY

    def of(self, segment: int | None) -> tuple[ArmReadings, ...]:
        """Return the readings of one segment, or of all contacts."""
        return tuple(one for one in self.readings if one.segment == segment)


def judge(
    contacts: ibis.Table,
    campaign: str,
    settings: MeasurementSettings,
    until: date,
    *,
    names: Mapping[int, str],
    measure: str = "",
) -> CampaignResult:
    """Measure one campaign.

    Parameters
    ----------
    contacts
        As `contacts.COLUMNS`, of all campaigns.
    until
        The day before which outcomes are known.
    """
    cells = of_cells.read(contacts, campaign)
    evidence = experiment_checks.look(contacts, campaign, until)
    control = settings.control if settings.control in cells.arms else None
    case = CampaignCase(cells, evidence, control, settings.ratio, until, settings.confidence)
    return CampaignResult(
        campaign=campaign,
        measure=measure,
        evidence=evidence,
        cells=cells,
        control=control,
        outcome=_outcome(cells, settings),
        names=names,
        readings=kpis.measure(cells, control, settings.confidence),
        findings=experiment_checks.check(case),
        until=until,
    )


def _outcome(cells: Cells, settings: MeasurementSettings) -> Outcome | None:
    if settings.outcome in cells.told:
        return settings.outcome
    return next((name for name in ORDER if name in cells.told), None)

"""One campaign measured: figures, findings, whether segments differ, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import ibis

from segmentwerk.core.measurement_settings import MeasurementSettings, Outcome, is_control
from segmentwerk.core.types import Gate
from segmentwerk.measurement import advising, arm_sums, experiment_checks, kpis
from segmentwerk.measurement.advice import NET, Advice
from segmentwerk.measurement.arm_sums import ArmSums
from segmentwerk.measurement.experiment_checks import CampaignCase, Evidence
from segmentwerk.measurement.kpis import ArmReadings

ORDER: tuple[Outcome, ...] = ("margin", "revenue", "converted", "responded")
"""Outcomes that arms are chosen by, the most telling first."""


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
    cells: ArmSums
    control: str | None
    outcome: Outcome | None
    names: Mapping[int, str]
    readings: tuple[ArmReadings, ...]
    findings: tuple[Gate, ...]
    until: date
    advice: Advice | None = None
    why_not: str = ""
    """Why nothing is advised: a key that every language has words for."""

    @property
    def net(self) -> bool:
        """Whether the outcome is money, of which the cost is taken."""
        return self.outcome in NET

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
    drawn: Mapping[str, float] | None = None,
    seed: int = 0,
) -> CampaignResult:
    """Measure one campaign.

    Parameters
    ----------
    contacts
        As `contacts.COLUMNS`, of all campaigns.
    until
        The day before which outcomes are known.
    drawn
        Accounts by arm as they were drawn, where that is recorded; shares of the settings come first.
    """
    cells = arm_sums.read(contacts, campaign)
    evidence = experiment_checks.look(contacts, campaign, until)
    control = next((arm for arm in cells.arms if is_control(arm, settings.control)), None)
    case = CampaignCase(cells, evidence, control, settings.ratio or drawn, until, settings.confidence)
    outcome = _outcome(cells, settings)
    advice, why_not = advising.advise(
        arm_sums.sound(contacts, campaign),
        cells,
        control,
        outcome,
        seed=seed,
        permutations=settings.permutations,
    )
    return CampaignResult(
        campaign=campaign,
        measure=measure,
        evidence=evidence,
        cells=cells,
        control=control,
        outcome=outcome,
        names=names,
        readings=kpis.measure(cells, control, settings.confidence),
        findings=experiment_checks.check(case),
        until=until,
        advice=advice,
        why_not=why_not,
    )


def _outcome(cells: ArmSums, settings: MeasurementSettings) -> Outcome | None:
    if settings.outcome in cells.told:
        return settings.outcome
    return next((name for name in ORDER if name in cells.told), None)

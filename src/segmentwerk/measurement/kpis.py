"""The key figures of a campaign by segment and arm, each with its interval or the reason why it is absent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from tea_tasting import adjust_fwer
from tea_tasting.aggr import Aggregates
from tea_tasting.experiment import ExperimentResult

from segmentwerk.measurement import comparisons, intervals
from segmentwerk.measurement.arm_sums import ArmSums, added
from segmentwerk.measurement.intervals import Reading, missing

SHARES = {"response": "responded", "lead_rate": "lead", "conversion": "converted"}
MEANS = {"revenue": "revenue", "margin": "margin", "cost": "cost"}
RATIOS = {"cost_per_lead": "lead", "cost_per_conversion": "converted"}
OF_ARM = (*SHARES, *MEANS, *RATIOS)
"""What is told of every arm: shares, money a contact, and the cost of a lead and of a conversion."""
COMPARED = {**{name: column for name, column in SHARES.items() if name != "lead_rate"}, **MEANS}
UPLIFTS = ("response", "conversion", "revenue", "margin")
AGAINST_CONTROL = (
    *(f"uplift_{name}" for name in UPLIFTS),
    *(f"uplift_{name}_relative" for name in UPLIFTS),
    "uplift_revenue_adjusted",
    "incremental_revenue",
    "incremental_margin",
    "return_on_cost",
    "margin_return_on_cost",
)
"""What is told of every arm but control: a contact, relative to control, over all contacts, and a unit of
cost; ``adjusted`` is sharpened by the revenue before the contact."""
ABSENT = {
    "responded": "no_response",
    "lead": "no_leads",
    "converted": "no_conversion",
    "revenue": "no_revenue",
    "margin": "no_margin",
    "cost": "no_cost_told",
    "before": "no_orders",
}
"""Why a figure is absent where nothing is told of its column."""


@dataclass(frozen=True)
class ArmReadings:
    """What is told of one arm in one segment; ``segment`` is None for all contacts of the campaign."""

    segment: int | None
    arm: str
    contacts: int
    responses: int | None
    leads: int | None
    conversions: int | None
    readings: Mapping[str, Reading]


def measure(cells: ArmSums, control: str | None, confidence: float) -> tuple[ArmReadings, ...]:
    """Return the figures of every arm: of all contacts first, then segment by segment.

    Parameters
    ----------
    control
        The arm to compare with; None where there is none.
    confidence
        Of every interval.
    """
    found = [
        _readings(cells, segment, arm, control, confidence)
        for segment in (None, *cells.segments)
        for arm in cells.arms
        if cells.count(segment, arm)
    ]
    return _corrected(found)


def _readings(
    cells: ArmSums, segment: int | None, arm: str, control: str | None, confidence: float
) -> ArmReadings:
    one = cells.by[segment, arm]
    together = added([cells.by[segment, other] for other in cells.arms if cells.count(segment, other)])
    readings = dict(_of_arm(one, together, cells.told, confidence))
    if arm != control:
        base = cells.by.get((segment, control)) if control is not None else None
        readings |= _against(base, one, cells.told, confidence)

    def counted(column: str) -> int | None:
        return round(one.mean(column) * one.count()) if column in cells.told else None

    return ArmReadings(
        segment,
        arm,
        one.count(),
        counted("responded"),
        counted("lead"),
        counted("converted"),
        readings,
    )


def _of_arm(
    one: Aggregates, together: Aggregates, told: Sequence[str], confidence: float
) -> dict[str, Reading]:
    def money(_: Aggregates, column: str, __: float) -> Reading:
        return intervals.mean(one, column, confidence, together)

    def asked(column: str, make: Callable[[Aggregates, str, float], Reading]) -> Reading:
        if column not in told:
            return missing(ABSENT[column], one.count())
        if make is intervals.cost_per and "cost" not in told:
            return missing(ABSENT["cost"], one.count())
        return make(one, column, confidence)

    found = {name: asked(column, intervals.share) for name, column in SHARES.items()}
    found |= {name: asked(column, money) for name, column in MEANS.items()}
    return found | {name: asked(column, intervals.cost_per) for name, column in RATIOS.items()}


def _against(
    base: Aggregates | None, one: Aggregates, told: Sequence[str], confidence: float
) -> dict[str, Reading]:
    """Compare an arm with control."""
    if base is None:
        return {name: missing("no_control", one.count()) for name in AGAINST_CONTROL}
    found: dict[str, Reading] = {}
    for name in UPLIFTS:
        column = COMPARED[name]
        if column not in told:
            gone = missing(ABSENT[column], one.count())
            found |= {f"uplift_{name}": gone, f"uplift_{name}_relative": gone}
            continue
        compare = comparisons.uplift_of_share if name in SHARES else comparisons.uplift_of_money
        compared = compare(base, one, column, confidence)
        found |= {f"uplift_{name}": compared.absolute, f"uplift_{name}_relative": compared.relative}
    found["uplift_revenue_adjusted"] = _sharpened(base, one, told, confidence)
    for name in ("revenue", "margin"):
        back = "return_on_cost" if name == "revenue" else "margin_return_on_cost"
        found[f"incremental_{name}"] = found[f"uplift_{name}"].times(one.count())
        gone_column = next((column for column in (name, "cost") if column not in told), None)
        found[back] = (
            missing(ABSENT[gone_column], one.count())
            if gone_column
            else comparisons.money_back(base, one, name, confidence)
        )
    return found


def _sharpened(base: Aggregates, one: Aggregates, told: Sequence[str], confidence: float) -> Reading:
    for column in ("revenue", "before"):
        if column not in told:
            return missing(ABSENT[column], one.count())
    return comparisons.sharpened(base, one, "revenue", "before", confidence)


def _corrected(found: Sequence[ArmReadings]) -> tuple[ArmReadings, ...]:
    """Correct the tests of each figure over all segments and arms together (Holm 1979)."""
    adjusted: dict[tuple[int, str], float] = {}
    for name in (*(f"uplift_{name}" for name in UPLIFTS), "uplift_revenue_adjusted"):
        tests = {
            str(place): ExperimentResult({name: {"pvalue": one.readings[name].pvalue}})
            for place, one in enumerate(found)
            if one.segment is not None and name in one.readings and not one.readings[name].absent
        }
        if tests:
            results = adjust_fwer(tests, arbitrary_dependence=True, method="bonferroni")
            adjusted |= {
                (int(str(place)), name): float(one[name]["pvalue_adj"]) for place, one in results.items()
            }
    return tuple(
        replace(
            one,
            readings={
                name: replace(reading, adjusted=adjusted.get((place, _tested(name)), reading.pvalue))
                for name, reading in one.readings.items()
            },
        )
        for place, one in enumerate(found)
    )


def _tested(name: str) -> str:
    """Return the figure whose test a figure stands on: the same difference, in another unit."""
    return name.removesuffix("_relative").replace("incremental_", "uplift_")

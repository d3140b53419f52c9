"""The gates that look for changes of the business in what is known of accounts (M006 … M008)."""

from __future__ import annotations

from collections.abc import Collection

from segmentwerk.core.monitored import FeatureDrift, MonitoringFinding
from segmentwerk.core.monitoring_settings import MonitoringSettings
from segmentwerk.monitoring.answering import answer, unasked
from segmentwerk.monitoring.drift import unlikely
from segmentwerk.monitoring.shifts import Shift, pooled
from segmentwerk.monitoring.telling import Told
from segmentwerk.monitoring.today import CLOCKS, Today

MARGIN = "margin_rate"
SPENT = ("revenue_12m", "monetary", "average_basket", "historic_value")
"""Features that are money of orders, the most telling of a change of prices first."""
SEVERAL = 3
"""Features that have moved at once: then no single source of records is to blame."""
SURE = 4.0
"""Standard errors from which on a common shift of money is no chance."""


def ask(today: Today, settings: MonitoringSettings, faulty: Collection[str]) -> list[MonitoringFinding]:
    """Ask all gates for changes of the business.

    Parameters
    ----------
    faulty
        Tables with faults: what follows from those is no change of the business.
    """
    sound = [one for one in today.drifts if today.table_of.get(one.name) not in faulty]
    return [
        distributions(today, sound, settings),
        money(today, settings, faulty),
        telling(today, settings),
    ]


def distributions(
    today: Today, drifts: list[FeatureDrift], settings: MonitoringSettings
) -> MonitoringFinding:
    """Ask whether features are distributed as they were (M006)."""
    title = "Features are distributed as in the training"
    if not drifts:
        return unasked("M006", title, "faulty_tables")
    certain = unlikely({one.name: one.p for one in drifts}, settings.alpha)
    far = [one for one in drifts if one.name in certain and excess(one, today) >= settings.psi_warning]
    asked = [one for one in far if one.name not in CLOCKS]
    if not far:
        return answer("M006", title, True, f"No feature has moved by {settings.psi_warning:g} or more.")
    first = (asked or far)[0]
    severe = bool(asked) and (excess(first, today) >= settings.psi_error or len(asked) >= SEVERAL)
    return answer(
        "M006", title, False,
        f"{first.name} has moved by {first.psi:.2f} (population stability index).",
        severity="error" if severe else "warning", word="real change" if asked else "ageing",
        features=[one.name for one in (asked or far)], facts={"psi": first.psi, "limit": settings.psi_error},
    )  # fmt: skip


def excess(one: FeatureDrift, today: Today) -> float:
    """Return the index beyond what chance alone gives on average (Yurdakul & Naranjo 2020)."""
    numbers, levels = today.reference.numbers.get(one.name), today.reference.levels.get(one.name)
    bins = len(numbers.counts) if numbers else len(levels.counts) + 1 if levels else 1
    known = 1 - min(one.missing, 0.99)
    n, m = len(today.customers) * known, today.reference.customers * (1 - min(one.missing_then, 0.99))
    return one.psi - (bins - 1) * (1 / max(n, 1) + 1 / max(m, 1))


def money(today: Today, settings: MonitoringSettings, faulty: Collection[str]) -> MonitoringFinding:
    """Ask whether prices and margins hold (M007)."""
    title = "Prices and margins hold"
    if "orders" in faulty:
        return unasked("M007", title, "faulty_orders")
    moved = {name: pooled(today.reference.parts, today.parts, name) for name in SPENT}
    known = {name: one for name, one in moved.items() if one is not None}
    margin = today.drift(MARGIN)
    if not known and margin is None:
        return unasked("M007", title, "no_money")
    far = _far(known, settings)
    if margin is not None and _margin_moved(margin, today, settings):
        return answer(
            "M007", title, False,
            f"{MARGIN} has moved by {margin.psi:.2f} (population stability index): discounts or costs did.",
            word="real change", features=[MARGIN, *far], facts={"psi": margin.psi},
        )  # fmt: skip
    if not far:
        return answer(
            "M007", title, True, f"Customers spend as before, but for a factor of {settings.money:g}."
        )
    first = known[far[0]]
    return answer(
        "M007", title, False,
        f"{far[0]} is {first.factor:.2f} times what it was, with customers of the same kind: prices, or what "
        "each of them buys, changed.",
        word="real change", features=far, facts={"factor": first.factor},
    )  # fmt: skip


def _far(known: dict[str, Shift], settings: MonitoringSettings) -> list[str]:
    """Name the money that has moved, if the first of it has: what is summed over all years moves late."""
    sure = {
        name: one
        for name, one in known.items()
        if abs(one.z) >= SURE and max(one.factor, 1 / one.factor) >= settings.money
    }
    return sorted(sure, key=lambda name: -abs(sure[name].z)) if SPENT[0] in sure else []


def _margin_moved(margin: FeatureDrift, today: Today, settings: MonitoringSettings) -> bool:
    return margin.p < settings.alpha / len(today.drifts) and excess(margin, today) >= settings.psi_warning / 2


def telling(today: Today, settings: MonitoringSettings) -> MonitoringFinding:
    """Ask whether a classifier tells then and now apart (M008)."""
    title, told = "Then and now cannot be told apart", today.told
    if not isinstance(told, Told):
        return unasked("M008", title, told or "not_read_again")
    names = list(told.features)
    message = (
        f"A classifier tells then from now with an area of {told.auc:.2f} under its curve (0.5: not at all), "
        f"mostly by {', '.join(names[:3]) or 'nothing'}."
    )
    facts = {"auc": told.auc, "limit": settings.auc}
    ok = told.auc - 2 * told.se < settings.auc
    return answer(
        "M008", title, ok, message, severity="warning", word="real change", features=names, facts=facts
    )

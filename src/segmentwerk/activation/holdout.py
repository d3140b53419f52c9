"""Who is left alone to compare with, and what can be learned from how many.

Arms come from a keyed hash, so that the same command gives the same arms on any machine, and nobody without
the key can tell them beforehand. The power of a comparison of two means is that of the normal
approximation (Cohen 1988, ch. 2; List, Sadoff and Wagner 2011 for unequal arms).
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import norm

from segmentwerk.core.activation_settings import KpiSettings
from segmentwerk.core.arrays import BoolArray, IntArray

ALPHA, POWER = 0.05, 0.8
"""Two-sided risk of seeing what is not there, and chance of seeing what is."""
SHARES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
"""Shares of control that are proposed; more than half would leave fewer to treat than to compare with."""
STRETCHES = (1, 2, 4)
"""By how much a measure may be prolonged, so that its effect is seen."""
LONGEST = 365
LEAST = 2
"""Accounts that each arm needs at least."""


def arms(
    ids: Iterable[str],
    strata: Iterable[object],
    *,
    campaign: str,
    share: float,
    key: bytes,
    drawn: pd.Series | None = None,
) -> pd.Series:
    """Draw who is treated and who is control.

    Within each stratum accounts are ordered by HMAC-SHA256 (RFC 2104) of campaign and account, and the first
    ``share`` of them is control; a fraction of an account is rounded by a hash of campaign and stratum, so
    that the share holds over many small strata.

    Parameters
    ----------
    ids
        (n,) account ids.
    strata
        (n,) such as segments.
    share
        Of the accounts that is control, from 0 to 1.
    drawn
        Arms by account id of a campaign that has begun: they stay, and the others are drawn beside them.

    Returns
    -------
    Series
        ``treated`` or ``control`` by account id, in the order given.

    Examples
    --------
    >>> arms(["a", "b", "c", "d"], [1, 1, 2, 2], campaign="x", share=0.5, key=b"k").value_counts().to_dict()
    {'treated': 2, 'control': 2}
    """
    names = list(ids)
    found = pd.Series(None, index=pd.Index(names, name="account_id"), name="arm", dtype=object)
    if drawn is not None:
        found = found.where(~found.index.isin(drawn.index), found.index.map(drawn.to_dict()))
    open_ = found.isna().to_numpy()
    some = [name for name, asked in zip(names, open_, strict=True) if asked]
    codes, levels = pd.factorize(np.array([str(one) for one in strata], dtype=object)[open_])
    found[open_] = np.where(
        _control(some, codes, [str(level) for level in levels], campaign, share, key), "control", "treated"
    )
    return found


def _control(
    names: list[str], codes: IntArray, levels: list[str], campaign: str, share: float, key: bytes
) -> BoolArray:
    """Return who is control: of each stratum, the first ones in the order of their hashes."""
    start = hmac.new(key, campaign.encode() + b"\x00account\x00", hashlib.sha256)
    hashes = np.fromiter((_digest(start, name) for name in names), np.int64, len(names))
    order = np.lexsort((hashes, codes))
    sizes = np.bincount(codes, minlength=len(levels))
    place = np.empty(len(names), dtype=np.int64)
    place[order] = np.arange(len(names)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    counts = [_count(size * share, key, campaign, level) for size, level in zip(sizes, levels, strict=True)]
    return place < np.array(counts, dtype=np.int64)[codes]


def _digest(start: hmac.HMAC, text: str) -> int:
    mac = start.copy()
    mac.update(text.encode())
    return int.from_bytes(mac.digest()[:8], "big") >> 1  # fits a signed 64-bit number


def _count(wanted: float, key: bytes, campaign: str, stratum: str) -> int:
    """Round the number of controls up with the chance of its fraction."""
    whole = math.floor(wanted + 1e-9)
    start = hmac.new(key, campaign.encode() + b"\x00stratum\x00", hashlib.sha256)
    return whole + (_digest(start, stratum) / 2.0**63 < wanted - whole - 1e-9)


@dataclass(frozen=True)
class Power:
    """What can be seen of a measure's effect in one segment.

    Attributes
    ----------
    treated, control
        Accounts of each arm.
    usual
        The KPI without the measure: what it was in as many days before the as-of date.
    visible
        The smallest effect that is seen with 80 in 100 chance, in the KPI's unit; NaN where an arm is too
        small.
    wanted
        The effect that the measure should have, in the same unit.
    verdict
        `enough`; `more` where ``share`` and ``days`` are what would do; `too_small` where nothing would.
    """

    treated: int
    control: int
    usual: float
    visible: float
    wanted: float
    verdict: Literal["enough", "more", "too_small"]
    share: float = math.nan
    days: int = 0


def power(recent: pd.DataFrame, kpi: KpiSettings, days: int, treated: int, control: int) -> Power:
    """Say what effect can be seen with these arms, and propose a share and a duration where it is too little.

    Parameters
    ----------
    recent
        Of the segment's accounts: ``revenue_D`` and ``ordered_D`` for the days D of `lengths`.
    """
    usual, spread = _usual(recent, kpi, days)
    wanted = kpi.target if kpi.metric == "order_rate" else kpi.target * usual
    visible = visible_effect(spread, treated, control)
    if visible <= wanted:
        return Power(treated, control, usual, visible, wanted, "enough")
    for length in lengths(days):
        usual_then, spread_then = _usual(recent, kpi, length)
        wanted_then = kpi.target if kpi.metric == "order_rate" else kpi.target * usual_then
        for share in SHARES:
            held = round(share * (treated + control))
            if visible_effect(spread_then, treated + control - held, held) <= wanted_then:
                return Power(treated, control, usual, visible, wanted, "more", share, length)
    return Power(treated, control, usual, visible, wanted, "too_small")


def lengths(days: int) -> list[int]:
    """Return the durations that are looked at for a measure of so many days."""
    return sorted({min(stretch * days, LONGEST) for stretch in STRETCHES})


def visible_effect(spread: float, treated: int, control: int) -> float:
    """Return the smallest difference of two means that is seen; NaN where an arm is too small to tell.

    Examples
    --------
    >>> round(visible_effect(100.0, 400, 400), 1)
    19.8
    """
    if min(treated, control) < LEAST or not spread > 0:
        return math.nan
    quantiles = norm.ppf(1 - ALPHA / 2) + norm.ppf(POWER)
    return float(quantiles * spread * math.sqrt(1 / treated + 1 / control))


def _usual(
    recent: Mapping[str, pd.Series] | pd.DataFrame, kpi: KpiSettings, days: int
) -> tuple[float, float]:
    """Return mean and standard deviation of the KPI over as many days before the as-of date."""
    name = f"{'ordered' if kpi.metric == 'order_rate' else 'revenue'}_{days}"
    if name not in recent or len(recent[name]) < LEAST:
        return math.nan, math.nan
    values = recent[name].to_numpy(np.float64)
    mean, spread = float(values.mean()), float(values.std(ddof=1))
    if kpi.metric == "order_rate":  # of prospects nobody has ordered: then the target's own spread counts
        reached = min(mean + kpi.target, 1.0)
        spread = max(spread, math.sqrt(reached * (1.0 - reached)))
    return mean, spread

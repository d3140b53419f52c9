"""Small campaigns for tests, as tables and as contacts."""

from datetime import date

import ibis
import numpy as np
import pandas as pd
from scipy import optimize, stats

from segmentwerk.measurement import contacts
from segmentwerk.measurement.contacts import Spans

UNTIL = date(2026, 1, 1)
DAY = pd.Timestamp("2025-06-02 09:00")
SPANS = Spans(window_days=30, before_days=365, until=UNTIL)


def rows(n=3000, seed=0, lift=(0.0, 0.0), arms=("control", "treated"), base=0.1, cost=2.0):
    """A campaign table with the segment of each account: conversions by segment with a lift of the arms."""
    rng = np.random.default_rng(seed)
    segment = rng.integers(1, len(lift) + 1, n)
    arm = rng.integers(0, len(arms), n)
    chance = base + np.array(lift)[segment - 1] * (arm > 0)
    converted = (rng.random(n) < chance).astype("int64")
    table = pd.DataFrame(
        {
            "account_id": [f"a{i:05d}" for i in range(n)],
            "campaign_id": "spring",
            "contacted_at": DAY,
            "arm": np.array(arms)[arm],
            "cost": np.where(arm > 0, cost, 0.0),
            "responded": converted,
            "converted": converted,
            "revenue": (converted * rng.lognormal(3, 0.5, n)).round(2),
        }
    )
    return table, pd.DataFrame(
        {"account_id": table["account_id"], "campaign": "spring", "segment_id": segment}
    )


def contacted(table, segments, *, until=UNTIL, **tables):
    """The contacts of a campaign table, with more tables beside it."""
    given = {name: ibis.memtable(frame) for name, frame in {"campaigns": table, **tables}.items()}
    return contacts.kept(contacts.from_campaigns(given, segments, Spans(30, 365, until)))


def orders(*lines):
    """Order lines (account, day, revenue, margin)."""
    frame = pd.DataFrame(lines, columns=["account_id", "ordered_at", "revenue", "margin"])
    frame["ordered_at"] = pd.to_datetime(frame["ordered_at"], format="mixed")
    return frame.assign(order_id=[f"o{place}" for place in range(len(frame))])


def money_interval(values, confidence=0.95):
    """Hall's interval of a mean, solved for the ends by bisection on the values themselves."""
    n, m, spread = len(values), values.mean(), values.std(ddof=1) / len(values) ** 0.5
    a = stats.skew(values) / n**0.5
    reach = stats.t.ppf((1 + confidence) / 2, n - 1)

    def cubic(mean):
        t = (m - mean) / spread
        return t + a / 3 * t**2 + a**2 / 27 * t**3 + a / 6

    wide = 60 * spread
    return tuple(
        optimize.brentq(lambda mean, aim=aim: cubic(mean) - aim, m - wide, m + wide, xtol=1e-14)
        for aim in (reach, -reach)
    )


def apart(arm, base, interval):
    """The interval of a difference of means, from those of both (Zou and Donner 2008)."""
    (low, high), (least, most) = interval(arm), interval(base)
    gap, m, b = arm.mean() - base.mean(), arm.mean(), base.mean()
    return gap - np.hypot(m - low, most - b), gap + np.hypot(high - m, b - least)

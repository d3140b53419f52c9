"""Measure how long key figures of many contacts take and how much memory, against plain pandas; and coverage.

Made-up contacts of one campaign in three arms and six segments, as a Parquet file, with the segment of each
account beside it. `product` joins the segments, and makes every key figure with its interval; `pandas` reads,
joins, groups and tests with scipy what has the same name. Each runs in a process of its own, so that its peak
of memory is its own. `--coverage` counts how often intervals hold the truth over repeated small campaigns.

    python experiments/benchmarks/measurement.py [--sizes N …] [--advice] [--coverage DRAWS]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import ibis.expr.types as ir

SIZES = (1_000_000, 10_000_000)
ARMS = ("control", "catalogue", "discount")
SEGMENTS = 6
UNTIL = date(2026, 1, 1)
PART = 1_000_000
CHANCE, LIFT = 0.05, 0.01
DESIGNS = ((6000, 1 / 3), (6000, 0.1), (18000, 0.1))
"""Contacts, and the share that is left alone, of the campaigns that coverage is counted over."""


def main() -> None:
    """Run each size and print one line for each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--advice", action="store_true", help="let the product choose arms, too")
    parser.add_argument("--coverage", type=int, default=0, help="draws of the coverage table; 0: none")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        way, folder = given.one
        print(json.dumps(WAYS[way](Path(folder))))
        return
    if given.coverage:
        coverage(given.coverage)
    for size in given.sizes:
        compare(size, [*list(WAYS)[:2], *(["advice"] if given.advice else [])])


def compare(size: int, ways: list[str]) -> None:
    """Print seconds and peak of memory of each way, and how far their uplifts are apart."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), size)
        uplifts = []
        for way in ways:
            command = [sys.executable, __file__, "--one", way, folder]
            found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            uplifts += [found["uplift"]] if "uplift" in found else []
            print(f"| {size:,} | {way} | {found['seconds']:.1f} s | {found['peak']:,.0f} MB |", flush=True)
        apart = np.abs(np.array(uplifts[0]) - np.array(uplifts[1])).max()
        print(f"  largest difference of uplifts: {apart:.1e}", flush=True)


def write(folder: Path, size: int) -> None:
    """Write the campaign and the segments, in parts, so that this takes little memory."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    writers: dict[str, pq.ParquetWriter] = {}
    for begin in range(0, size, PART):
        for name, frame in tables(begin, min(PART, size - begin)).items():
            table = pa.Table.from_pandas(frame, preserve_index=False)
            if name not in writers:
                writers[name] = pq.ParquetWriter(folder / f"{name}.parquet", table.schema)
            writers[name].write_table(table)
    for writer in writers.values():
        writer.close()


def tables(
    begin: int, n: int, seed: int = 0, lift: float = LIFT, control: float = 1 / 3
) -> dict[str, pd.DataFrame]:
    """Return a part of the campaign and of the segments."""
    rng = np.random.default_rng([seed, begin])
    share = (1 - control) / (len(ARMS) - 1)
    arm = rng.choice(len(ARMS), n, p=[control, *[share] * (len(ARMS) - 1)])
    segment = rng.integers(1, SEGMENTS + 1, n)
    converted = (rng.random(n) < CHANCE + lift * arm * (segment % 2)).astype("int64")
    ids = pd.Series(np.arange(begin, begin + n)).map("a{:09d}".format)
    campaign = pd.DataFrame(
        {
            "account_id": ids,
            "campaign_id": "spring",
            "contacted_at": pd.Timestamp("2025-06-01"),
            "arm": np.array(ARMS)[arm],
            "cost": np.array([0.0, 2.4, 0.9])[arm],
            "responded": converted,
            "converted": converted,
            "revenue": converted * rng.lognormal(4, 0.8, n).round(2),
        }
    )
    return {
        "campaigns": campaign,
        "segments": pd.DataFrame({"account_id": ids, "campaign": "spring", "segment_id": segment}),
    }


def product(folder: Path) -> dict[str, object]:
    """Make every key figure as `segmentwerk measure` does."""
    from segmentwerk.measurement import arm_sums, kpis

    begin = time.perf_counter()
    made = contacts_of(folder)
    found = kpis.measure(arm_sums.read(made, "spring"), "control", 0.95)
    uplift = [
        one.readings["uplift_revenue"].value
        for one in found
        if one.segment is not None and one.arm != "control"
    ]
    return told(begin) | {"uplift": uplift}


def contacts_of(folder: Path) -> ir.Table:
    """Read the files as contacts."""
    import ibis

    from segmentwerk.measurement import contacts
    from segmentwerk.measurement.contacts import Spans

    segments = pd.read_parquet(folder / "segments.parquet")
    given = {"campaigns": ibis.read_parquet(folder / "campaigns.parquet")}
    return contacts.kept(contacts.from_campaigns(given, segments, Spans(90, 365, UNTIL)))


def plain(folder: Path) -> dict[str, object]:
    """Make means and differences with pandas and scipy."""
    from scipy import stats

    begin = time.perf_counter()
    rows = pd.read_parquet(folder / "campaigns.parquet").merge(
        pd.read_parquet(folder / "segments.parquet"), on="account_id"
    )
    uplift = []
    for _, mine in rows.groupby("segment_id"):
        base = mine.loc[mine["arm"] == "control"]
        for arm in ARMS[1:]:
            other = mine.loc[mine["arm"] == arm]
            for column in ("responded", "converted", "revenue"):
                test = stats.ttest_ind(other[column], base[column], equal_var=False)
                test.confidence_interval(0.95)
            uplift.append(other["revenue"].mean() - base["revenue"].mean())
    return told(begin) | {"uplift": uplift}


def advice(folder: Path) -> dict[str, object]:
    """Measure the whole campaign, arms chosen by cross-fitting included."""
    from segmentwerk.core.measurement_settings import MeasurementSettings
    from segmentwerk.measurement import campaign_result

    begin = time.perf_counter()
    campaign_result.judge(contacts_of(folder), "spring", MeasurementSettings(), UNTIL, names={})
    return told(begin)


def told(begin: float) -> dict[str, object]:
    """Return seconds and the peak of memory in megabytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": time.perf_counter() - begin, "peak": peak}


WAYS = {"product": product, "pandas": plain, "advice": advice}


def coverage(draws: int) -> None:
    """Print how often the 95% intervals of key figures hold the truth, over campaigns of some designs."""
    for contacts, control in DESIGNS:
        held: dict[str, list[bool]] = {}
        for seed in range(draws):
            for name, holds in held_of(seed, contacts, control):
                held.setdefault(name, []).append(holds)
        design = f"{draws} of {contacts:,} contacts, {control:.0%} control"
        print(f"| figure | intervals | hold the truth ({design}) |")
        print("|---|---|---|")
        for name, inside in held.items():
            print(f"| {name} | {len(inside):,} | {100 * np.mean(inside):.1f}% |", flush=True)


def held_of(seed: int, contacts: int, control: float) -> Iterator[tuple[str, bool]]:
    """Yield for every figure of a campaign whether its interval holds the truth."""
    import ibis

    from segmentwerk.measurement import arm_sums, kpis

    drawn = tables(0, contacts, seed, control=control)
    rows = drawn["campaigns"].merge(drawn["segments"].drop(columns="campaign"), on="account_id")
    rows = rows.rename(columns={"campaign_id": "campaign"}).assign(known=1)
    made = rows[["campaign", "segment_id", "arm", "known", "cost", "responded", "converted", "revenue"]]
    money = np.exp(4 + 0.8**2 / 2)
    costs = dict(zip(ARMS, (0.0, 2.4, 0.9), strict=True))
    for one in kpis.measure(arm_sums.read(ibis.memtable(made), "spring"), "control", 0.95):
        if one.segment is None:
            continue
        chance = CHANCE + LIFT * ARMS.index(one.arm) * (one.segment % 2)
        truth = {"conversion": chance, "revenue": chance * money}
        if one.arm != "control":
            gain = chance - CHANCE
            truth |= {
                "cost_per_conversion": costs[one.arm] / chance,
                "uplift_conversion": gain,
                "uplift_conversion_relative": gain / CHANCE,
                "uplift_revenue": gain * money,
                "uplift_revenue_relative": gain / CHANCE,
                "incremental_revenue": gain * money * one.contacts,
                "return_on_cost": gain * money / costs[one.arm] - 1,
            }
        for name, value in truth.items():
            reading = one.readings[name]
            if not reading.absent:
                yield name, bool(reading.low <= value <= reading.high)


if __name__ == "__main__":
    main()

"""Measure how long `segmentwerk activate` works on many accounts after scoring, and how much memory it takes.

Made-up accounts with twelve order lines each; figures, ranking, offers, assignment, ledger and the CSV files.
Each size runs in a process of its own, so that its peak of memory is its own.

    python experiments/benchmarks/activation.py [--sizes N …]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

SIZES = (62_500, 125_000, 250_000, 500_000)
AS_OF = date(2026, 1, 1)
LINES = 12
SEGMENTS = 6


def main() -> None:
    """Run each size and print one line for it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one)))
        return
    steps: list[str] = []
    for size in given.sizes:
        command = [sys.executable, __file__, "--one", str(size)]
        measured = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        if not steps:
            steps = list(measured)
            print("| accounts |", " | ".join(steps), "|")
            print("|---|", "|".join("---" for _ in steps), "|", sep="")
        print(f"| {size:,} |", " | ".join(f"{measured[step]:,.1f}" for step in steps), "|", flush=True)


def measure(size: int) -> dict[str, float]:
    """Return seconds by step, and the peak of memory in megabytes."""
    import ibis
    import pandas as pd
    import yaml

    from segmentwerk.activation import campaign, consent, exporting, figures, ledger, offers, sink
    from segmentwerk.activation.plans import Situation
    from segmentwerk.core.activation_settings import ActivationSettings, PlaybookSettings
    from segmentwerk.core.paths import config_root
    from segmentwerk.core.settings import GoalSettings
    from segmentwerk.core.sink_settings import SinkSettings

    conf = config_root() / "conf"
    playbook = PlaybookSettings.model_validate(yaml.safe_load((conf / "playbook" / "b2b.yaml").read_text()))
    settings = ActivationSettings()
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as place:
        people, segments, orders = world(size, Path(place))
        tables = {"orders": ibis.duckdb.connect().read_parquet(orders)}
        begin = last = time.perf_counter()

        def lap(step: str) -> None:
            nonlocal last
            now = time.perf_counter()
            seconds[f"{step}, s"], last = now - last, now

        reachable = consent.reachable(people, settings)
        lap("consent")
        potential = people.pop("potential")
        book = figures.book(tables, segments.index, AS_OF, potential=potential, reachable=reachable)
        recent = figures.recent(tables, segments.index, AS_OF, campaign.lengths(playbook))
        purchases = offers.bought(tables, AS_OF)
        lap("figures")
        effects = pd.DataFrame(
            [(n, name, "", 0.5) for n, name in enumerate(("recency_days", "seasonality", "return_rate"), 1)],
            columns=["segment_id", "feature", "level", "effect"],
        )
        situation = Situation(book, segments, {}, effects, purchases, recent, reachable)
        made = campaign.make(
            situation, playbook, GoalSettings(), settings, language="en", key=b"k" * 32, seed=0
        )
        lap("plan")
        home = Path(place) / "home"
        ledger.append(home / "ledger", made.assignments, model="m/1", as_of=AS_OF, key=b"k" * 32)
        lap("ledger")
        sink_settings = SinkSettings.model_validate(yaml.safe_load((conf / "sink" / "csv.yaml").read_text()))
        ready = sink.prepare(sink_settings, made.assignments, people, segments, reachable, currency="EUR")
        exporting.export(ready, home / "exports")
        lap("files")
        seconds["all, s"] = last - begin
        seconds["assigned"] = len(made.assignments)
    seconds["peak, MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return seconds


def world(size: int, folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, Path]:
    """Make up accounts, their segments, and their orders as a Parquet file."""
    import duckdb
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(0)
    ids = pd.Index([f"A{number:07d}" for number in range(size)], name="account_id")
    people = pd.DataFrame(
        {
            "email": [f"info@firm{number}.example" for number in range(size)],
            "phone": [f"+49 555 {number:07d}" for number in range(size)],
            "consent_email": (rng.random(size) < 0.7).astype(float),
            "consent_phone": (rng.random(size) < 0.6).astype(float),
            "potential": rng.lognormal(6, 1, size),
        },
        index=ids,
    )
    numbers = rng.integers(1, SEGMENTS + 1, size)
    segments = pd.DataFrame(
        {
            "segment_id": numbers,
            "segment": [f"segment {number}" for number in numbers],
            "confidence": rng.random(size),
            "basis": "full",
        },
        index=ids,
    )
    path = folder / "orders.parquet"
    duckdb.connect().execute(
        f"""COPY (SELECT printf('A%07d', i // {LINES}) AS account_id, 'O' || (i // 3) AS order_id,
        TIMESTAMP '2023-07-01' + INTERVAL 1 HOUR * (hash(i) % 21900) AS ordered_at,
        round(10 + (hash(i + 1) % 100000) / 100.0, 2) AS revenue,
        round((hash(i + 2) % 30000) / 100.0, 2) AS margin,
        'category ' || (hash(i + 3) % 8) AS category, 'P' || (hash(i + 4) % 500) AS product_id
        FROM range({size * LINES}) AS t(i)) TO '{path}'"""
    )
    return people, segments, path


if __name__ == "__main__":
    main()

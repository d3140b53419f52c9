"""Compare and score a company of any size with the product's own commands: time by step and peak memory.

    python experiments/benchmarks/scale.py [--accounts N] [--lines N] [--set KEY=VALUE …] [--folder PATH]

The tables are drawn by SQL into Parquet files (`lib.trade`). `segmentwerk compare` makes segments from a
sample of the accounts and `segmentwerk score source=…` assigns every account. The memory of each is summed
over its processes: proportional set size where the system tells it, so that what they share counts once.
Its peer is `MOST`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb
import psutil
from lib import trade
from lib.lines import bench

MOST = 12.0
"""Gigabytes that any step may take."""
BEAT = 0.5
"""Seconds between two looks at the memory."""
COMMAND = [sys.executable, "-c", "import sys; from segmentwerk.cli import main; sys.exit(main())"]


@dataclass
class Peak:
    """The most memory that a process and its children held at one time, in gigabytes."""

    process: psutil.Process
    gigabytes: float = 0.0

    def watch(self, over: threading.Event) -> None:
        """Look again and again until it is over."""
        while not over.wait(BEAT):
            self.gigabytes = max(self.gigabytes, _held(self.process))


def _held(process: psutil.Process) -> float:
    held = 0
    try:
        for one in (process, *process.children(recursive=True)):
            memory = one.memory_full_info()
            held += getattr(memory, "pss", memory.uss)
    except psutil.NoSuchProcess:  # it ended between two looks
        return 0.0
    return held / 1e9


def run(home: Path, arguments: list[str]) -> tuple[dict[str, object], float, float]:
    """Run one command of the product; return its summary, its seconds and its peak."""
    begin = time.perf_counter()
    command = [*COMMAND, *arguments, f"home={home}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        peak, over = Peak(psutil.Process(running.pid)), threading.Event()
        watcher = threading.Thread(target=peak.watch, args=(over,))
        watcher.start()
        told, _ = running.communicate()
        over.set()
        watcher.join()
    if running.returncode:
        raise SystemExit(f"{arguments[0]} ended with status {running.returncode}")
    summary = json.loads(Path(told.strip().splitlines()[-1]).read_text(encoding="utf-8"))
    return summary, time.perf_counter() - begin, peak.gigabytes


def measure(verb: str, home: Path, arguments: list[str]) -> dict[str, object]:
    """Run one command and print its steps, its time and its memory."""
    summary, seconds, peak = run(home, [verb, *arguments])
    for step, took in dict(summary["seconds"]).items():  # type: ignore[call-overload]
        print(f"#   {verb} {step}: {took:.1f} s", flush=True)
    print(f"#   {verb} in all: {seconds:.1f} s", flush=True)
    bench(f"scale/{verb}_memory", peak, MOST, "<=1", unit="GB", ok=peak <= MOST)
    return summary


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--accounts", type=int, default=50_000)
    parser.add_argument("--lines", type=int, help=f"order lines; default: {trade.LINES} an account")
    parser.add_argument(
        "--set", nargs="*", default=[], help="settings for compare, such as evaluation.sample=50000"
    )
    parser.add_argument("--folder", type=Path, help="where the tables and results are kept")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.folder or Path(temporary)).resolve()
        lines = arguments.lines or arguments.accounts * trade.LINES
        begin = time.perf_counter()
        tables = trade.draw(folder, arguments.accounts, lines)
        size = sum(file.stat().st_size for file in tables.rglob("*.parquet")) / 1e9
        print(
            f"# {arguments.accounts:,} accounts, {lines:,} lines, {size:.1f} GB, "
            f"drawn in {time.perf_counter() - begin:.0f} s",
            flush=True,
        )
        end_to_end(folder / "home", tables, arguments)


def end_to_end(home: Path, tables: Path, arguments: argparse.Namespace) -> None:
    """Compare, score, and count what was scored."""
    source = ["source=csv_folder", f"source.path={tables}", f"source.as_of={trade.AS_OF}"]
    outcomes = f"source.outcome_until={trade.UNTIL}"
    made = measure("compare", home, [*source, outcomes, *arguments.set])
    model = f"model={made['model']['uri']}"  # type: ignore[index]
    scored = measure("score", home, [*source, model, f"output={home / 'segments.parquet'}"])
    rows = duckdb.sql(f"SELECT count(DISTINCT account_id) FROM '{home / 'segments.parquet'}'").fetchall()[0][
        0
    ]
    print(f"#   {rows:,} accounts have a segment: {scored['result']['segments']}", flush=True)  # type: ignore[index]
    bench("scale/scored", rows, arguments.accounts, "=1", ok=rows == arguments.accounts)


if __name__ == "__main__":
    main()

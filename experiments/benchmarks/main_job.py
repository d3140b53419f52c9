"""The main job as a user meets it: time to help, and each segmenter's agreement with the demo's latent types.

`python experiments/benchmarks/main_job.py [SUMMARY]`; without the path of a comparison's summary.json one is
run. The latent types are read here, after the fact; no pipeline ever reads them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
from lib.lines import bench
from sklearn.metrics import adjusted_rand_score

HELP_GOAL = 4.0
"""Times the import of Hydra."""
TRUTH_GOAL = 0.15
"""Adjusted Rand index above the RFM grid's."""
WORLD = "5000-7"
"""Accounts and seed of the demo, as in conf/source/demo.yaml."""
COMMAND = [sys.executable, "-c", "import sys; from segmentwerk.cli import main; sys.exit(main())"]


def wall(command: list[str], repeats: int = 7) -> float:
    """Return the least wall time of a command in seconds: what it needs when nothing disturbs it."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - begin)
    return min(times)


def bench_help() -> None:
    """Time `segmentwerk --help` in seconds against the import of Hydra."""
    ours, peer = wall([*COMMAND, "--help"]), wall([sys.executable, "-c", "import hydra"])
    bench("main_job/help", ours, peer, f"<={HELP_GOAL}", unit="s", ok=ours <= HELP_GOAL * peer)


def compared() -> Path:
    """Run the comparison of the demo and return its summary."""
    done = subprocess.run([*COMMAND, "compare"], check=True, stdout=subprocess.PIPE, text=True)
    return Path(done.stdout.strip().splitlines()[-1])


def bench_truth(summary: Path) -> None:
    """Compare each segmenter with the latent types, held-out accounts only; the peer is the RFM grid."""
    truth = summary.parents[3] / "cache" / "demo" / WORLD / "truth" / "latent_types.parquet"
    types = pd.read_parquet(truth).set_index("account_id")["latent_type"]
    labels = pd.read_parquet(summary.parent / "candidates.parquet").set_index("account_id")
    labels = labels[labels["held_out"]].drop(columns="held_out")
    types = types.reindex(labels.index).dropna()
    agreements = {name: adjusted_rand_score(types, labels.loc[types.index, name]) for name in labels.columns}
    grid = agreements.pop("rfm_grid")
    for name, ours in agreements.items():
        label = f"main_job/truth_ari_{name.replace(' ', '_')}"
        bench(label, ours, grid, f"ours-peer>={TRUTH_GOAL}", ok=ours - grid >= TRUTH_GOAL)


def main() -> None:
    """Run both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("summary", nargs="?", type=Path, help="summary.json of a comparison of the demo")
    given = parser.parse_args()
    bench_help()
    bench_truth((given.summary or compared()).resolve())


if __name__ == "__main__":
    main()

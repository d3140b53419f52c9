"""What tracking costs: one comparison of the demo with tracking on against the same with it off.

`python experiments/benchmarks/tracking.py [--repeats N] [OVERRIDES]`; by default what `make run` compares,
in fresh homes that share one generated demo: MLflow's database is made, too.
Wall time has the goal; the processor time beside it says how much of a difference is noise.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lib.lines import bench

GOAL = 1.10
COMMAND = [sys.executable, "-c", "import sys; from segmentwerk.cli import main; sys.exit(main())"]


def timed(home: Path, arguments: list[str]) -> tuple[float, float]:
    """Run a verb; return its wall and processor seconds, those of its workers included."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = {**os.environ, "SEGMENTWERK_HOME": str(home)}
    done = subprocess.run([*COMMAND, *arguments], env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Time both in turns and report the best of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("overrides", nargs="*")
    given = parser.parse_args()
    timings: dict[str, list[tuple[float, float]]] = {"true": [], "false": []}
    with tempfile.TemporaryDirectory() as scratch:
        demo = Path(scratch) / "demo"
        source = [word for word in given.overrides if word.startswith("source.")]
        timed(demo, ["data", "demo", *source])
        for _ in range(given.repeats):
            for enabled, times in timings.items():
                home = Path(scratch) / "home"
                shutil.copytree(demo / "cache", home / "cache")
                words = ["compare", *given.overrides, f"tracking.enabled={enabled}"]
                times.append(timed(home, words))
                shutil.rmtree(home)
    (on, on_busy), (off, off_busy) = (tuple(map(min, zip(*times, strict=True))) for times in timings.values())
    bench("tracking/comparison", on, off, f"<={GOAL}", unit="s", ok=on <= GOAL * off)
    bench("tracking/comparison_cpu", on_busy, off_busy, f"<={GOAL}", unit="s", ok=on_busy <= GOAL * off_busy)


if __name__ == "__main__":
    main()

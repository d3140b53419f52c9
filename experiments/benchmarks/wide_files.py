"""What scoring wide CSV files costs, next to the same table as Parquet.

    python experiments/benchmarks/wide_files.py [--sizes COLUMNSxROWS …] [--full] [--limit SECONDS]

Each table has the 25 columns that the model knows and, up to its width, others as a CRM exports them:
amounts, counts, choices, days and notes. Both files are scored by `segmentwerk.scoring.batch.score`, as
`segmentwerk score` does it, each in a process of its own.

seconds  from the call to the written output; of files scored within five seconds the best of three
memory   the peak of that process (VmHWM), in megabytes

Parquet is stored by columns, so that only those of the model are read; of a CSV file every byte must be. No
ratio is demanded of the time of tables wider than the model by an order of magnitude; their memory may be at
most twice that of Parquet, and never more than `MOST` megabytes.

``--full`` adds tables of up to a million rows. One that the disk has no room for is left out, with the
reason; one that takes longer than the limit, or fails, falls short. TMPDIR says where the files lie.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lib import wide
from lib.lines import bench
from lib.models import K, accounts, ours
from lib.peaks import measured

from segmentwerk.core.interruption import interruptible
from segmentwerk.segmenters.kmeans import KMeansSegmenter

DEFAULT = ("50x1", "200x1", "1000x1", "50x100000", "200x20000", "1000x5000")
FULL = ("50x1000000", "200x1000000", "1000x100000", "1000x1000000")
SHORT = 5.0
"""Seconds up to which a run is repeated."""
MOST = 2000
"""Megabytes that scoring may take, whatever the size of the file."""
GRACE = 60.0
"""Seconds to remove the files where a signal ends the benchmark."""
BEAT = 10.0
"""Seconds between two signs of life."""


def main() -> None:
    """Measure the sizes that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", nargs="+", default=DEFAULT, help="columns x rows, such as 50x100000")
    parser.add_argument("--full", action="store_true", help="tables of up to a million rows, too")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds that scoring one file may take")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", module="mlflow|sklearn")
    with interruptible(GRACE), tempfile.TemporaryDirectory() as scratch:
        with shown("training the model"):
            model = ours(Path(scratch), KMeansSegmenter(n_segments=K), accounts(20_000))
        for size in (*arguments.sizes, *(FULL if arguments.full else ())):
            n_columns, n_rows = map(int, size.split("x"))
            with tempfile.TemporaryDirectory(dir=scratch) as folder:
                compare(model, Path(folder), n_columns, n_rows, arguments.limit)


def compare(model: Path, folder: Path, n_columns: int, n_rows: int, limit: float) -> None:
    """Print the lines of one size."""
    size = f"{n_columns}x{n_rows}"
    if lacking := no_room(folder, n_columns, n_rows):
        print(f"# {size} is left out: {lacking}", flush=True)
        return
    write(folder, n_columns, n_rows)
    try:
        peer, own = (score(model, folder / f"wide.{kind}", n_rows, limit) for kind in ("parquet", "csv"))
    except RuntimeError as error:
        print(f"# {size} falls short: {error}", flush=True)
        return
    goal = 2.0 if n_columns <= 50 else None
    ok = goal is None or own[0] <= goal * peer[0]
    bench(f"wide/{size}_seconds", own[0], peer[0], f"<={goal:g}" if goal else "stated", ok=ok, unit="s")
    frugal = own[1] <= min(2 * peer[1], MOST)
    bench(f"wide/{size}_memory", own[1], peer[1], f"<=2,<={MOST}MB", ok=frugal, unit="MB")


def no_room(folder: Path, n_columns: int, n_rows: int) -> str:
    """Say what room is lacking for a size; empty where there is enough."""
    needed, free = wide.BYTES * n_columns * n_rows, shutil.disk_usage(folder).free
    return "" if 1.2 * needed < free else f"it takes {needed / 1e9:.1f} GB of {free / 1e9:.1f} GB free"


def write(folder: Path, n_columns: int, n_rows: int) -> None:
    """Write a table as Parquet and as CSV, and say how large both are."""
    parquet, csv, size = folder / "wide.parquet", folder / "wide.csv", f"{n_columns}x{n_rows}"
    with wide.connect(folder) as con:
        with shown(f"{size}: writing Parquet", parquet):
            wide.write_parquet(con, parquet, n_columns, n_rows)
        with shown(f"{size}: writing CSV", csv):
            wide.write_csv(con, parquet, csv)
    sizes = (f"{path.suffix[1:]} {path.stat().st_size / 1e6:,.1f} MB" for path in (parquet, csv))
    print(f"# {size}: {', '.join(sizes)}", flush=True)


def score(model: Path, given: Path, n_rows: int, limit: float) -> tuple[float, float]:
    """Return the seconds of the best run and the largest peak; raises RuntimeError as `measured`."""
    runs: list[tuple[float, float]] = []
    with shown(f"scoring {given.suffix[1:]}"):
        while not runs or (len(runs) < 3 and runs[0][0] < SHORT):
            seconds, peak, scored = measured(model, given, limit)
            runs.append((seconds, peak))
            if scored != n_rows:
                raise RuntimeError(f"{scored} of {n_rows} accounts are scored from {given.name}")
    return min(seconds for seconds, _ in runs), max(peak for _, peak in runs)


@contextmanager
def shown(what: str, growing: Path | None = None) -> Iterator[None]:
    """Give signs of life while something takes long, with the size of the file that grows by it."""
    begin, over = time.perf_counter(), threading.Event()

    def tell() -> None:
        while not over.wait(BEAT):
            there = growing is not None and growing.is_file()
            size = f", {growing.stat().st_size / 1e6:,.0f} MB" if growing and there else ""
            print(f"# {what}: {time.perf_counter() - begin:.0f} s{size} …", flush=True)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()


if __name__ == "__main__":
    main()

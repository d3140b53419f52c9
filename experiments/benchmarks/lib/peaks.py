"""Score a file in a process of its own, so that its memory can be measured."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PEAK = """
import sys, time
from pathlib import Path
from segmentwerk.scoring import batch
begin = time.perf_counter()
done = batch.score(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
status = Path("/proc/self/status").read_text().splitlines()  # getrusage's peak is that of the parent, too
peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
print(time.perf_counter() - begin, peak / 1024, done.scored)
"""


def measured(model: Path, given: Path, limit: float | None = None) -> tuple[float, float, int]:
    """Score a file in a process of its own.

    Parameters
    ----------
    limit
        Seconds after which it is stopped.

    Returns
    -------
    tuple of float, float and int
        The seconds, the peak of its memory in megabytes, and the number of accounts scored.

    Raises
    ------
    RuntimeError
        If it fails, with what it said, or takes longer than the limit.
    """
    command = [sys.executable, "-c", PEAK, str(model), str(given), str(given.with_name("out.parquet"))]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"it takes longer than {limit:.0f} s") from error
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines()
        raise RuntimeError(f"exit status {error.returncode}: {lines[-1] if lines else 'silence'}") from error
    seconds, peak, scored = done.stdout.split()
    return float(seconds), float(peak), int(scored)

"""Run the benchmarks one after the other, and print the lines of all of them at the end.

    python experiments/bench.py [--whole] [NAME …]

By default they run in smaller sizes that take hours, with `--whole` in their own, which take days. What each
printed is kept below `.segmentwerk/bench` by the code that it ran on: given again, the command goes on where
it was interrupted, and after a change it begins anew. One that fails ends none of the others, and makes the
exit code 1.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCRIPTS = {path.stem: path for path in sorted((ROOT / "experiments" / "benchmarks").glob("*.py"))}
CODE = ("src", "conf", "experiments/benchmarks")
"""What the figures depend on, besides the packages that each benchmark names itself."""
KEPT = ROOT / ".segmentwerk" / "bench"
SMALLER = {
    "activation": "--sizes 20000",
    "autoencoder": "--seeds 2",
    "conjoint": "--draws 40",
    "contest": "--contests 4",
    "features": "--lines 5000000 --accounts 100000 --pandas-lines 1000000",
    "few_customers": "--worlds 2 --seeds 1 --sizes 60 200",
    "monitoring": "--worlds 2",
    "movement": "--worlds 1",
    "needs": "--draws 20",
    "partial_answers": "--copies 1",
    "results": f"--seeds 1 --output {KEPT / 'results.md'}",
    "scoring": "--quick",
    "segmenters_speed": "--quick",
    "structure": "--nulls 10 --groups 5",
    "targeting": "--draws 100 --worlds 1",
}
"""Arguments of those that take long in their own size."""


def main() -> int:
    """Run what is asked for; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SCRIPTS))
    parser.add_argument("--whole", action="store_true", help="in their own sizes")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(SCRIPTS):
        parser.error(f"There is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(SCRIPTS)}.")
    folder = KEPT / (f"{_revision()}-whole" if arguments.whole else _revision())
    folder.mkdir(parents=True, exist_ok=True)
    names = arguments.names or list(SCRIPTS)
    failed = [name for name in names if not _ran(name, folder, whole=arguments.whole)]
    for name in names:
        print("\n".join(_told(name, _kept(folder, name))))
    for name in failed:
        print(f"FAILED {name}: see {_kept(folder, name)}")
    return 1 if failed else 0


def _revision() -> str:
    """Identify the code that is measured: by its content as committed, and as changed since."""
    trees = _git("rev-parse", *(f"HEAD:{part}" for part in CODE))
    changes = _git("diff", "HEAD", "--", *CODE)
    return subprocess.run(
        ["git", "hash-object", "--stdin"], input=trees + changes, capture_output=True, text=True, check=True
    ).stdout[:12]


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def _kept(folder: Path, name: str) -> Path:
    """Return where a benchmark's output lies: another file while it runs and if it fails."""
    done = folder / f"{name}.txt"
    return done if done.exists() else folder / f"{name}.part"


def _told(name: str, kept: Path) -> list[str]:
    """Return the lines of a benchmark, or where its table lies if it prints nothing else."""
    lines = [
        line
        for line in kept.read_text(encoding="utf-8").splitlines()
        if line.startswith(("BENCH", "SKIPPED"))
    ]
    return lines or [f"TABLE {name}: see {kept}"]


def _ran(name: str, folder: Path, *, whole: bool) -> bool:
    """Run a benchmark that has not run on this code, show and keep what it prints; say whether it ran."""
    done, part = folder / f"{name}.txt", folder / f"{name}.part"
    if done.exists():
        return True
    command = [sys.executable, "-u", str(SCRIPTS[name]), *("" if whole else SMALLER.get(name, "")).split()]
    print(f"# {name}", flush=True)
    begin = time.perf_counter()
    with (
        part.open("w", encoding="utf-8") as file,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, encoding="utf-8") as running,
    ):
        assert running.stdout is not None
        for line in running.stdout:
            print(line, end="", flush=True)
            file.write(line)
            file.flush()
    if running.returncode == 0:
        part.rename(done)
    print(f"# {name}: {time.perf_counter() - begin:.0f} s", flush=True)
    return running.returncode == 0


if __name__ == "__main__":
    sys.exit(main())

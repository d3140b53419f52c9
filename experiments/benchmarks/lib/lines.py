"""One line a figure, in one form for all benchmarks."""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib import metadata

PACKAGES = ("torch", "scikit-learn", "numpy", "pandas", "duckdb", "optuna", "mlflow", "onnxruntime")


def bench(name: str, ours: float, peer: float, goal: str, *, ok: bool, unit: str = "") -> None:
    """Print one figure next to its peer's, and once, before the first, what it was measured on.

    Parameters
    ----------
    unit
        Of both figures, such as ``s`` or ``GB``.
    goal
        In words without blanks, of the ratio unless it says otherwise, such as ``<=1.3``.
    """
    machine()
    ratio = ours / peer if peer else float("nan")
    print(
        f"BENCH {name} ours={ours:.4g}{unit} peer={peer:.4g}{unit} ratio={ratio:.3f} goal={goal} "
        + ("ok" if ok else "short"),
        flush=True,
    )


@cache
def machine() -> None:
    """Print the machine and the versions of the packages."""
    versions = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    print(
        f"# {platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, {versions}",
        flush=True,
    )


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # a benchmark runs without what it does not import
        return "absent"

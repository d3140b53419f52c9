"""Which code and which packages made a run; nothing about who or where."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from segmentwerk.core.paths import CHECKOUT
from segmentwerk.core.records import Tag

PACKAGES = ("segmentwerk", "numpy", "pandas", "scikit-learn", "torch", "onnxruntime", "mlflow", "optuna")
LOCK_FILES = ("uv.lock", "pylock.toml", "requirements.lock", "requirements.txt")


def tags(root: Path = CHECKOUT) -> tuple[Tag, ...]:
    """Return the tags that let a run be made again.

    Parameters
    ----------
    root
        The checkout; where it is none (an installed wheel), commit and lock are ``unknown``.
    """
    commit, dirty = _git(root)
    words = {
        "commit": commit,
        "dirty": dirty,
        "lock": _lock_digest(root),
        "python": platform.python_version(),
        "mlflow.source.name": "segmentwerk",
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": commit,
    }
    return tuple(Tag(name, word) for name, word in {**words, **_versions()}.items())


@cache
def _versions() -> dict[str, str]:
    versions = {}
    for package in PACKAGES:
        try:
            versions[f"version.{package}"] = version(package)
        except PackageNotFoundError:
            versions[f"version.{package}"] = "absent"
    return versions


def _git(root: Path) -> tuple[str, str]:
    """Return the commit and whether tracked files differ from it; ``unknown`` where there is no git."""
    try:
        commit = _ask_git(root, "rev-parse", "HEAD")
        changes = _ask_git(root, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return "unknown", "unknown"
    return commit, "true" if changes else "false"


def _ask_git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)  # noqa: S603 fixed words
    return answer.stdout.strip()


def _lock_digest(root: Path) -> str:
    for name in LOCK_FILES:
        if (root / name).is_file():
            return hashlib.sha256((root / name).read_bytes()).hexdigest()[:16]
    return "unknown"

"""Find the files of a raw input, and say what is there instead when they are missing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from segmentwerk.core.errors import InputError, nearest

PARQUET = (".parquet", ".pq")
EXCEL = (".xlsx", ".xlsm")
TEXT = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
KNOWN = (*PARQUET, *EXCEL, *TEXT)


def suffix(path: Path) -> str:
    """Return the lower-case ending of a file's name, ``.gz`` included."""
    name = path.name.lower()
    return next(
        (ending for ending in sorted(KNOWN, key=len, reverse=True) if name.endswith(ending)), path.suffix
    )


def find(root: Path, pattern: str, *, alone: bool) -> tuple[Path, ...]:
    """Return the files that ``pattern`` (a file, a folder or a glob below ``root``) stands for.

    Parameters
    ----------
    root
        The source's path: a folder, or the file itself where the source has one input.
    alone
        Whether this is the source's only input, so that ``root`` may be its file or folder.

    Raises
    ------
    InputError
        If nothing is there, naming the nearest existing name; or files of several kinds are mixed.
    """
    if alone and root.is_file():
        return (root,)
    if not root.is_dir():
        if root.is_file():
            raise InputError(f"{root} is a file, but this source has several inputs.", "Name their folder.")
        raise InputError(f"There is no {root}.", _neighbours(root))
    found = _expand(root, pattern) or (_expand(root, "*") if alone else [])
    if not found:
        raise InputError(f"There is no {root / pattern}.", _neighbours(root / pattern))
    kinds = sorted({suffix(file) for file in found})
    if len({suffix(file) in PARQUET for file in found}) > 1:
        raise InputError(
            f"{root / pattern} mixes files of several kinds: {', '.join(kinds)}.", "Name one kind."
        )
    return tuple(found)


def _expand(root: Path, pattern: str) -> list[Path]:
    target = root / pattern
    if target.is_dir():
        return _usable(target.rglob("*"))
    if target.is_file():
        return [target]
    packed = target.with_name(target.name + ".gz")
    return [packed] if packed.is_file() else _usable(root.glob(pattern))


def _usable(files: Iterable[Path]) -> list[Path]:
    return sorted(
        file for file in files if file.is_file() and suffix(file) in KNOWN and file.name[0] not in "._~"
    )


def _neighbours(missing: Path) -> str:
    folder = next(parent for parent in missing.parents if parent.is_dir())
    names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))[:50]
    expected = missing.relative_to(folder).parts[0]
    return nearest(expected, names) if names else f"The folder {folder} is empty."


def digest(files: Iterable[Path]) -> str:
    """Return a hash of the contents of the files in order, 32 hex digits."""
    total = hashlib.blake2b(digest_size=16)
    for file in files:
        with file.open("rb") as stream:
            total.update(hashlib.file_digest(stream, hashlib.blake2b).digest())
    return total.hexdigest()

"""Find the files of a raw input, and say what is there instead when they are missing."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from segmentwerk.core.errors import InputError

PARQUET = (".parquet", ".pq")
EXCEL = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
TEXT = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
KNOWN = (*PARQUET, *EXCEL, *TEXT)


class MissingInputError(InputError):
    """No such file or table is there; ``close`` says that a name much like it is, maybe misspelt."""

    close = False


def missing(place: str, expected: str, names: Sequence[str]) -> MissingInputError:
    """Return the error for a file or table that is not there, with the nearest existing name."""
    bare = names if "." in expected else [name.split(".")[0] for name in names]
    matches = difflib.get_close_matches(expected, bare, n=1, cutoff=0.8)
    known = f"There are: {', '.join(names)}." if names else "Nothing is there."
    remedy = f"Did you mean {names[bare.index(matches[0])]!r}?" if matches else known
    error = MissingInputError(f"There is no {place}.", remedy)
    error.close = bool(matches)
    return error


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
    MissingInputError
        If nothing is there, naming the nearest existing name.
    InputError
        If files of several kinds are mixed.
    """
    if alone and root.is_file():
        return (root,)
    if not root.is_dir():
        if root.is_file():
            raise InputError(f"{root} is a file, but this source has several inputs.", "Name their folder.")
        raise missing_path(root)
    files = _expand(root, pattern) or (_expand(root, "*") if alone else [])
    if not files:
        raise missing_path(root / pattern)
    kinds = sorted({suffix(file) for file in files})
    if not set(kinds) <= set(KNOWN):
        raise InputError(f"{files[0]} is neither Parquet nor CSV nor Excel.", f"Known: {', '.join(KNOWN)}.")
    if len({suffix(file) in PARQUET for file in files}) > 1:
        raise InputError(
            f"{root / pattern} mixes files of several kinds: {', '.join(kinds)}.", "Name one kind."
        )
    return tuple(files)


def _expand(root: Path, pattern: str) -> list[Path]:
    """Return the folder's files, the file, the file with any known ending, or the glob's files."""
    target = root / pattern
    if target.is_dir():
        return _usable(target, target.rglob("*"))
    if target.is_file():
        return [target]
    endings = [target.with_name(target.name + ending) for ending in (".gz", *KNOWN)]
    numbered = re.sub(r"\[(\d+)\]", r"[[]\1]", pattern)  # orders[1].csv is a second copy, not orders1.csv
    return [file for file in endings if file.is_file()] or _usable(root, root.glob(numbered))


def _usable(root: Path, files: Iterable[Path]) -> list[Path]:
    """Leave out what programs keep beside the data: checkpoints, lock files, files of a file viewer."""
    return sorted(
        file
        for file in files
        if file.is_file()
        and suffix(file) in KNOWN
        and not any(part[0] in "._~" for part in file.relative_to(root).parts if part != "..")
    )


def missing_path(path: Path) -> MissingInputError:
    """Return the error for a path that is not there, with what is there instead."""
    folder = next(parent for parent in path.parents if parent.is_dir())
    names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))[:50]
    return missing(str(path), path.relative_to(folder).parts[0], names)


def digest(files: Iterable[Path]) -> str:
    """Return a hash of the contents of the files in order, 32 hex digits."""
    total = hashlib.blake2b(digest_size=16)
    for file in files:
        with file.open("rb") as stream:
            total.update(hashlib.file_digest(stream, hashlib.blake2b).digest())
    return total.hexdigest()

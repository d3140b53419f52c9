"""Write a file or a folder whole or not at all: beside the target first, then rename."""

from __future__ import annotations

import logging
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from segmentwerk.core.errors import InputError

log = logging.getLogger(__name__)

_TELL_AFTER = 3.0
"""Seconds that a process waits for another one before it says so."""


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"Cannot write {target}: {error.strerror or error}.",
            "Name a path on a disk with room where you may write.",
        ) from error


def _beside(target: Path, ending: str = "") -> Path:
    return target.with_name(f".{target.name}.{uuid.uuid4().hex}{ending}")


@contextmanager
def atomic_file(target: Path) -> Iterator[Path]:
    """Yield a path beside ``target``; it replaces ``target`` when the block ends well.

    Raises
    ------
    InputError
        If the folder cannot be made or written, or the disk is full.
    """
    target = Path(target)
    with _writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = _beside(target, target.suffix)
        draft.touch(exist_ok=False)  # readable for whom the umask says, and never wider
        try:
            yield draft
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)


@contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``target``; it replaces ``target`` when the block ends well.

    Raises
    ------
    InputError
        If the folder cannot be made or written, or the disk is full.
    """
    target = Path(target)
    with _writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = _beside(target)
        draft.mkdir()
        try:
            yield draft
            if target.exists():
                shutil.rmtree(target)
            draft.replace(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def locked(path: Path, *, taken: InputError | None = None) -> Iterator[None]:
    """Hold the lock file ``path`` while the block runs; other processes wait, and soon say so.

    The operating system frees the lock when its holder dies, so a killed process leaves none behind.

    Parameters
    ----------
    taken
        Raised at once, instead of waiting, where another process holds it.

    Raises
    ------
    InputError
        If the folder cannot be made or written; ``taken``.
    """
    from filelock import FileLock, Timeout  # imports asyncio: too slow for `--help`

    path = Path(path)
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()  # FileLock itself would wait forever where it may not write
        lock = FileLock(path)
        try:
            lock.acquire(timeout=_TELL_AFTER if taken is None else 0)
        except Timeout as error:
            if taken is not None:
                raise taken from error
            log.info("Waiting for another process to end, which holds %s ...", path)
            lock.acquire()
    try:
        yield
    finally:
        lock.release()

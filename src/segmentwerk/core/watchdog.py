"""What is done once this process is gone: nobody cleans up after SIGKILL or a closed terminal."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_WAIT = 'read -r word || exec "$@"'
"""Ends where a word comes; where the pipe ends without one, its writer is dead."""


@contextmanager
def watchdog(command: Sequence[str]) -> Iterator[None]:
    """Have a command run if this process ends inside the block without leaving it."""
    dog = subprocess.Popen(  # noqa: S603 (our own words)
        ["/bin/sh", "-c", _WAIT, "watchdog", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # a closed terminal ends its own session only
        cwd="/",
    )
    try:
        yield
    finally:
        with contextlib.suppress(BrokenPipeError):
            dog.communicate(b"done\n")

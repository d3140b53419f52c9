"""SIGTERM ends a run as Ctrl-C does, and within seconds, whatever code it meets."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

GRACE = 8.0
"""Seconds to clean up; those who send SIGTERM often send SIGKILL after ten."""
EXIT_CODE = 130
_LAST_WORDS = b"segmentwerk: Ended before everything was tidied up; the same command goes on where it can.\n"


class Terminated(KeyboardInterrupt):
    """SIGTERM came; other than after Ctrl-C, nothing new may be begun."""


def is_interruption(error: BaseException) -> bool:
    """Return whether an error is an interruption, or what a library made of one.

    DuckDB, for instance, raises ``RuntimeError: Query interrupted`` while the interruption is being raised.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, KeyboardInterrupt):
            return True
        seen = seen.__context__
    return False


@contextmanager
def interruptible(grace: float = GRACE) -> Iterator[None]:
    """Raise `Terminated` in the block where SIGTERM comes, and end the process ``grace`` seconds later.

    A signal's handler has to wait while the main thread is inside a library, and a library may take the
    exception for an error of its own and go on; the end of the process waits for neither.
    """

    def terminate(_signal: int, _frame: object) -> NoReturn:
        raise Terminated

    previous = signal.signal(signal.SIGTERM, terminate)
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    woken = signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(told, grace), name="sigterm", daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(woken)
        signal.signal(signal.SIGTERM, previous)
        os.close(tell)


def _watch(told: int, grace: float) -> None:
    """Read the signals that come; the end of the pipe is the end of the block."""
    while signals := os.read(told, 64):
        if signal.SIGTERM in signals:
            # By the system's clock, should Python itself be in the way.
            signal.setitimer(signal.ITIMER_REAL, grace + 1)
            time.sleep(grace)
            os.write(2, _LAST_WORDS)
            os._exit(EXIT_CODE)
    os.close(told)

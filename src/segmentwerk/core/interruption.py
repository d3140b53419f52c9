"""SIGTERM ends a run as Ctrl-C does, and within seconds, whatever code it meets."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn, TypeVar
from weakref import WeakSet

GRACE = 5.0
"""Seconds to clean up; those who send SIGTERM often send SIGKILL after ten."""
_FAREWELL = 3.0
"""Seconds for Python to take itself down, when nobody but the system can end it any more."""
SERVER_GRACE = 60.0
"""Seconds for a server, which ends its database, too."""
EXIT_CODE = 130
_LAST_WORDS = b"segmentwerk: Ended before everything was tidied up; the same command goes on where it can.\n"


ConnectionT = TypeVar("ConnectionT")
_CONNECTIONS: WeakSet[Any] = WeakSet()


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


def stoppable(connection: ConnectionT) -> ConnectionT:
    """Return DuckDB's connection, whose query ends when a signal comes.

    Without it DuckDB goes on in the background, and a connection that is closed waits for it.
    """
    _CONNECTIONS.add(connection)
    return connection


@contextmanager
def interruptible(grace: float = GRACE) -> Iterator[None]:
    """Raise `Terminated` in the block where SIGTERM comes, and end the process ``grace`` seconds later.

    A signal's handler has to wait while the main thread is inside a library, and a library may take the
    exception for an error of its own and go on; the end of the process waits for neither.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        _stop_queries()
        signal.default_int_handler(number, frame)

    def terminate(_number: int, _frame: FrameType | None) -> NoReturn:
        _set_clock(grace)
        _stop_queries()
        raise Terminated

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    if before[signal.SIGINT] is signal.default_int_handler:  # not where a shell made us deaf to it
        signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, terminate)
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    woken = signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(read_end, grace), name="sigterm", daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(woken)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(write_end)


def _watch(read_end: int, grace: float) -> None:
    """Read the signals that come; the end of the pipe is the end of the block."""
    while signals := os.read(read_end, 64):
        if signal.SIGTERM in signals:
            _set_clock(grace)
            time.sleep(grace)
            os.write(2, _LAST_WORDS)
            os._exit(EXIT_CODE)
    os.close(read_end)


def _set_clock(grace: float) -> None:
    """Have the system end this process later than `_watch` would, should Python itself be in the way."""
    signal.setitimer(signal.ITIMER_REAL, grace + _FAREWELL)


def _stop_queries() -> None:
    from duckdb import ConnectionException  # where there is a connection, it is loaded already

    for connection in list(_CONNECTIONS):
        with suppress(ConnectionException):  # it is closed by now
            connection.interrupt()

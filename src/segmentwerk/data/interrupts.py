"""Let Ctrl-C and SIGTERM end a query at once, and through as what they are."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def let_through(backend: Any) -> Iterator[None]:
    """Stop the queries of an Ibis backend when a signal comes, and raise the KeyboardInterrupt that it means.

    DuckDB's threads would go on with their query to its end, and it answers an interrupt with a
    RuntimeError.
    """
    try:
        with _stopping(getattr(backend, "con", None)):
            yield
    except Exception as error:
        if interrupted(error):
            raise KeyboardInterrupt from error
        raise


@contextmanager
def _stopping(connection: Any) -> Iterator[None]:
    """Put the stop of the queries before what a signal does; only the main thread may."""
    stop = getattr(connection, "interrupt", None)
    before = {one: signal.getsignal(one) for one in SIGNALS}
    if stop is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: Any) -> None:
        stop()
        before[signal.Signals(number)](number, frame)  # type: ignore[operator,misc]

    chained = [one for one, handler in before.items() if callable(handler)]
    for one in chained:
        signal.signal(one, handle)
    try:
        yield
    finally:
        for one in chained:
            signal.signal(one, before[one])


def interrupted(error: BaseException | None) -> bool:
    """Tell whether an error was raised because of an interrupt."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None

"""Let Ctrl-C and SIGTERM through where a database answers them with an error of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def let_through() -> Iterator[None]:
    """Raise KeyboardInterrupt where it was turned into another error: DuckDB makes it a RuntimeError."""
    try:
        yield
    except Exception as error:
        if interrupted(error):
            raise KeyboardInterrupt from error
        raise


def interrupted(error: BaseException | None) -> bool:
    """Tell whether an error was raised because of an interrupt."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None

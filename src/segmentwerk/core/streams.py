"""The process' own streams: that nobody listens, or cannot read a sign, must not end the work."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Patient(io.FileIO):
    """A pipe whose reader may go: nobody wants the rest, and the work goes on."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            return memoryview(data).nbytes


def secure() -> None:
    """Open what the caller closed, outlive a reader that goes, and escape what the encoding lacks.

    A closed stream's number would otherwise be given to the next file that is opened, and what is meant for
    the terminal be written into it.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # it takes the lowest free number
    # Somebody else's stream, as in a test, is left alone.
    if sys.stdout is sys.__stdout__:
        sys.stdout = _text(1, sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _text(2, sys.stderr)


def _text(number: int, before: io.TextIOBase | None) -> io.TextIOWrapper:
    raw = _Patient(number, "w", closefd=False)
    encoding = getattr(before, "encoding", None) or "utf-8"
    lines = number == 2 or raw.isatty()
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=encoding, errors="backslashreplace", line_buffering=lines
    )

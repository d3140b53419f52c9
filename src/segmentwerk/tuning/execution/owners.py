"""Which process runs a trial, and whether that process still lives."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Hashable
from typing import Literal

import psutil

OwnerState = Literal["mine", "alive", "dead", "remote"]

_CLOCK_TOLERANCE = 5.0
"""Seconds by which a process' start may seem to move when the system's clock is set."""


def me() -> str:
    """Return this process as ``host:pid:start``; the start tells it from a later process with its pid."""
    return f"{socket.gethostname()}:{os.getpid()}:{psutil.Process().create_time():.2f}"


def owner_state(owner: str) -> OwnerState:
    """Return what became of the process ``owner``; of another machine's only that it is remote."""
    host, pid, start = owner.rsplit(":", 2)
    if host != socket.gethostname():
        return "remote"
    try:
        process = psutil.Process(int(pid))
        same = abs(process.create_time() - float(start)) < _CLOCK_TOLERANCE
        if not same or process.status() == psutil.STATUS_ZOMBIE:
            return "dead"
    except psutil.NoSuchProcess:
        return "dead"
    return "mine" if process.pid == os.getpid() else "alive"


class Watch:
    """Tells what has not changed for longer than ``grace`` seconds, by this machine's own clock."""

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._seen: dict[Hashable, tuple[object, float]] = {}

    def silent(self, key: Hashable, sign: object) -> bool:
        """Whether ``sign`` of ``key`` has stayed the same for longer than the grace period."""
        now = time.monotonic()
        if key not in self._seen or self._seen[key][0] != sign:
            self._seen[key] = (sign, now)
        return now - self._seen[key][1] > self._grace

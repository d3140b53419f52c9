"""Computing side by side: in threads, or in processes where Python itself would stand in the way."""

from __future__ import annotations

import os
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil

from segmentwerk.core.errors import InputError
from segmentwerk.core.veil import remembered, share

if TYPE_CHECKING:
    from loky import ProcessPoolExecutor

THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Environment variables by which a process that starts learns how many threads to compute with."""

_LOOK_EVERY = 0.5
"""Seconds between two looks at whether the parent lives."""
_MOST_WORKERS = 8
"""Each holds its own copy of the libraries, up to half a gigabyte, beside what it works on."""


@contextmanager
def threads() -> Iterator[None]:
    """Let `joblib.Parallel` inside the block run its tasks side by side, one thread each.

    All else inside computes on one thread, too: threads cost more than they save on matrices of
    this size, and sums do not depend on the number of cores.
    """
    from joblib import cpu_count, parallel_config
    from threadpoolctl import threadpool_limits

    with parallel_config("threading", n_jobs=cpu_count()), threadpool_limits(1):
        yield


@contextmanager
def processes() -> Iterator[ProcessPoolExecutor]:
    """Yield an executor for tasks of a second or more; it starts its processes with the first of them.

    They end with the block, whatever they are doing, and with this process, however that ends.

    Raises
    ------
    InputError
        If one of them is ended from outside.
    """
    from joblib import cpu_count
    from loky import ProcessPoolExecutor
    from loky.process_executor import TerminatedWorkerError

    executor = ProcessPoolExecutor(
        min(cpu_count(), _MOST_WORKERS),
        initializer=follow,
        initargs=(os.getpid(), remembered()),
        env=dict.fromkeys(THREAD_LIMITS, "1"),
    )
    try:
        with warnings.catch_warnings():
            # One that has grown is replaced by a new one, which is nobody's concern.
            warnings.filterwarnings("ignore", "A worker stopped while some jobs")
            yield executor
    except TerminatedWorkerError as error:
        raise InputError(
            "A process that computed for this one was ended from outside, perhaps for lack of memory.",
            "Make room and give the same command again; it goes on where it can.",
        ) from error
    finally:
        executor.shutdown(kill_workers=True)


def follow(parent: int, secrets: frozenset[str]) -> None:
    """Leave Ctrl-C to the parent process, whose id is ``parent``, and end when it ends; log no secrets.

    ``secrets`` are those that the parent knows (`veil.remembered`).
    """
    share(secrets)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    # A dead process that nobody has asked after still has its id, but no children any more.
    while os.getppid() == parent and psutil.pid_exists(parent):
        time.sleep(_LOOK_EVERY)
    os._exit(1)

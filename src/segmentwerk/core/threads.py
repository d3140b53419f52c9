"""The one place that decides how many threads compute: one each, side by side, so that sums do not vary.

What runs in a registered model decides for itself, since it is shipped without this package.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Environment variables by which a process that starts learns how many threads to compute with."""

_SMALL = 2_000_000
"""Values in a table up to which one thread is faster than several."""
_lock = threading.Lock()
_users = 0
_undo = ExitStack()


def default_to_one_thread() -> None:
    """Let the libraries that are loaded later compute on one thread, unless the user says otherwise."""
    os.environ.setdefault(THREAD_LIMITS[0], "1")


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
def one_thread() -> Iterator[None]:
    """Keep torch and the linear algebra libraries to one thread, so that sums do not depend on the cores.

    Their settings belong to the whole process, so blocks that overlap in threads of one process share
    the limit, and the last one to end lifts it.
    """
    import torch
    from threadpoolctl import threadpool_limits

    global _users
    with _lock:
        if _users == 0:
            _undo.callback(torch.set_num_threads, torch.get_num_threads())
            _undo.enter_context(threadpool_limits(1))
        _users += 1
    torch.set_num_threads(1)  # counts for the calling thread, too
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                _undo.close()


def enough_threads(n_values: int) -> AbstractContextManager[Any]:
    """Keep a small problem on one thread: more would wait for each other longer than they work."""
    return _thread_pools().limit(limits=1) if n_values < _SMALL else nullcontext()


@cache
def _thread_pools() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()

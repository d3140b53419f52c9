"""Computing on one thread, so that sums come out the same however many threads there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock

import torch
from threadpoolctl import threadpool_limits

_lock = Lock()
_users = 0
_undo = ExitStack()


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep torch and the linear algebra libraries to one thread.

    Their settings belong to the whole process, so fits that overlap in threads of one process share
    the limit, and the last one to end lifts it.
    """
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

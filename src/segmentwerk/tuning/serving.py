"""The inside of a worker process: it evaluates what it is sent and knows of no storage."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import optuna

from segmentwerk.core.parallel import THREAD_LIMITS, follow
from segmentwerk.tuning.trials import Objective, evaluate

READY = "ready"
BEGUN = "begun"


@contextmanager
def one_thread() -> Iterator[None]:
    """Let processes that start in the block compute with one thread each."""
    before = {name: os.environ.get(name) for name in THREAD_LIMITS}
    os.environ.update(dict.fromkeys(THREAD_LIMITS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def serve(line: Connection, secrets: frozenset[str]) -> None:
    """Evaluate what comes over the line until it closes.

    First comes the objective, answered by `READY`; then parameters, answered by `BEGUN` and, in the
    end, an `Outcome`. A report goes out as (step, value) and waits for why the trial should end, or
    None. An exception that is no trial's fault goes out and ends the worker. ``secrets`` are kept from
    its log.
    """
    follow(os.getppid(), secrets)

    def report(step: int, value: float) -> None:
        line.send((step, value))
        reason = line.recv()
        if reason is not None:
            raise optuna.TrialPruned(reason)

    try:
        objective: Objective = line.recv()
        line.send(READY)
        while True:
            params = line.recv()
            line.send(BEGUN)
            line.send(evaluate(objective, params, report))
    except (EOFError, OSError):
        return  # the main process has closed the line
    except Exception as error:
        error.add_note(traceback.format_exc())
        line.send(error)

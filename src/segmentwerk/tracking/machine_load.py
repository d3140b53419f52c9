"""What the machine is doing while a run lasts; short runs are not watched."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from segmentwerk.core.records import Metric, Record

logger = logging.getLogger(__name__)

INTERVAL = 10.0
"""Seconds between two looks; a run that ends before the first has no such metrics."""


@contextmanager
def watched(write: Callable[[Iterable[Record]], None]) -> Iterator[None]:
    """Write the machine's load as ``system/…`` metrics, under MLflow's names, while the block runs."""
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(write, done), name="system metrics", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _watch(write: Callable[[Iterable[Record]], None], done: threading.Event) -> None:
    step = 0
    monitors = None
    while not done.wait(INTERVAL):
        try:
            monitors = monitors or _monitors()
            write(_look(monitors, step))
        except Exception as error:  # a machine without such counters is no reason to stop a run
            logger.debug("The machine is not watched: %s", error)
            return
        step += 1


def _monitors() -> list[Any]:
    """Return MLflow's own monitors; without a sampling interval of their own."""
    from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
    from mlflow.system_metrics.metrics.disk_monitor import DiskMonitor
    from mlflow.system_metrics.metrics.network_monitor import NetworkMonitor

    monitors: tuple[Any, ...] = (CPUMonitor, DiskMonitor, NetworkMonitor)
    return [monitor() for monitor in monitors]


def _look(monitors: list[Any], step: int) -> Iterator[Metric]:
    for monitor in monitors:
        monitor.collect_metrics()
        for name, value in monitor.aggregate_metrics().items():
            yield Metric(f"system/{name}", float(value), step)
        monitor.clear_metrics()

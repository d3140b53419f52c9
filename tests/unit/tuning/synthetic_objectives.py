"""Objectives for worker processes, which import this module by name (see the `objectives` fixture)."""

import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path

from segmentwerk.core.errors import ConfigError, FitError


def parabola(params, report):
    return {"value": -((params["x"] - 0.3) ** 2), "twice": 2 * params["x"]}


def whole(params, report):
    return {"value": params["x"]}


def slow_parabola(params, report):
    time.sleep(0.05)
    return parabola(params, report)


def identify(params, report):
    """Return who evaluates, and with how many threads."""
    time.sleep(0.05)
    return {"value": params["x"], "pid": os.getpid(), "threads": float(os.environ["OMP_NUM_THREADS"])}


@dataclass
class Talkative:
    """Logs into a file."""

    file: Path
    words: str

    def __call__(self, params, report):
        handler = logging.FileHandler(self.file)
        logging.getLogger().addHandler(handler)
        logging.warning("Known: %s", self.words)
        handler.close()
        return {"value": params["x"]}


def reporting(params, report):
    for step in range(5):
        report(step, -((params["x"] - 0.3) ** 2))
    return parabola(params, report)


def degenerate(params, report):
    """Fail in another way for each part of the range; only x above 0.6 is sound."""
    x = params["x"]
    if x < 0.15:
        raise FitError("one segment only.", "Ask for fewer.")
    if x < 0.3:
        raise MemoryError
    if x < 0.45:
        return {"value": float("nan")}
    if x < 0.6:
        return {"value": 1 / 0}
    return {"value": x}


def hopeless(params, report):
    raise FitError("All 3 rows are alike.")


def defective(params, report):
    return undefined_name  # noqa: F821 (the defect under test)


def misconfigured(params, report):
    raise ConfigError("no such key.")


@dataclass(frozen=True)
class Deadly:
    """Kill the process the first so many times that x takes a value."""

    folder: Path
    times: dict

    def __call__(self, params, report):
        x = params["x"]
        marks = list(self.folder.glob(f"{x}-*"))
        if len(marks) < self.times.get(x, 0):
            (self.folder / f"{x}-{len(marks)}").touch()
            os.kill(os.getpid(), 9)
        return parabola(params, report)


class Unloadable:
    """Pickles, but fails to load in a worker."""

    def __reduce__(self):
        return exec, ("raise ValueError('cannot be loaded')",)

    def __call__(self, params, report):
        return {"value": 0.0}


class Fatal(Unloadable):
    """Pickles, but ends the worker that loads it."""

    def __reduce__(self):
        return os._exit, (3,)

"""Where a verb runs: its output folder, its clock for timings, and its summary."""

from __future__ import annotations

import getpass
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segmentwerk.core.files import atomic_file


def user() -> str:
    """Return who runs this: the user's name, or number where the system does not know the name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


@dataclass
class Context:
    """One run of one verb.

    Attributes
    ----------
    output
        The run's own folder, absolute.
    sweep
        The folder shared by the runs of a multirun; None for a single run.
    timings
        Seconds by stage; in a comparison segmenters are judged while others are tuned.
    quiet
        Whether nothing is printed: who calls from Python reads the result.
    """

    verb: str
    output: Path
    sweep: str | None = None
    overrides: list[str] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)
    quiet: bool = False

    @classmethod
    def open(cls, verb: str, output: str, *, sweep: str | None, overrides: list[str]) -> Context:
        """Make the context of one run from what Hydra knows."""
        return cls(verb, Path(output).resolve(), sweep, overrides)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the wall time of the block to the stage's timing."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.timings[stage] = self.timings.get(stage, 0.0) + time.perf_counter() - begin

    def write_summary(self, summary: Mapping[str, Any]) -> Path:
        """Write `summary.json` into the output folder and return its path."""
        content = {"verb": self.verb, "overrides": self.overrides, **summary, "seconds": self.timings}
        path = self.output / "summary.json"
        with atomic_file(path) as draft:
            draft.write_text(json.dumps(content, indent=2, default=str) + "\n", encoding="utf-8")
        return path

"""How far a study is: a bar on a terminal, lines in a log."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from segmentwerk.core.types import TrialRecord

logger = logging.getLogger(__name__)


class StudyProgress:
    """Shows finished trials, the best value and the time left; a context manager.

    On a terminal a bar on stderr, else one log line a trial.
    """

    def __init__(self, study: str, n_trials: int, console: Console | None = None) -> None:
        console = console or Console(stderr=True, force_jupyter=False)
        self._study = study
        self._n_trials = n_trials
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("best {task.fields[best]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]} left"),
            console=console,
            disable=not console.is_terminal,
            refresh_per_second=2,
        )
        self._task = self._bar.add_task(study, total=n_trials, best="-", left="?")
        self._shown = -1

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def update(self, records: Sequence[TrialRecord], seconds_left: float | None) -> None:
        """Show the finished trials and the seconds that the rest will take (None: not known)."""
        if len(records) == self._shown:
            return
        values = [record.value for record in records if record.state == "complete"]
        best = f"{max(values):.4g}" if values else "-"
        left = "?" if seconds_left is None else _clock(seconds_left)
        self._bar.update(self._task, completed=len(records), best=best, left=left)
        if self._bar.disable and records:
            logger.info(
                "%s: %d of %d trials, best %s, %s left", self._study, len(records), self._n_trials, best, left
            )
        self._shown = len(records)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

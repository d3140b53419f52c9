"""The segmenters of a comparison: tuned one after the other, judged in turns by other processes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from segmentwerk.contest.candidates import Candidate, complexity, side_by_side
from segmentwerk.contest.contest import Contest
from segmentwerk.contest.shared_view import SharedView
from segmentwerk.contest.turn_taking import Examined, Looked, first_turn, further_turns, together
from segmentwerk.core.errors import FitError
from segmentwerk.core.interruption import Terminated
from segmentwerk.core.settings import SegmenterSettings
from segmentwerk.core.types import Selection, StudyResult
from segmentwerk.tracking.writer import Run

log = logging.getLogger(__name__)

SIMPLE = 1
"""Complexity of segmenters of which a trial takes less than a second."""


@dataclass
class _Judging:
    """A tuned segmenter whose finalists are being looked at; its run stays open until all are judged."""

    study: StudyResult
    run: Run
    first: list[Future[Looked]]


@dataclass
class Race:
    """Tunes the segmenters of a contest one after the other, has them judged in turns, and finds the winner.

    Attributes
    ----------
    candidates, studies, runs
        Judged finalists, best of tuning first, study and run of each segmenter.
    selection
        Who won.
    left_out
        Why others could not take part.
    """

    contest: Contest
    parent: Run
    judges: Executor
    candidates: dict[str, list[Candidate]] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    studies: dict[str, StudyResult] = field(default_factory=dict)
    selection: Selection | None = None
    left_out: dict[str, str] = field(default_factory=dict)
    _judged: dict[str, _Judging] = field(default_factory=dict)
    _interrupted: bool = False

    def run(self, chosen: Mapping[str, SegmenterSettings]) -> None:
        """Tune and judge segmenters: simple ones, then the most complex first, as judging it takes longest.

        The simple ones take seconds; then judges have work while the first network is trained.

        However this ends, the runs of all segmenters are closed. After Ctrl-C no further one is tuned,
        where the config wants what was found so far.

        Raises
        ------
        FitError
            If no segmenter could be fitted.
        """
        view = SharedView.store(self.contest.prepared.view, self.contest.folder / "whole.joblib")
        waiting = sorted(chosen, key=lambda name: _place(complexity(chosen[name])))
        with ExitStack() as runs:
            while waiting and not self._interrupted:
                name = waiting.pop(0)
                with self._leaving_out(name), self._keeping(name):
                    self._tune(name, chosen[name], view, runs)
            self.left_out |= dict.fromkeys(waiting, "interrupted before it was tuned")
            self._judge([name for name in chosen if name in self._judged], view)

    def _tune(self, name: str, spec: SegmenterSettings, view: SharedView, runs: ExitStack) -> None:
        """Tune a segmenter and hand its finalists to judges."""
        with ExitStack() as closing:
            run = closing.enter_context(self.contest.run(name, self.parent))
            study = self.contest.tune(name, spec, run)
            params, settings = [trial.params for trial in study.finalists], self.contest.settings
            first = [
                self.judges.submit(first_turn, name, spec, some, view, settings.evaluation, settings.seed)
                for some in side_by_side(spec, params)
            ]
            runs.enter_context(closing.pop_all())
            self._judged[name], self._interrupted = _Judging(study, run, first), study.interrupted

    def _judge(self, names: list[str], view: SharedView) -> None:
        """Have all that could be tuned judged until the contest is decided, and write down what was found."""
        looked: list[Examined] = []
        timings, settings = self.contest.context.timings, self.contest.settings
        for name in names:
            with self._leaving_out(name):
                found, timings[f"judge {name}"] = together(name, self._judged[name].first)
                looked += found
        if not looked:
            raise FitError("No segmenter could be fitted.", " ".join(self.left_out.values()))
        with self.contest.context.timed("further turns"):
            candidates, self.selection, seconds = further_turns(
                looked, self.judges, view, settings.evaluation, settings.goal, settings.seed
            )
        for candidate in candidates:
            self.candidates.setdefault(candidate.card.algorithm, []).append(candidate)
        for name, own in self.candidates.items():
            judging = self._judged[name]
            timings[f"judge {name}"] += seconds.get(name, 0.0)
            self.contest.write(own[0], judging.study, judging.run)
            self.studies[name], self.runs[name] = judging.study, judging.run

    @contextmanager
    def _keeping(self, name: str) -> Iterator[None]:
        """Let Ctrl-C before a first result end this study alone, where others have one that is to be kept."""
        try:
            yield
        except KeyboardInterrupt as error:
            keeps = self.contest.tuning.keep_on_interrupt and not isinstance(error, Terminated)
            if not (keeps and self._judged):
                raise
            self._interrupted = True
            self.left_out[name] = "interrupted before its first trial was complete"

    @contextmanager
    def _leaving_out(self, name: str) -> Iterator[None]:
        try:
            yield
        except FitError as error:
            self.left_out[name] = str(error)
            log.warning("%s is left out: %s", name, error)


def _place(complexity: int) -> tuple[bool, int]:
    """Return a key that orders segmenters by when they are tuned."""
    return complexity > SIMPLE, -complexity

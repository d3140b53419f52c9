"""The segmenters of a comparison: tuned one after the other, judged meanwhile by other processes."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from segmentwerk.contest.candidates import Candidate, complexity, judge_finalists
from segmentwerk.contest.contest import Contest
from segmentwerk.contest.shared_view import SharedView
from segmentwerk.core.errors import FitError
from segmentwerk.core.interruption import Terminated
from segmentwerk.core.settings import EvaluationSettings, SegmenterSettings
from segmentwerk.core.threads import threads
from segmentwerk.core.types import StudyResult
from segmentwerk.tracking.writer import Run

log = logging.getLogger(__name__)


@dataclass
class _Judging:
    """A tuned segmenter whose finalists are being judged; its run stays open until they are."""

    study: StudyResult
    run: Run
    closing: ExitStack
    result: Future[tuple[list[Candidate], float]]


@dataclass
class Race:
    """Tunes the segmenters of a contest one after the other, while those tuned before are judged.

    Attributes
    ----------
    candidates, studies, runs
        Judged finalists, best of tuning first, study and run of each segmenter, in no certain order.
    left_out
        Why others could not take part.
    """

    contest: Contest
    parent: Run
    judges: Executor
    candidates: dict[str, list[Candidate]] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    studies: dict[str, StudyResult] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    _judged: dict[str, _Judging] = field(default_factory=dict)
    _interrupted: bool = False

    def run(self, chosen: Mapping[str, SegmenterSettings]) -> None:
        """Tune and judge segmenters, the most complex one first, since judging it takes longest.

        However this ends, the runs of all segmenters are closed. After Ctrl-C no further one is tuned,
        where the config wants what was found so far.
        """
        view = SharedView.store(self.contest.prepared.view, self.contest.folder / "whole.joblib")
        waiting = sorted(chosen, key=lambda name: complexity(chosen[name]), reverse=True)
        with ExitStack() as runs:
            while waiting and not self._interrupted:
                name = waiting.pop(0)
                with self._leaving_out(name), self._keeping(name):
                    self._tune(name, chosen[name], view, runs)
                self._conclude([name for name, judging in self._judged.items() if judging.result.done()])
            self.left_out |= dict.fromkeys(waiting, "interrupted before it was tuned")
            self._conclude(list(self._judged))

    def _tune(self, name: str, spec: SegmenterSettings, view: SharedView, runs: ExitStack) -> None:
        """Tune a segmenter and hand it to a judge."""
        with ExitStack() as closing:
            run = closing.enter_context(self.contest.run(name, self.parent))
            study = self.contest.tune(name, spec, run)
            params, settings = [trial.params for trial in study.finalists], self.contest.settings
            future = self.judges.submit(_judge, name, spec, params, view, settings.evaluation, settings.seed)
            self._judged[name] = _Judging(study, run, runs.enter_context(closing.pop_all()), future)
            self._interrupted = study.interrupted

    def _conclude(self, names: Iterable[str]) -> None:
        """Wait for the judges of some segmenters and write down what they found."""
        for name in names:
            judging = self._judged.pop(name)
            with self._leaving_out(name), judging.closing:
                candidates, self.contest.context.timings[f"judge {name}"] = judging.result.result()
                self.contest.write(candidates[0], judging.study, judging.run)
                self.candidates[name], self.studies[name] = candidates, judging.study
                self.runs[name] = judging.run

    @contextmanager
    def _keeping(self, name: str) -> Iterator[None]:
        """Let Ctrl-C before a first result end this study alone, where others have one that is to be kept."""
        try:
            yield
        except KeyboardInterrupt as error:
            keeps = self.contest.tuning.keep_on_interrupt and not isinstance(error, Terminated)
            if not (keeps and (self._judged or self.candidates)):
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


def _judge(
    name: str,
    spec: SegmenterSettings,
    finalists: Sequence[dict[str, Any]],
    view: SharedView,
    evaluation: EvaluationSettings,
    seed: int,
) -> tuple[list[Candidate], float]:
    """Judge finalists in a process that does nothing else; also return the seconds that took."""
    begin = perf_counter()
    with threads():
        candidates = judge_finalists(name, spec, finalists, view.open(), evaluation, seed=seed)
    return candidates, perf_counter() - begin

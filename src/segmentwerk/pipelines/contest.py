"""Tune one segmenter and judge its finalists, with a run for the segmenter and one for each trial."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import perf_counter

from segmentwerk.config import LearningSettings
from segmentwerk.core.errors import InputError
from segmentwerk.core.parallel import threads
from segmentwerk.core.records import Metric, Tag
from segmentwerk.core.settings import EvaluationSettings, SegmenterSettings, TuningSettings
from segmentwerk.core.types import StudyResult, TrialRecord
from segmentwerk.pipelines import records
from segmentwerk.pipelines.candidates import Candidate, judge_finalists
from segmentwerk.pipelines.context import Context
from segmentwerk.pipelines.objective import SegmenterObjective
from segmentwerk.pipelines.preparation import Prepared, halve
from segmentwerk.pipelines.shared import SharedView
from segmentwerk.tracking.writer import Run, Store
from segmentwerk.tuning.space import SearchSpace
from segmentwerk.tuning.study import tune

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Contest:
    """What every segmenter of one comparison shares.

    ``key`` names the comparison, so that a killed one goes on in the same runs.
    """

    prepared: Prepared
    settings: LearningSettings
    tuning: TuningSettings
    context: Context
    store: Store
    shared: SharedView
    key: str

    @classmethod
    def open(
        cls,
        prepared: Prepared,
        settings: LearningSettings,
        tuning: TuningSettings,
        context: Context,
        store: Store,
        key: str,
    ) -> Contest:
        """Store the tuning half of the view where workers can map it."""
        half = halve(prepared.view, settings.seed)
        shared = SharedView.store(half, _folder(prepared, settings) / "half.joblib")
        return cls(prepared, settings, tuning, context, store, shared, key)

    @cached_property
    def whole(self) -> SharedView:
        """The view on which finalists are judged, where other processes can map it."""
        return SharedView.store(self.prepared.view, _folder(self.prepared, self.settings) / "whole.joblib")

    def tune(self, name: str, spec: SegmenterSettings, parent: Run) -> StudyResult:
        """Tune one segmenter, with a run for it and one for each trial.

        Raises
        ------
        FitError
            If no trial could be fitted; its run is closed as failed with the reasons.
        KeyboardInterrupt
            If Ctrl-C ended the study and the config does not want what was found so far to go on.
        """
        with self._run(name, parent) as run:
            with self.context.timed(f"tune {name}"):
                study = self._tune(name, spec, run)
            run.write([Tag("study", study.study)])
            if study.interrupted and not self.tuning.keep_on_interrupt:
                raise KeyboardInterrupt
        return study

    def judge(self, name: str, spec: SegmenterSettings, study: StudyResult, judges: Executor) -> Judging:
        """Have the finalists of a study judged on the held-out accounts by another process."""
        params = [trial.params for trial in study.finalists]
        for told in params:
            log.info("Judging %s on held-out accounts: %s", name, _words(told))
        return judges.submit(
            _judge, name, spec, params, self.whole, self.settings.evaluation, self.settings.seed
        )

    def conclude(self, name: str, study: StudyResult, judging: Judging, parent: Run) -> list[Candidate]:
        """Wait for the judges and write down what they found; return the candidates, best of tuning first.

        Raises
        ------
        FitError
            If a finalist cannot be judged; the run of the segmenter is closed as failed then.
        InputError
            If the process that judged was ended.
        """
        with self._run(name, parent) as run:
            try:
                found, self.context.timings[f"judge {name}"] = judging.result()
            except BrokenExecutor as error:
                raise InputError(
                    f"A process that judged {name} was ended from outside, perhaps for lack of memory.",
                    "Make room and give the same command again; the trials are kept.",
                ) from error
            # The scorecard before anything else: MLflow's comparison opens with what was logged first.
            run.write([*records.of_scorecard(found[0].card), *records.of_training(found[0].model)])
            run.write([Metric("cost/study_seconds", study.seconds)])
        return found

    def _run(self, name: str, parent: Run) -> AbstractContextManager[Run]:
        """Open the run of a segmenter, the same one each time."""
        experiment = self.settings.tracking.experiment
        return self.store.run(experiment, name, parent=parent.id, key=f"{self.key}/{name}")

    def _tune(self, name: str, spec: SegmenterSettings, run: Run) -> StudyResult:
        seen: set[int] = set()

        def log_trial(trial: TrialRecord) -> None:
            seen.add(trial.number)
            self._log_trial(name, trial, run)

        result = tune(
            f"{self.prepared.table.source}-{name}",
            SegmenterObjective(
                name, spec, self.shared, self.settings.evaluation, self.settings.goal, self.settings.seed
            ),
            SearchSpace(spec.search_space),
            self.tuning,
            seed=self.settings.seed,
            home=self.settings.home,
            digest=_digest([data_digest(self.prepared, self.settings), spec.model_dump(mode="json")]),
            n_trials=spec.n_trials,
            start=spec.start,
            on_trial=log_trial,
            n_finalists=self.settings.evaluation.n_finalists,
        )
        for trial in result.trials:  # of a study that an earlier comparison finished
            if trial.number not in seen:
                self._log_trial(name, trial, run)
        return result

    def _log_trial(self, name: str, trial: TrialRecord, run: Run) -> None:
        title, key = f"{name} trial {trial.number}", f"{self.key}/{name}/{trial.number}"
        experiment = self.settings.tracking.experiment
        with self.store.run(experiment, title, parent=run.id, key=key) as grandchild:
            grandchild.write(records.of_trial(trial))


Judging = Future[tuple[list[Candidate], float]]
"""The candidates to come, and the seconds that judging them took."""


def _judge(
    name: str,
    spec: SegmenterSettings,
    finalists: Sequence[dict[str, object]],
    view: SharedView,
    evaluation: EvaluationSettings,
    seed: int,
) -> tuple[list[Candidate], float]:
    begin = perf_counter()
    with threads():
        found = judge_finalists(name, spec, finalists, view.open(), evaluation, seed=seed)
    return found, perf_counter() - begin


def _folder(prepared: Prepared, settings: LearningSettings) -> Path:
    return settings.home / "cache" / "views" / data_digest(prepared, settings)


def data_digest(prepared: Prepared, settings: LearningSettings) -> str:
    """Identify everything that a trial's value depends on besides the segmenter."""
    told = [
        prepared.table.digest,
        str(prepared.table.window),
        settings.seed,
        *(part.model_dump(mode="json") for part in (settings.quality, settings.features, settings.goal)),
        settings.evaluation.model_dump(mode="json"),
    ]
    return _digest(told)


def _digest(told: object) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def _words(params: dict[str, object]) -> str:
    return ", ".join(f"{name}={value}" for name, value in params.items()) or "no parameters"

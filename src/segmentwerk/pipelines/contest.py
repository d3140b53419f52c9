"""Tune one segmenter and judge its finalists, with a run for the segmenter and one for each trial."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass

from segmentwerk.config import LearningSettings
from segmentwerk.core.records import Metric, Tag
from segmentwerk.core.settings import SegmenterSettings, TuningSettings
from segmentwerk.core.types import StudyResult, TrialRecord
from segmentwerk.pipelines import records
from segmentwerk.pipelines.candidates import Candidate, judge_one
from segmentwerk.pipelines.context import Context
from segmentwerk.pipelines.objective import SegmenterObjective, SharedView
from segmentwerk.pipelines.preparation import Prepared, halve
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
        folder = settings.home / "cache" / "views" / data_digest(prepared, settings)
        shared = SharedView.store(halve(prepared.view, settings.seed), folder)
        return cls(prepared, settings, tuning, context, store, shared, key)

    def enter(
        self, name: str, spec: SegmenterSettings, parent: Run | None
    ) -> tuple[list[Candidate], StudyResult]:
        """Tune and judge one segmenter; return its judged finalists, best of tuning first, and the study.

        Raises
        ------
        FitError
            If no trial could be fitted; its run is closed as failed with the reasons.
        """
        experiment = self.settings.tracking.experiment
        parent_id = parent.id if parent else None
        with self.store.run(experiment, name, parent=parent_id, key=f"{self.key}/{name}") as run:
            with self.context.timed(f"tune {name}"):
                study = self._tune(name, spec, run)
            with self.context.timed(f"judge {name}"):
                found = self._judge(name, spec, study)
            run.write([*records.of_scorecard(found[0].card), *records.of_training(found[0].model)])
            run.write([Tag("study", study.study), Metric("cost/study_seconds", study.seconds)])
        if study.interrupted and not self.tuning.keep_on_interrupt:
            raise KeyboardInterrupt
        return found, study

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

    def _judge(self, name: str, spec: SegmenterSettings, study: StudyResult) -> list[Candidate]:
        """Judge the finalists on the held-out accounts; two that end alike are one."""
        found: dict[str, Candidate] = {}
        for trial in study.finalists:
            title = name if not found else f"{name} #{len(found) + 1}"
            log.info("Judging %s on held-out accounts: %s", name, _words(trial.params))
            found[_words(trial.params)] = judge_one(
                title,
                name,
                spec,
                trial.params,
                self.prepared.view,
                self.settings.evaluation,
                seed=self.settings.seed,
            )
        return list(found.values())


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

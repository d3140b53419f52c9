"""Tune one segmenter, with a run for it and one for each trial, and write down how it was judged."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from segmentwerk.config import CompareSettings, LearningSettings, TuneSettings
from segmentwerk.contest import run_records
from segmentwerk.contest.candidates import Candidate
from segmentwerk.contest.objective import SegmenterObjective
from segmentwerk.contest.shared_view import SharedView
from segmentwerk.core.context import Context
from segmentwerk.core.records import Metric, Record, Tag
from segmentwerk.core.settings import SegmenterSettings, TuningSettings
from segmentwerk.core.types import StudyResult, TrialRecord
from segmentwerk.insight.language import Language
from segmentwerk.preparation.prepare import Prepared, halve
from segmentwerk.tracking.writer import Run, Store
from segmentwerk.tuning.space import SearchSpace
from segmentwerk.tuning.study import StudyPlan, tune

log = logging.getLogger(__name__)

AFTERWARDS = {"priorities", "targeting_weight"}
"""What a goal says of candidates and segments that are found; no trial's value depends on it."""
OF_FINALISTS = {"in_turns"}
"""What says how finalists are judged alone."""
MACHINE = "machine"
"""Name of the run below each contest with the load of the machine, MLflow's system metrics."""


@dataclass(frozen=True)
class Contest:
    """What every segmenter of one comparison shares.

    Attributes
    ----------
    key
        Names the comparison, so that a killed one goes on in the same runs.
    folder
        For what processes share; it is gone when the contest is over.
    shared
        The half of the accounts to fit on, split once more, on which trials are valued.
    """

    prepared: Prepared
    settings: LearningSettings
    tuning: TuningSettings
    context: Context
    store: Store
    key: str
    folder: Path
    shared: SharedView

    @classmethod
    @contextmanager
    def open(
        cls,
        prepared: Prepared,
        settings: LearningSettings,
        tuning: TuningSettings,
        context: Context,
        store: Store,
        key: str,
        parent: Run,
    ) -> Iterator[Contest]:
        """Store the tuning half of the view where workers can map it, and watch the machine meanwhile."""
        folder = settings.home / "cache" / "views" / key
        try:
            shared = SharedView.store(halve(prepared.view, settings.seed), folder / "half.joblib")
            contest = cls(prepared, settings, tuning, context, store, key, folder, shared)
            with contest._watching(parent):
                yield contest
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def run(self, name: str, parent: Run) -> AbstractContextManager[Run]:
        """Open the run of a segmenter."""
        experiment = self.settings.tracking.experiment
        return self.store.run(experiment, name, parent=parent.id, key=f"{self.key}/{name}")

    def _watching(self, parent: Run) -> AbstractContextManager[Run]:
        """Open the run that tells what the machine did: by itself, since MLflow shows that before scores."""
        experiment, key = self.settings.tracking.experiment, f"{self.key}/{MACHINE}"
        return self.store.run(experiment, MACHINE, parent=parent.id, key=key, watching=True)

    def tune(self, name: str, spec: SegmenterSettings, run: Run) -> StudyResult:
        """Tune one segmenter, with a run below its own for each trial.

        Raises
        ------
        FitError
            If no trial could be fitted.
        KeyboardInterrupt
            If Ctrl-C ended the study and the config does not want what was found so far to go on.
        """
        with self.context.timed(f"tune {name}"):
            study = self._tune(name, spec, run)
        run.write([Tag("study", study.study)])
        if study.interrupted and not self.tuning.keep_on_interrupt:
            raise KeyboardInterrupt
        for trial in study.finalists:
            log.info("Judging %s on held-out accounts: %s", name, _words(trial.params))
        return study

    def write(self, best: Candidate, study: StudyResult, run: Run) -> None:
        """Write down how the best candidate of a study was judged.

        The scorecard comes before the time: MLflow's comparison of runs opens with what was logged first.
        """
        run.write([*run_records.of_scorecard(best.card), *run_records.of_training(best.model)])
        run.write([Metric("wall_time/study_seconds", study.seconds)])

    def _tune(self, name: str, spec: SegmenterSettings, run: Run) -> StudyResult:
        logged = self.store.finished(self.settings.tracking.experiment, run)  # before this process was killed
        seen: set[int] = set()

        def log_trial(trial: TrialRecord) -> None:
            seen.add(trial.number)
            if self._trial_key(name, trial) not in logged:
                self._log_trial(name, trial, run, run_records.of_trial(trial))

        settings = self.settings
        plan = StudyPlan(
            f"{self.prepared.table.source}-{name}",
            SearchSpace(spec.search_space),
            self.tuning,
            settings.seed,
            settings.home,
            digest=_digest([data_digest(self.prepared, settings), spec.model_dump(mode="json")]),
            budget=spec.n_trials or 0,
            start=tuple(spec.start),
        )
        objective = SegmenterObjective(
            name, spec, self.shared, settings.evaluation, settings.goal, settings.seed
        )
        result = tune(plan, objective, on_trial=log_trial, n_finalists=settings.evaluation.n_finalists)
        if self.tuning.storage is None:  # else other machines log what they have run
            for trial in result.trials:  # some are of a study that an earlier comparison finished
                if trial.number not in seen:
                    log_trial(trial)
        self._describe_trials(name, result, run, seen)
        return result

    def _describe_trials(self, name: str, study: StudyResult, run: Run, seen: Collection[int]) -> None:
        """Say on each trial's run what it is; how it did against the best is known only now."""
        runs = self.store.finished(self.settings.tracking.experiment, run)
        code = self.settings.report.language if isinstance(self.settings, CompareSettings) else "en"
        for trial in study.trials:
            about = [run_records.about_trial(name, trial, study, Language(code))]
            key = self._trial_key(name, trial)
            if key in runs:
                runs[key].write(about)
            elif trial.number in seen:  # its run waits for the store, which will know it by its key
                self._log_trial(name, trial, run, about)

    def _log_trial(self, name: str, trial: TrialRecord, run: Run, records: Iterable[Record]) -> None:
        title, key = f"{name} trial {trial.number}", self._trial_key(name, trial)
        with self.store.run(self.settings.tracking.experiment, title, parent=run.id, key=key) as grandchild:
            grandchild.write(records)

    def _trial_key(self, name: str, trial: TrialRecord) -> str:
        return f"{self.key}/{name}/{trial.number}"


def identity(
    prepared: Prepared, settings: CompareSettings | TuneSettings, chosen: Mapping[str, SegmenterSettings]
) -> Iterator[object]:
    """List all that decides which trials a contest runs, as JSON values."""
    yield data_digest(prepared, settings)
    yield {name: spec.model_dump(mode="json") for name, spec in chosen.items()}
    yield settings.tuning.model_dump(mode="json", include={"n_trials", "sampler", "pruner"})


def data_digest(prepared: Prepared, settings: LearningSettings) -> str:
    """Identify everything that a trial's value depends on besides the segmenter."""
    apart = {"sample"} if prepared.accounts.population is None else set()  # no sample, no size
    content = [
        prepared.table.digest,
        str(prepared.table.window),
        settings.seed,
        *(part.model_dump(mode="json") for part in (settings.accounts, settings.quality, settings.features)),
        settings.goal.model_dump(mode="json", exclude=AFTERWARDS),
        settings.evaluation.model_dump(mode="json", exclude=OF_FINALISTS | apart),
    ]
    return _digest(content)


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _words(params: dict[str, object]) -> str:
    return ", ".join(f"{name}={value}" for name, value in params.items()) or "no parameters"

"""What a study is asked to do, and its name in the storage."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import optuna
from optuna.exceptions import OptunaError
from optuna.storages import BaseStorage
from optuna.trial import TrialState

from segmentwerk.core.errors import ConfigError
from segmentwerk.core.settings import TuningSettings
from segmentwerk.tuning.execution.storage import earlier_studies, open_storage, study_name
from segmentwerk.tuning.execution.trial_queue import TrialQueue
from segmentwerk.tuning.samplers import make_pruner, make_sampler
from segmentwerk.tuning.space import Point, SearchSpace

_POINTS = "points"


@dataclass(frozen=True)
class StudyPlan:
    """What a study is asked to do.

    Attributes
    ----------
    name
        What is tuned, such as ``online_retail-kmeans``; studies of one name learn from each other.
    space
        What is varied.
    settings
        Budget, sampler, pruner, workers and storage.
    seed
        Decides every draw.
    home
        The journal lies in ``home/studies``.
    digest
        Identifies everything else that the value depends on: data, fixed parameters, evaluation.
    budget
        Number of trials; 0: ``settings.n_trials``.
    start
        Points that are tried first; what they leave out is drawn.

    Raises
    ------
    ConfigError
        If a starting point is outside of the space.
    """

    name: str
    space: SearchSpace
    settings: TuningSettings
    seed: int
    home: Path
    digest: str = ""
    budget: int = 0
    start: tuple[Point, ...] = ()

    def __post_init__(self) -> None:
        for point in self.start:
            self.space.validate(point)

    @cached_property
    def grid(self) -> list[Point] | None:
        """All points of the space if the budget covers them, known good ones first."""
        grid = self.space.grid(self._most)
        return None if grid is None else sorted(grid, key=lambda point: point not in self.start)

    @property
    def n_trials(self) -> int:
        """Number of trials of the whole study."""
        grid = self.grid
        return self._most if grid is None else len(grid)

    @property
    def _most(self) -> int:
        return self.budget or self.settings.n_trials

    @property
    def study(self) -> str:
        """The stored name, which tells apart all that changes what is tried or how it is valued."""
        walked = self.grid is not None
        machinery = (self.settings.sampler, self.settings.pruner)
        identity = [self.space.mapping, *machinery, self.seed, self.digest, self.start, walked]
        text = json.dumps(identity, sort_keys=True, default=str)
        return study_name(self.name, hashlib.sha256(text.encode()).hexdigest())

    @contextmanager
    def opened(self, *, afresh: bool = False) -> Iterator[TrialQueue]:
        """Open the study, take over what dead processes left, and yield its queue of trials."""
        with open_storage(self.study, self.settings, self.home) as storage:
            if afresh:
                with suppress(KeyError):  # there is none yet
                    optuna.delete_study(study_name=self.study, storage=storage)
            study = optuna.create_study(
                storage=storage,
                study_name=self.study,
                direction="maximize",
                pruner=make_pruner(self.settings),
                load_if_exists=True,
            )
            points = self._points(study, storage)
            study.sampler = make_sampler(self.settings, self.space, seed=self.seed, points=points)
            queue = TrialQueue(study, storage, n_trials=self.n_trials, heartbeat=self.settings.heartbeat)
            queue.take_over(queue.trials(), starting=True)
            try:
                yield queue
            except OptunaError:
                raise  # the storage itself fails
            except Exception:
                queue.release()
                raise

    def _points(self, study: optuna.Study, storage: BaseStorage) -> list[Point]:
        """Return the points to try first; the study keeps them, since earlier studies come and go."""
        if _POINTS not in study.user_attrs:
            points = list(self.start) if self.grid is None else self.grid
            if self.grid is None and self.settings.resume:
                points += [point for point in self._learned(storage) if point not in points]
            study.set_user_attr(_POINTS, points)
        return list(study.user_attrs[_POINTS])

    def _learned(self, storage: BaseStorage) -> list[Point]:
        """Return the best point of the latest study of this name, if it fits into the space."""
        earlier = earlier_studies(self.study, storage, self.home)
        best = [study.best_trial for study in earlier if study.get_trials(states=(TrialState.COMPLETE,))]
        if best:
            latest = max(best, key=lambda trial: str(trial.datetime_complete))
            with suppress(ConfigError):  # the space has changed since
                self.space.validate(latest.params)
                return [dict(latest.params)]
        return []

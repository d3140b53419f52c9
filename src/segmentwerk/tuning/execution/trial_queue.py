"""The trials of a study as several processes share them: claimed, finished, taken over from the dead."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import optuna
from optuna.exceptions import OptunaError, UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from segmentwerk.core.types import TrialRecord
from segmentwerk.tuning.execution.owners import OwnerState, Watch, me, owner_state
from segmentwerk.tuning.space import Point
from segmentwerk.tuning.trials import OUTCOME, STATES, TrialOutcome, to_record

OnTrial = Callable[[TrialRecord], None]
logger = logging.getLogger(__name__)

MAX_DEATHS = 5
"""A trial whose process died this often is not tried again."""

_GRACE_BEATS = 3
_LOGGED = "logged/"


class TrialQueue:
    """The share of this process in a study of ``n_trials`` trials.

    The trials of a study are those numbered below ``n_trials``; the storage hands out each number
    once. A trial is waiting, running under an owner, or finished. What a dead owner left running
    goes back to waiting with the parameters it had, so that no trial is lost and none runs twice.
    """

    def __init__(self, study: optuna.Study, storage: BaseStorage, *, n_trials: int, heartbeat: int) -> None:
        self.study = study
        self.n_trials = n_trials
        self._storage = storage
        self._study_id = storage.get_study_id_from_name(study.study_name)
        self._heartbeat = heartbeat
        self._watch = Watch(_GRACE_BEATS * heartbeat)
        self._me = me()
        self._running: dict[int, int] = {}
        """Trials of this process: number to the storage's id."""
        self._reported: dict[int, set[int]] = {}
        """Steps that a process reported for them before it died."""
        self._others: list[FrozenTrial] = []
        self._logged: set[int] = set()

    def trials(self) -> list[FrozenTrial]:
        """Return all trials of the study as they are now, in order."""
        trials = self.study.get_trials(deepcopy=False)
        return [trial for trial in trials if trial.number < self.n_trials]

    def claim(self) -> optuna.Trial | None:
        """Take the next trial, or None if none is left to start."""
        trials = self.trials()
        waiting = [trial for trial in trials if trial.state == TrialState.WAITING]
        # The owner is written before the trial runs, so that a kill in between leaves no orphan.
        if waiting:
            with suppress(UpdateFinishedTrialError):  # another machine was faster
                self._storage.set_trial_user_attr(self._id(waiting[0].number), "owner", self._me)
        elif len(trials) < self.n_trials:
            self.study.enqueue_trial({}, user_attrs={"owner": self._me})
        else:
            return None
        trial = self.study.ask()
        storage_id = self._id(trial.number)
        if trial.number >= self.n_trials:  # another machine was faster
            self._storage.set_trial_state_values(storage_id, TrialState.WAITING)
            return None
        if trial.user_attrs.get("owner") != self._me:
            trial.set_user_attr("owner", self._me)
        self._running[trial.number] = storage_id
        self._others = [other for other in trials if other.number != trial.number]
        self._reported[trial.number] = {
            step for other in waiting if other.number == trial.number for step in other.intermediate_values
        }
        return trial

    def duplicate(self, params: Point) -> int | None:
        """Return the number of another trial that had these parameters when the last one was claimed."""
        return next((other.number for other in self._others if other.params == params), None)

    def report(self, trial: optuna.Trial, step: int, value: float) -> None:
        """Note an intermediate value.

        Raises
        ------
        optuna.TrialPruned
            If the trial is not worth going on.
        """
        if not math.isfinite(value):
            raise optuna.TrialPruned(f"its value at step {step} is {value}")
        reported = self._reported[trial.number]
        if step not in reported:
            trial.report(value, step)
        # A process that died may have got further than this step, so it was not pruned here.
        if step >= max(reported, default=step) and trial.should_prune():
            raise optuna.TrialPruned(f"pruned at step {step} with {value:.4g}")

    def finish(self, trial: optuna.Trial, outcome: TrialOutcome) -> None:
        """Write down what came out of a trial that this process claimed."""
        self._running.pop(trial.number)
        kept = {"reason": outcome.reason, "seconds": outcome.seconds, "scores": outcome.scores}
        try:
            trial.set_user_attr(OUTCOME, kept)
            value = outcome.scores["value"] if outcome.state == "complete" else None
            self.study.tell(trial, value, STATES[outcome.state])
        except (UpdateFinishedTrialError, ValueError):
            logger.warning("Trial %d was taken over and finished elsewhere.", trial.number)

    def died(self, trial: optuna.Trial) -> None:
        """Note that the worker running a trial of this process died."""
        trial.set_user_attr("deaths", int(trial.user_attrs.get("deaths", 0)) + 1)

    def take_over(self, trials: Sequence[FrozenTrial], *, starting: bool = False) -> None:
        """Put trials back to waiting whose owner died.

        ``starting`` says that this process runs nothing yet, so that what it owns is left over from
        an interrupt.
        """
        for trial in trials:
            if trial.state != TrialState.RUNNING or trial.number in self._running:
                continue
            owner = _owner(trial)
            left_over = owner == "mine" and starting
            if left_over or owner == "dead" or (owner != "alive" and self._silent(trial)):
                self._put_back(trial, died=not left_over)

    def release(self) -> None:
        """Put back what this process runs, after an error that is not the trials' fault."""
        for storage_id in self._running.values():
            with suppress(UpdateFinishedTrialError):
                self._storage.set_trial_state_values(storage_id, TrialState.WAITING)

    def unlogged(self, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
        """Return the finished trials that nobody is known to have logged."""
        return [trial for trial in trials if trial.state.is_finished() and trial.number not in self._logged]

    def log(self, trials: Sequence[FrozenTrial], on_trial: OnTrial) -> int:
        """Hand unlogged trials to ``on_trial`` once each; return how many are left to another machine."""
        left = 0
        known = self.study.user_attrs
        for trial in trials:
            key, owner = f"{_LOGGED}{trial.number}", _owner(trial)
            if key not in known:
                if owner == "alive" or (owner == "remote" and not self._silent(trial)):
                    left += 1
                    continue
                on_trial(to_record(trial))
                self.study.set_user_attr(key, True)
            self._logged.add(trial.number)
        return left

    @contextmanager
    def heartbeats(self) -> Iterator[None]:
        """Give a sign of life for each running trial while the block runs."""
        stop = threading.Event()
        thread = threading.Thread(target=self._beat, args=(stop,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _beat(self, stop: threading.Event) -> None:
        count = 0
        while not stop.wait(self._heartbeat):
            count += 1
            for number, storage_id in list(self._running.items()):
                try:
                    self._storage.set_trial_user_attr(storage_id, "beat", count)
                except OptunaError as error:  # finished in this moment, or the database is away for a while
                    logger.debug("No sign of life of trial %d: %s", number, error)

    def _put_back(self, trial: FrozenTrial, *, died: bool) -> None:
        deaths = int(trial.user_attrs.get("deaths", 0)) + died
        storage_id = self._id(trial.number)
        try:
            self._storage.set_trial_user_attr(storage_id, "deaths", deaths)
            if deaths < MAX_DEATHS:
                self._storage.set_trial_state_values(storage_id, TrialState.WAITING)
                return
            outcome = {"reason": f"its process died {deaths} times", "seconds": 0.0, "scores": {}}
            self._storage.set_trial_user_attr(storage_id, OUTCOME, outcome)
            self._storage.set_trial_state_values(storage_id, TrialState.FAIL)
        except UpdateFinishedTrialError:
            logger.debug("Trial %d was finished meanwhile.", trial.number)

    def _silent(self, trial: FrozenTrial) -> bool:
        return self._watch.silent(trial.number, (trial.state, trial.user_attrs.get("beat")))

    def _id(self, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._study_id, number)


def _owner(trial: FrozenTrial) -> OwnerState:
    owner = trial.user_attrs.get("owner")
    return "remote" if owner is None else owner_state(owner)


def finished(trials: Sequence[FrozenTrial]) -> list[TrialRecord]:
    """Return the finished ones in our words, in order."""
    return [to_record(trial) for trial in trials if trial.state.is_finished()]

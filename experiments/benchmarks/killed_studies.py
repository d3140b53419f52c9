"""What Optuna and loky do by themselves when processes are killed, beside what `segmentwerk.tuning` does.

    python experiments/benchmarks/killed_studies.py

Runs a study of 30 trials undisturbed and once more with its process killed four times: on Optuna's journal,
on its database with heartbeat and `RetryHeartbeatStaleTrialCallback`, and with `tune`. Then leaves a torn
line and a lock file to Optuna's journal, and kills one of the three tasks of a loky executor.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import optuna
from loky import ProcessPoolExecutor
from optuna.samplers import BaseSampler, QMCSampler, TPESampler
from optuna.storages import BaseStorage, JournalStorage, RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from segmentwerk.core.settings import TuningSettings
from segmentwerk.tuning.execution import StudyPlan
from segmentwerk.tuning.space import SearchSpace
from segmentwerk.tuning.study import tune

N_TRIALS, KILLS, TRIAL_SECONDS = 30, 4, 0.1
SPACE = SearchSpace({"x": {"type": "float", "low": 0.0, "high": 1.0}})


def storage(kind: str, folder: Path) -> BaseStorage:
    """Open one of Optuna's storages as its documentation advises."""
    if kind == "journal":
        path = str(folder / "study.journal")
        return JournalStorage(JournalFileBackend(path, lock_obj=JournalFileOpenLock(path)))
    retry = RetryHeartbeatStaleTrialCallback(max_retry=5)
    return RDBStorage(
        f"sqlite:///{folder}/study.db",
        heartbeat_interval=1,
        grace_period=3,
        heartbeat_stale_trial_callback=retry,
    )


def settings(sampler: str) -> TuningSettings:
    """Return the product's settings of a study."""
    return TuningSettings.model_validate({"n_trials": N_TRIALS, "sampler": sampler})


def study(kind: str, sampler: str, folder: Path) -> optuna.Study:
    """Open the study that a process works on."""
    samplers: dict[str, BaseSampler] = {
        "tpe": TPESampler(seed=1, n_startup_trials=5),
        "qmc": QMCSampler(seed=1, scramble=True),
    }
    return optuna.create_study(
        storage=storage(kind, folder), study_name="s", sampler=samplers[sampler], load_if_exists=True
    )


def work(kind: str, sampler: str, folder: Path) -> None:
    """Run what is left of the study."""

    def slow(params: Mapping[str, float], _report: object = None) -> dict[str, float]:
        (folder / "begun").touch()
        time.sleep(TRIAL_SECONDS)
        return {"value": params["x"]}

    if kind == "ours":
        tune(StudyPlan("s", SPACE, settings(sampler), 1, folder), slow)
        return
    own = study(kind, sampler, folder)
    left = N_TRIALS - sum(trial.state.is_finished() for trial in own.trials)
    if left > 0:
        own.optimize(lambda trial: slow({"x": trial.suggest_float("x", 0, 1)})["value"], n_trials=left)


def trials(kind: str, sampler: str, folder: Path) -> list[optuna.trial.FrozenTrial]:
    """Return what is stored of a study."""
    if kind != "ours":
        return study(kind, sampler, folder).trials
    with StudyPlan("s", SPACE, settings(sampler), 1, folder, budget=N_TRIALS).opened() as queue:
        return queue.trials()


def run(kind: str, sampler: str, folder: Path, kills: int) -> list[optuna.trial.FrozenTrial]:
    """Run a study in processes of which all but the last are killed in the middle."""
    folder.mkdir()
    command = [sys.executable, __file__, kind, sampler, str(folder)]
    for number in range(kills + 1):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        if number < kills:
            while not (folder / "begun").exists():
                time.sleep(0.05)
            time.sleep(0.3 + 0.15 * number)
            process.kill()
            (folder / "begun").unlink()
        process.wait()
    return trials(kind, sampler, folder)


def studies(folder: Path) -> None:
    """Compare studies that were killed with those that were not."""
    for sampler in ("tpe", "qmc"):
        for kind in ("journal", "database", "ours"):
            calm, killed = (
                run(kind, sampler, folder / f"{kind}-{sampler}-{kills}", kills) for kills in (0, KILLS)
            )
            values = [[trial.value for trial in found if trial.value is not None] for found in (calm, killed)]
            states = dict(Counter(trial.state.name.lower() for trial in killed))
            same = [one == other for one, other in zip(*values, strict=False)]
            print(
                f"{kind}, {sampler}: {len(killed)} rows, {states}; as undisturbed: {sum(same)} of {len(same)}"
            )


def journal(folder: Path) -> None:
    """Leave to Optuna's journal what a killed process leaves."""
    for name, ending in (("torn", b'{"op_code":6,"worker_id":"'), ("locked", b"")):
        (folder / name).mkdir()
        path = folder / name / "study.journal"
        study("journal", "tpe", folder / name).ask()
        with path.open("ab") as file:
            file.write(ending)
        if name == "locked":
            Path(f"{path}.lock").touch()
        begin = time.monotonic()
        try:
            study("journal", "tpe", folder / name).ask()
            study("journal", "tpe", folder / name)
            print(f"journal, {name}: opened after {time.monotonic() - begin:.1f} s")
        except ValueError as error:
            print(f"journal, {name}: {type(error).__name__}: {error}")


def executor() -> None:
    """Kill one of three tasks."""
    pool = ProcessPoolExecutor(3)
    tasks = [pool.submit(die_or_wait, number) for number in range(3)]
    print("loky, one of three tasks killed:", [type(task.exception()).__name__ for task in tasks])


def die_or_wait(number: int) -> None:
    """End the process of the first task after a second; the others need longer."""
    time.sleep(1 + number)
    if number == 0:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if len(sys.argv) > 1:
        work(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
    else:
        with tempfile.TemporaryDirectory() as scratch:
            studies(Path(scratch))
            journal(Path(scratch))
        executor()

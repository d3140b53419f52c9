"""Kill a study at every single write to its journal; the resumed one must not show it."""

import multiprocessing
import os
import signal
from pathlib import Path

import pytest
from optuna.storages.journal import JournalFileBackend

from segmentwerk.core.errors import FitError
from segmentwerk.core.settings import TuningSettings
from segmentwerk.tuning.space import SearchSpace
from segmentwerk.tuning.study import StudyPlan, tune

SPACE = SearchSpace(
    {
        "x": {"type": "float", "low": 0.0, "high": 1.0},
        "kind": {"type": "categorical", "choices": ["full", "tied"]},
        "y": {"type": "int", "low": 1, "high": 9, "when": {"kind": ["full"]}},
    }
)
SETTINGS = TuningSettings(n_trials=9, pruner="median")


def objective(params, report):
    if params["x"] < 0.15:
        raise FitError("too small.")
    for step in range(2):
        report(step, params["x"] * (step + 1))
    return {"value": params["x"] - 0.1 * params.get("y", 5)}


def run(home):
    """Run or resume the study; each trial leaves a file when it is handed over, as a tracked run would."""
    home.mkdir(exist_ok=True)
    plan = StudyPlan("killed", SPACE, SETTINGS, 3, home)
    result = tune(plan, objective, on_trial=lambda t: (home / str(t.number)).touch())
    assert {path.name for path in home.iterdir() if path.is_file()} == {
        str(n) for n in range(SETTINGS.n_trials)
    }
    return [(trial.number, trial.state, trial.params, trial.value, trial.reason) for trial in result.trials]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What an undisturbed run returns, and how often it writes."""
    writes = []
    write = JournalFileBackend.append_logs
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JournalFileBackend, "append_logs", lambda self, logs: writes.append(write(self, logs)))
        trials = run(tmp_path_factory.mktemp("undisturbed") / "home")
    states = [str(trial[1]) for trial in trials]
    assert {"complete", "pruned", "failed"} == set(states)
    return [repr(trial) for trial in trials], len(writes)


def die_at(home, moment, how):
    """Run the study and kill it at write number ``moment``: before it, in the middle of it, or after it."""
    written = 0
    write = JournalFileBackend.append_logs

    def append(self, logs):
        nonlocal written
        written += 1
        if written == moment:
            if how == "torn":
                with Path(self._file_path).open("ab") as journal:
                    journal.write(b'{"op_code":6,"worker_id":"')
            elif how == "after":
                write(self, logs)
            os.kill(os.getpid(), signal.SIGKILL)
        write(self, logs)

    JournalFileBackend.append_logs = append
    run(home)


def killed(home, moment, how):
    process = multiprocessing.get_context("fork").Process(target=die_at, args=(home, moment, how))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("stride", [11, pytest.param(1, marks=pytest.mark.slow)])
def test_a_kill_at_any_write_leaves_no_trace(undisturbed, tmp_path, stride):
    expected, writes = undisturbed
    assert writes > 60
    for moment in range(1, writes, stride):
        how = ("before", "torn", "after")[moment % 3]
        home = tmp_path / str(moment)
        killed(home, moment, how)
        assert [repr(trial) for trial in run(home)] == expected, f"killed {how} write {moment}"


def test_a_study_killed_over_and_over_arrives(undisturbed, tmp_path):
    expected, _ = undisturbed
    for moment in (9, 5, 7, 3, 11, 6, 4, 10, 8):
        killed(tmp_path, moment, "torn")
    assert [repr(trial) for trial in run(tmp_path)] == expected

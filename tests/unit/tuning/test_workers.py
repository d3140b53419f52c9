import multiprocessing
import os
import signal
import threading
from collections import Counter
from contextlib import closing
from functools import partial

import pytest

from segmentwerk.core.errors import ConfigError
from segmentwerk.core.settings import TuningSettings
from segmentwerk.core.veil import discreet, remember
from segmentwerk.tuning.execution.workers import Pool
from segmentwerk.tuning.study import StudyPlan, tune

ALONE = TuningSettings(n_trials=8, sampler="random")
TWO = TuningSettings(n_trials=8, sampler="random", workers=2)


def search(objective, space, home, settings=TWO, *, start=(), on_trial=None):
    return tune(StudyPlan("demo", space, settings, 1, home, start=start), objective, on_trial=on_trial)


def tried(result):
    return [(trial.number, trial.params, trial.value) for trial in result.trials]


def test_two_processes_of_one_thread_try_what_one_would(objectives, line, tmp_path):
    before = dict(os.environ)
    alone = search(objectives.whole, line, tmp_path / "a", ALONE)
    two = search(objectives.identify, line, tmp_path / "b")
    assert tried(two) == tried(alone)
    assert two.study == alone.study
    shares = Counter(trial.scores["pid"] for trial in two.trials)
    assert len(shares) == 2
    assert os.getpid() not in shares
    assert {trial.scores["threads"] for trial in two.trials} == {1.0}
    assert dict(os.environ) == before


def test_a_trial_whose_worker_dies_is_tried_once_more(objectives, line, tmp_path):
    settings = TuningSettings(n_trials=3, workers=2)
    start = [{"x": 0.9}, {"x": 0.7}, {"x": 0.2}]
    objective = objectives.Deadly(tmp_path, {0.9: 9, 0.7: 1})
    result = search(objective, line, tmp_path, settings, start=start)
    assert [trial.state for trial in result.trials] == ["failed", "complete", "complete"]
    assert result.trials[0].reason == "its worker died twice (exit code -9)"
    assert len(list(tmp_path.glob("0.9-*"))) == 2
    assert len(list(tmp_path.glob("0.7-*"))) == 1


def test_a_trial_handed_to_a_dead_worker_keeps_its_second_chance(objectives, tmp_path):
    died = []
    with closing(Pool(objectives.Deadly(tmp_path, {0.7: 1}), None, died.append, 1)) as pool:
        assert pool.start("a trial", {"x": 0.2}).result(timeout=30).state == "complete"
        (idle,) = multiprocessing.active_children()
        os.kill(idle.pid, signal.SIGKILL)
        idle.join()
        assert pool.start("another", {"x": 0.7}).result(timeout=30).state == "complete"
    assert died == ["another"]


def test_a_worker_logs_no_secret(objectives, tmp_path):
    file = tmp_path / "worker.log"
    with discreet():
        remember("postgresql://me:Quolth7bert@127.0.0.1:9/d")
        objective = objectives.Talkative(file, "Quolth7bert, http://me:other@host and token=another")
        with closing(Pool(objective, None, None, 1)) as pool:
            assert pool.start("a trial", {"x": 0.2}).result(timeout=30).state == "complete"
    assert file.read_text() == "Known: ***, http://***@host and token=***\n"


@pytest.mark.slow
def test_workers_prune(objectives, line, tmp_path):
    settings = TuningSettings(n_trials=16, workers=2, sampler="random")
    result = search(objectives.reporting, line, tmp_path, settings)
    pruned = [trial for trial in result.trials if trial.state == "pruned"]
    assert pruned
    assert all("pruned at step" in trial.reason for trial in pruned)


@pytest.mark.slow
def test_an_objective_that_cannot_be_loaded_is_raised(objectives, line, tmp_path):
    with pytest.raises(ValueError, match="cannot be loaded"):
        search(objectives.Unloadable(), line, tmp_path)


@pytest.mark.slow
def test_workers_that_never_begin_are_given_up(objectives, line, tmp_path):
    with pytest.raises(ConfigError, match=r"end before they begin \(exit code 3\)"):
        search(objectives.Fatal(), line, tmp_path)


def test_an_objective_that_cannot_be_sent_is_named(objectives, line, tmp_path):
    with pytest.raises(ConfigError, match=r"cannot be sent to workers.*tuning\.workers=1"):
        search(partial(objectives.parabola, threading.Lock()), line, tmp_path)


def test_no_worker_is_started_for_nothing(objectives, line, tmp_path, monkeypatch):
    search(objectives.parabola, line, tmp_path, ALONE)
    monkeypatch.setattr("segmentwerk.tuning.execution.workers.Pool.__init__", None)
    assert len(search(objectives.parabola, line, tmp_path).trials) == 8

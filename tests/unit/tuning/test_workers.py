import os
from collections import Counter

import pytest

from segmentwerk.core.errors import ConfigError
from segmentwerk.core.settings import TuningSettings
from segmentwerk.tuning.study import tune

TWO = TuningSettings(n_trials=8, workers=2, sampler="random")


def search(objective, space, home, settings=TWO, **more):
    return tune("demo", objective, space, settings, seed=1, home=home, **more)


def test_workers_try_what_one_process_tries(objectives, line, tmp_path):
    alone = search(objectives.parabola, line, tmp_path / "a", TuningSettings(n_trials=8, sampler="random"))
    two = search(objectives.parabola, line, tmp_path / "b")
    assert [(t.number, t.params, t.value) for t in two.trials] == [
        (t.number, t.params, t.value) for t in alone.trials
    ]
    assert two.study == alone.study


def test_the_work_is_shared_by_processes_of_one_thread(objectives, line, tmp_path):
    before = dict(os.environ)
    result = search(objectives.identify, line, tmp_path)
    shares = Counter(trial.scores["pid"] for trial in result.trials)
    assert len(shares) == 2
    assert os.getpid() not in shares
    assert {trial.scores["threads"] for trial in result.trials} == {1.0}
    assert dict(os.environ) == before


def test_workers_prune(objectives, line, tmp_path):
    settings = TuningSettings(n_trials=16, workers=2, sampler="random")
    result = search(objectives.reporting, line, tmp_path, settings)
    pruned = [trial for trial in result.trials if trial.state == "pruned"]
    assert pruned
    assert all("pruned at step" in trial.reason for trial in pruned)


def test_a_trial_whose_worker_dies_is_tried_once_more(objectives, line, tmp_path):
    result = search(objectives.Deadly(tmp_path, times=1), line, tmp_path)
    assert {trial.state for trial in result.trials} == {"complete"}
    assert [trial.number for trial in result.trials] == list(range(8))
    assert list(tmp_path.glob("0.*-0"))


def test_a_trial_that_kills_twice_fails(objectives, line, tmp_path):
    start = [{"x": 0.9}, {"x": 0.2}]
    settings = TuningSettings(n_trials=2, workers=2)
    result = search(objectives.Deadly(tmp_path, times=9), line, tmp_path, settings, start=start)
    assert [trial.state for trial in result.trials] == ["failed", "complete"]
    assert result.trials[0].reason == "its worker died twice (exit code -9)"
    assert len(list(tmp_path.glob("0.9-*"))) == 2


def test_an_objective_that_cannot_be_loaded_is_raised(objectives, line, tmp_path):
    with pytest.raises(ValueError, match="cannot be loaded"):
        search(objectives.Unloadable(), line, tmp_path)


def test_an_objective_that_cannot_be_sent_is_named(line, tmp_path):
    with pytest.raises(ConfigError, match=r"cannot be sent to workers.*tuning\.workers=1"):
        search(lambda params, report: {"value": 0.0}, line, tmp_path)


def test_no_worker_is_started_for_nothing(objectives, line, tmp_path, monkeypatch):
    search(objectives.parabola, line, tmp_path)
    monkeypatch.setattr("segmentwerk.tuning.workers.Pool.__init__", None)
    assert len(search(objectives.parabola, line, tmp_path).trials) == 8

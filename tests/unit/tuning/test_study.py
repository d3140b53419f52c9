import math
import os
import signal
import sqlite3
import threading
import time

import optuna
import pytest

from segmentwerk.core.errors import ConfigError, FitError, InputError
from segmentwerk.core.interruption import Terminated
from segmentwerk.core.settings import TuningSettings
from segmentwerk.tuning.execution import StudyPlan
from segmentwerk.tuning.execution.storage import open_storage
from segmentwerk.tuning.space import SearchSpace
from segmentwerk.tuning.study import tune

SETTINGS = TuningSettings(n_trials=8)


def search(objective, space, home, settings=SETTINGS, *, seed=1, on_trial=None, n_finalists=2, **more):
    plan = StudyPlan("demo-kmeans", space, settings, seed, home, **more)
    return tune(plan, objective, on_trial=on_trial, n_finalists=n_finalists)


def stored_name(space, settings=SETTINGS, *, seed=1, **more):
    return StudyPlan("demo-kmeans", space, settings, seed, None, **more).study


def tried(result):
    return [(trial.number, trial.state, trial.params, trial.value) for trial in result.trials]


def test_finds_the_best(objectives, line, tmp_path):
    result = search(objectives.parabola, line, tmp_path, TuningSettings(n_trials=25))
    assert [trial.number for trial in result.trials] == list(range(25))
    assert {trial.state for trial in result.trials} == {"complete"}
    best, second = result.finalists
    assert best.value == max(trial.value for trial in result.trials)
    assert best.value > second.value > -0.01
    assert best.scores == {"twice": 2 * best.params["x"]}
    assert not result.interrupted
    assert result.study.startswith("demo-kmeans-")


def test_one_seed_one_result(objectives, line, tmp_path):
    first = search(objectives.parabola, line, tmp_path / "a")
    again = search(objectives.parabola, line, tmp_path / "b")
    other = search(objectives.parabola, line, tmp_path / "c", seed=2)
    assert tried(first) == tried(again)
    assert first.study == again.study
    assert {trial.params["x"] for trial in other.trials}.isdisjoint(t.params["x"] for t in first.trials)


def test_a_finished_study_is_not_run_again(objectives, line, tmp_path):
    first = search(objectives.parabola, line, tmp_path)
    assert search(objectives.defective, line, tmp_path).trials == first.trials


def test_a_larger_budget_goes_on(objectives, line, tmp_path):
    calls = []

    def counted(params, report):
        calls.append(params)
        return objectives.parabola(params, report)

    small = search(counted, line, tmp_path, TuningSettings(n_trials=3))
    large = search(counted, line, tmp_path, TuningSettings(n_trials=7))
    assert len(calls) == 7
    assert large.trials[:3] == small.trials
    assert tried(large) == tried(
        search(objectives.parabola, line, tmp_path / "b", TuningSettings(n_trials=7))
    )
    assert search(counted, line, tmp_path, TuningSettings(n_trials=3)).trials == small.trials


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": 2},
        {"digest": "other data"},
        {"start": [{"x": 0.5}]},
        {"settings": TuningSettings(n_trials=8, sampler="random")},
        {"settings": TuningSettings(n_trials=8, pruner="none")},
        {"space": SearchSpace({"x": {"type": "float", "low": 0.0, "high": 2.0}})},
    ],
)
def test_another_configuration_is_another_study(line, changed):
    assert stored_name(**({"space": line} | changed)) != stored_name(line)
    assert stored_name(line, budget=9) == stored_name(line)


def test_a_small_space_is_walked_through_whole(objectives, tmp_path):
    space = SearchSpace({"n": {"type": "int", "low": 2, "high": 7}})
    result = search(lambda params, report: {"value": params["n"]}, space, tmp_path, start=[{"n": 5}])
    assert [trial.params["n"] for trial in result.trials] == [5, 2, 3, 4, 6, 7]
    few = search(lambda params, report: {"value": params["n"]}, space, tmp_path, start=[{"n": 5}], budget=3)
    assert few.study != result.study
    assert len(few.trials) == 3


def test_a_baseline_without_parameters_has_one_trial(tmp_path):
    result = search(lambda params, report: {"value": 0.5}, SearchSpace({}), tmp_path)
    assert tried(result) == [(0, "complete", {}, 0.5)]


def test_starting_points_come_first_and_are_checked(objectives, line, tmp_path):
    result = search(objectives.parabola, line, tmp_path, start=[{"x": 0.25}, {"x": 0.75}])
    assert [trial.params["x"] for trial in result.trials[:2]] == [0.25, 0.75]
    with pytest.raises(ConfigError, match=r"start\.x=7 is outside"):
        search(objectives.parabola, line, tmp_path, start=[{"x": 7}])


def test_a_finished_study_warm_starts_the_next(objectives, line, tmp_path):
    first = search(objectives.parabola, line, tmp_path, start=[{"x": 0.5}])
    second = search(objectives.parabola, line, tmp_path, start=[{"x": 0.5}], digest="new data")
    assert [trial.params for trial in second.trials[:2]] == [{"x": 0.5}, first.finalists[0].params]
    afresh = TuningSettings(n_trials=8, resume=False)
    third = search(objectives.parabola, line, tmp_path, afresh, digest="newer data")
    assert third.trials[0].params != second.finalists[0].params


def test_a_warm_start_that_no_longer_fits_is_left_out(objectives, line, tmp_path):
    search(objectives.parabola, line, tmp_path)
    narrow = SearchSpace({"x": {"type": "float", "low": 0.9, "high": 1.0}})
    result = search(objectives.parabola, narrow, tmp_path)
    assert all(trial.params["x"] >= 0.9 for trial in result.trials)


def test_the_warm_start_is_kept_by_the_study(objectives, line, tmp_path):
    whole = TuningSettings(n_trials=4)
    search(objectives.parabola, line, tmp_path, digest="0")
    begun = search(objectives.parabola, line, tmp_path, TuningSettings(n_trials=1), digest="1")
    search(objectives.parabola, line, tmp_path, whole, digest="2", start=[{"x": 0.3}])
    ended = search(objectives.parabola, line, tmp_path, whole, digest="1")
    assert ended.trials[0] == begun.trials[0]


def test_resume_false_forgets(objectives, line, tmp_path):
    first = search(objectives.parabola, line, tmp_path)
    again = search(objectives.parabola, line, tmp_path, TuningSettings(n_trials=8, resume=False))
    assert tried(again) == tried(first)
    assert [t.seconds for t in again.trials] != [t.seconds for t in first.trials]


def test_degenerate_trials_end_with_a_reason_and_never_win(objectives, line, tmp_path):
    start = [{"x": x} for x in (0.1, 0.2, 0.4, 0.5, 0.7)]
    result = search(objectives.degenerate, line, tmp_path, TuningSettings(n_trials=5), start=start)
    assert [trial.state for trial in result.trials] == ["failed"] * 4 + ["complete"]
    assert [trial.reason for trial in result.trials] == [
        "one segment only. Ask for fewer.",
        "out of memory",
        "its value is nan",
        "ZeroDivisionError: division by zero",
        "",
    ]
    assert [trial.number for trial in result.finalists] == [4]
    assert all(math.isnan(trial.value) for trial in result.trials[:4])


def test_a_study_of_failures_names_their_reasons(objectives, line, tmp_path):
    with pytest.raises(FitError, match=r"No trial .*8 x failed: All 3 rows are alike\."):
        search(objectives.hopeless, line, tmp_path)
    with pytest.raises(FitError, match="8 x failed"):  # nor does it run anew
        search(objectives.defective, line, tmp_path)


@pytest.mark.parametrize(("workers", "times"), [(1, 6), pytest.param(2, 1, marks=pytest.mark.slow)])
def test_a_defect_is_raised_and_its_trial_stays_open(objectives, line, tmp_path, workers, times):
    settings = TuningSettings(n_trials=4, workers=workers)
    for _ in range(times):
        with pytest.raises(NameError, match="undefined_name"):
            search(objectives.defective, line, tmp_path, settings)
    with pytest.raises(ConfigError, match="no such key"):
        search(objectives.misconfigured, line, tmp_path, settings)
    result = search(objectives.parabola, line, tmp_path, settings)
    assert [trial.state for trial in result.trials] == ["complete"] * 4


def test_pruning_ends_trials_with_a_reason(objectives, line, tmp_path):
    result = search(objectives.reporting, line, tmp_path, TuningSettings(n_trials=20))
    pruned = [trial for trial in result.trials if trial.state == "pruned"]
    assert pruned
    assert all(trial.reason.startswith("pruned at step 0 with -") for trial in pruned)
    assert min(trial.number for trial in pruned) >= 4
    assert result.finalists[0].state == "complete"
    unpruned = search(objectives.reporting, line, tmp_path, TuningSettings(n_trials=20, pruner="none"))
    assert {trial.state for trial in unpruned.trials} == {"complete"}


def test_a_report_that_is_not_a_number_prunes(line, tmp_path):
    def objective(params, report):
        for step in range(3):
            report(step, math.nan if params["x"] > 0.9 else params["x"])
        return {"value": params["x"]}

    start = [{"x": x} for x in (0.1, 0.2, 0.3, 0.4, 0.95)]
    result = search(objective, line, tmp_path, TuningSettings(n_trials=5), start=start)
    assert result.trials[4].state == "pruned"
    assert result.trials[4].reason == "its value at step 0 is nan"
    assert result.finalists[0].number == 3


def test_time_is_a_budget_too(objectives, line, tmp_path):
    def slow(params, report):
        time.sleep(0.2)
        return objectives.parabola(params, report)

    settings = TuningSettings(n_trials=50, timeout=0.5)
    result = search(slow, line, tmp_path, settings)
    assert 1 <= len(result.trials) <= 4
    begin = time.monotonic()
    assert search(slow, line, tmp_path, settings).trials == result.trials
    assert time.monotonic() - begin < 0.2
    more = search(slow, line, tmp_path, TuningSettings(n_trials=50, timeout=0.9))
    assert more.trials[: len(result.trials)] == result.trials
    assert len(more.trials) > len(result.trials)


def test_no_time_for_a_single_trial_is_said(objectives, line, tmp_path):
    with pytest.raises(FitError, match="none was started"):
        search(objectives.parabola, line, tmp_path, TuningSettings(timeout=1e-9))


def test_each_finished_trial_is_handed_over_once(objectives, line, tmp_path):
    seen = []
    result = search(objectives.parabola, line, tmp_path, on_trial=seen.append)
    assert tuple(seen) == result.trials
    search(objectives.parabola, line, tmp_path, on_trial=seen.append)
    assert len(seen) == 8


def test_a_trial_whose_logging_failed_is_handed_over_again(objectives, line, tmp_path):
    seen = []

    def breaks(record):
        if record.number == 3:
            raise ConnectionError("the server is gone")
        seen.append(record.number)

    with pytest.raises(ConnectionError):
        search(objectives.parabola, line, tmp_path, on_trial=breaks)
    search(objectives.parabola, line, tmp_path, on_trial=lambda record: seen.append(record.number))
    assert seen == list(range(8))


def test_a_slow_log_does_not_hold_up_the_search(objectives, line, tmp_path):
    third_trial = threading.Event()
    calls, in_time = [], []

    def objective(params, report):
        calls.append(params)
        if len(calls) == 3:
            third_trial.set()
        return objectives.parabola(params, report)

    def log(record):
        in_time.append(third_trial.wait(timeout=20))

    search(objective, line, tmp_path, on_trial=log)
    assert in_time == [True] * 8


def interrupt_after(seconds):
    threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()


@pytest.mark.filterwarnings("ignore:Exception ignored in. <_io.FileIO")  # interrupted while it opened
@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_keeps_the_best_so_far_and_the_study_goes_on(objectives, line, tmp_path, workers):
    settings = TuningSettings(n_trials=40, workers=workers, sampler="random")
    seen = []

    def log(record):
        seen.append(record.number)
        if len(seen) == 5:
            interrupt_after(0.07)

    result = search(objectives.slow_parabola, line, tmp_path, settings, on_trial=log)
    assert result.interrupted
    assert 5 <= len(result.trials) < 40
    assert sorted(seen) == [trial.number for trial in result.trials]
    alone = TuningSettings(n_trials=40, sampler="random")
    rest = search(objectives.parabola, line, tmp_path, alone, on_trial=log)
    undisturbed = search(objectives.parabola, line, tmp_path / "b", alone)
    assert not rest.interrupted
    assert tried(rest) == tried(undisturbed)
    assert sorted(seen) == list(range(40))


def test_ctrl_c_before_the_first_result_is_raised(line, tmp_path):
    def objective(params, report):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(objective, line, tmp_path)


def test_sigterm_keeps_no_best_so_far(line, tmp_path):
    def objective(params, report):
        if len(seen) == 2:
            raise Terminated
        seen.append(params)
        return {"value": 1.0}

    seen = []
    with pytest.raises(Terminated):
        search(objective, line, tmp_path)
    assert len(seen) == 2


def test_two_at_once_on_one_journal_are_refused(objectives, line, tmp_path):
    name = stored_name(line)
    with open_storage(name, SETTINGS, tmp_path), pytest.raises(InputError, match="another process"):
        search(objectives.parabola, line, tmp_path)


@pytest.mark.parametrize("sampler", ["tpe", pytest.param("qmc", marks=pytest.mark.slow)])
def test_a_database_gives_the_same_result(objectives, line, tmp_path, sampler):
    journal = TuningSettings(n_trials=9, sampler=sampler)
    database = TuningSettings(n_trials=9, sampler=sampler, storage=f"sqlite:///{tmp_path}/studies.db")
    first = search(objectives.reporting, line, tmp_path, journal)
    second = search(objectives.reporting, line, tmp_path, database)
    assert tried(first) == tried(second)
    assert first.study == second.study


def test_a_database_that_breaks_off_is_said(objectives, line, tmp_path, monkeypatch):
    settings = TuningSettings(n_trials=4, storage=f"sqlite:///{tmp_path}/studies.db")

    def breaks(record):
        if record.number == 1:
            monkeypatch.setattr("sqlalchemy.engine.default.DefaultDialect.do_execute", broken)

    def broken(*args, **kwargs):
        raise sqlite3.OperationalError("the disk is gone")

    with pytest.raises(InputError, match=r"broke off: .*the disk is gone.*same command again"):
        search(objectives.parabola, line, tmp_path, settings, on_trial=breaks)
    monkeypatch.undo()
    assert len(search(objectives.parabola, line, tmp_path, settings).trials) == 4


def test_optuna_is_quiet(objectives, line, tmp_path, capfd):
    search(objectives.parabola, line, tmp_path)
    assert capfd.readouterr().err == ""
    assert optuna.logging.get_verbosity() == optuna.logging.ERROR

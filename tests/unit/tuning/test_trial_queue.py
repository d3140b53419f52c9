import os
import socket

import optuna
import psutil
import pytest
from optuna.trial import TrialState

from segmentwerk.tuning.execution import owners, trial_queue
from segmentwerk.tuning.execution.trial_queue import MAX_DEATHS, TrialQueue, finished
from segmentwerk.tuning.trials import TrialOutcome

ELSEWHERE = "another-host:17:0.00"
DEAD = f"{socket.gethostname()}:{os.getpid()}:0.00"  # our pid, but of a process that began at another time
DONE = TrialOutcome("complete", scores={"value": 1.0})


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test sets."""
    now = [0.0]
    monkeypatch.setattr(owners.time, "monotonic", lambda: now[0])
    return now


both = pytest.mark.parametrize("storage", ["journal", "sqlite"], indirect=True)


@pytest.fixture
def storage(request, tmp_path):
    if getattr(request, "param", "journal") == "sqlite":
        return optuna.storages.RDBStorage(f"sqlite:///{tmp_path}/studies.db")
    backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / "s.journal"))
    return optuna.storages.JournalStorage(backend)


def join(storage, n_trials=4):
    study = optuna.create_study(storage=storage, study_name="s", direction="maximize", load_if_exists=True)
    study.sampler = optuna.samplers.RandomSampler(seed=0)
    return TrialQueue(study, storage, n_trials=n_trials, heartbeat=10)


def owned_by(owner, storage, monkeypatch, n_trials=4):
    """The queue as the process ``owner`` has it."""
    with monkeypatch.context() as patch:
        patch.setattr(trial_queue, "me", lambda: owner)
        return join(storage, n_trials)


def states(joined):
    return [trial.state.name for trial in joined.trials()]


@both
def test_each_number_is_handed_out_once(storage):
    here, there = join(storage), join(storage)
    claimed = [joined.claim() for joined in (here, there, there, here, here, there)]
    assert [trial.number for trial in claimed[:4]] == [0, 1, 2, 3]
    assert claimed[4:] == [None, None]


@both
def test_a_number_beyond_the_budget_is_given_back(storage, monkeypatch):
    here, there = join(storage), join(storage)
    taken = []

    def snatched(*args, **kwargs):
        """Another machine takes the last trial just before we ask for it."""
        monkeypatch.undo()
        enqueue(*args, **kwargs)
        taken.append(there.claim())

    for _ in range(3):
        here.claim()
    enqueue = here.study.enqueue_trial
    monkeypatch.setattr(here.study, "enqueue_trial", snatched)
    assert here.claim() is None
    assert taken[0].number == 3
    assert states(here) == ["RUNNING"] * 4
    larger = join(storage, n_trials=6)
    assert [larger.claim().number for _ in range(2)] == [4, 5]


@both
def test_a_trial_of_a_dead_process_waits_again_with_its_parameters(storage, monkeypatch):
    trial = owned_by(DEAD, storage, monkeypatch).claim()
    x = trial.suggest_float("x", 0, 1)
    here = join(storage)
    here.take_over(here.trials())
    assert states(here) == ["WAITING"]
    assert here.trials()[0].user_attrs["deaths"] == 1
    again = here.claim()
    assert (again.number, again.suggest_float("x", 0, 1)) == (0, x)
    here.finish(again, DONE)
    assert states(here) == ["COMPLETE"]


def test_a_trial_whose_process_dies_too_often_fails(storage, monkeypatch):
    here = join(storage)
    for _ in range(MAX_DEATHS):
        assert owned_by(DEAD, storage, monkeypatch).claim().number == 0
        here.take_over(here.trials())
    (record,) = finished(here.trials())
    assert (record.state, record.reason) == ("failed", "its process died 5 times")


def test_what_runs_here_or_in_another_live_process_is_left_alone(storage, monkeypatch):
    parent = psutil.Process(os.getppid())
    living = f"{socket.gethostname()}:{parent.pid}:{parent.create_time():.2f}"
    owned_by(living, storage, monkeypatch).claim()
    here = join(storage)
    here.claim()
    here.take_over(here.trials())
    assert states(here) == ["RUNNING"] * 2
    fresh = join(storage)
    fresh.take_over(fresh.trials(), starting=True)  # after an interrupt, what was ours is free
    assert states(here) == ["RUNNING", "WAITING"]
    assert fresh.trials()[1].user_attrs["deaths"] == 0


@both
def test_another_machine_is_believed_dead_only_after_three_missed_signs(storage, monkeypatch, clock):
    there = owned_by(ELSEWHERE, storage, monkeypatch)
    trial = there.claim()
    here = join(storage)
    for beat, clock[0] in enumerate([0, 25, 50, 75]):
        trial.set_user_attr("beat", beat)
        here.take_over(here.trials())
        assert states(here) == ["RUNNING"]
    clock[0] = 104
    here.take_over(here.trials())
    assert states(here) == ["RUNNING"]
    clock[0] = 106
    here.take_over(here.trials())
    assert states(here) == ["WAITING"]
    taken = here.claim()
    there.finish(trial, DONE)  # it was only asleep: the first result counts, once
    here.finish(taken, TrialOutcome("complete", scores={"value": 2.0}))
    assert [(record.number, record.value) for record in finished(here.trials())] == [(0, 1.0)]


@both
def test_a_result_that_comes_too_late_is_dropped(storage, monkeypatch):
    there = owned_by(DEAD, storage, monkeypatch)
    late = there.claim()
    here = join(storage)
    here.take_over(here.trials())
    there.finish(late, TrialOutcome("complete", scores={"value": 9.0}))
    assert states(here) == ["WAITING"]
    here.finish(here.claim(), DONE)
    assert [record.value for record in finished(here.trials())] == [1.0]


def test_signs_of_life_are_given_while_trials_run(storage):
    here = join(storage)
    here._heartbeat = 0.02
    trial = here.claim()
    with here.heartbeats():
        while "beat" not in here.trials()[0].user_attrs:
            pass
        here.finish(trial, DONE)
    assert states(here) == ["COMPLETE"]


def test_finished_trials_are_logged_by_their_own_machine_while_it_lives(storage, monkeypatch, clock):
    there, here = owned_by(ELSEWHERE, storage, monkeypatch), join(storage)
    there.finish(there.claim(), DONE)
    here.finish(here.claim(), DONE)
    seen = []
    assert here.log(here.unlogged(here.trials()), seen.append) == 1
    assert [record.number for record in seen] == [1]
    clock[0] = 31
    assert here.log(here.unlogged(here.trials()), seen.append) == 0
    assert here.unlogged(here.trials()) == []
    assert [record.number for record in seen] == [1, 0]
    late = join(storage)
    assert late.log(late.unlogged(late.trials()), seen.append) == 0
    assert len(seen) == 2


def test_what_a_dead_process_finished_is_logged_at_once(storage, monkeypatch):
    there = owned_by(DEAD, storage, monkeypatch)
    there.finish(there.claim(), DONE)
    seen = []
    here = join(storage)
    assert here.log(here.unlogged(here.trials()), seen.append) == 0
    assert seen == finished(here.trials())


def test_an_orphan_without_an_owner_is_taken_over_like_a_silent_machine(storage, clock):
    here = join(storage)
    optuna.load_study(study_name="s", storage=storage).ask()
    here.take_over(here.trials())
    assert here.trials()[0].state == TrialState.RUNNING
    clock[0] = 31
    here.take_over(here.trials())
    assert here.trials()[0].state == TrialState.WAITING


def test_states_of_owners():
    assert owners.owner_state(owners.me()) == "mine"
    assert owners.owner_state(DEAD) == "dead"
    assert owners.owner_state(ELSEWHERE) == "remote"
    assert owners.owner_state(f"{socket.gethostname()}:999999999:0.00") == "dead"
    assert owners.owner_state(f"{socket.gethostname()}:1:{psutil.Process(1).create_time():.2f}") == "alive"


def test_a_zombie_is_dead():
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    process = psutil.Process(pid)
    owner = f"{socket.gethostname()}:{pid}:{process.create_time():.2f}"
    while process.status() != psutil.STATUS_ZOMBIE:
        pass
    assert owners.owner_state(owner) == "dead"
    os.waitpid(pid, 0)
    assert owners.owner_state(owner) == "dead"

"""Kill -9 the processes of a study at random moments: nothing may be lost, doubled or different."""

import importlib
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from postgres import postgres_server
from segmentwerk.core.records import Metric, Tag
from segmentwerk.core.settings import TuningSettings
from segmentwerk.tracking.writer import Store
from segmentwerk.tuning.space import SearchSpace
from segmentwerk.tuning.study import StudyPlan, tune

TARGET = Path(__file__).with_name("tuning_process.py")
ALONE = {"sampler": "tpe", "pruner": "median", "heartbeat": 1}
# Results of several workers come in any order, so what is tried must not depend on it.
TOGETHER = {"workers": 2, "sampler": "random", "pruner": "none", "heartbeat": 1}


@dataclass
class Study:
    """A study in a home, run by processes that can be shot."""

    home: Path
    settings: dict
    mlflow: bool = False
    seconds: float = 0.02
    kills: int = 0
    hit: set = field(default_factory=set)

    def start(self, host=""):
        """Start the command, as on the machine ``host``."""
        self.home.mkdir(parents=True, exist_ok=True)
        told = {
            "host": host,
            "home": str(self.home),
            "settings": self.settings,
            "seconds": self.seconds,
            "mlflow": self.mlflow,
        }
        return subprocess.Popen(
            [sys.executable, str(TARGET), json.dumps(told)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, process=None):
        """Run the command to its end and return what it tells."""
        process = process or self.start()
        out, err = process.communicate(timeout=900)
        assert process.returncode == 0, err
        return json.loads(out.splitlines()[-1])

    def seen(self):
        """Return how often each trial was handed over."""
        folder = self.home / "seen"
        paths = folder.iterdir() if folder.exists() else ()
        return {int(path.name): len(path.read_text().splitlines()) for path in paths}

    def shoot_main(self, process, rng, span):
        """Kill the command at any moment of its start or up to ``span`` seconds after its first trial."""
        if rng.random() < 0.2:
            time.sleep(rng.uniform(0, 2))
        else:
            self.await_trials(process, 1)
            time.sleep(rng.uniform(0, span))
        self.shoot(process)

    def shoot(self, process):
        """Kill the command; its workers must end with it."""
        self._shoot(process.pid)
        process.communicate()  # ends when the workers, too, have let go of the output

    def shoot_worker(self, process, rng, span):
        """Kill a worker, but none at a trial that has cost one already: that one would rightly fail."""
        self.await_trials(process, 2)
        time.sleep(rng.uniform(0, span))
        workers = _workers(process.pid)
        for worker in rng.sample(workers, len(workers)):
            doing = self.home / "doing" / str(worker.pid)
            trial = doing.read_text() if doing.exists() else ""
            if trial and trial not in self.hit:
                self.hit.add(trial)
                self._shoot(worker.pid)
                return

    def await_trials(self, process, trials):
        """Wait until so many more trials are finished."""
        goal = len(self.seen()) + trials
        while len(self.seen()) < goal and process.poll() is None:
            time.sleep(0.01)

    def _shoot(self, pid):
        if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            os.kill(pid, signal.SIGKILL)
            self.kills += 1


def _workers(main):
    try:
        children = psutil.Process(main).children()
        return [child for child in children if "LokyProcess" in " ".join(child.cmdline())]
    except psutil.NoSuchProcess:
        return []


def shoot(study, rng, kills, *, span):
    """Start and kill the study until it has been hit ``kills`` times."""
    while study.kills < kills:
        process = study.start()
        if study.settings.get("workers", 1) > 1:
            for _ in range(3):
                study.shoot_worker(process, rng, span)
        study.shoot_main(process, rng, span)
        assert len(study.seen()) < study.settings["n_trials"], f"finished after {study.kills} kills"


def tracked_states(home):
    """Return number and state of each trial in MLflow; a trial that is there twice appears twice."""
    store = Store(None, home)
    runs = store.client.search_runs([store.prepare("kills")], max_results=5000)
    assert {run.info.status for run in runs} == {"FINISHED"}
    return sorted((int(run.data.tags["number"]), run.data.tags["state"]) for run in runs)


def check(study, told, reference):
    """Compare a study that was shot at with one that was not."""
    pairs = zip(told["trials"], reference["trials"], strict=True)
    assert [pair for pair in pairs if pair[0] != pair[1]] == []
    assert told == reference
    numbers = [trial[0] for trial in told["trials"]]
    assert numbers == list(range(study.settings["n_trials"]))
    assert sorted(study.seen()) == numbers
    if study.mlflow:
        assert tracked_states(study.home) == [(trial[0], trial[1]) for trial in told["trials"]]


def test_a_few_kills(tmp_path):
    settings = {**ALONE, "n_trials": 30}
    reference = Study(tmp_path / "reference", settings, seconds=0.0).finish()
    study = Study(tmp_path / "shot", settings, seconds=0.1)
    shoot(study, random.Random(1), 3, span=0.5)
    check(study, study.finish(), reference)


@pytest.fixture(params=["journal", pytest.param("postgres", marks=pytest.mark.postgres)])
def storage(request):
    if request.param == "journal":
        yield None
    else:
        with postgres_server() as url:
            yield url


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize(("settings", "n_trials", "seconds"), [(ALONE, 240, 0.05), (TOGETHER, 250, 0.3)])
def test_fifty_kills(tmp_path, storage, settings, n_trials, seconds):
    """Half of the fifty hit a single process, half a process and its workers."""
    settings = {**settings, "n_trials": n_trials}
    reference = Study(tmp_path / "reference", settings, seconds=0.0).finish()
    study = Study(tmp_path / "shot", {**settings, "storage": storage}, mlflow=True, seconds=seconds)
    shoot(study, random.Random(2), 25, span=0.4)
    check(study, study.finish(), reference)


@pytest.mark.slow
@pytest.mark.postgres
def test_machines_join_and_take_over(tmp_path):
    settings = {**TOGETHER, "workers": 1, "n_trials": 40}
    reference = Study(tmp_path / "reference", settings, seconds=0.0).finish()
    with postgres_server() as url:
        one, two = (
            Study(tmp_path / host, {**settings, "storage": url}, seconds=0.1) for host in ("one", "two")
        )
        first, second = one.start("one"), two.start("two")
        one.await_trials(first, 3)
        two.await_trials(second, 3)
        one.shoot(first)
        assert two.finish(second) == reference
        assert one.finish() == reference
    both = [one.seen(), two.seen()]
    assert sorted({number for seen in both for number in seen}) == list(range(40))
    assert sum(sum(seen.values()) for seen in both) <= 41  # one may have died before it noted what it logged
    assert min(len(seen) for seen in both) >= 3


NUMBERS = SearchSpace({"n": {"type": "int", "low": 1, "high": 6}})


def run_and_die(home, number, moment):
    """Run a study whose process dies before or after it logs trial ``number``."""
    store = Store(None, home)

    def log(trial):
        if (trial.number, moment) == (number, "before"):
            os.kill(os.getpid(), signal.SIGKILL)
        with store.run("kills", f"trial {trial.number}", key=f"{home}/{trial.number}") as run:
            run.write(
                [Metric("value", trial.value), Tag("state", trial.state), Tag("number", str(trial.number))]
            )
            if (trial.number, moment) == (number, "within"):
                os.kill(os.getpid(), signal.SIGKILL)
        if (trial.number, moment) == (number, "after"):
            os.kill(os.getpid(), signal.SIGKILL)

    def objective(params, report):
        return {"value": float("nan") if params["n"] == 2 else params["n"]}

    tune(StudyPlan("between", NUMBERS, TuningSettings(), 0, home), objective, on_trial=log)


# MLflow's own table definitions use a loader that SQLAlchemy 2.1 deprecates.
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")
def test_a_kill_between_optuna_and_mlflow(tmp_path):
    # Forked from a process that has loaded MLflow, since that takes seconds each time.
    importlib.import_module("mlflow.store.tracking.sqlalchemy_store")
    context = multiprocessing.get_context("fork")
    for death in [(0, "after"), (2, "before"), (3, "within"), (None, "")]:
        process = context.Process(target=run_and_die, args=(tmp_path, *death))
        process.start()
        process.join()
        assert process.exitcode == (-signal.SIGKILL if death[1] else 0)
    states = ["complete", "failed", *["complete"] * 4]
    assert tracked_states(tmp_path) == list(enumerate(states))

import json
import math
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from mlflow_server import Server
from postgres import postgres_server
from segmentwerk.core.errors import ConfigError, FitError
from segmentwerk.core.records import Artifact, Dataset, Description, Metric, Param, Tag, Text
from segmentwerk.tracking import machine_load
from segmentwerk.tracking.writer import Store


@pytest.fixture
def store(home):
    return Store(None, home)


def runs(store):
    ids = [experiment.experiment_id for experiment in store.client.search_experiments()]
    return store.client.search_runs(ids, max_results=1000)


def test_everything_written_is_found_again(store, tmp_path):
    plot = tmp_path / "plot.png"
    plot.write_bytes(b"png")
    with store.run("e", "parent") as run:
        run.write(
            [Param("seed", 3), Tag("winner", "kmeans"), Description("# Why"), Text("report/a.md", "hi")]
        )
        run.write([Metric("loss", 1.0, step=0), Metric("loss", 0.5, step=1), Artifact(plot, "plots")])
        run.write([Dataset("demo", "demo://7", "abc", 10, {"employees": "double"})])
    found = store.client.get_run(run.id)
    assert found.info.status == "FINISHED"
    assert found.data.params == {"seed": "3"}
    assert found.data.tags["winner"] == "kmeans"
    assert found.data.tags["mlflow.note.content"] == "# Why"
    assert found.data.tags["status"] == "completed"
    assert [(m.step, m.value) for m in store.client.get_metric_history(run.id, "loss")] == [
        (0, 1.0),
        (1, 0.5),
    ]
    assert [file.path for file in store.client.list_artifacts(run.id, "plots")] == ["plots/plot.png"]
    dataset = found.inputs.dataset_inputs[0].dataset
    assert (dataset.name, dataset.digest) == ("demo", "abc")
    assert "employees" in dataset.schema


def test_finished_runs_below_another_are_found_by_their_keys(store):
    with store.run("e", "parent") as parent, store.run("e", "open", parent=parent.id, key="open"):
        with store.run("e", "done", parent=parent.id, key="done"):
            pass
        with pytest.raises(FitError), store.run("e", "failed", parent=parent.id, key="failed"):
            raise FitError("no")
        with store.run("e", "elsewhere", key="elsewhere"):
            pass
        assert set(store.finished("e", parent)) == {"done"}
    quiet = Store(None, store.home, enabled=False)
    with quiet.run("e", "nothing") as run:
        assert quiet.finished("e", run) == {}


def test_more_records_than_one_request_may_hold(store):
    with store.run("e", "many") as run:
        run.write([Metric("m", i, step=i) for i in range(2500)])
        run.write([Param(f"p{i}", i) for i in range(250)] + [Tag(f"t{i}", str(i)) for i in range(250)])
    data = store.client.get_run(run.id).data
    assert len(store.client.get_metric_history(run.id, "m")) == 2500
    assert len(data.params) == 250
    assert sum(name.startswith("t") and name[1:].isdigit() for name in data.tags) == 250


def test_numbers_that_are_none_do_not_break_the_run(store):
    with store.run("e", "nan") as run:
        run.write([Metric("a", math.nan), Metric("b", 1.0)])
    data = store.client.get_run(run.id).data
    assert data.metrics == {"b": 1.0}
    assert data.tags["undefined.a"] == "nan"


def test_children_are_nested(store):
    with store.run("e", "parent") as parent, store.run("e", "child", parent=parent.id) as child:
        pass
    assert store.client.get_run(child.id).data.tags["mlflow.parentRunId"] == parent.id


def test_a_failing_block_closes_its_run_with_the_reason(store):
    with pytest.raises(FitError, match="too few rows"), store.run("e", "bad") as run:
        raise FitError("too few rows")
    found = store.client.get_run(run.id)
    assert found.info.status == "FAILED"
    assert found.data.tags["status"] == "failed"
    assert found.data.tags["status_reason"] == "FitError: too few rows"


def test_a_foreign_error_is_not_quoted_for_it_may_hold_personal_data(store):
    with pytest.raises(ValueError, match="Jane Doe"), store.run("e", "bad") as run:
        raise ValueError("could not convert 'Jane Doe' to float")
    reason = store.client.get_run(run.id).data.tags["status_reason"]
    assert reason.startswith("ValueError in test_writer.py, line ")
    assert "Jane" not in reason


def test_a_store_is_made_ready_beside_the_work(tmp_path):
    fresh = Store(None, tmp_path)
    with fresh.preparing("e"):
        pass
    assert (tmp_path / "mlflow" / "mlflow.db").is_file()
    with fresh.run("e", "after") as run:
        run.write([Metric("value", 1.0)])
    assert fresh.client.get_run(run.id).data.metrics == {"value": 1.0}


def test_what_keeps_a_store_from_being_ready_is_raised_after_the_work(tmp_path):
    away = Store("http://127.0.0.1:9", tmp_path)
    done = []
    with pytest.raises(ConfigError, match="127"), away.preparing("e"):
        done.append(1)
    assert done
    with pytest.raises(FitError, match="own"), away.preparing("e"):
        raise FitError("own")


def test_ctrl_c_closes_the_run_as_killed(store):
    with pytest.raises(KeyboardInterrupt), store.run("e", "stopped") as run:
        raise KeyboardInterrupt
    assert store.client.get_run(run.id).info.status == "KILLED"


def test_so_does_what_a_library_makes_of_it(store):
    def interrupted():
        try:
            raise KeyboardInterrupt
        finally:
            raise RuntimeError("Query interrupted")

    with pytest.raises(RuntimeError), store.run("e", "stopped") as run:
        interrupted()
    assert store.client.get_run(run.id).info.status == "KILLED"


def test_a_key_opens_the_same_run_again(store):
    with pytest.raises(RuntimeError), store.run("e", "trial", key="study/1") as first:
        raise RuntimeError
    with store.run("e", "trial", key="study/1") as second:
        second.write([Metric("value", 1.0)])
    with store.run("e", "trial", key="study/2") as third:
        pass
    assert first.id == second.id != third.id
    found = store.client.get_run(first.id)
    assert found.info.status == "FINISHED"
    assert "status_reason" not in found.data.tags
    assert len(runs(store)) == 2


def test_tracking_off_changes_nothing_but_what_is_logged(tmp_path):
    store = Store(None, tmp_path, enabled=False)
    assert store.prepare("e") == ""
    with store.run("e", "parent") as run:
        run.write([Param("a", 1), Metric("m", math.nan)])
    assert run.id == ""
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="still raised"), store.run("e", "bad"):
        raise ValueError("still raised")


def test_the_experiment_opens_as_model_training_with_fitting_columns(store):
    experiment = store.client.get_experiment(store.prepare("e"))
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    view = json.loads(experiment.tags["mlflow.sharedViewState.comparisons"])
    assert view["name"] == "Comparisons"
    state = json.loads(view["state"])
    assert state["searchFilter"] == "tags.verb = 'compare'"
    assert "tags.`winner`" in state["selectedColumns"]
    assert "metrics.`separation/gain`" in state["selectedColumns"]


def test_the_views_find_what_their_names_say(store):
    with store.run("e", "parent", tags={"verb": "compare"}) as parent:
        with store.run("e", "child", parent=parent.id) as child:
            child.write([Tag("gates", "failed")])
        with store.run("e", "trial", parent=child.id):
            pass
    experiment = store.client.get_experiment(store.prepare("e"))
    for name, expected in (("comparisons", ["parent"]), ("candidates", ["child"])):
        state = json.loads(json.loads(experiment.tags[f"mlflow.sharedViewState.{name}"])["state"])
        found = store.client.search_runs([experiment.experiment_id], state["searchFilter"])
        assert [run.info.run_name for run in found] == expected


def test_a_long_run_is_watched_where_it_is_for_that_and_a_short_one_is_not(store, monkeypatch):
    with store.run("e", "short", watching=True) as short:
        pass
    monkeypatch.setattr(machine_load, "INTERVAL", 0.05)
    with store.run("e", "other") as other, store.run("e", "long", watching=True) as long:
        while "system/cpu_utilization_percentage" not in store.client.get_run(long.id).data.metrics:
            time.sleep(0.05)
    assert store.client.get_run(short.id).data.metrics == {}
    assert store.client.get_run(other.id).data.metrics == {}
    metrics = store.client.get_run(long.id).data.metrics
    assert {"system/system_memory_usage_megabytes", "system/disk_usage_percentage"} <= set(metrics)
    assert not [thread for thread in threading.enumerate() if thread.name == "system metrics"]


def test_paths_are_absolute_whatever_the_working_directory(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = Store(None, home.relative_to(tmp_path) if home.is_relative_to(tmp_path) else home)
    with store.run("e", "r") as run:
        run.write([Text("a.txt", "x")])
    assert store.uri == f"sqlite:///{home}/mlflow/mlflow.db"
    assert (home / "mlflow" / "artifacts" / run.id / "artifacts" / "a.txt").read_text() == "x"
    assert Store("sqlite:///own.db", home).uri == f"sqlite:///{home}/own.db"


def test_a_path_is_no_store(tmp_path):
    with pytest.raises(ConfigError, match=r"tracking\.uri is no address of a store"):
        Store("mlruns", tmp_path)


def test_a_deleted_experiment_is_named_with_the_remedy(home):
    store = Store(None, home)
    store.client.delete_experiment(store.client.create_experiment("gone"))
    with pytest.raises(ConfigError, match=r"'gone' was deleted.*mlflow experiments restore"):
        store.prepare("gone")


def test_a_store_that_cannot_be_opened_is_named_without_its_password(tmp_path):
    store = Store("postgresql://user:secret@127.0.0.1:1/db", tmp_path)
    with pytest.raises(ConfigError, match=r"127\.0\.0\.1:1/db") as caught:
        store.prepare("e")
    with pytest.raises(ConfigError, match=r"http://127\.0\.0\.1:1"):
        Store("http://127.0.0.1:1", tmp_path).prepare("e")
    assert "secret" not in str(caught.value)
    assert "tracking.enabled=false" in str(caught.value)


WORKER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from segmentwerk.core.records import Dataset, Metric, Param, Tag, Text
    from segmentwerk.tracking.writer import Store

    home, uri, name = sys.argv[1:]
    store = Store(uri or None, Path(home))
    for i in range(3):
        with store.run("shared", f"{name}-{i}", key=f"{name}-{i}") as run:
            run.write([Param("worker", name), Tag("part", str(i)), Text("a.txt", "x")])
            run.write([Metric("m", step, step=step) for step in range(20)])
            run.write([Dataset("d", "demo", "abc", 3)])
            if name == "die":
                print("ready", flush=True)
                import time; time.sleep(60)
    """
)


@pytest.fixture(params=["sqlite", pytest.param("server", marks=pytest.mark.postgres)])
def fresh(request, tmp_path):
    """A store that nobody has prepared, and a home for each of eight workers: one, or eight machines."""
    if request.param == "sqlite":
        yield "", [tmp_path] * 8
        return
    with postgres_server() as database:
        server = Server(tmp_path, database, workers=2)
        server.start()
        yield server.uri, [tmp_path / f"machine-{i}" for i in range(8)]
        server.kill()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_eight_processes_log_to_one_fresh_store_at_once(fresh):
    """The first to come makes tables and experiment, the others wait; nothing fails or is missing."""
    uri, homes = fresh
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(home), uri, f"w{i}"], stderr=subprocess.PIPE, text=True
        )
        for i, home in enumerate(homes)
    ]
    for worker in workers:
        _, stderr = worker.communicate(timeout=600)
        assert worker.returncode == 0, stderr
    for home in set(homes):
        store = Store(uri or None, home)
        store.sync()
        assert store._outbox.spool.refused() == 0
    found = {run.info.run_name: run for run in runs(store)}
    assert set(found) == {f"w{i}-{part}" for i in range(8) for part in range(3)}
    assert len(runs(store)) == 24
    for name, run in found.items():
        assert run.info.status == "FINISHED"
        assert run.data.params == {"worker": name.partition("-")[0]}
        assert run.data.tags["part"] == name.partition("-")[2]
        assert len(store.client.get_metric_history(run.info.run_id, "m")) == 20
        assert [file.path for file in store.client.list_artifacts(run.info.run_id)] == ["a.txt"]
        assert len(run.inputs.dataset_inputs) == 1


def test_sigint_leaves_no_run_open(home):
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(home), "", "die"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout.readline() == "ready\n"
    os.kill(worker.pid, signal.SIGINT)
    worker.communicate(timeout=60)
    found = runs(Store(None, home))
    assert [run.info.status for run in found] == ["KILLED"]

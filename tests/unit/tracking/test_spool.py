import logging
import shutil

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

from command_line import in_process
from segmentwerk.core.errors import ConfigError, InputError
from segmentwerk.core.records import Artifact, Dataset, Description, Metric, Param, Tag, Text
from segmentwerk.tracking import writer
from segmentwerk.tracking.outbox import backlogs
from segmentwerk.tracking.outbox import sender as module
from segmentwerk.tracking.writer import Store


class Flaky:
    """MLflow's client, of which the store can go away."""

    def __init__(self, client):
        self.client = client
        self.away = False
        self.calls_left = None

    def __getattr__(self, name):
        found = getattr(self.client, name)

        def call(*args, **kwargs):
            if self.calls_left is not None:
                self.away, self.calls_left = self.away or self.calls_left == 0, self.calls_left - 1
            if self.away:
                raise ConnectionError("connection refused")
            return found(*args, **kwargs)

        return call


@pytest.fixture
def store(home, monkeypatch):
    monkeypatch.setattr(module, "PAUSE", 0.0)
    return Store(None, home)


@pytest.fixture
def client(store, monkeypatch):
    store.prepare("e")
    flaky = Flaky(store.client)
    monkeypatch.setattr(store._outbox, "client", flaky)
    monkeypatch.setattr(store._outbox, "answers", lambda: not flaky.away)
    return flaky


def all_kinds(tmp_path, step):
    plot = tmp_path / f"plot-{step}.png"
    plot.write_bytes(b"png")
    return [
        Param(f"p{step}", step),
        Metric("loss", 1 / step, step=step),
        Tag(f"t{step}", "x"),
        Description(f"# {step}"),
        Text(f"texts/{step}.md", "hi"),
        Artifact(plot, "plots"),
        Dataset(f"d{step}", "demo", "abc", 3),
    ]


def content(store, run_id):
    """Everything that a run holds, without ids and times."""
    run = store.client.get_run(run_id)
    ids = ("segmentwerk.key", "segmentwerk.offline", "mlflow.parentRunId")
    tags = {k: v for k, v in run.data.tags.items() if k not in ids}
    return {
        "name": run.info.run_name,
        "status": run.info.status,
        "params": run.data.params,
        "tags": tags,
        "history": [(m.step, m.value) for m in store.client.get_metric_history(run_id, "loss")],
        "files": sorted(
            file.path for folder in ("texts", "plots") for file in store.client.list_artifacts(run_id, folder)
        ),
        "datasets": sorted(entry.dataset.name for entry in run.inputs.dataset_inputs),
    }


def waiting(store):
    return [path for path in (store.home / "mlflow" / "spool").glob("*/*/**/*") if path.is_file()]


def test_a_store_that_goes_away_for_a_while_loses_nothing(store, client, tmp_path):
    with store.run("e", "r") as undisturbed:
        for step in (1, 2, 3, 4):
            undisturbed.write(all_kinds(tmp_path, step))
    with store.run("e", "r") as run:
        for step in (1, 2, 3, 4):
            client.away = step in (2, 3)
            run.write(all_kinds(tmp_path, step))
    assert content(store, run.id) == content(store, undisturbed.id)
    assert waiting(store) == []


def test_a_store_that_stays_away_is_told_and_synced_later_exactly_once(store, client, tmp_path, caplog):
    with store.run("e", "r") as undisturbed:
        undisturbed.write(all_kinds(tmp_path, 1))
        undisturbed.write(all_kinds(tmp_path, 2))
    with store.run("e", "r") as run:
        run.write(all_kinds(tmp_path, 1))
        client.away = True
        with caplog.at_level(logging.WARNING):
            run.write(all_kinds(tmp_path, 2))
        (tmp_path / "plot-2.png").unlink()
    assert "does not answer (ConnectionError). Records wait in" in caplog.text
    assert "segmentwerk sync" in caplog.text
    assert store.client.get_run(run.id).info.status == "RUNNING"
    client.away = False
    assert store.sync() == 2
    assert store.sync() == 0
    assert content(store, run.id) == content(store, undisturbed.id)


def test_runs_that_begin_while_the_store_is_away(store, client, tmp_path):
    with store.run("e", "parent") as parent:
        client.away = True
        with store.run("e", "child", parent=parent.id, tags={"a": "b"}) as child:
            child.write(all_kinds(tmp_path, 1))
            with store.run("e", "grandchild", parent=child.id, key="k") as grandchild:
                grandchild.write([Metric("loss", 2.0)])
        client.away = False
    assert waiting(store) == []
    runs = {run.info.run_name: run for run in store.client.search_runs([store.prepare("e")])}
    assert set(runs) == {"parent", "child", "grandchild"}
    assert runs["child"].data.tags["mlflow.parentRunId"] == parent.id
    assert runs["grandchild"].data.tags["mlflow.parentRunId"] == runs["child"].info.run_id
    assert runs["child"].data.tags["a"] == "b"
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    assert content(store, runs["child"].info.run_id)["files"] == ["plots/plot-1.png", "texts/1.md"]


def test_the_store_comes_back_before_such_a_run_ends(store, client, tmp_path):
    client.away = True
    with store.run("e", "r") as run:
        run.write([Metric("loss", 1.0, step=1)])
        client.away = False
        run.write([Metric("loss", 0.5, step=2)])
        run.write([Metric("loss", 0.2, step=3)])
    (found,) = store.client.search_runs([store.prepare("e")])
    assert content(store, found.info.run_id)["history"] == [(1, 1.0), (2, 0.5), (3, 0.2)]
    assert found.info.status == "FINISHED"
    assert waiting(store) == []


@pytest.mark.parametrize("calls", range(12))
def test_going_away_again_in_the_middle_of_sending_doubles_nothing(store, client, tmp_path, calls):
    client.away = True
    with store.run("e", "r") as run:
        run.write(all_kinds(tmp_path, 1))
        run.write(all_kinds(tmp_path, 2))
    client.away, client.calls_left = False, calls
    store._outbox.flush()
    client.away, client.calls_left = False, None
    store._outbox.flush()
    (found,) = store.client.search_runs([store.prepare("e")])
    assert content(store, found.info.run_id)["history"] == [(1, 1.0), (2, 0.5)]
    assert content(store, found.info.run_id)["datasets"] == ["d1", "d2"]
    assert found.info.status == "FINISHED"
    assert waiting(store) == []


def test_what_the_store_refuses_is_kept_aside_and_stops_nothing(store, client, caplog):
    with store.run("e", "r") as run:
        run.write([Param("a", 1)])
        with caplog.at_level(logging.WARNING):
            run.write([Param("a", 2)])
        run.write([Param("b", 1)])
    data = store.client.get_run(run.id).data
    assert data.params == {"a": "1", "b": "1"}
    assert store.client.get_run(run.id).info.status == "FINISHED"
    assert [path.suffix for path in waiting(store) if path.is_file()] == [".refused"]
    assert "refuses" in caplog.text


def test_an_answer_that_is_lost_makes_no_second_run(store, client, monkeypatch):
    create = client.client.create_run

    def lose(*args, **kwargs):
        create(*args, **kwargs)
        monkeypatch.setattr(client.client, "create_run", create)
        client.away = True
        raise ConnectionError("reset by peer")

    monkeypatch.setattr(client.client, "create_run", lose)
    with store.run("e", "r") as run:
        run.write([Metric("loss", 1.0, step=1)])
        client.away = False
    (found,) = store.client.search_runs([store.prepare("e")])
    assert content(store, found.info.run_id)["history"] == [(1, 1.0)]
    assert found.info.status == "FINISHED"


def test_a_run_is_opened_again_though_the_store_is_away(store, client):
    with pytest.raises(InputError), store.run("e", "r", key="it's mine") as run:
        run.write([Metric("loss", 1.0, step=1), Artifact(store.home / "absent")])
    client.away = True
    with store.run("e", "r", key="it's mine") as again:
        again.write([Metric("loss", 1.0, step=1), Metric("loss", 0.5, step=2)])
    assert not again.is_known
    client.away = False
    assert store.sync() == 2
    (found,) = store.client.search_runs([store.prepare("e")])
    assert found.info.run_id == run.id
    assert content(store, run.id)["history"] == [(1, 1.0), (2, 0.5)]
    assert (found.info.status, found.data.tags["status"]) == ("FINISHED", "completed")
    assert "status_reason" not in found.data.tags


def test_a_run_that_the_store_refuses_is_kept_aside(store, client, caplog):
    client.away = True
    with store.run("e", "bad") as bad:
        bad.write([Metric("loss", 1.0)])
    note = next((store.home / "mlflow" / "spool").glob(f"*/{bad.id}/birth.json"))
    note.write_text(note.read_text().replace('"experiment_id": "', '"experiment_id": "9'))
    client.away = False
    with store.run("e", "good") as good:
        good.write([Metric("loss", 1.0)])
    assert store.client.get_run(good.id).info.status == "FINISHED"
    assert "refuses" in caplog.text
    assert note.with_suffix(".refused").exists()
    assert store._outbox.spool.refused() == 1


def test_what_waits_for_one_store_goes_to_no_other(store, client, tmp_path):
    client.away = True
    with store.run("e", "r") as run:
        run.write([Metric("loss", 1.0)])
    other = Store("sqlite:///other.db", store.home)
    shutil.copyfile(store.uri.removeprefix("sqlite:///"), store.home / "other.db")
    with other.run("e", "elsewhere"):
        pass
    assert [found.info.run_name for found in other.client.search_runs([other.prepare("e")])] == ["elsewhere"]
    assert other.sync() == 0
    (entry,) = backlogs(store.home)
    assert (entry.store, entry.waiting) == (store.uri, 2)


def test_a_missing_password_keeps_what_waits(store, client, monkeypatch):
    client.away = True
    with store.run("e", "r") as run:
        run.write([Metric("loss", 1.0)])
    client.away = False
    denied = MlflowException("no password", error_code=PERMISSION_DENIED)
    with monkeypatch.context() as patch:
        patch.setattr(client.client, "search_runs", lambda *_, **__: (_ for _ in ()).throw(denied))
        with pytest.raises(ConfigError, match="MLFLOW_TRACKING_PASSWORD"):
            store.sync()
    assert store.sync() == 2


def test_sync_is_a_verb(store, client, monkeypatch, capsys):
    client.away = True
    with store.run("e", "r") as run:
        run.write([Metric("loss", 1.0)])
    client.away = False
    done = in_process("sync", home=store.home, monkeypatch=monkeypatch, capsys=capsys)
    assert done.code == 0, done.stderr
    assert (done.summary["sent"], done.summary["kept"]) == (2, [])
    assert "2 batches were sent to sqlite://" in done.stderr
    again = in_process("sync", home=store.home, monkeypatch=monkeypatch, capsys=capsys)
    assert again.summary["sent"] == 0


def test_sync_says_what_still_waits_for_another_store(store, client, monkeypatch, capsys):
    client.away = True
    with store.run("e", "r") as run:
        run.write([Metric("loss", 1.0)])
    done = in_process(
        "sync", "tracking.uri=sqlite:///other.db", home=store.home, monkeypatch=monkeypatch, capsys=capsys
    )
    assert done.summary["sent"] == 0
    (kept,) = done.summary["kept"]
    assert (kept["store"], kept["waiting"], kept["refused"]) == (store.uri, 2, 0)
    assert f"Still kept for {store.uri}: 2 waiting" in done.stderr


def test_after_a_failure_the_store_is_left_alone_until_the_end(store, client, monkeypatch):
    monkeypatch.setattr(module, "PAUSE", 1000.0)
    with store.run("e", "r") as run:
        client.away = True
        run.write([Param("a", 1)])
        client.away = False
        run.write([Param("b", 1)])
        assert store.client.get_run(run.id).data.params == {}
    assert store.client.get_run(run.id).data.params == {"a": "1", "b": "1"}, "a last try at the end"
    assert waiting(store) == []


def test_waiting_for_the_store_outlasts_a_second_failure(store, client, monkeypatch):
    with store.run("e", "r") as run:
        client.away = True
        run.write([Metric("loss", 1.0)])
        assert not store.answers()
        client.away, client.calls_left = False, 0  # it answers the knock and fails again
        pauses = []

        def sleep(seconds):
            pauses.append(seconds)
            client.away, client.calls_left = False, None

        monkeypatch.setattr(module.time, "sleep", sleep)
        assert store.answers(patience=60.0)
        assert pauses == [1.0]
        assert waiting(store) == []


def test_sync_says_when_the_store_is_still_away(tmp_path):
    with pytest.raises(ConfigError, match=r"Cannot open the tracking store http://127\.0\.0\.1:1"):
        Store("http://127.0.0.1:1", tmp_path).sync()


def test_a_store_away_from_the_start_is_an_error_before_any_work(tmp_path):
    store = Store("http://127.0.0.1:1", tmp_path)
    with pytest.raises(ConfigError, match=r"tracking\.enabled=false"), store.run("e", "r"):
        raise AssertionError("the block must not run")
    assert not writer._outbox.cache_info().currsize or not (tmp_path / "mlflow" / "spool").exists()
    shutil.rmtree(tmp_path)

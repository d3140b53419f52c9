"""The writer against a real MLflow server that is killed and comes back."""

import time

import pytest

from mlflow_server import Server
from segmentwerk.core.records import Artifact, Metric, Param, Text
from segmentwerk.tracking.outbox import sender as module
from segmentwerk.tracking.writer import Store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def server(empty_database, tmp_path):
    folder = tmp_path / "server"
    folder.mkdir()
    (folder / "mlflow.db").write_bytes(empty_database.read_bytes())
    server = Server(folder, f"sqlite:///{folder}/mlflow.db")
    server.start()
    yield server
    server.kill()


def work(store, server, tmp_path, *, disturbed):
    """A parent with six children; the server is away from the middle of the second to the fifth."""
    plot = tmp_path / "plot.png"
    plot.write_bytes(b"png" * 1000)
    with store.run("e", f"parent {disturbed}") as parent:
        for number in range(6):
            with store.run("e", f"child {number}", parent=parent.id, key=f"{disturbed}/{number}") as child:
                child.write([Param("number", number), Text("texts/a.md", "hi")])
                if disturbed and number == 1:
                    server.kill()
                child.write([Metric("m", step / 2, step=step) for step in range(30)])
                child.write([Artifact(plot, "plots")])
            if disturbed and number == 4:
                server.start()
                time.sleep(module.PAUSE)
    return parent.id


def counts(store, parent_id):
    experiment = store.client.get_run(parent_id).info.experiment_id
    children = store.client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent_id}'")
    return sorted(
        (
            run.info.run_name,
            run.info.status,
            run.data.params["number"],
            tuple((m.step, m.value) for m in store.client.get_metric_history(run.info.run_id, "m")),
            tuple(
                (file.path, file.file_size)
                for folder in ("plots", "texts")
                for file in store.client.list_artifacts(run.info.run_id, folder)
            ),
        )
        for run in children
    )


def test_killing_the_server_in_the_middle_loses_nothing(server, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PAUSE", 2.0)
    store = Store(server.uri, tmp_path / "home")
    quiet = work(store, server, tmp_path, disturbed=False)
    broken = work(store, server, tmp_path, disturbed=True)
    expected, found = counts(store, quiet), counts(store, broken)
    assert len(found) == 6
    assert found == expected
    assert store._outbox.spool.is_empty()

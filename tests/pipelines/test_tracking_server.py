"""The main job against real MLflow servers: behind a password, killed in the middle, away until the end."""

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import mlflow
import pandas as pd
import pytest
import requests

from command_line import MAIN, SMALL, Finished, segmentwerk
from mlflow_server import Server, free_port, tree

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


def client_of(uri):
    return mlflow.MlflowClient(uri, registry_uri=uri)


def begin(*arguments, home, **environment):
    """Start the command line and leave it running."""
    return subprocess.Popen(
        [sys.executable, "-c", MAIN, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "SEGMENTWERK_HOME": str(home), **environment},
    )


def finish(process, home):
    stdout, stderr = process.communicate(timeout=900)
    assert process.returncode == 0, stderr
    return Finished(process.returncode, stdout, stderr, home)


def await_trials(server, experiment, trials):
    """Wait until the server has so many finished trials."""
    client = client_of(server.uri)
    for _ in range(2000):
        with contextlib.suppress(mlflow.MlflowException):
            found = client.get_experiment_by_name(experiment)
            query = "tags.trial_state = 'complete'"
            if found and len(client.search_runs([found.experiment_id], query)) >= trials:
                return
        time.sleep(0.2)
    raise AssertionError("the trials never came")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    server = Server(folder, f"sqlite:///{folder}/mlflow.db")
    server.start()
    yield server
    server.kill()


def told(server, name):
    """A comparison in an experiment and with a model of its own."""
    where = [f"tracking.uri={server.uri}", f"tracking.experiment={name}", f"registry.model_name={name}"]
    return ["compare", *SMALL, "candidates=[rfm_grid,kmeans]", "segmenters.kmeans.n_trials=6", *where]


@pytest.fixture(scope="module")
def undisturbed(server, tmp_path_factory):
    home = tmp_path_factory.mktemp("undisturbed")
    done = segmentwerk(*told(server, "job-undisturbed"), home=home)
    assert done.code == 0, done.stderr
    return tree(client_of(server.uri), "job-undisturbed")


def without(content, **words):
    """Replace what must differ: the name of the experiment's model."""
    return json.loads(json.dumps(content).replace(words["name"], "NAME"))


def test_killing_the_server_in_the_middle_loses_nothing(server, undisturbed, tmp_path):
    comparison = begin(*told(server, "job-killed"), home=tmp_path)
    for trials in (2, 5):
        await_trials(server, "job-killed", trials)
        server.kill()
        time.sleep(8)
        server.start()
    done = finish(comparison, tmp_path)
    assert "does not answer" in done.stderr
    assert done.summary["model"]["version"] == 1, done.stderr
    assert segmentwerk("sync", f"tracking.uri={server.uri}", home=tmp_path).summary["kept"] == []
    found = tree(client_of(server.uri), "job-killed")
    assert list(found) == list(undisturbed)
    for path, content in undisturbed.items():
        assert without(found[path], name="job-killed") == without(content, name="job-undisturbed"), path


def test_a_server_that_stays_away_is_sent_everything_later(server, undisturbed, tmp_path):
    comparison = begin(*told(server, "job-away"), home=tmp_path)
    await_trials(server, "job-away", 3)
    server.kill()
    done = finish(comparison, tmp_path)
    assert "Nothing is registered" in done.stderr
    assert done.summary["model"]["version"] is None
    refused = segmentwerk("sync", f"tracking.uri={server.uri}", home=tmp_path)
    assert refused.code == 2
    assert "Cannot open the tracking store" in refused.stderr
    server.start()
    sent = segmentwerk("sync", f"tracking.uri={server.uri}", home=tmp_path)
    assert sent.summary["sent"] > 10
    assert sent.summary["kept"] == []
    assert segmentwerk("sync", f"tracking.uri={server.uri}", home=tmp_path).summary["sent"] == 0
    found = tree(client_of(server.uri), "job-away")
    assert list(found) == list(undisturbed)
    parent = next(iter(undisturbed))
    for path, content in undisturbed.items():
        if path != parent:
            assert without(found[path], name="job-away") == without(content, name="job-undisturbed"), path
    # Only the parent's model is missing, and what the page says of it.
    assert (found[parent]["models"], undisturbed[parent]["models"]) == (0, 1)
    for kind in ("params", "artifacts", "datasets", "status"):
        assert found[parent][kind] == undisturbed[parent][kind], kind
    metrics, expected = found[parent]["metrics"], undisturbed[parent]["metrics"]
    assert set(metrics) == set(expected)
    for name in metrics:  # registering a model logs its scores once more
        assert set(map(tuple, metrics[name])) == set(map(tuple, expected[name])), name


@pytest.fixture
def home():
    """A folder that PostgreSQL's own user may enter, whoever runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="segmentwerk-server-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.postgres
def test_the_main_job_runs_against_the_server_for_a_team(home, tmp_path):
    if importlib.util.find_spec("flask_wtf") is None:
        pytest.skip("MLflow's basic authentication is not installed: pip install 'segmentwerk[server]'")
    if not shutil.which("initdb") and not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        pytest.skip("PostgreSQL's server binaries are not installed")
    account = {"MLFLOW_TRACKING_USERNAME": "anna", "MLFLOW_TRACKING_PASSWORD": "correct horse battery"}
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    assert "MLFLOW_TRACKING_USERNAME" in segmentwerk("server", f"port={port}", home=home).stderr
    server = begin("server", f"port={port}", home=home, **account)
    try:
        _await(server, address)
        where = f"tracking.uri={address}"
        denied = segmentwerk("compare", *SMALL, where, home=tmp_path)
        assert denied.code == 2
        assert "MLFLOW_TRACKING_PASSWORD" in denied.stderr
        done = segmentwerk("compare", *SMALL, where, home=tmp_path, **account)
        assert done.code == 0, done.stderr
        accounts, logged = (Path(done.summary["model"][name]) for name in ("accounts", "assignments"))
        scored = tmp_path / "segments.parquet"
        words = [
            "score",
            f"input={accounts}",
            f"output={scored}",
            where,
            "model=models:/b2b-segments@champion",
        ]
        done = segmentwerk(*words, home=tmp_path, **account)
        assert done.code == 0, done.stderr
        expected = pd.read_parquet(logged).set_index("account_id")["segment_id"]
        found = pd.read_parquet(scored).set_index("account_id")["segment_id"]
        pd.testing.assert_series_equal(found.loc[expected.index], expected)
        assert not (tmp_path / "mlflow" / "artifacts").exists(), "files go through the server"
        assert list((home / "server" / "artifacts").rglob("ranking.csv"))
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=60)
    assert not (home / "server" / "postgres" / "data" / "postmaster.pid").exists(), "PostgreSQL has ended"


def _await(server, address):
    for _ in range(600):
        assert server.poll() is None, server.communicate()[1]
        with contextlib.suppress(requests.RequestException):
            if requests.get(f"{address}/health", timeout=2).ok:
                return
        time.sleep(0.3)
    raise AssertionError("the server never answered")

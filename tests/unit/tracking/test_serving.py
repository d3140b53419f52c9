"""The server for a team: its account, its database, and what is said when it cannot start."""

import configparser
import shutil
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from command_line import in_process
from mlflow_server import free_port
from segmentwerk.core.errors import ConfigError, InputError
from segmentwerk.tracking import postgres, serving
from segmentwerk.tracking.experiment import page
from segmentwerk.tracking.serving import PASSWORD, USERNAME, Account, environment, names, served


@pytest.mark.parametrize(
    ("name", "password", "words"),
    [("", "correct horse", USERNAME), ("anna", "", PASSWORD), ("anna", "short", "12 characters")],
)
def test_an_account_must_be_whole(name, password, words, monkeypatch):
    monkeypatch.setenv(USERNAME, name)
    monkeypatch.setenv(PASSWORD, password)
    with pytest.raises(ConfigError, match=words):
        Account.from_environment()


def test_mlflow_is_told_everything_but_on_the_command_line(tmp_path):
    database = "postgresql://me:100%25@host/db"
    told = environment(database, Account("anna", "correct horse"), tmp_path)
    assert told["MLFLOW_BACKEND_STORE_URI"] == database
    settings = configparser.ConfigParser()
    settings.read(told["MLFLOW_AUTH_CONFIG_PATH"])
    assert settings["mlflow"]["database_uri"] == database
    assert settings["mlflow"]["default_permission"] == "READ"
    assert "correct horse" not in Path(told["MLFLOW_AUTH_CONFIG_PATH"]).read_text()


def test_a_server_that_ends_at_once_is_told_with_its_log(tmp_path):
    log = tmp_path / "mlflow.log"
    with (
        pytest.raises(InputError, match=r"ended with code 2.*port=5001.*mlflow\.log"),
        served(["no-such-command"], "127.0.0.1", free_port(), {}, log),
    ):
        raise AssertionError("the block must not run")
    assert "no-such-command" in log.read_text()


def test_only_postgresql_will_do(home, monkeypatch, capsys):
    pytest.importorskip("flask_wtf", reason="pip install 'segmentwerk[server]'")
    monkeypatch.setenv(USERNAME, "anna")
    monkeypatch.setenv(PASSWORD, "correct horse battery")
    done = in_process("server", "database=sqlite:///a.db", home=home, monkeypatch=monkeypatch, capsys=capsys)
    assert done.code == 2
    assert "no PostgreSQL" in done.stderr


def test_without_its_programs_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(postgres, "FOLDERS", ())
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match="apt-get install postgresql"), postgres.cluster(tmp_path):
        raise AssertionError("the block must not run")


@pytest.mark.slow
@pytest.mark.postgres
def test_the_database_keeps_its_rows_and_survives_a_killed_owner():
    if not list(Path("/").glob("usr/lib/postgresql/*/bin/initdb")) and not shutil.which("initdb"):
        pytest.skip("PostgreSQL's server binaries are not installed")
    psycopg = pytest.importorskip("psycopg", reason="pip install 'segmentwerk[server]'")
    folder = Path(tempfile.mkdtemp(prefix="segmentwerk-cluster-"))  # its own user must be able to enter
    folder.chmod(0o755)
    try:
        with postgres.cluster(folder / "postgres") as url, psycopg.connect(url) as connection:
            connection.execute("create table kept as select 42 as answer")
        killed = postgres.cluster(folder / "postgres")
        killed.__enter__()  # and not left, as when its process was killed
        with postgres.cluster(folder / "postgres") as url, psycopg.connect(url) as connection:
            assert connection.execute("select answer from kept").fetchone() == (42,)
        assert not (folder / "postgres" / "data" / "postmaster.pid").exists()
        with pytest.raises(InputError, match="pg_ctl"):
            killed.__exit__(None, None, None)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_the_page_opens_as_model_training():
    """MLflow 3.17 reads the frame from the address alone (docs/decisions/0007)."""
    assert page("http://h:1", "7") == (
        "http://h:1/#/experiments/7/runs?workflowType=machine_learning&viewStateShareKey=comparisons"
    )
    assert page("http://h:1", "7", "r") == "http://h:1/#/experiments/7/runs/r?workflowType=machine_learning"


def test_the_names_of_a_server_are_told_besides_its_own():
    assert names([]) == {}
    told = names(["mlflow.example.com"])
    hosts = told["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")
    assert {"localhost", "127.0.0.1:*", "mlflow.example.com", "mlflow.example.com:*"} <= set(hosts)
    assert "https://mlflow.example.com" in told["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"].split(",")


def test_a_server_on_this_machine_is_not_looked_for_behind_a_proxy(monkeypatch):
    class Healthy(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()

        def log_message(self, *words):
            """Say nothing."""

    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with HTTPServer(("127.0.0.1", 0), Healthy) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        assert serving._ask(f"http://127.0.0.1:{server.server_port}/health", timeout=5).ok
        thread.join()

"""Where the store is, how it is asked for a sign of life, and what is said where it cannot be used."""

import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

from segmentwerk.core.errors import ConfigError
from segmentwerk.tracking.address import absolute, create_database, from_environment, knock
from segmentwerk.tracking.experiment import reach, unreachable
from segmentwerk.tracking.writer import Store

HOME = Path("/home/of/data")


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        (None, "sqlite:////home/of/data/mlflow/mlflow.db"),
        ("sqlite:///a.db", "sqlite:////home/of/data/a.db"),
        ("sqlite:////a.db", "sqlite:////a.db"),
        ("http://host:5000/", "http://host:5000"),
        ("postgres+psycopg://host/db", "postgresql+psycopg://host/db"),
        ("mysql+pymysql://host/db", "mysql+pymysql://host/db"),
    ],
)
def test_an_address_is_absolute(uri, expected):
    assert absolute(uri, HOME) == expected


def test_the_short_scheme_of_providers_is_postgresql():
    assert absolute("postgres://me@host/db", HOME).startswith("postgresql")


@pytest.mark.parametrize("uri", ["mlruns", "databricks", "./mlflow.db"])
def test_what_is_no_address_is_refused(uri):
    with pytest.raises(ConfigError, match=r"tracking\.uri is no address.*MLFLOW_TRACKING_URI"):
        absolute(uri, HOME)


def test_a_relative_file_in_the_variable_lies_below_the_working_directory():
    assert from_environment("sqlite:///team.db", HOME) == "sqlite:////home/of/data/team.db"
    assert from_environment("http://host:5000", HOME) == "http://host:5000"


@pytest.fixture
def asked(monkeypatch):
    """Note how a server is asked, in place of asking it."""
    requests = []

    def note(method, url, *arguments, **more):
        requests.append((url, arguments[0], more))
        return SimpleNamespace(status_code=200)

    monkeypatch.setattr("mlflow.utils.rest_utils._get_http_response_with_retries", note)
    return requests


@pytest.mark.parametrize(
    ("variable", "value", "key", "expected"),
    [
        ("MLFLOW_TRACKING_SERVER_CERT_PATH", "/our/ca.pem", "verify", "/our/ca.pem"),
        ("MLFLOW_TRACKING_INSECURE_TLS", "true", "verify", False),
        ("MLFLOW_TRACKING_CLIENT_CERT_PATH", "/my.pem", "cert", "/my.pem"),
    ],
)
def test_a_server_is_asked_as_every_client_of_mlflow_asks(asked, monkeypatch, variable, value, key, expected):
    monkeypatch.setenv(variable, value)
    knock("https://host:5000")
    [(url, retries, more)] = asked
    assert (url, retries) == ("https://host:5000/health", 0)
    assert more[key] == expected


def test_the_token_of_mlflow_is_used(asked, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "abc")
    knock("https://host:5000")
    assert asked[0][2]["headers"]["Authorization"] == "Bearer abc"


def test_a_server_that_is_away_is_told():
    with pytest.raises(ConfigError, match=r"Cannot open the tracking store http://127\.0\.0\.1:1:"):
        reach("http://me:secret@127.0.0.1:1")


def test_a_name_that_the_server_was_not_told_of_is_the_cause():
    body = "failed with error code 403 != 200. Response body: 'Invalid Host header - possible DNS attack'"
    error = MlflowException(body, error_code=PERMISSION_DENIED)
    told = unreachable("https://mlflow.example.test:5055/prefix", error)
    assert "MLFLOW_SERVER_ALLOWED_HOSTS=mlflow.example.test:5055" in told.remedy
    assert "allowed_hosts" in told.remedy
    assert "PASSWORD" not in told.remedy


def test_a_wrong_password_is_the_cause():
    error = MlflowException("You are not allowed", error_code=PERMISSION_DENIED)
    assert "MLFLOW_TRACKING_PASSWORD" in unreachable("https://host", error).remedy


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("postgres://me:secret@127.0.0.1:1/mlflow", "127.0.0.1"),
        ("mysql://me:secret@127.0.0.1:1/mlflow", "pymysql"),
        ("nonsense://me:secret@127.0.0.1:1/mlflow", "cannot be read as an address"),
        ("postgresql://me:p@secret:word@127.0.0.1/mlflow", "cannot be read as an address"),
    ],
)
def test_a_database_that_cannot_be_opened_is_named_without_its_password(uri, words):
    with pytest.raises(ConfigError, match=words) as refusal:
        reach(absolute(uri, HOME))
    assert "secret" not in str(refusal.value)


def test_an_interrupted_creation_leaves_no_half_made_database(tmp_path, monkeypatch):
    def stopped(uri):
        Path(uri.removeprefix("sqlite:///")).write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr("mlflow.MlflowClient", stopped)
    with pytest.raises(KeyboardInterrupt):
        create_database(f"sqlite:///{tmp_path}/mlflow/mlflow.db")
    assert not list((tmp_path / "mlflow").iterdir())


def test_a_database_that_is_there_is_left_alone(home):
    path = home / "mlflow" / "mlflow.db"
    before = path.stat()
    create_database(f"sqlite:///{path}")
    assert path.stat() == before


@pytest.mark.parametrize("kind", ["text", "half made"])
def test_a_file_that_is_no_database_of_mlflow_is_told(home, kind):
    path = home / "other.db"
    if kind == "text":
        path.write_text("no database, but long enough to be looked at")
    else:
        with sqlite3.connect(path) as half:
            half.execute("create table alembic_version (version_num varchar(32) not null)")
            half.execute("insert into alembic_version values ('unknown')")
            half.execute("create table experiments (experiment_id integer)")
        half.close()
    with pytest.raises(ConfigError, match=r"other\.db.*move it away"):
        Store(f"sqlite:///{path}", home).prepare("e")

"""What keeps a Spark session from opening is said before Spark is asked, or instead of what Java says."""

import importlib.util
import socket
import sys

import pytest

from segmentwerk.core.errors import ConfigError, InputError
from segmentwerk.data import cluster, connection

installed = pytest.mark.skipif(
    importlib.util.find_spec("pyspark") is None, reason="the extra 'spark' is not installed"
)


def test_spark_is_not_installed(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    monkeypatch.setattr(cluster, "is_running", lambda: False)
    with pytest.raises(ConfigError, match=r"Spark is not installed\. pip install 'segmentwerk\[spark\]'"):
        connection.database("spark://head:7077", tmp_path)


@installed
def test_there_is_no_java(monkeypatch):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(cluster.shutil, "which", lambda name: None)
    with pytest.raises(ConfigError, match=r"none on the PATH\. Install Java"):
        cluster.session()


@installed
def test_java_home_is_wrong(monkeypatch, tmp_path):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(ConfigError, match="below JAVA_HOME"):
        cluster.session()


@installed
@pytest.mark.parametrize("master", ["spark://head", "spark://:7077", "spark://head:port"])
def test_an_address_is_none(monkeypatch, master):
    monkeypatch.setattr(cluster, "_insist_on_java", lambda: None)
    with pytest.raises(ConfigError, match=r"no address of a Spark master. Give spark://HOST:PORT"):
        cluster.session(master)


@installed
def test_no_master_answers(monkeypatch, tmp_path):
    monkeypatch.setattr(cluster, "_insist_on_java", lambda: None)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(InputError, match=f"No Spark master answers at spark://127.0.0.1:{port}"):
        connection.database(f"spark://127.0.0.1:{port}", tmp_path)

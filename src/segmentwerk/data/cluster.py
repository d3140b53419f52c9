"""A Spark cluster: its session, opened for a block or taken from the process, or why it does not open."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from segmentwerk.core.errors import ConfigError, InputError

WAIT = 5.0
"""Seconds that a master may take to answer; Spark itself gives up after a minute, and not in words."""
DEFAULTS = {"spark.ui.enabled": "false", "spark.sql.execution.arrow.pyspark.enabled": "true"}


def session(master: str = "", **settings: str) -> Any:
    """Return the Spark session of this process, or a new one whose workers use this interpreter.

    Parameters
    ----------
    master
        Address of the cluster (``spark://HOST:PORT``, ``local[*]``); empty: the one that Spark's own
        configuration names (``spark-defaults.conf``), else this machine.
    settings
        Of a new session, as Spark names them.

    Raises
    ------
    ConfigError
        If the extra or Java is not installed.
    InputError
        If no master answers there.
    """
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else workers take the system's Python
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise ConfigError("Spark is not installed.", "pip install 'segmentwerk[spark]'") from error
    if active := SparkSession.getActiveSession():
        return active
    _insist_on_java()
    _insist_on_master(master)
    builder = SparkSession.builder.appName("segmentwerk")
    for name, value in {**DEFAULTS, **settings, **({"spark.master": master} if master else {})}.items():
        builder = builder.config(name, value)
    try:
        return builder.getOrCreate()
    except Exception as error:  # of py4j, which tells of Java's classes
        raise InputError(
            f"Spark does not start at {master or 'its configured master'}: {type(error).__name__}.",
            "Check the address, and that master and workers run the same version of Spark as pyspark's.",
        ) from error


@contextmanager
def opened(master: str = "", **settings: str) -> Iterator[Any]:
    """Yield `session`; afterwards one that this block opened is stopped, and another one is left running."""
    mine = not is_running()
    spark = session(master, **settings)
    try:
        yield spark
    finally:
        if mine:
            spark.stop()


def is_running() -> bool:
    """Tell whether this process has a session already."""
    loaded = sys.modules.get("pyspark.sql")
    return loaded is not None and loaded.SparkSession.getActiveSession() is not None


def _insist_on_java() -> None:
    home = os.environ.get("JAVA_HOME")
    if shutil.which(str(Path(home) / "bin" / "java") if home else "java") is None:
        where = f"below JAVA_HOME={home}" if home else "on the PATH"
        raise ConfigError(f"Spark needs Java, and there is none {where}.", "Install Java 17 or newer.")


def _insist_on_master(master: str) -> None:
    """Refuse an address where nobody answers, of several the last one."""
    if not master.startswith("spark://"):
        return
    places = master.removeprefix("spark://").split(",")
    for number, place in enumerate(places, 1):
        host, _, port = place.rpartition(":")
        if not host or not port.isdigit():
            raise ConfigError(f"{place!r} is no address of a Spark master.", "Give spark://HOST:PORT.")
        try:
            socket.create_connection((host, int(port)), WAIT).close()
            return
        except OSError as error:
            if number == len(places):
                raise InputError(
                    f"No Spark master answers at {master}: {error.strerror or type(error).__name__}.",
                    "Check the host and the port, and that the master runs.",
                ) from error

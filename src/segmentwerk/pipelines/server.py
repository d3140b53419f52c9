"""`segmentwerk server`: an MLflow server for a team, on PostgreSQL and with passwords."""

from __future__ import annotations

import importlib.util
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from segmentwerk.config import ServerSettings
from segmentwerk.core.addresses import redacted, sound, with_driver
from segmentwerk.core.context import Context
from segmentwerk.core.errors import ConfigError, InputError
from segmentwerk.core.files import locked
from segmentwerk.core.ports import reserve
from segmentwerk.tracking.experiment import reach
from segmentwerk.tracking.postgres import cluster
from segmentwerk.tracking.serving import Account, check_login, environment, names, served

log = logging.getLogger(__name__)


def run(settings: ServerSettings, _context: Context) -> dict[str, Any]:
    """Serve until Ctrl-C, then stop MLflow and the database.

    Raises
    ------
    ConfigError
        If user name or password are missing or wrong, or a package is.
    InputError
        If PostgreSQL or MLflow cannot start, or a server of this home runs already.
    """
    account = Account.from_environment()
    if importlib.util.find_spec("flask_wtf") is None:
        raise ConfigError(
            "MLflow's basic authentication is not installed.", "pip install 'segmentwerk[server]'"
        )
    folder = settings.home / "server"
    reserve(settings.host, settings.port).close()  # before a database is started in vain
    address = f"http://{settings.host}:{settings.port}"
    taken = InputError(f"A server of {folder} runs already.", "Use that one, or stop it.")
    with (
        locked(folder / "lock", taken=taken),
        _database(settings, folder) as database,
        tempfile.TemporaryDirectory() as scratch,
        served(
            _arguments(settings, folder),
            settings.host,
            settings.port,
            {**environment(database, account, Path(scratch)), **names(settings.allowed_hosts)},
            folder / "mlflow.log",
        ) as server,
    ):
        check_login(address, account)
        log.info("The server is at %s (Ctrl-C ends it). Use it with: tracking.uri=%s", address, address)
        try:
            code = server.wait()
        except KeyboardInterrupt:
            return {"address": address, "database": redacted(database)}
    raise InputError(
        f"The MLflow server on {address} ended with code {code}.", f"Its own words: {folder / 'mlflow.log'}"
    )


def _arguments(settings: ServerSettings, folder: Path) -> list[str]:
    """Ask for a password, and keep all files on the server: clients send and fetch them through it."""
    artifacts = settings.artifacts
    if artifacts is None:
        (folder / "artifacts").mkdir(exist_ok=True)
        (folder / "artifacts").chmod(0o700)  # who may read them, the server decides by account
        artifacts = (folder / "artifacts").as_uri()
    return ["server", "--app-name", "basic-auth", "--workers", "2", "--artifacts-destination", artifacts]


@contextmanager
def _database(settings: ServerSettings, folder: Path) -> Iterator[str]:
    if settings.database is None:
        log.info("Starting PostgreSQL in %s ...", folder / "postgres")
        with cluster(folder / "postgres") as url:
            yield url
        return
    database = with_driver(sound(settings.database), "psycopg", "psycopg2")
    if not database.startswith("postgresql"):
        raise ConfigError(
            f"database={redacted(settings.database)} is no PostgreSQL.",
            "Give postgresql://USER:PASSWORD@HOST/NAME, or null.",
        )
    reach(database)
    yield database

"""The address of a store: absolute, knocked at before MLflow is asked, and its database made whole."""

from __future__ import annotations

from pathlib import Path

from segmentwerk.core.addresses import is_sqlite, sound, sqlite, sqlite_at, with_driver
from segmentwerk.core.errors import ConfigError
from segmentwerk.core.files import atomic_file

VARIABLE = "MLFLOW_TRACKING_URI"
KNOCK_SECONDS = 5.0


def absolute(uri: str | None, home: Path) -> str:
    """Return the store's address with an absolute path, whatever the working directory.

    Raises
    ------
    ConfigError
        If ``uri`` is no address: MLflow 3 has no store of plain files.
    """
    if uri is None:
        return sqlite_at(home / "mlflow" / "mlflow.db")
    if "://" not in uri:
        raise ConfigError(
            "tracking.uri is no address of a store.",  # unread: it may be a token
            f"Give a database URL (sqlite:///…, postgresql://…) or a server (http://…); {VARIABLE} "
            "is used where it is null.",
        )
    if is_sqlite(uri):
        return sqlite(uri, home)
    return uri.rstrip("/") if uri.startswith("http") else with_driver(sound(uri), "psycopg", "psycopg2")


def from_environment(uri: str, folder: Path) -> str:
    """Return the address in MLflow's own variable, where a relative file is one of the working directory."""
    return sqlite(uri, folder) if is_sqlite(uri) else uri


def knock(uri: str) -> None:
    """Connect once: MLflow itself tries what is not there again and again, for minutes.

    A server is asked through MLflow's own client, which knows the certificates, accounts and proxies that
    its variables name.

    Raises
    ------
    OSError, ImportError, ValueError, mlflow.exceptions.MlflowException, sqlalchemy.exc.SQLAlchemyError
        If the store does not answer.
    """
    if uri.startswith("sqlite"):
        return
    if uri.startswith("http"):
        from mlflow.utils.credentials import get_default_host_creds
        from mlflow.utils.rest_utils import http_request

        account = get_default_host_creds(uri)  # type: ignore[no-untyped-call]  # MLflow's own
        answer = http_request(  # type: ignore[no-untyped-call]  # MLflow's own
            account, "/health", "GET", max_retries=0, timeout=KNOCK_SECONDS, raise_on_status=False
        )
        if answer.status_code >= 500:  # a proxy in front of a server that is away
            answer.raise_for_status()
        return
    from sqlalchemy import create_engine

    engine = create_engine(uri)
    try:
        engine.connect().close()
    finally:
        engine.dispose()


def create_database(uri: str) -> None:
    """Create the SQLite database that an address names, where there is none.

    MLflow lays out its tables in dozens of steps. Interrupted on its way it would leave a database that it
    can neither open nor finish, so this is done beside and moved into place, by one process at a time.

    Raises
    ------
    InputError
        If the folder cannot be made or written.
    """
    if not is_sqlite(uri):
        return
    from mlflow import MlflowClient
    from sqlalchemy.engine import make_url

    path = Path(make_url(uri).database or "")
    if path.is_file() and path.stat().st_size:
        return
    for left in path.parent.glob(f".{path.name}.*"):  # by a process that was killed on its way
        left.unlink()
    with atomic_file(path) as draft:
        MlflowClient(sqlite_at(draft)).search_experiments(max_results=1)

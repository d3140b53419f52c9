"""The address of a store: absolute, shown without its password, and knocked at before MLflow is asked."""

from __future__ import annotations

from pathlib import Path

from segmentwerk.core.errors import ConfigError

KNOCK_SECONDS = 5.0


def absolute(uri: str | None, home: Path) -> str:
    """Return the store's address with an absolute path, whatever the working directory.

    Raises
    ------
    ConfigError
        If ``uri`` is no address: MLflow 3 has no store of plain files.
    """
    if uri is None:
        return f"sqlite:///{home / 'mlflow' / 'mlflow.db'}"
    if "://" not in uri:
        raise ConfigError(
            f"tracking.uri={uri} is no address of a store.",
            "Give a database URL (sqlite:///…, postgresql://…) or a server (http://…), or null.",
        )
    if uri.startswith("sqlite:///"):
        return f"sqlite:///{(home / uri.removeprefix('sqlite:///')).resolve()}"
    return uri.rstrip("/") if uri.startswith("http") else uri


def redacted(uri: str) -> str:
    """Return the address without user and password.

    Examples
    --------
    >>> redacted("postgresql://user:secret@host/db")
    'postgresql://host/db'
    """
    scheme, _, rest = uri.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def knock(uri: str) -> None:
    """Connect once: MLflow itself tries what is not there again and again, for minutes.

    Raises
    ------
    OSError, ImportError, ValueError, sqlalchemy.exc.SQLAlchemyError
        If the store does not answer.
    """
    import requests
    from sqlalchemy import create_engine

    if uri.startswith("sqlite"):
        return
    if uri.startswith("http"):
        answer = requests.get(f"{uri}/health", timeout=KNOCK_SECONDS)
        if answer.status_code >= 500:  # a proxy in front of a server that is away
            answer.raise_for_status()
        return
    engine = create_engine(uri)
    try:
        engine.connect().close()
    finally:
        engine.dispose()

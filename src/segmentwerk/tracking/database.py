"""MLflow's own database: made whole or not at all."""

from __future__ import annotations

from pathlib import Path

from segmentwerk.core.addresses import is_sqlite, sqlite_at
from segmentwerk.core.files import atomic_file


def create(uri: str) -> None:
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

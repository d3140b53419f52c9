"""Where studies are kept: a journal file for one process at a time, or a database that machines share."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from segmentwerk.core.addresses import missing_driver, redacted, sound, with_driver
from segmentwerk.core.errors import ConfigError, InputError
from segmentwerk.core.files import locked
from segmentwerk.core.settings import TuningSettings

_DIGEST_LENGTH = 12
_ATTEMPTS = 5
_MLFLOW = {"experiments", "runs", "registered_models"}
"""Tables by which MLflow's database is known; like Optuna's, it keeps its revision in `alembic_version`."""


def study_name(name: str, digest: str) -> str:
    """Return the name under which a study is stored: readable, and another one for another configuration."""
    return f"{re.sub(r'[^a-zA-Z0-9_.]+', '-', name)}-{digest[:_DIGEST_LENGTH]}"


def journal_path(study: str, home: Path) -> Path:
    """Return the journal file of a study."""
    return Path(home) / "studies" / f"{study}.journal"


@contextmanager
def open_storage(study: str, settings: TuningSettings, home: Path) -> Iterator[BaseStorage]:
    """Yield the storage of one study.

    Without a URL in the settings it is the journal ``home/studies/<study>.journal``, held
    exclusively; the operating system lets go of it when the process dies.

    Raises
    ------
    ConfigError
        If the URL cannot be used.
    InputError
        If another process holds the journal, or the journal is damaged or cannot be written.
    """
    if settings.storage is not None:
        yield _database(settings.storage)
        return
    path = journal_path(study, home)
    taken = InputError(
        f"Study {study} is being run by another process.",
        "Wait for it, or set tuning.storage to a database URL to work on it together.",
    )
    with locked(path.with_name(f"{path.name}.held"), taken=taken):
        yield _journal(path)


def earlier_studies(study: str, storage: BaseStorage, home: Path) -> list[optuna.Study]:
    """Return the other studies of the same name, with another digest, ordered by name."""
    same_name = re.compile(re.escape(study[:-_DIGEST_LENGTH]) + rf"[0-9a-f]{{{_DIGEST_LENGTH}}}")
    if isinstance(storage, JournalStorage):
        files = sorted(journal_path(study, home).parent.glob("*.journal"))
        names = [path.stem for path in files]
    else:
        names = sorted(optuna.get_all_study_names(storage))
    earlier = [other for other in names if other != study and same_name.fullmatch(other)]
    return [
        optuna.load_study(
            study_name=other,
            storage=_replay(journal_path(other, home)) if isinstance(storage, JournalStorage) else storage,
        )
        for other in earlier
    ]


def _journal(path: Path) -> JournalStorage:
    """Open a journal that this process holds alone, whatever a killed process left behind."""
    # Optuna marks an append by this file; after a kill it would be waited for.
    Path(f"{path}.lock").unlink(missing_ok=True)
    if path.exists():
        _drop_torn_line(path)
    return _replay(path)


def _drop_torn_line(path: Path) -> None:
    """Remove an append that a kill cut short; the next one would otherwise be glued to it."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("r+b") as journal:
            journal.truncate(whole)


def _replay(path: Path) -> JournalStorage:
    try:
        return JournalStorage(JournalFileBackend(str(path), lock_obj=JournalFileOpenLock(str(path))))
    except (ValueError, KeyError) as error:
        raise InputError(
            f"The journal {path} is damaged ({error}).", "Remove it to start the study afresh."
        ) from error


def _database(given: str) -> RDBStorage:
    # SQLAlchemy takes time to import and is needed here only.
    from sqlalchemy.exc import IntegrityError, NoSuchModuleError, OperationalError, ProgrammingError

    shown = redacted(given)
    # The default, psycopg 3, is slow without its C part.
    url = with_driver(sound(given), "psycopg2", "psycopg")
    for attempt in range(_ATTEMPTS):
        try:
            _insist_on_studies(url, shown)
            return RDBStorage(url, engine_kwargs={"pool_pre_ping": True, **_options(url)})
        except (ImportError, NoSuchModuleError) as error:
            raise ConfigError(
                f"tuning.storage={shown} needs a database driver that is not installed.", missing_driver(url)
            ) from error
        except (IntegrityError, ProgrammingError, OperationalError) as error:
            # Several machines may lay out the tables of a fresh database at the same moment.
            if attempt == _ATTEMPTS - 1:
                reason = str(error.orig).strip().splitlines()[0]
                raise ConfigError(
                    f"Cannot open tuning.storage={shown}: {reason}.",
                    "Check the server, the name and the rights.",
                ) from error
            time.sleep(0.2 * (attempt + 1))
    raise AssertionError("the last attempt returns or raises")


def _options(url: str) -> dict[str, Any]:
    return {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {}


def _insist_on_studies(url: str, shown: str) -> None:
    """Refuse a database that somebody else's tables are in, before any of ours are."""
    from sqlalchemy import create_engine, inspect
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    try:
        engine = create_engine(url, connect_args=_options(url).get("connect_args", {}))
    except NoSuchModuleError:
        raise
    except (ArgumentError, ValueError) as error:
        raise ConfigError(
            "tuning.storage is not a database URL.", "Give one like postgresql://user@host/name."
        ) from error
    try:
        tables = set(inspect(engine).get_table_names())
    finally:
        engine.dispose()
    if tables >= _MLFLOW:
        raise ConfigError(
            f"tuning.storage={shown} is MLflow's database.",
            "Studies need a database of their own: name another, or null for a file below home.",
        )

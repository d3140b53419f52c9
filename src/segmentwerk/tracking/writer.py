"""The one writer: records in, MLflow runs out; a run is closed however its block ends."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segmentwerk.core.errors import ConfigError
from segmentwerk.core.files import locked
from segmentwerk.core.records import Record
from segmentwerk.tracking.encode import encode
from segmentwerk.tracking.line import Line
from segmentwerk.tracking.spool import Birth, Spool, create

if TYPE_CHECKING:
    from mlflow import MlflowClient

KEY = "segmentwerk.key"
STATUS = "status"
REASON = "status_reason"
_EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}


@lru_cache(maxsize=8)
def _client(uri: str, process: int) -> MlflowClient:  # noqa: ARG001 a forked child must not share connections
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


@dataclass(frozen=True)
class Store:
    """Where runs go.

    Parameters
    ----------
    uri
        Database URL or address of an MLflow server. None: a SQLite database below ``home``.
    home
        The project's data directory.
    enabled
        False: runs accept records and drop them.
    """

    uri: str
    home: Path
    enabled: bool

    def __init__(self, uri: str | None, home: Path, *, enabled: bool = True) -> None:
        home = Path(home).resolve()
        object.__setattr__(self, "home", home)
        object.__setattr__(self, "uri", _absolute(uri, home))
        object.__setattr__(self, "enabled", enabled)

    @property
    def client(self) -> MlflowClient:
        """MLflow's client on this store."""
        return _client(self.uri, os.getpid())

    def select(self) -> None:
        """Make this the process' store: ``models:/`` addresses and some of MLflow's calls know no other."""
        import mlflow

        mlflow.set_tracking_uri(self.uri)
        mlflow.set_registry_uri(self.uri)

    def prepare(self, experiment: str) -> str:
        """Create the database and the experiment where they are missing; return the experiment's id.

        Processes that come at once wait for each other: MLflow cannot create one database twice.

        Raises
        ------
        ConfigError
            If the experiment was deleted, or the store cannot be reached.
        """
        if not self.enabled:
            return ""
        return _prepared(self, experiment)

    @contextmanager
    def run(
        self,
        experiment: str,
        name: str,
        *,
        parent: str | None = None,
        tags: Mapping[str, str] | None = None,
        key: str | None = None,
    ) -> Iterator[Run]:
        """Open a run for the block and close it: FINISHED, FAILED with its reason, or KILLED on Ctrl-C.

        Parameters
        ----------
        parent
            Id of the run that this one is nested in.
        key
            Makes the call idempotent: the run that has this key is opened again.
        """
        run = self._open(experiment, name, parent, dict(tags or {}), key) if self.enabled else Run(None, "")
        try:
            yield run
        except KeyboardInterrupt:
            run._close("KILLED", "interrupted")
            raise
        except BaseException as error:
            run._close("FAILED", f"{type(error).__name__}: {error}")
            raise
        run._close("FINISHED")

    def sync(self) -> int:
        """Send what was kept while the store did not answer; return the number of batches sent.

        Raises
        ------
        ConfigError
            If it still does not answer.
        """
        _reach(self)
        return self._line.spool.drain(self.client)

    @property
    def _line(self) -> Line:
        return _line(self, os.getpid())

    def _open(
        self, experiment: str, name: str, parent: str | None, tags: dict[str, str], key: str | None
    ) -> Run:
        experiment_id = self.prepare(experiment)
        if key is not None:
            tags[KEY] = key
            found = self._line.ask(lambda client: _find(client, experiment_id, key))
            if found:
                return self._reopen(found[0], name)
        birth = Birth(experiment_id, name, parent, {**tags, STATUS: "started"}, _now())
        return Run(self, self._line.ask(lambda client: create(client, birth)) or self._line.spool.bear(birth))

    def _reopen(self, found: Any, name: str) -> Run:
        run_id = found.info.run_id
        self.client.update_run(run_id, status="RUNNING", name=name)
        self.client.set_tag(run_id, STATUS, "started")
        if REASON in found.data.tags:
            self.client.delete_tag(run_id, REASON)
        return Run(self, run_id)


@dataclass(frozen=True)
class Run:
    """An open run; ``id`` is empty where tracking is off."""

    store: Store | None
    id: str

    def write(self, records: Iterable[Record]) -> None:
        """Log the records, batched; where the store is away they wait on disk."""
        batch = encode(records)
        if self.store is not None:
            self.store._line.write(self.id, batch)

    def _close(self, status: str, reason: str = "") -> None:
        if self.store is None:
            return
        batch = encode([])
        batch.status = status
        batch.tags[STATUS] = "completed" if status == "FINISHED" else status.lower()
        if reason:
            batch.tags[REASON] = reason[:1000]
        self.store._line.write(self.id, batch)


@lru_cache(maxsize=8)
def _line(store: Store, process: int) -> Line:  # noqa: ARG001 a forked child must not share connections
    def answers() -> bool:
        try:
            knock(store.uri)
        except Exception:
            return False
        return True

    return Line(Spool(store.home / "mlflow" / "spool"), store.client, answers)


def _absolute(uri: str | None, home: Path) -> str:
    """Return the store's address with an absolute path, whatever the working directory."""
    if uri is None:
        return f"sqlite:///{home / 'mlflow' / 'mlflow.db'}"
    if "://" not in uri:
        raise ConfigError(
            f"tracking.uri={uri} is no address of a store.",
            "Give a database URL (sqlite:///…, postgresql://…) or a server (http://…), or null.",
        )
    if uri.startswith("sqlite:///"):
        return f"sqlite:///{(home / uri.removeprefix('sqlite:///')).resolve()}"
    return uri


@lru_cache(maxsize=64)
def _prepared(store: Store, name: str) -> str:
    """Prepare once a process; the lock is for the others."""
    with locked(store.home / "mlflow" / "prepare.lock"):
        experiment_id = _prepare(store, name)
    _line(store, os.getpid()).flush()  # what an earlier command could not send
    return experiment_id


def _prepare(store: Store, name: str) -> str:
    from mlflow.exceptions import MlflowException

    _reach(store)
    try:
        found = store.client.get_experiment_by_name(name) or _create(store, name)
    except MlflowException as error:
        raise _unreachable(store, error) from error
    if found.lifecycle_stage != "active":
        raise ConfigError(
            f"The experiment {name!r} was deleted.",
            f"Restore it (mlflow experiments restore -x {found.experiment_id}) or choose another name "
            "with tracking.experiment=…",
        )
    for key, value in _EXPERIMENT_TAGS.items():
        if found.tags.get(key) != value:
            store.client.set_experiment_tag(found.experiment_id, key, value)
    return str(found.experiment_id)


def _reach(store: Store) -> None:
    """Make sure that the store answers."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        knock(store.uri)
    except (SQLAlchemyError, OSError, ImportError, ValueError) as error:
        raise _unreachable(store, error) from error


def _unreachable(store: Store, error: Exception) -> ConfigError:
    return ConfigError(
        f"Cannot open the tracking store {_redacted(store.uri)}: {_first_line(error)}",
        "Check tracking.uri, or switch tracking off with tracking.enabled=false.",
    )


def _find(client: MlflowClient, experiment_id: str, key: str) -> Any:
    return client.search_runs([experiment_id], f"tags.`{KEY}` = '{key}'", max_results=1)


def _now() -> int:
    return time.time_ns() // 1_000_000


def knock(uri: str) -> None:
    """Connect once: MLflow itself tries what is not there again and again, for minutes."""
    import requests
    from sqlalchemy import create_engine

    if uri.startswith("sqlite"):
        return
    if uri.startswith("http"):
        requests.get(f"{uri}/health", timeout=5)
        return
    engine = create_engine(uri)
    try:
        engine.connect().close()
    finally:
        engine.dispose()


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _create(store: Store, name: str) -> Any:
    """Create the experiment, unless another machine was faster."""
    from mlflow.exceptions import MlflowException

    location = None  # a server decides itself
    if not store.uri.startswith("http"):
        location = (store.home / "mlflow" / "artifacts").as_uri()
    try:
        store.client.create_experiment(name, artifact_location=location, tags=_EXPERIMENT_TAGS)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    return store.client.get_experiment_by_name(name)


def _redacted(uri: str) -> str:
    scheme, _, rest = uri.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"

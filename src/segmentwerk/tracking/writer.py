"""The one writer: records in, MLflow runs out; a run is closed however its block ends."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segmentwerk.core.errors import ConfigError
from segmentwerk.core.files import locked
from segmentwerk.core.records import Dataset, Record
from segmentwerk.tracking.encode import Batch, encode

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger(__name__)

KEY = "segmentwerk.key"
STATUS = "status"
REASON = "status_reason"
_EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
_MAX_METRICS, _MAX_ENTRIES = 1000, 100


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

    def _open(
        self, experiment: str, name: str, parent: str | None, tags: dict[str, str], key: str | None
    ) -> Run:
        experiment_id = self.prepare(experiment)
        if key is not None:
            tags[KEY] = key
            found = self.client.search_runs([experiment_id], f"tags.`{KEY}` = '{key}'", max_results=1)
            if found:
                return self._reopen(found[0], name)
        if parent:
            tags["mlflow.parentRunId"] = parent
        created = self.client.create_run(experiment_id, run_name=name, tags={**tags, STATUS: "started"})
        return Run(self, created.info.run_id)

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
        """Log the records, batched."""
        batch = encode(records)
        if self.store is not None:
            send(self.store.client, self.id, batch)

    def _close(self, status: str, reason: str = "") -> None:
        if self.store is None:
            return
        words = {STATUS: "completed" if status == "FINISHED" else status.lower()}
        if reason:
            words[REASON] = reason[:1000]
        batch = encode([])
        batch.tags.update(words)
        send(self.store.client, self.id, batch)
        self.store.client.set_terminated(self.id, status)


def send(client: MlflowClient, run_id: str, batch: Batch) -> None:
    """Send a batch in as few requests as MLflow's limits allow; sending it twice changes nothing."""
    from mlflow.entities import Metric, Param, RunTag

    metrics = [Metric(name, value, batch.timestamp, step) for name, value, step in batch.metrics]
    params = [Param(name, value) for name, value in batch.params.items()]
    tags = [RunTag(name, value) for name, value in batch.tags.items()]
    for part in _parts(metrics, _MAX_METRICS):
        client.log_batch(run_id, metrics=part)
    for part in _parts(params, _MAX_ENTRIES):
        client.log_batch(run_id, params=part)
    for part in _parts(tags, _MAX_ENTRIES):
        client.log_batch(run_id, tags=part)
    for path, content in batch.texts.items():
        client.log_text(run_id, content, path)
    for path, folder in batch.artifacts:
        send_file = client.log_artifacts if Path(path).is_dir() else client.log_artifact
        send_file(run_id, path, folder or None)
    if batch.datasets:
        client.log_inputs(run_id, [_dataset_input(dataset) for dataset in batch.datasets])


def _parts(entries: list[Any], size: int) -> Iterator[list[Any]]:
    for begin in range(0, len(entries), size):
        yield entries[begin : begin + size]


def _dataset_input(dataset: Dataset) -> Any:
    """Describe a data set to MLflow by what identifies it, without any of its rows."""
    from mlflow.entities import Dataset as Entity
    from mlflow.entities import DatasetInput, InputTag

    columns = [{"name": name, "type": kind, "required": False} for name, kind in dataset.columns.items()]
    entity = Entity(
        name=dataset.name,
        digest=dataset.digest[:36],
        source_type="local",
        source=json.dumps({"uri": dataset.source}),
        schema=json.dumps({"mlflow_colspec": columns}),
        profile=json.dumps({"num_rows": dataset.rows, "num_elements": dataset.rows * len(columns)}),
    )
    return DatasetInput(entity, [InputTag("mlflow.data.context", dataset.context)])


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
        return _prepare(store, name)


def _prepare(store: Store, name: str) -> str:
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        _knock(store.uri)
        found = store.client.get_experiment_by_name(name) or _create(store, name)
    except (MlflowException, SQLAlchemyError, OSError, ImportError, ValueError) as error:
        raise ConfigError(
            f"Cannot open the tracking store {_redacted(store.uri)}: {_first_line(error)}",
            "Check tracking.uri, or switch tracking off with tracking.enabled=false.",
        ) from error
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


def _knock(uri: str) -> None:
    """Connect once: MLflow itself tries what is not there again and again, for minutes."""
    import requests
    from sqlalchemy import create_engine

    if uri.startswith("sqlite"):
        return
    if uri.startswith("http"):
        requests.get(f"{uri}/health", timeout=10)
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

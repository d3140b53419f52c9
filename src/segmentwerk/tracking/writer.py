"""The one writer: records in, MLflow runs out; a run is closed however its block ends."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from segmentwerk.core.errors import brief
from segmentwerk.core.files import locked
from segmentwerk.core.interruption import is_interruption
from segmentwerk.core.records import Record
from segmentwerk.core.veil import veiled
from segmentwerk.tracking import experiment as experiments
from segmentwerk.tracking.address import absolute, create_database, knock
from segmentwerk.tracking.encode import encode
from segmentwerk.tracking.machine_load import watched
from segmentwerk.tracking.outbox import KEY, OFFLINE, REASON, STATUS, Outbox, RunSpec

if TYPE_CHECKING:
    from mlflow import MlflowClient


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
        object.__setattr__(self, "uri", absolute(uri, home))
        object.__setattr__(self, "enabled", enabled)

    @property
    def client(self) -> MlflowClient:
        """MLflow's client on this store.

        Raises
        ------
        ConfigError
            If the database cannot be opened, or is none of MLflow's.
        """
        try:
            return _client(self.uri, os.getpid())
        except experiments.failures() as error:
            raise experiments.unreachable(self.uri, error) from error

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
    def preparing(self, experiment: str) -> Iterator[None]:
        """Run `prepare` beside the block, since a new database takes seconds; its errors follow the block."""
        if not self.enabled:
            yield
            return
        import mlflow  # noqa: F401 two threads must not import the same packages

        with ThreadPoolExecutor(1, "prepare-store") as background:
            prepared = background.submit(self.prepare, experiment)
            yield
            prepared.result()

    @contextmanager
    def run(
        self,
        experiment: str,
        name: str,
        *,
        parent: str | None = None,
        tags: Mapping[str, str] | None = None,
        key: str | None = None,
        watching: bool = False,
    ) -> Iterator[Run]:
        """Open a run for the block and close it: FINISHED, FAILED with its reason, or KILLED on Ctrl-C.

        Parameters
        ----------
        parent
            Id of the run that this one is nested in.
        key
            Makes the call idempotent: the run that has this key is opened again.
        watching
            Whether the machine's load is written to it while it is open. MLflow shows that before everything
            else, so it belongs on a run of its own.
        """
        run = self._open(experiment, name, parent, dict(tags or {}), key) if self.enabled else Run(None, "")
        try:
            with run._watched() if watching else nullcontext():
                yield run
        except BaseException as error:
            if is_interruption(error):
                run._close("KILLED", "interrupted")
            else:
                run._close("FAILED", brief(error))
            raise
        else:
            run._close("FINISHED")
        finally:
            if self.enabled and parent is None:
                self._outbox.last_try()

    def finished(self, experiment: str, parent: Run) -> dict[str, Run]:
        """Return the finished runs nested in ``parent``, by key; none where the store is away."""
        if not parent.is_known:
            return {}
        run_ids = self._outbox.finished(self.prepare(experiment), parent.id)
        return {key: Run(self, run_id) for key, run_id in run_ids.items()}

    def sync(self) -> int:
        """Send what was kept while the store did not answer; return the number of batches sent.

        Raises
        ------
        ConfigError
            If it still does not answer, or does not let us in.
        """
        experiments.reach(self.uri)
        with locked(self.home / "mlflow" / "prepare.lock"):
            create_database(self.uri)
        try:
            return self._outbox.drain()
        except experiments.failures() as error:
            raise experiments.unreachable(self.uri, error) from error

    def answers(self, patience: float = 0.0) -> bool:
        """Return whether the store is there, waiting for it up to ``patience`` seconds."""
        return self._outbox.wait(patience)

    @property
    def _outbox(self) -> Outbox:
        return _outbox(self, os.getpid())

    def _open(
        self, experiment: str, name: str, parent: str | None, tags: dict[str, str], key: str | None
    ) -> Run:
        tags |= {KEY: (key or uuid.uuid4().hex).replace("'", "_"), STATUS: "started"}  # it is searched for
        spec = RunSpec(self.prepare(experiment), name, parent, tags, time.time_ns() // 1_000_000)
        return Run(self, self._outbox.open(spec, again=key is not None))


@dataclass(frozen=True)
class Run:
    """An open run; ``id`` is empty where tracking is off."""

    store: Store | None
    id: str

    def write(self, records: Iterable[Record]) -> None:
        """Log the records, batched; where the store is away they wait on disk."""
        batch = encode(records)
        if self.store is not None:
            self.store._outbox.write(self.id, batch)

    @property
    def is_known(self) -> bool:
        """Return whether the store knows the run by its id: not if it began while the store was away."""
        return bool(self.id) and not self.id.startswith(OFFLINE)

    def _watched(self) -> AbstractContextManager[None]:
        return watched(self.write) if self.store is not None else nullcontext()

    def _close(self, status: str, reason: str = "") -> None:
        if self.store is None:
            return
        batch = encode([])
        batch.status = status
        batch.tags[STATUS] = "completed" if status == "FINISHED" else status.lower()
        if reason:
            batch.tags[REASON] = veiled(reason)[:1000]
        self.store._outbox.write(self.id, batch)


@lru_cache(maxsize=8)
def _outbox(store: Store, process: int) -> Outbox:  # noqa: ARG001 a forked child must not share connections
    return Outbox.of(store.home, store.uri, store.client, lambda: _answers(store.uri))


def _answers(uri: str) -> bool:
    try:
        knock(uri)
    except Exception:
        return False
    return True


@lru_cache(maxsize=64)
def _prepared(store: Store, name: str) -> str:
    """Prepare once a process; the lock is for the others."""
    with locked(store.home / "mlflow" / "prepare.lock"):
        experiments.reach(store.uri)  # before MLflow's client, which tries for minutes
        create_database(store.uri)
        experiment_id = experiments.prepare(store.client, store.uri, store.home, name)
    _outbox(store, os.getpid()).flush()  # what an earlier command could not send
    return experiment_id

"""What could not be sent waits on disk, run by run and in order, until the store answers again."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import time
import uuid
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segmentwerk.core.addresses import redacted
from segmentwerk.core.files import atomic_file, locked
from segmentwerk.core.records import Dataset
from segmentwerk.tracking.encode import Batch
from segmentwerk.tracking.outbox.store_requests import (
    OFFLINE,
    OFFLINE_TAG,
    RunSpec,
    is_refusal,
    send,
    settle,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger(__name__)

SPEC, ADDRESS, REFUSED = "birth.json", "store.txt", ".refused"


@dataclass(frozen=True)
class Spool:
    """The batches that wait for one store: a folder a run, a file a batch, named by the time."""

    folder: Path
    address: str
    """Of the store, without its password."""

    @classmethod
    def of(cls, home: Path, uri: str) -> Spool:
        """Return the spool of one store; another store must never be sent its batches."""
        address = redacted(uri)
        return cls(_root(home) / hashlib.sha256(address.encode()).hexdigest()[:16], address)

    def note(self, spec: RunSpec) -> str:
        """Note a run that is to be created and return its id for the time being."""
        run_id = f"{OFFLINE}{uuid.uuid4().hex}"
        tags = {**spec.tags, OFFLINE_TAG: run_id}
        self._write(self.folder / run_id / SPEC, asdict(replace(spec, tags=tags)))
        return run_id

    def append(self, run_id: str, batch: Batch) -> None:
        """Keep a batch with copies of its files."""
        with self._lock():
            stem = self.folder / run_id / f"{time.time_ns():020d}"
            copies = []
            for number, (path, folder) in enumerate(batch.artifacts):
                copy = stem.with_suffix(".files") / str(number) / Path(path).name
                copy.parent.mkdir(parents=True)
                (shutil.copytree if Path(path).is_dir() else shutil.copyfile)(path, copy)
                copies.append((str(copy), folder))
            self._write(stem.with_suffix(".json"), asdict(replace(batch, artifacts=copies)))

    def waits(self, run_id: str) -> bool:
        """Return whether anything of this run waits, so that what comes after must wait, too."""
        return any((self.folder / run_id).glob("[0-9]*.json"))

    def waiting(self) -> int:
        """Return the number of batches that wait."""
        return sum(1 for _ in self.folder.glob("*/[0-9]*.json"))

    def refused(self) -> int:
        """Return the number of batches and runs that the store did not accept."""
        return sum(1 for _ in self.folder.glob(f"*/*{REFUSED}"))

    def is_empty(self) -> bool:
        """Return whether nothing waits."""
        return not self.waiting() and not any(self.folder.glob(f"*/{SPEC}"))

    def drain(self, client: MlflowClient) -> int:
        """Send everything that waits, oldest run first; return the number of batches sent.

        Stops at the first failure with that error; what was sent is gone from the disk by then. What
        the store refuses is kept aside as ``.refused`` with a warning.
        """
        if not self.folder.is_dir():
            return 0
        with self._lock():
            runs = [folder for folder in self.folder.iterdir() if folder.is_dir()]
            return sum(self._drain(client, folder) for folder in sorted(runs, key=_age))

    def _drain(self, client: MlflowClient, folder: Path) -> int:
        run_id = _settled(client, folder)
        if run_id is None:
            return 0
        sent, closed = 0, not folder.name.startswith(OFFLINE)
        for file in sorted(folder.glob("[0-9]*.json")):
            batch = _read(file)
            closed = closed or batch.status is not None
            try:
                send(client, run_id, batch)
            except Exception as error:
                _set_aside(file, error)
                continue
            sent += 1
            file.unlink()
            shutil.rmtree(file.with_suffix(".files"), ignore_errors=True)
        if closed and not any(folder.glob("[0-9]*")):  # an open run that began offline is needed further
            shutil.rmtree(folder)
        return sent

    def _lock(self) -> AbstractContextManager[None]:
        return locked(self.folder / "lock")

    def _write(self, path: Path, content: Any) -> None:
        note = self.folder / ADDRESS
        if not note.exists():
            with atomic_file(note) as draft:
                draft.write_text(self.address, encoding="utf-8")
        with atomic_file(path) as draft:
            draft.write_text(json.dumps(content), encoding="utf-8")


@dataclass(frozen=True)
class Backlog:
    """What waits in a data directory for one store, in batches; ``refused`` are also runs."""

    store: str
    waiting: int
    refused: int
    folder: Path


def backlogs(home: Path) -> list[Backlog]:
    """Return what is kept in a data directory, by store; nothing for stores that have everything."""
    spools = [
        Spool(note.parent, note.read_text(encoding="utf-8"))
        for note in sorted(_root(home).glob(f"*/{ADDRESS}"))
    ]
    waiting = [Backlog(spool.address, spool.waiting(), spool.refused(), spool.folder) for spool in spools]
    return [entry for entry in waiting if entry.waiting or entry.refused]


def _root(home: Path) -> Path:
    return home / "mlflow" / "spool"


def _age(folder: Path) -> str:
    """Return what orders runs by their beginning, so that parents come before their children."""
    spec = folder / SPEC
    return f"{json.loads(spec.read_text())['start']:020d}" if spec.is_file() else ""


def _read(file: Path) -> Batch:
    content = json.loads(file.read_text(encoding="utf-8"))
    content["datasets"] = [Dataset(**dataset) for dataset in content["datasets"]]
    return Batch(**content)


def _settled(client: MlflowClient, folder: Path) -> str | None:
    """Return the store's id of the folder's run, created where need be; None if the store refuses it."""
    note = folder / SPEC
    if not folder.name.startswith(OFFLINE):
        return folder.name
    if not note.is_file():  # refused before
        return None
    try:
        return settle(client, RunSpec(**json.loads(note.read_text(encoding="utf-8"))))
    except Exception as error:
        _set_aside(note, error)
        return None


def _set_aside(file: Path, error: Exception) -> None:
    """Keep what the store refused; raise where it did not answer."""
    if not is_refusal(error):
        raise error
    logger.warning("The tracking store refuses %s: %s", file, error)
    file.rename(file.with_suffix(REFUSED))

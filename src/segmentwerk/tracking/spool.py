"""What could not be sent waits on disk, run by run and in order, until the store answers again."""

from __future__ import annotations

import json
import logging
import shutil
import time
import uuid
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segmentwerk.core.files import atomic_file, locked
from segmentwerk.core.records import Dataset
from segmentwerk.tracking.encode import Batch
from segmentwerk.tracking.send import is_refusal, send

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger(__name__)

OFFLINE = "offline-"
OFFLINE_TAG = "segmentwerk.offline"
"""Tag of a run that began while the store was away; it finds the run again under its first id."""
BIRTH = "birth.json"


@dataclass(frozen=True)
class Birth:
    """A run that is still to be created."""

    experiment_id: str
    name: str
    parent: str | None
    tags: dict[str, str]
    start: int


@dataclass(frozen=True)
class Spool:
    """The waiting batches below one folder: a folder a run, a file a batch, named by the time."""

    folder: Path

    def bear(self, birth: Birth) -> str:
        """Note a run that is to be created and return its id for the time being."""
        run_id = f"{OFFLINE}{uuid.uuid4().hex}"
        tags = {**birth.tags, OFFLINE_TAG: run_id}
        self._write(self.folder / run_id / BIRTH, asdict(replace(birth, tags=tags)))
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

    def is_empty(self) -> bool:
        """Return whether nothing waits."""
        return not any(self.folder.glob("*/[0-9]*.json")) and not any(self.folder.glob(f"*/{BIRTH}"))

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
        run_id = _real_id(client, folder) if folder.name.startswith(OFFLINE) else folder.name
        sent, closed = 0, not folder.name.startswith(OFFLINE)
        for file in sorted(folder.glob("[0-9]*.json")):
            batch = _read(file)
            closed = closed or batch.status is not None
            try:
                send(client, run_id, batch)
            except Exception as error:
                if not is_refusal(error):
                    raise
                logger.warning("The tracking store refuses %s: %s", file, error)
                file.rename(file.with_suffix(".refused"))
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
        with atomic_file(path) as draft:
            draft.write_text(json.dumps(content), encoding="utf-8")


def _age(folder: Path) -> str:
    """Return what orders runs by their beginning, so that parents come before their children."""
    birth = folder / BIRTH
    return f"{json.loads(birth.read_text())['start']:020d}" if birth.is_file() else ""


def _read(file: Path) -> Batch:
    content = json.loads(file.read_text(encoding="utf-8"))
    content["datasets"] = [Dataset(**dataset) for dataset in content["datasets"]]
    return Batch(**content)


def _real_id(client: MlflowClient, folder: Path) -> str:
    """Create the run unless an interrupted drain did; return its id in the store."""
    birth = Birth(**json.loads((folder / BIRTH).read_text(encoding="utf-8")))
    found = find_offline(client, birth.experiment_id, folder.name)
    if found is not None:
        return found
    return create(client, birth)


def create(client: MlflowClient, birth: Birth) -> str:
    """Create a run in the store and return its id there."""
    tags, parent = dict(birth.tags), birth.parent
    if parent and parent.startswith(OFFLINE):
        parent = find_offline(client, birth.experiment_id, parent)
    if parent:
        tags["mlflow.parentRunId"] = parent
    return str(client.create_run(birth.experiment_id, birth.start, tags, birth.name).info.run_id)


def find_offline(client: MlflowClient, experiment_id: str, run_id: str) -> str | None:
    """Return the store's id of a run that began offline; None where it has none yet."""
    found = client.search_runs([experiment_id], f"tags.`{OFFLINE_TAG}` = '{run_id}'", max_results=1)
    return str(found[0].info.run_id) if found else None

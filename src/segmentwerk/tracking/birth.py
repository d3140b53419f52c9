"""How a run comes into the store exactly once, even if the answer to its creation was lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient

KEY = "segmentwerk.key"
"""Tag that identifies a run whatever its id; it finds one that exists already."""
OFFLINE = "offline-"
OFFLINE_TAG = "segmentwerk.offline"
"""Tag of a run that began while the store was away; it finds the run again under its first id."""
STATUS, REASON = "status", "status_reason"
MAX_RUNS = 10_000
"""Runs that are asked for at once."""


@dataclass(frozen=True)
class Birth:
    """A run that is to be created; ``tags`` hold its key, ``start`` is in milliseconds."""

    experiment_id: str
    name: str
    parent: str | None
    tags: dict[str, str]
    start: int


def create(client: MlflowClient, birth: Birth) -> str:
    """Create a run in the store and return its id there."""
    tags, parent = dict(birth.tags), birth.parent
    if parent and parent.startswith(OFFLINE):
        parent = _id(find(client, birth.experiment_id, OFFLINE_TAG, parent))
    if parent:
        tags["mlflow.parentRunId"] = parent
    return str(client.create_run(birth.experiment_id, birth.start, tags, birth.name).info.run_id)


def obtain(client: MlflowClient, birth: Birth) -> str:
    """Open the run that has the birth's key again; create it where there is none. Return its id."""
    from mlflow.entities import RunTag

    found = find(client, birth.experiment_id, KEY, birth.tags[KEY])
    if found is None:
        return create(client, birth)
    run_id = str(found.info.run_id)
    client.update_run(run_id, status="RUNNING", name=birth.name)
    client.log_batch(run_id, tags=[RunTag(name, value) for name, value in birth.tags.items()])
    if REASON in found.data.tags:
        client.delete_tag(run_id, REASON)
    return run_id


def settle(client: MlflowClient, birth: Birth) -> str:
    """Return the store's id of a run that began offline; it may be there from an interrupted attempt."""
    found = find(client, birth.experiment_id, OFFLINE_TAG, birth.tags[OFFLINE_TAG])
    return _id(found) or obtain(client, birth)


def find(client: MlflowClient, experiment_id: str, tag: str, value: str) -> Any:
    """Return the run with a tag; None if there is none."""
    found = client.search_runs([experiment_id], f"tags.`{tag}` = '{value}'", max_results=1)
    return found[0] if found else None


def finished(client: MlflowClient, experiment_id: str, parent: str) -> frozenset[str]:
    """Return the keys of the finished runs that are nested in another."""
    asked = f"tags.mlflow.parentRunId = '{parent}' and attributes.status = 'FINISHED'"
    found = client.search_runs([experiment_id], asked, max_results=MAX_RUNS)
    return frozenset(run.data.tags[KEY] for run in found if KEY in run.data.tags)


def _id(run: Any) -> str | None:
    return str(run.info.run_id) if run is not None else None

"""What is asked of MLflow: a run exactly once, even if an answer is lost; batches that may come twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segmentwerk.core.records import Dataset
from segmentwerk.tracking.encode import Batch

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
MAX_METRICS, MAX_ENTRIES = 1000, 100
_REFUSALS = {"BAD_REQUEST", "INVALID_PARAMETER_VALUE", "INVALID_STATE", "RESOURCE_DOES_NOT_EXIST"}
"""A missing or wrong password is none: with the right one the same records are welcome."""


@dataclass(frozen=True)
class RunSpec:
    """A run that is to be created; ``tags`` hold its key, ``start`` is in milliseconds."""

    experiment_id: str
    name: str
    parent: str | None
    tags: dict[str, str]
    start: int


def create(client: MlflowClient, spec: RunSpec) -> str:
    """Create a run in the store and return its id there."""
    tags, parent = dict(spec.tags), spec.parent
    if parent and parent.startswith(OFFLINE):
        parent = _id(find(client, spec.experiment_id, OFFLINE_TAG, parent))
    if parent:
        tags["mlflow.parentRunId"] = parent
    return str(client.create_run(spec.experiment_id, spec.start, tags, spec.name).info.run_id)


def obtain(client: MlflowClient, spec: RunSpec) -> str:
    """Open the run that has the key again; create it where there is none. Return its id."""
    from mlflow.entities import RunTag

    run = find(client, spec.experiment_id, KEY, spec.tags[KEY])
    if run is None:
        return create(client, spec)
    run_id = str(run.info.run_id)
    client.update_run(run_id, status="RUNNING", name=spec.name)
    client.log_batch(run_id, tags=[RunTag(name, value) for name, value in spec.tags.items()])
    if REASON in run.data.tags:
        client.delete_tag(run_id, REASON)
    return run_id


def settle(client: MlflowClient, spec: RunSpec) -> str:
    """Return the store's id of a run that began offline; it may be there from an interrupted attempt."""
    run = find(client, spec.experiment_id, OFFLINE_TAG, spec.tags[OFFLINE_TAG])
    return _id(run) or obtain(client, spec)


def find(client: MlflowClient, experiment_id: str, tag: str, value: str) -> Any:
    """Return the run with a tag; None if there is none."""
    runs = client.search_runs([experiment_id], f"tags.`{tag}` = '{value}'", max_results=1)
    return runs[0] if runs else None


def finished(client: MlflowClient, experiment_id: str, parent: str) -> dict[str, str]:
    """Return the ids of the finished runs that are nested in another, by their keys."""
    condition = f"tags.mlflow.parentRunId = '{parent}' and attributes.status = 'FINISHED'"
    runs = client.search_runs([experiment_id], condition, max_results=MAX_RUNS)
    return {run.data.tags[KEY]: str(run.info.run_id) for run in runs if KEY in run.data.tags}


def _id(run: Any) -> str | None:
    return str(run.info.run_id) if run is not None else None


def send(client: MlflowClient, run_id: str, batch: Batch) -> None:
    """Send a batch to a run, and close the run if the batch says so.

    Metrics carry the batch's own timestamp and parameters cannot change, so that MLflow recognises
    what it already has.
    """
    from mlflow.entities import Metric, Param, RunTag

    metrics = [Metric(name, value, batch.timestamp, step) for name, value, step in batch.metrics]
    params = [Param(name, value) for name, value in batch.params.items()]
    tags = [RunTag(name, value) for name, value in batch.tags.items()]
    for part in _parts(metrics, MAX_METRICS):
        client.log_batch(run_id, metrics=part)
    for part in _parts(params, MAX_ENTRIES):
        client.log_batch(run_id, params=part)
    for part in _parts(tags, MAX_ENTRIES):
        client.log_batch(run_id, tags=part)
    for path, content in batch.texts.items():
        client.log_text(run_id, content, path)
    for path, folder in batch.artifacts:
        upload = client.log_artifacts if Path(path).is_dir() else client.log_artifact
        upload(run_id, path, folder or None)
    if batch.datasets:
        client.log_inputs(run_id, [_dataset_input(dataset) for dataset in batch.datasets])
    if batch.status:
        client.set_terminated(run_id, batch.status, batch.timestamp)


def is_refusal(error: Exception) -> bool:
    """Return whether the store answered and said no, so that trying again is of no use."""
    return getattr(error, "error_code", None) in _REFUSALS


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

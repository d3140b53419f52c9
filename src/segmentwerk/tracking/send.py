"""Batches to MLflow, in as few requests as its limits allow; sending one twice changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segmentwerk.core.records import Dataset
from segmentwerk.tracking.encode import Batch

if TYPE_CHECKING:
    from mlflow import MlflowClient

MAX_METRICS, MAX_ENTRIES = 1000, 100
_REFUSALS = {"BAD_REQUEST", "INVALID_PARAMETER_VALUE", "INVALID_STATE", "RESOURCE_DOES_NOT_EXIST"}
"""A missing or wrong password is none: with the right one the same records are welcome."""


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

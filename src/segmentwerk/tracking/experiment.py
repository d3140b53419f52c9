"""The experiment: made once for all processes, opened by the UI as model training with fitting columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from segmentwerk.core.addresses import is_sqlite, missing_driver, redacted
from segmentwerk.core.errors import ConfigError
from segmentwerk.core.veil import veiled
from segmentwerk.tracking.address import knock

if TYPE_CHECKING:
    from mlflow import MlflowClient

COMPARISONS, CANDIDATES = "comparisons", "candidates"
_VIEW = "mlflow.sharedViewState."
_WRONG_HOST = "Invalid Host header"
"""MLflow's words for a name that it was not told of."""


def reach(uri: str) -> None:
    """Make sure that the store answers.

    Raises
    ------
    ConfigError
        If it does not.
    """
    silent: tuple[type[Exception], ...] = (*failures(), ImportError, ValueError)
    try:
        knock(uri)
    except silent as error:
        raise unreachable(uri, error) from error


def prepare(client: MlflowClient, uri: str, home: Path, name: str) -> str:
    """Create the database and the experiment where they are missing; return the experiment's id.

    Raises
    ------
    ConfigError
        If the experiment was deleted, or the store does not let us in.
    """
    try:
        experiment = client.get_experiment_by_name(name) or _create(client, uri, home, name)
    except failures() as error:
        raise unreachable(uri, error) from error
    if experiment.lifecycle_stage != "active":
        raise ConfigError(
            f"The experiment {name!r} was deleted.",
            f"Restore it (mlflow experiments restore -x {experiment.experiment_id}) or choose another name "
            "with tracking.experiment=…",
        )
    for key, value in tags().items():
        if experiment.tags.get(key) != value:
            client.set_experiment_tag(experiment.experiment_id, key, value)
    return str(experiment.experiment_id)


def page(address: str, experiment_id: str, run_id: str | None = None) -> str:
    """Return where a browser finds the comparisons, or one run.

    The UI of MLflow 3 shows every page in its frame for language models unless the address itself says
    otherwise; no tag of the experiment changes that.
    """
    frame = "workflowType=machine_learning"
    if run_id:
        return f"{address}/#/experiments/{experiment_id}/runs/{run_id}?{frame}"
    return f"{address}/#/experiments/{experiment_id}/runs?{frame}&viewStateShareKey={COMPARISONS}"


def tags() -> dict[str, str]:
    """Return the experiment's tags: its kind, and the views that the UI lists under "Views"."""
    return {
        "mlflow.experimentKind": "custom_model_development",
        _VIEW + COMPARISONS: _view(
            "Comparisons",
            "tags.verb = 'compare'",
            ["tags.winner", "params.n_segments", "tags.verdict", "tags.source", "tags.as_of", "tags.status"],
        ),
        _VIEW + CANDIDATES: _view(
            "Candidates", "tags.gates LIKE '%ed'", ["tags.gates", "params.n_segments", "attributes.Models"]
        ),
    }


_SCORES = (
    "separation/gain",
    "stability/agreement",
    "stability/prediction_strength",
    "value/explained",
    "targeting/gain",
)


def _view(name: str, search: str, columns: list[str]) -> str:
    """Describe a saved view of the run table as MLflow's UI keeps it in a tag of the experiment."""
    shown = [column.replace(".", ".`", 1) + "`" for column in columns]
    shown += [f"metrics.`{score}`" for score in _SCORES]
    state = {
        "searchFilter": search,
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,
        "selectedColumns": shown,
        "columnOrder": shown,
    }
    return json.dumps({"name": name, "createdAt": 0, "updatedAt": 0, "state": json.dumps(state)})


def _create(client: MlflowClient, uri: str, home: Path, name: str) -> Any:
    """Create the experiment, unless another machine was faster."""
    from mlflow.exceptions import MlflowException

    location = None  # a server decides itself
    if not uri.startswith("http"):
        location = (home / "mlflow" / "artifacts").as_uri()
    try:
        client.create_experiment(name, artifact_location=location, tags=tags())
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    return client.get_experiment_by_name(name)


def failures() -> tuple[type[Exception], ...]:
    """Return what MLflow's client raises where a store is away, says no, or holds tables of another kind."""
    from alembic.util import CommandError
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return MlflowException, SQLAlchemyError, CommandError, OSError


def unreachable(uri: str, error: Exception) -> ConfigError:
    """Say that a store cannot be used, and what to do about it."""
    return ConfigError(
        f"Cannot open the tracking store {redacted(uri)}: {_words(error)}", _remedy(uri, error)
    )


def _words(error: Exception) -> str:
    """Return the error's own first line, unless it may quote a part of a password."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import ArgumentError

    # That of a server's answer, or of a network's silence, quotes the address as it is shown.
    if isinstance(error, ValueError | ArgumentError) and not isinstance(error, MlflowException | OSError):
        return "it cannot be read as an address."
    return veiled(str(error).strip().partition("\n")[0].rstrip(".")) + "."


def _remedy(uri: str, error: Exception) -> str:
    if _WRONG_HOST in str(error):
        name = urlsplit(uri).netloc.rpartition("@")[2]
        return (
            f"The server does not know its name {name}. Start it with MLFLOW_SERVER_ALLOWED_HOSTS={name} "
            "(mlflow server), or allowed_hosts=[…] (segmentwerk server)."
        )
    if getattr(error, "error_code", None) in ("UNAUTHENTICATED", "PERMISSION_DENIED"):
        return "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD to your account on the server."
    if isinstance(error, ImportError):
        return missing_driver(uri)
    if is_sqlite(uri):
        return (
            "If the file is damaged, or another version of MLflow made it, move it away or name another: "
            "tracking.uri=…"
        )
    return "Check tracking.uri, or switch tracking off with tracking.enabled=false."

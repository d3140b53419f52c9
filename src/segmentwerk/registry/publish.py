"""From a package on disk to a version in the registry, linked to the run that made it."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import yaml

from segmentwerk.core.errors import ConfigError, ModelError, denied
from segmentwerk.core.files import locked
from segmentwerk.core.inventory import NOTE, bar_byte_code, inventory
from segmentwerk.core.quiet import without_search_for_packages
from segmentwerk.registry.package import sha256
from segmentwerk.shipped.model_catalogue import ACCOUNT, OUTPUTS, Catalogue

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHALLENGER = "challenger"
FILES = "files"
"""Tag of a version: SHA-256 by path of every file that was registered (JSON)."""
REQUIREMENTS = ("mlflow-skinny", "numpy", "pandas", "onnxruntime")
MAX_DESCRIPTION = 5000
"""Width of the registry's column in a PostgreSQL database."""


class ModelStore(Protocol):
    """Where runs and models are kept (`tracking.writer.Store`)."""

    @property
    def uri(self) -> str:
        """Address of the store."""

    @property
    def home(self) -> Path:
        """The project's data directory."""

    @property
    def client(self) -> MlflowClient:
        """MLflow's client on the store."""

    def select(self) -> None:
        """Make it the store of this process."""


class OpenRun(Protocol):
    """An open run (`tracking.writer.Run`)."""

    @property
    def id(self) -> str:
        """The run's id; empty where tracking is off."""

    @property
    def store(self) -> ModelStore | None:
        """The run's store; None where tracking is off."""


def register(
    run: OpenRun,
    folder: Path,
    *,
    model_name: str,
    metrics: Mapping[str, float],
    description: str,
    tags: Mapping[str, str] | None = None,
) -> int:
    """Log the package as a model of the run and register it as the next version, alias ``challenger``.

    The model is loaded and asked for its input example before anything is registered. What the same run
    registered before it was interrupted, and is the same package, is not registered again.

    Parameters
    ----------
    run
        The open run that made the model.
    folder
        The package that `registry.package.save` wrote.
    metrics
        Finite numbers shown with the model.
    description
        The model card, Markdown.

    Returns
    -------
    int
        The version.

    Raises
    ------
    ConfigError
        If tracking is switched off.
    ModelError
        If the package does not load or cannot score.
    DeniedError
        If the account may not add a version to that model.
    """
    if run.store is None:
        raise ConfigError(
            "A model can only be registered while tracking is on.", "Set tracking.enabled=true."
        )
    run.store.select()
    with locked(lock_file(run.store, model_name)):
        registered = _registered(run.store.client, run.id, folder, model_name)
        if registered is None:
            registered = _new_version(run, folder, model_name, metrics, description, tags)
        run.store.client.set_registered_model_alias(model_name, CHALLENGER, str(registered))
    return registered


def _registered(client: MlflowClient, run_id: str, folder: Path, model_name: str) -> int | None:
    """Return the version that a run made of a package, or None."""
    versions = client.search_model_versions(f"name = '{model_name}'")
    digest = sha256(folder / "digests.json")
    same = [one for one in versions if one.run_id == run_id and one.tags.get("digest") == digest]
    return max((int(one.version) for one in same), default=None)


def _new_version(
    run: OpenRun,
    folder: Path,
    model_name: str,
    metrics: Mapping[str, float],
    description: str,
    tags: Mapping[str, str] | None,
) -> int:
    assert run.store is not None
    catalogue = Catalogue.from_json((folder / "catalogue.json").read_bytes())
    with tempfile.TemporaryDirectory() as scratch:
        draft = _Draft(run.store.client, run.id, folder, catalogue, model_name, Path(scratch))
        try:
            draft.upload(draft.next_version())
            return draft.create_version(description[:MAX_DESCRIPTION], dict(tags or {}), metrics)
        except BaseException as error:
            draft.client.finalize_logged_model(draft.model_id, "FAILED")
            if getattr(error, "error_code", None) == "PERMISSION_DENIED":
                raise denied(f"change the registered model {model_name}") from error
            raise


def describe(store: ModelStore, model_name: str, version: int, description: str) -> None:
    """Replace a version's description by a longer one, as far as the registry takes it."""
    store.client.update_model_version(model_name, str(version), description[:MAX_DESCRIPTION])


def lock_file(store: ModelStore, model_name: str) -> Path:
    """Return the lock that every change of one registered model holds."""
    return store.home / "registry" / f"{model_name}.lock"


@dataclass
class _Draft:
    """One model on its way into the registry."""

    client: MlflowClient
    run_id: str
    folder: Path
    catalogue: Catalogue
    model_name: str
    scratch: Path
    guess: int = 0
    files: str = ""

    def __post_init__(self) -> None:
        experiment = self.client.get_run(self.run_id).info.experiment_id
        created = self.client.create_logged_model(
            experiment, name=self.model_name, source_run_id=self.run_id, model_type="segmentation"
        )
        self.model_id = created.model_id

    def next_version(self) -> int:
        """Return the number that the registry will give, unless another machine is faster."""
        known = self.client.search_model_versions(f"name = '{self.model_name}'")
        return 1 + max((int(entry.version) for entry in known), default=0)

    def upload(self, number: int) -> None:
        """Save the model with its version inside, try it, and upload it."""
        path = self.scratch / str(number)
        save_pyfunc(path, self.folder, self.catalogue, number, self.model_id, self.run_id)
        _note_version(path, self.model_name, number)
        rehearse(path)
        self.files = json.dumps(inventory(path))
        self.client.log_model_artifacts(self.model_id, str(path))
        self.guess = number

    def create_version(self, description: str, tags: dict[str, str], metrics: Mapping[str, float]) -> int:
        """Create the version, link model and run, and return the version's number."""
        from mlflow.entities import LoggedModelOutput, Metric

        self.client.finalize_logged_model(self.model_id, "READY")
        self.client.log_outputs(self.run_id, [LoggedModelOutput(self.model_id, step=0)])
        now = time.time_ns() // 1_000_000
        numbers = [
            Metric(name, value, now, 0, model_id=self.model_id, run_id=self.run_id)
            for name, value in metrics.items()
        ]
        self.client.log_batch(self.run_id, metrics=numbers)
        _ensure_registered_model(self.client, self.model_name)
        tags = {**tags, "digest": sha256(self.folder / "digests.json"), FILES: self.files}
        created = self.client.create_model_version(
            self.model_name,
            f"models:/{self.model_id}",
            run_id=self.run_id,
            tags=tags,
            description=description,
            model_id=self.model_id,
        )
        if int(created.version) != self.guess:
            self.upload(int(created.version))
            self.client.set_model_version_tag(self.model_name, created.version, FILES, self.files)
        return int(created.version)


def _ensure_registered_model(client: MlflowClient, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def save_pyfunc(
    path: Path,
    folder: Path,
    catalogue: Catalogue,
    number: int,
    model_id: str | None = None,
    run_id: str | None = None,
) -> None:
    """Save the package as an MLflow pyfunc on disk, without pickle and without the rest of the project."""
    import mlflow.pyfunc
    from mlflow.models import Model

    from segmentwerk.shipped.segment_model import ENTRY

    named = [*json.loads((folder / "digests.json").read_text(encoding="utf-8")), "digests.json"]
    files = [folder / name for name in named if name != ENTRY]
    with without_search_for_packages():
        mlflow.pyfunc.save_model(
            path=str(path),
            mlflow_model=Model(artifact_path=f"models:/{model_id}", run_id=run_id, model_uuid=model_id),
            python_model=str(folder / ENTRY),
            artifacts={file.stem: file.resolve().as_uri() for file in files if file.is_file()},
            model_config={"model_version": str(number), "digest": sha256(folder / "digests.json")},
            signature=_signature(catalogue),
            input_example=(_example(catalogue), {"columns": []}),
            pip_requirements=[f"{package}=={version(package)}" for package in REQUIREMENTS],
        )
    _forget_places(path / "MLmodel")
    bar_byte_code(path)


def _forget_places(file: Path) -> None:
    """Name files as they lie in the model: where they came from is the trainer's own matter."""
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    flavour = content["flavors"]["python_function"]
    flavour["model_code_path"] = Path(flavour["model_code_path"]).name
    for entry in flavour["artifacts"].values():
        entry["uri"] = entry["path"]
    file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")


def _note_version(path: Path, name: str, number: int) -> None:
    """Write the note that MLflow writes into what it opens; a registry's own folder then stays as it was."""
    note = yaml.safe_dump({"model_name": name, "model_version": number}, allow_unicode=True)
    (path / NOTE).write_text(note, encoding="utf-8")


def rehearse(path: Path) -> None:
    """Load the saved model and score its input example.

    Raises
    ------
    ModelError
        If that fails.
    """
    import mlflow.pyfunc
    from mlflow.exceptions import MlflowException

    try:
        with without_search_for_packages():
            model = mlflow.pyfunc.load_model(str(path))
        model.predict(model.input_example)
    except MlflowException as error:
        raise ModelError(f"The packaged model does not score its own example: {error.message}") from error


def _signature(catalogue: Catalogue) -> Any:
    """Describe input, output and parameters; every input column may be missing.

    MLflow's own types would refuse whole numbers, nullable columns and categories before the model sees
    them; the model's code checks the values and says what would be right.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec
    from mlflow.types.schema import AnyType

    names = [ACCOUNT, *catalogue.inputs]
    anything: Any = AnyType  # MLflow does not type it
    inputs: list[ColSpec | TensorSpec] = [ColSpec(anything(), name, required=False) for name in names]
    outputs: list[ColSpec | TensorSpec] = [ColSpec(kind, name) for name, kind in OUTPUTS.items()]
    params = ParamSchema([ParamSpec("columns", DataType.string, [], shape=(-1,))])
    return ModelSignature(Schema(inputs), Schema(outputs), params)


def _example(catalogue: Catalogue) -> Any:
    """Return one made-up account: the usual value of every feature."""
    import pandas as pd

    typical = {name: catalogue.features[name].typical for name in catalogue.inputs}
    usual = {name: value for name, value in typical.items() if value is not None}
    return pd.DataFrame([{ACCOUNT: "example", **usual}])

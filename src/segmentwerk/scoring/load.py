"""Fetch a model, make sure that it is the one that was registered, and open it."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segmentwerk.core.errors import ModelError, nearest
from segmentwerk.core.quiet import without_search_for_packages
from segmentwerk.scoring.download import download, registered_files
from segmentwerk.shipped.model_catalogue import Catalogue

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient

LOADER = "mlflow.pyfunc.loaders.code_model"
"""By what MLflow opens a segmentation model, as `MLmodel` says."""
_ADDRESS = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>.+)|/(?P<version>\d+))")


@dataclass(frozen=True)
class LoadedModel:
    """An open model.

    Attributes
    ----------
    model
        MLflow's PyFuncModel.
    folder
        A copy of the model's files that lives as long as ``model``: what was registered, nothing else.
    uri
        The address with the version in place of an alias, which may move.
    digest
        SHA-256 of ``digests.json``; it stands for the content of every file.
    """

    model: Any
    folder: Path
    catalogue: Catalogue
    uri: str
    version: str
    digest: str

    @property
    def outputs(self) -> list[str]:
        """Columns that the model answers with; older models have fewer."""
        return list(self.model.metadata.get_output_schema().input_names())

    def assign(self, frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
        """Return one row an account, without MLflow's check of the input, which takes longer than the model.

        Raises
        ------
        MlflowException
            If the model refuses the input.
        """
        inside = self.model.unwrap_python_model()
        assigned: pd.DataFrame = inside.predict(None, frame, {"columns": list(columns)})
        return assigned


def load(model_uri: str, tracking_uri: str | None = None) -> LoadedModel:
    """Open ``models:/NAME@ALIAS``, ``models:/NAME/VERSION`` or a saved model's folder.

    Raises
    ------
    ModelError
        If there is none (naming the nearest known), or a file is not the one that was saved.
    """
    import mlflow

    if tracking_uri is not None:  # models:/ addresses are looked up in the process' registry only
        mlflow.set_tracking_uri(tracking_uri)
        mlflow.set_registry_uri(tracking_uri)
    pinned, tags = _pin(model_uri, tracking_uri)
    place = Path(tempfile.mkdtemp(prefix="segmentwerk-model-"))
    try:
        folder = download(pinned, place, registered_files(tags))
        digest = check(folder, tags.get("digest"))
        catalogue = _catalogue(folder, model_uri)
        model = _opened(folder, model_uri)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    weakref.finalize(model, shutil.rmtree, place, ignore_errors=True)
    version = str((model.model_config or {}).get("model_version", "unregistered"))
    return LoadedModel(model, folder, catalogue, pinned, version, digest)


def _catalogue(folder: Path, model_uri: str) -> Catalogue:
    try:
        return Catalogue.from_json((folder / "artifacts" / "catalogue.json").read_bytes())
    except ValueError as error:
        raise ModelError(f"Cannot load the model {model_uri}: {error}") from error


def _opened(folder: Path, model_uri: str) -> Any:
    import mlflow
    from mlflow.exceptions import MlflowException

    try:
        with without_search_for_packages():
            return mlflow.pyfunc.load_model(str(folder))
    except MlflowException as error:
        raise ModelError(f"Cannot load the model {model_uri}: {error.message}") from error


def check(folder: Path, expected: str | None = None) -> str:
    """Compare a saved model's files with their digests before any of its code runs.

    Parameters
    ----------
    expected
        Digest of ``digests.json`` as the registry knows it; None: as the model itself says.

    Returns
    -------
    str
        Digest of ``digests.json``.

    Raises
    ------
    ModelError
        Naming the file that is missing or differs.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.models import Model

    from segmentwerk.shipped.segment_model import ENTRY, sha256, verified

    try:
        flavor = Model.load(str(folder)).flavors.get("python_function", {})
        _insist_on_loader(flavor)
        named = [folder / entry["path"] for entry in flavor.get("artifacts", {}).values()]
        files = {file.name: file for file in [*named, folder / ENTRY] if file.is_file()}
        if "digests.json" not in files:
            raise ModelError(
                f"{folder} holds no segmentation model.", "Register it again or load another version."
            )
        verified(files, expected or flavor["config"]["digest"])
    except MlflowException as error:
        raise ModelError(error.message) from error
    return sha256(files["digests.json"].read_bytes())


def _insist_on_loader(flavor: Mapping[str, Any]) -> None:
    """Refuse an `MLmodel` that would make MLflow run anything but the model's entry.

    Digests say nothing of it where no list of registered files is known, as for a folder.
    """
    from segmentwerk.shipped.segment_model import ENTRY

    loader = {
        key: flavor.get(key) for key in ("loader_module", "code", "python_model", "data", "env_manager")
    }
    code = Path(str(flavor.get("model_code_path", ""))).name
    if loader != {**dict.fromkeys(loader), "loader_module": LOADER} or code != ENTRY:
        raise ModelError(
            "The model's file MLmodel asks for other code than a segmentation model's.",
            "It was changed; register the model again or load another version.",
        )


def _pin(model_uri: str, tracking_uri: str | None) -> tuple[str, Mapping[str, str]]:
    """Replace an alias by its version; return also the tags that it was registered with."""
    address = _ADDRESS.fullmatch(model_uri)
    if address is None:
        if "://" not in model_uri and ":/" not in model_uri and not Path(model_uri).is_dir():
            raise ModelError(
                f"There is no model {model_uri!r}.",
                "Give models:/NAME@champion, models:/NAME/VERSION or a folder.",
            )
        return model_uri, {}
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri, tracking_uri)
    version = _find(client, model_uri, address)
    return f"models:/{version.name}/{version.version}", version.tags


def _find(client: MlflowClient, model_uri: str, address: re.Match[str]) -> Any:
    from mlflow.exceptions import MlflowException

    name, alias, version = address["name"], address["alias"], address["version"]
    try:
        if alias:
            return client.get_model_version_by_alias(name, alias)
        return client.get_model_version(name, version)
    except MlflowException as error:
        raise ModelError(f"There is no model {model_uri}.", _remedy(client, name)) from error


def _remedy(client: MlflowClient, name: str) -> str:
    """Say which models, or which versions and aliases of this one, there are."""
    models = {model.name: model for model in client.search_registered_models()}
    if name not in models:
        return nearest(name, models) or "Register one first: segmentwerk compare."
    versions = sorted(int(entry.version) for entry in client.search_model_versions(f"name = '{name}'"))
    aliases = [f"@{alias}" for alias in sorted(models[name].aliases)]
    return f"Known: {json.dumps([*versions, *aliases])[1:-1]}."

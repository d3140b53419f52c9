"""Copy a model to a place of this process' own: the files that were registered, and no others.

Opening a model must neither write to the registry's folder (MLflow and Python both would) nor depend on
what anyone left there.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from segmentwerk.core.errors import ModelError
from segmentwerk.core.inventory import BYTE_CODE, NOTE, bar_byte_code, inventory

LEFT = (BYTE_CODE, NOTE, ".DS_Store", "._*", "Thumbs.db", "desktop.ini", "*~", ".*.sw?", ".~lock.*#")
"""Names that Python, MLflow and viewers of files leave; for models of which no list of files is known."""


def download(uri: str, into: Path, files: Mapping[str, str] | None) -> Path:
    """Copy a model below ``into`` and return its folder.

    Parameters
    ----------
    files
        SHA-256 by path of what was registered; None: not known, all but what readers leave.

    Raises
    ------
    ModelError
        If the model cannot be read, or a file is not the one that was registered.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    if Path(uri).is_dir() and not (Path(uri) / "MLmodel").is_file():  # else a whole disk might be copied
        raise ModelError(f"{uri} holds no segmentation model.", "Name the folder of a saved model.")
    try:
        folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(into)))
    except (MlflowException, OSError) as error:
        raise ModelError(f"Cannot fetch the model {uri}: {error}") from error
    for path in sorted(folder.rglob("*"), reverse=True):  # files before their folders
        if _is_left(path.relative_to(folder), files):
            path.unlink() if path.is_file() else shutil.rmtree(path)
    _insist(folder, files or {})
    bar_byte_code(folder)
    return folder


def registered_files(tags: Mapping[str, str]) -> dict[str, str] | None:
    """Read the list of files from a version's tags; None where it was registered without one.

    Raises
    ------
    ModelError
        If the tag was changed by hand into something else.
    """
    if "files" not in tags:
        return None
    try:
        return {str(path): str(digest) for path, digest in json.loads(tags["files"]).items()}
    except (ValueError, AttributeError) as error:
        raise ModelError("The version's tag 'files' is not the one that was registered.") from error


def _is_left(path: Path, files: Mapping[str, str] | None) -> bool:
    """Return whether a path was left in the model's folder by somebody who read it."""
    if files is None:
        return any(fnmatchcase(path.name, pattern) for pattern in LEFT)
    name = path.as_posix()
    return name not in files and not any(file.startswith(f"{name}/") for file in files)


def _insist(folder: Path, files: Mapping[str, str]) -> None:
    digests = inventory(folder)
    for name, digest in files.items():
        if digests.get(name) != digest:
            raise ModelError(
                f"The model's file {name} is not the one that was registered.",
                "It was changed or damaged; register the model again or load another version.",
            )

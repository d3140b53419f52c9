"""The saved model's entry: checks every file against its digest, then runs the code beside it.

A copy of this file lies in every saved model, and MLflow opens it. With `CODE`, of which nothing runs before
its digest was compared, it is all of the project that runs there; it needs numpy, pandas, onnxruntime and
MLflow, neither the training code nor a pickle. What it knows of the features and segments stands in
``catalogue.json``; ``digests.json`` says what every file must be.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from importlib.abc import InspectLoader
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

if TYPE_CHECKING:
    from segmentwerk.shipped.assigning import Assigner

ENTRY = "segment_model.py"
CODE = ("model_catalogue.py", "frames.py", "evidence.py", "partial_answers.py", "assigning.py")
"""The other files of code, each after those that it imports."""


class SegmentModel(PythonModel):
    """Assigns accounts to segments; ``assigner`` does the work."""

    def load_context(self, context: Any) -> None:
        """Check every file against its digest, then run the code and open the ONNX sessions.

        Raises
        ------
        MlflowException
            If a file is missing or differs from what was saved.
        """
        config = context.model_config or {}
        files = {Path(path).name: Path(path) for path in context.artifacts.values()}
        contents = verified({**files, ENTRY: Path(__file__)}, config.get("digest"))
        version = str(config.get("model_version", "unregistered"))
        self.assigner: Assigner = imported(contents).Assigner(contents, version)

    def predict(
        self,
        context: Any,  # noqa: ARG002 part of MLflow's signature
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Return one row an account, as `assigning.Assigner.predict` does.

        Parameters
        ----------
        context
            MLflow's context; everything needed was read by `load_context`.
        params
            ``columns``: the output columns wanted.
        """
        return self.assigner.predict(model_input, (params or {}).get("columns"))


def verified(files: Mapping[str, Path], digest: str | None) -> dict[str, bytes]:
    """Read the files and compare each with ``digests.json``.

    Parameters
    ----------
    files
        Paths by the names under which they were saved; ``digests.json`` must be among them.
    digest
        SHA-256 of ``digests.json`` itself, where it is known.

    Returns
    -------
    dict of str to bytes
        Content by file name.

    Raises
    ------
    MlflowException
        If a file is missing, was not expected, or differs.
    """
    contents = {name: path.read_bytes() for name, path in files.items()}
    recorded = contents.pop("digests.json")
    if digest is not None and sha256(recorded) != digest:
        raise _refusal("digests.json")
    try:
        expected = json.loads(recorded)
    except ValueError as error:
        raise _refusal("digests.json") from error
    for name in sorted({*expected, *contents}):
        content = contents.get(name)
        if content is None or sha256(content) != expected.get(name):
            raise _refusal(name)
    return contents


def sha256(content: bytes) -> str:
    """Return the digest of a file's content, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def imported(contents: Mapping[str, bytes]) -> ModuleType:
    """Run the other files of code and return the last one, from the bytes that were compared.

    They are modules of a package that is called anew each time, so that models of several releases can
    be open in one process, and none takes another's code, or an installed segmentwerk, for its own.
    """
    package = f"segment_model_{uuid4().hex}"
    module = sys.modules[package] = module_from_spec(ModuleSpec(package, None, is_package=True))
    for file in CODE:
        name = f"{package}.{Path(file).stem}"
        module = module_from_spec(ModuleSpec(name, loader := _Verified(contents[file], file)))
        sys.modules[name] = module
        loader.exec_module(module)
    return module


class _Verified(InspectLoader):
    """Runs code of which the content is at hand."""

    def __init__(self, content: bytes, name: str) -> None:
        self.content, self.name = content, name

    def get_source(self, fullname: str) -> str:  # noqa: ARG002 part of Python's signature
        return self.content.decode()

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_source(fullname), self.name)


def _refusal(name: str) -> MlflowException:
    return MlflowException(
        f"The model's file {name} is not the one that was saved. "
        "It was changed or damaged; register the model again or load another version."
    )


set_model(SegmentModel())

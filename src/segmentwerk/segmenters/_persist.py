"""Saves a segmenter without pickle: arrays as safetensors, everything else as JSON, one digest over both.

Estimators of scikit-learn are saved by skops, which restores no type that is not scikit-learn's own.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays
from sklearn.base import BaseEstimator

from segmentwerk.core.errors import ModelError
from segmentwerk.core.files import atomic_folder

ARRAYS, SETTINGS, FORMAT = "arrays.safetensors", "segmenter.json", 1
_REMEDY = "Save the segmenter again, or restore the folder from its origin."
Arrays = dict[str, np.ndarray[Any, Any]]
_NOT_SAVED = {"labels_", "feature_names_in_"}
_SKOPS = ".skops"
_PACKAGE = "segmentwerk.segmenters."
_SAVED_AS = {"precisions_cholesky_": "whiteners_"}
"""Names in saved folders of attributes that have another name by now."""
_ATTRIBUTES = {saved: name for name, saved in _SAVED_AS.items()}
_RETIRED = {"checkpoint"}
"""Parameters in saved folders that have no meaning any more."""


def save(estimator: BaseEstimator, folder: Path) -> None:
    """Write what an estimator was told and has learned, except its training labels.

    Learned attributes (names ending in ``_``) may be arrays, dicts of arrays, JSON values, or
    estimators in turn.
    """
    description, arrays = _describe(estimator)
    content = save_arrays(arrays)
    settings = {"format": FORMAT, **description}
    settings["digest"] = _digest(content, settings)
    with atomic_folder(folder) as draft:
        (draft / ARRAYS).write_bytes(content)
        (draft / SETTINGS).write_text(json.dumps(settings, indent=2), encoding="utf-8")


def load(folder: Path) -> Any:
    """Rebuild the estimator that `save` wrote; its class must live in this package.

    Raises
    ------
    ModelError
        If a file is missing or damaged, or names a class from elsewhere.
    """
    try:
        content = (folder / ARRAYS).read_bytes()
        settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
        digest = settings.pop("digest")
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise ModelError(f"Cannot read a segmenter from {folder}: {error}.", _REMEDY) from error
    if digest != _digest(content, settings):
        raise ModelError(f"The segmenter in {folder} does not match its digest.", _REMEDY)
    if settings["format"] != FORMAT:
        raise ModelError(f"{folder} has format {settings['format']}, this version reads {FORMAT}.", _REMEDY)
    return _rebuild(settings, load_arrays(content), folder)


def _describe(estimator: BaseEstimator) -> tuple[dict[str, Any], Arrays]:
    """Return an estimator as JSON values, and its arrays by path."""
    values: dict[str, Any] = {}
    parts: dict[str, Any] = {}
    arrays: Arrays = {}
    for name, value in vars(estimator).items():
        if not name.endswith("_") or name.startswith("_") or name in _NOT_SAVED:
            continue
        name = _SAVED_AS.get(name, name)
        if isinstance(value, BaseEstimator) and not type(value).__module__.startswith(_PACKAGE):
            arrays[name + _SKOPS] = _packed(value)
        elif isinstance(value, BaseEstimator):
            parts[name], inner = _describe(value)
            arrays |= {f"{name}/{path}": array for path, array in inner.items()}
        elif isinstance(value, np.ndarray):
            arrays[name] = np.ascontiguousarray(value)
        elif isinstance(value, dict) and value and all(isinstance(v, np.ndarray) for v in value.values()):
            arrays |= {f"{name}/{key}": np.ascontiguousarray(array) for key, array in value.items()}
        else:
            values[name] = value.item() if isinstance(value, np.generic) else value
    names = getattr(estimator, "feature_names_in_", None)
    return {
        "class": f"{type(estimator).__module__}.{type(estimator).__qualname__}",
        "params": estimator.get_params(deep=False),
        "learned": values,
        "parts": parts,
        "feature_names": None if names is None else [str(name) for name in names],
    }, arrays


def _rebuild(description: dict[str, Any], arrays: Arrays, folder: Path) -> Any:
    params = {name: value for name, value in description["params"].items() if name not in _RETIRED}
    estimator = _class(description["class"], folder)(**params)
    for name, value in description["learned"].items():
        setattr(estimator, name, tuple(value) if isinstance(value, list) else value)
    for name, part in description["parts"].items():
        inner = {
            path.removeprefix(f"{name}/"): arrays[path] for path in arrays if path.startswith(f"{name}/")
        }
        setattr(estimator, name, _rebuild(part, inner, folder))
    for path, array in arrays.items():
        name, _, key = path.partition("/")
        if name in description["parts"]:
            continue
        if name.endswith(_SKOPS):
            setattr(estimator, name.removesuffix(_SKOPS), _unpacked(array, folder))
        elif key:
            vars(estimator).setdefault(name, {})[key] = array
        else:
            setattr(estimator, _ATTRIBUTES.get(name, name), array)
    if description["feature_names"] is not None:
        estimator.feature_names_in_ = np.array(description["feature_names"], dtype=object)
    return estimator


def _packed(estimator: BaseEstimator) -> np.ndarray[Any, Any]:
    """Return an estimator of scikit-learn as bytes (n,)."""
    from skops import io  # here, because few segmenters hold one

    return np.frombuffer(io.dumps(estimator), dtype=np.uint8)


def _unpacked(content: np.ndarray[Any, Any], folder: Path) -> BaseEstimator:
    from skops import io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        return io.loads(content.tobytes())
    except UntrustedTypesFoundException as error:
        raise ModelError(f"{folder} holds what is not scikit-learn's own: {error}.", _REMEDY) from error


def _digest(content: bytes, settings: dict[str, Any]) -> str:
    text = json.dumps(settings, sort_keys=True)
    return hashlib.sha256(content + text.encode()).hexdigest()


def _class(path: str, folder: Path) -> type[Any]:
    module, _, name = path.rpartition(".")
    if not module.startswith(_PACKAGE):
        raise ModelError(f"{folder} names the class {path}, which is no segmenter of this package.", _REMEDY)
    try:
        loaded: type[Any] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ModelError(f"{folder} needs the class {path}, which is not here.", _REMEDY) from error
    return loaded

"""Names that MLflow will be given, asked of its own rules before anything else is done."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from segmentwerk.core.errors import ConfigError

if TYPE_CHECKING:
    from mlflow.exceptions import MlflowException

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,99}")
"""Surely allowed, so that MLflow need not be imported to say so."""
_LONGEST = 200
"""Bytes of a model's name: a file is called after it."""


def insist_on_model(name: str) -> None:
    """Refuse a registered model's name that MLflow would refuse at the very end.

    A version, the logged model behind it and the address ``models:/NAME@ALIAS`` all carry it, each with
    rules of its own.

    Raises
    ------
    ConfigError
        Naming the key and the characters allowed.
    """
    if _PLAIN.fullmatch(name):
        return
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.utils.models import _parse_model_uri
    from mlflow.utils.validation import _validate_logged_model_name, _validate_model_name

    try:
        _validate_model_name(name)
        _validate_logged_model_name(name)
        addressable = _parse_model_uri(f"models:/{name}@champion").name == name == name.strip()
    except MlflowException as error:
        raise _no_model(name) from error
    if not addressable or not name.isprintable() or len(name.encode()) > _LONGEST:
        raise _no_model(name)


def insist_on_experiment(name: str) -> None:
    """Refuse an experiment's name that MLflow would refuse.

    Raises
    ------
    ConfigError
        Naming the key.
    """
    if _PLAIN.fullmatch(name):
        return
    from mlflow.exceptions import MlflowException
    from mlflow.utils.validation import _validate_experiment_name

    try:
        _validate_experiment_name(name.strip())  # type: ignore[no-untyped-call]  # MLflow's own
    except MlflowException as error:
        raise ConfigError(
            f"tracking.experiment={name!r} cannot be an experiment's name: {_first_sentence(error)}.",
            "Give a text that is not empty and not too long.",
        ) from error


def _no_model(name: str) -> ConfigError:
    return ConfigError(
        f"registry.model_name={name!r} cannot be a model's name in MLflow.",
        "Allowed are letters, digits, blanks inside, '-' and '_', such as b2b-segments; "
        "not / : . % ? ; and no quotation marks.",
    )


def _first_sentence(error: MlflowException) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")

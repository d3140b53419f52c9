"""From a call in Python to a verb: the command line's configuration and checks, in the caller's process."""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from threadpoolctl import threadpool_limits

from segmentwerk.config import RootSettings, parse
from segmentwerk.confining import EXPERIMENTS, confined
from segmentwerk.core.context import Context
from segmentwerk.core.errors import ConfigError, SegmentwerkError
from segmentwerk.core.paths import config_root, default_home, expanded, insist_on_surroundings, output_root
from segmentwerk.core.veil import discreet, veiled
from segmentwerk.overrides import quoted
from segmentwerk.refusals import explained

SettingsT = TypeVar("SettingsT", bound=RootSettings)
_STORES = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
"""Variables that MLflow sets when it is told of a store."""
CONFIG_DIR = "config_dir"
"""What is no key of a verb: where to look for more config files."""
_KEY = re.compile(r"[^\W\d][\w.\-]*")


def flat(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return overrides by dotted key, however they are written.

    ``tuning={"n_trials": 2}``, ``tuning__n_trials=2`` and ``**{"tuning.n_trials": 2}`` are the same.

    Raises
    ------
    ConfigError
        If a name is no key, or a value is of a type that no configuration holds.

    Examples
    --------
    >>> flat({"tuning": {"n_trials": 2}, "source__path": Path("data"), "goal": "retention"})
    {'tuning.n_trials': 2, 'source.path': 'data', 'goal': 'retention'}
    """
    settings_by_key: dict[str, Any] = {}
    for name, value in overrides.items():
        key = str(name).replace("__", ".")
        if not _KEY.fullmatch(key):
            raise ConfigError(f"{name!r} is no config key.", "Write it as tuning__n_trials=2.")
        if isinstance(value, Mapping) and value and all(_KEY.fullmatch(str(inner)) for inner in value):
            settings_by_key |= {f"{key}.{inner}": one for inner, one in flat(value).items()}
        else:
            settings_by_key[key] = _plain(key, value)
    return settings_by_key


def home_of(overrides: Mapping[str, Any]) -> Path:
    """Return the data directory that a call means."""
    given = overrides.get("home")
    return expanded(Path(str(given))).absolute() if given else default_home()


@contextmanager
def in_process(verb: str) -> Iterator[None]:
    """Run a verb in the caller's process and leave that as it was, whatever happens.

    Raises
    ------
    SegmentwerkError
        Also for what Hydra, OmegaConf or a tracking server refuse; without secrets.
    """
    with discreet(), _own_store(), threadpool_limits(1):
        try:
            yield
        except SegmentwerkError as error:
            error.args = (veiled(str(error)),)
            raise
        except Exception as error:
            remedy = explained(error, verb)
            if remedy is None:
                raise
            raise ConfigError(veiled(remedy)) from error


def settings(verb: str, root: type[SettingsT], overrides: Mapping[str, Any]) -> SettingsT:
    """Compose the configuration of a verb and check it, as the command line does.

    Parameters
    ----------
    overrides
        As `flat` returns them. A text for a config group, such as ``goal``, chooses one of its files;
        ``config_dir`` is a folder with more of them, as ``--config-dir`` of the command line.

    Raises
    ------
    ConfigError
        Naming the key, and the nearest known one.
    """
    insist_on_surroundings()
    folder = config_root() / "conf"
    choices = {key: value for key, value in overrides.items() if _is_choice(folder, key, value)}
    words = [f"{_sign(key)}{key}={quoted(value)}" for key, value in choices.items()]
    OmegaConf.register_new_resolver("segmentwerk_home", lambda: str(default_home()), replace=True)
    OmegaConf.register_new_resolver("segmentwerk_outputs", output_root, replace=True)
    with confined(), initialize_config_dir(version_base="1.3", config_dir=str(folder)):
        config = compose(verb, [*words, *_search_path(overrides.get(CONFIG_DIR))])
    OmegaConf.set_struct(config, False)  # `parse` names what it does not know, and the nearest key
    for key, value in overrides.items():
        if key not in choices and key != CONFIG_DIR:
            OmegaConf.update(config, key, value, force_add=True)
    return parse(root, config, tracking_uri=os.environ.get("MLFLOW_TRACKING_URI"))


def context(verb: str, home: Path, overrides: Mapping[str, Any]) -> Context:
    """Make the folder of one run."""
    output = Path(output_root(str(home))) / verb / f"{datetime.now():%Y-%m-%d_%H-%M-%S-%f}"
    output.mkdir(parents=True)
    given = [veiled(f"{key}={value}") for key, value in overrides.items()]
    return Context(verb, output.resolve(), overrides=given, quiet=True)


def run(verb: str, root: type[RootSettings], overrides: Mapping[str, Any]) -> Path:
    """Run a verb and return its output folder, which holds `summary.json`."""
    with in_process(verb):
        checked = settings(verb, root, overrides)
        surroundings = context(verb, checked.home, overrides)
        pipeline = importlib.import_module(f"segmentwerk.pipelines.{verb}")
        surroundings.write_summary(pipeline.run(checked, surroundings))
    return surroundings.output


def summary(output: Path) -> dict[str, Any]:
    """Read the summary of a run."""
    content: dict[str, Any] = json.loads((output / "summary.json").read_text(encoding="utf-8"))
    return content


def _is_choice(folder: Path, key: str, value: Any) -> bool:
    known = key == EXPERIMENTS or (folder / key).is_dir()
    return isinstance(value, str) and "." not in key and known


def _search_path(folder: str | None) -> list[str]:
    if folder is None:
        return []
    place = expanded(Path(folder)).absolute()
    if not place.is_dir():
        raise ConfigError(
            f"{CONFIG_DIR}: there is no folder {place}.", "Name one that holds source/ or the like."
        )
    return [f"hydra.searchpath=[{quoted(f'file://{place}')}]"]


def _sign(group: str) -> str:
    return "+" if group == EXPERIMENTS else ""  # the one group that no verb chooses from by itself


def _plain(key: str, value: Any) -> Any:
    """Return a value as a configuration holds it."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()[:10]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple):
        return [_plain(key, one) for one in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(key, one) for name, one in value.items()}
    raise ConfigError(
        f"Config key {key!r} cannot be of the type {type(value).__name__}.",
        "Give a text, a number, a date, a path, or a list or dict of them.",
    )


@contextmanager
def _own_store() -> Iterator[None]:
    """Put back the store that MLflow knew before: a verb makes its own the process' store."""
    before = {name: os.environ.get(name) for name in _STORES}
    try:
        yield
    finally:
        if mlflow := sys.modules.get("mlflow"):
            mlflow.set_tracking_uri(None)  # it then reads the variables, which it sets when it is told
            mlflow.set_registry_uri(None)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

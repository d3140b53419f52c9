"""Configuration files say what their group is for, and nothing else (docs/how-to/security.md).

Hydra itself lets any file set any key, its own among them, of which some run code and write files. Here each
file that it reads is looked at first. The command line may say everything: it is the user's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any

from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf

from segmentwerk.config import ADDRESSES
from segmentwerk.core.addresses import secrets_in
from segmentwerk.core.errors import ConfigError
from segmentwerk.core.paths import config_root

EXPERIMENTS = "experiments"
"""The group whose files may set keys of all other groups of ours."""
_SEE = "See docs/how-to/security.md for what a configuration file may do."
_OPTION = re.compile(r"[\w.\-]+")
_CHOICE = re.compile(r"(?:override )?/?(?P<group>[\w/\-]+)(?:@(?P<package>[\w.]+))?")
_VARIABLE = re.compile(r"\$\{oc\.env:(\w+)\}")
_PREFIXES = {"source": "SOURCE_", "sink": "SINK_", "activation": "SINK_"}
"""Of the variables that a source, sink or ledger may ask for: else it could send others to its address."""


class ConfinedFiles(FileConfigSource):
    """Hydra's reader of configuration files, which refuses those that reach out of their group."""

    def load_config(self, config_path: str) -> ConfigResult:
        """Read a file; the verbs' own, which stand in no group, are the product's."""
        result: ConfigResult = super().load_config(config_path)
        name = PurePosixPath(config_path.strip("/"))
        if len(name.parts) > 1 or self.provider != "main":
            insist_on_group(name, result)
        return result


class ExperimentFiles(ConfinedFiles):
    """The folder ``experiments`` beside ``conf``, as a group; all else around it stays unseen."""

    @staticmethod
    def scheme() -> str:
        """Return what addresses of this kind begin with."""
        return EXPERIMENTS

    def is_group(self, config_path: str) -> bool:
        """Tell the folder itself and the one that it stands in."""
        return config_path.strip("/") in ("", EXPERIMENTS)

    def is_config(self, config_path: str) -> bool:
        """Tell the files of the folder."""
        parent = PurePosixPath(config_path.strip("/")).parent
        return str(parent) == EXPERIMENTS and super().is_config(config_path)


class ExperimentsBeside(SearchPathPlugin):
    """Hydra looks for experiments beside ``conf``, too."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Add the folder that holds both."""
        search_path.append(EXPERIMENTS, f"{EXPERIMENTS}://{config_root()}")


@contextmanager
def confined() -> Iterator[None]:
    """Let Hydra read its files through `ConfinedFiles`, and find the experiments, while the block runs."""
    plugins = Plugins.instance()  # registers Hydra's own
    plugins.register(ExperimentsBeside)
    readers = SourcesRegistry.instance().types
    before = dict(readers)
    readers[FileConfigSource.scheme()] = ConfinedFiles
    readers[ExperimentFiles.scheme()] = ExperimentFiles
    try:
        yield
    finally:
        readers.clear()
        readers.update(before)
        plugins.plugin_type_to_subclass_list[SearchPathPlugin].remove(ExperimentsBeside)


def insist_on_group(name: PurePosixPath, result: ConfigResult) -> None:
    """Make sure that a file sets keys of its group only, and asks for nothing it may not have.

    Parameters
    ----------
    name
        Group and name, such as ``source/mine``.

    Raises
    ------
    ConfigError
        Naming the file and what is wrong.
    """
    place = f"{result.path.partition('://')[2]}/{name.with_suffix('.yaml')}"
    group = str(name.parent)
    if group == ".":
        raise ConfigError(f"{place} stands in no group's folder.", "Put it into source/, goal/ or the like.")
    if group.partition("/")[0] == "hydra":
        raise ConfigError(f"{place} would change Hydra itself.", _SEE)
    package = result.header.get("package")
    if package not in (None, "_group_", group.replace("/", ".")) and (group, package) != (
        EXPERIMENTS,
        "_global_",
    ):
        raise ConfigError(
            f"{place} asks for the package {package!r}.", f"It may set keys of {group} only. {_SEE}"
        )
    content = OmegaConf.to_container(result.config, resolve=False)
    if not isinstance(content, dict):
        raise ConfigError(f"{place} holds no keys.", "Write key: value.")
    whole = group == EXPERIMENTS
    for choice in content.pop("defaults", None) or []:
        _insist_on_choice(choice, place, everywhere=whole)
    if whole and "hydra" in content:
        raise ConfigError(f"{place} would change Hydra itself.", _SEE)
    for key, text in _texts(content):
        owner = group if group in _PREFIXES else key.partition(".")[0]
        _insist_on_plain(key, text, place, owner=owner if owner in _PREFIXES else None)


def _insist_on_choice(choice: Any, place: str, *, everywhere: bool) -> None:
    """Let a file build on others of its group; an experiment on those of all groups but Hydra's."""
    if isinstance(choice, str) and _OPTION.fullmatch(choice):
        return
    if everywhere and isinstance(choice, dict) and len(choice) == 1:
        ((key, option),) = choice.items()
        match = _CHOICE.fullmatch(str(key))
        reached = (
            {match["group"].split("/")[0], (match["package"] or "").split(".")[0]} if match else {"hydra"}
        )
        if not reached & {"hydra", "_global_", "_here_"} and (
            option is None or _OPTION.fullmatch(str(option))
        ):
            return
    raise ConfigError(f"{place} may not build on {choice!r}.", _SEE)


def _insist_on_plain(key: str, text: str, place: str, *, owner: str | None) -> None:
    """Refuse references, but for variables in addresses, and secrets in clear text."""
    prefix = _PREFIXES[owner or "source"]
    is_address = key.rpartition(".")[2] in ADDRESSES
    variables = _VARIABLE.findall(text) if is_address else []
    if "${" in (_VARIABLE.sub("", text) if is_address else text):
        raise ConfigError(
            f"{place}: {key} holds a reference, ${{…}}.",
            f"Only addresses may, to variables of the environment: ${{oc.env:{prefix}PASSWORD}}. {_SEE}",
        )
    if owner and (other := [name for name in variables if not name.startswith(prefix)]):
        raise ConfigError(
            f"{place}: {key} asks for the variable {other[0]}.",
            f"{'An' if owner[0] == 'a' else 'A'} {owner}'s file may ask for those that begin with {prefix}; "
            "the command line for any.",
        )
    if (is_address or "://" in text) and secrets_in(text):
        raise ConfigError(
            f"{place}: {key} holds a password or token in clear text.",
            f"Let the environment hold it: ${{oc.env:{prefix}PASSWORD}}",
        )


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text below a value, with its dotted key; keys, too, are texts."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield key, str(name)
            yield from _texts(inner, f"{key}.{name}".lstrip("."))
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, key)
    elif isinstance(value, str):
        yield key, value

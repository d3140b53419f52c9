"""What Hydra, OmegaConf and a tracking server refuse, and what would be right."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from segmentwerk.core.errors import SegmentwerkError, denied, nearest


def explained(error: BaseException, verb: str) -> str | None:
    """Return what is wrong with the configuration or not allowed; None if the error is of another kind."""
    for cause in _causes(error):
        if isinstance(cause, SegmentwerkError):
            return str(cause)
        if getattr(cause, "error_code", None) == "PERMISSION_DENIED":
            return str(denied())
    help_ = f"See: segmentwerk {verb} --help"
    if isinstance(error, OverrideParseException):
        key = str(error.override).partition("=")[0]
        return (
            f"Cannot read the argument {error.override}. A value with signs in it takes quotes of its own "
            f"inside those of the shell: \"{key}='...'\", or \"{key}=['...','...']\"."
        )
    if isinstance(error, MissingConfigException):
        name = str(error.missing_cfg_file).rpartition("/")[2]
        hint = nearest(name, error.options) if error.options else help_
        return f"{_first_line(error).rstrip('.')}. {hint}"
    if isinstance(error, HydraException | OmegaConfBaseException):
        return f"{_first_line(error).rstrip('.')}. {_hint(error) or help_}"
    if isinstance(error, ValueError) and _raised_by_hydra(error):  # a flag that does not go with another
        return f"{_first_line(error).rstrip('.')}. {help_}"
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and what it was made of: OmegaConf makes an error of its own of a resolver's."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _hint(error: BaseException) -> str:
    """Name the nearest key where an unknown one was given, or say how to add the first one."""
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    key, parent = getattr(cause, "key", None), getattr(cause, "parent_node", None)
    known = [str(name) for name in parent] if parent is not None and hasattr(parent, "keys") else []
    if key is not None and parent is not None and not known:
        return "Nothing has a name there yet: put a plus before the key."
    return nearest(str(key), known) if key is not None and known else ""


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0]


def _raised_by_hydra(error: BaseException) -> bool:
    frames = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and str(frames[-1]).startswith("hydra.")

"""A run's whole configuration as colleagues may see it: without secrets, without this machine's folders."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from segmentwerk.config import ADDRESSES, RootSettings
from segmentwerk.core.addresses import redacted
from segmentwerk.core.veil import veiled


def shareable(settings: RootSettings) -> str:
    """Return the whole config as YAML; of paths what lies below home, of others the last name only."""
    plain = _shown(settings.model_dump(by_alias=True), settings.home)
    return veiled(OmegaConf.to_yaml(OmegaConf.create(plain)))


def _shown(value: Any, home: Path) -> Any:
    if isinstance(value, dict):
        return {
            key: _address(inner, home) if key in ADDRESSES and isinstance(inner, str) else _shown(inner, home)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_shown(inner, home) for inner in value]
    if isinstance(value, Path):
        return _placed(value, home)
    return value.isoformat() if isinstance(value, date) else value


def _address(address: str, home: Path) -> str:
    """Shorten the path in the address of a file, such as sqlite:////home/me/a.db."""
    kind, mark, rest = redacted(address).partition(":///")
    path, sign, options = rest.partition("?")
    return f"{kind}{mark}{_placed(Path(path), home)}{sign}{options}" if mark else kind


def _placed(path: Path, home: Path) -> str:
    if path.is_relative_to(home):
        return str("HOME" / path.relative_to(home))
    return f"…/{path.name}" if path.is_absolute() else str(path)

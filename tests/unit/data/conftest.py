"""Opens small folders of tables the way a user's folder is opened."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from segmentwerk.core.paths import config_root
from segmentwerk.core.settings import SourceSettings
from segmentwerk.data.sources import open_source


@pytest.fixture
def settings():
    """Settings of a shipped source, with changes."""

    def read(name="csv_folder", **changes) -> SourceSettings:
        text = (config_root() / "conf" / "source" / f"{name}.yaml").read_text(encoding="utf-8")
        return SourceSettings.model_validate({**yaml.safe_load(text), **changes})

    return read


@pytest.fixture
def opened(tmp_path, settings):
    """Write files into a folder and open it: ``opened({"orders.csv": text_or_bytes}, …)``."""

    def open_(files: dict[str, str | bytes], name="csv_folder", **changes):
        folder = tmp_path / "data"
        for file, content in files.items():
            target = folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content if isinstance(content, bytes) else content.encode())
        path = changes.pop("path", folder)
        return open_source(settings(name, path=Path(path), **changes), tmp_path / "cache")

    return open_

"""Which files a folder was handed over with, whatever Python, a library or a viewer leaves in it later."""

from __future__ import annotations

import hashlib
from pathlib import Path

BYTE_CODE = "__pycache__"
NOTE = "registered_model_meta"
"""MLflow's note of name and version, which it writes into every model that it opens from a registry."""


def inventory(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a saved model by its path, but for what opening it may leave."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not {BYTE_CODE, NOTE} & set(path.relative_to(folder).parts)
    }


def bar_byte_code(folder: Path) -> None:
    """Put a file where Python would make its folder of byte code, so that opening a model writes nothing.

    Python takes this for a folder that it may not write and goes on without; it holds for every reader,
    whatever their environment says.
    """
    (folder / BYTE_CODE).write_text("Here so that Python leaves no byte code beside the code.\n", "utf-8")

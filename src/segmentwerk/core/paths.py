"""Where things lie: the configuration shipped with the package and the project's own data directory."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
CHECKOUT = PACKAGE.parents[1]


def config_root() -> Path:
    """Return the folder that holds ``conf/``: the checkout, or the installed package."""
    return CHECKOUT if (CHECKOUT / "conf" / "compare.yaml").is_file() else PACKAGE


def default_home() -> Path:
    """Return the project's data directory, absolute, whatever the working directory.

    ``$SEGMENTWERK_HOME`` if set; ``.segmentwerk`` in a checkout; else the user's data directory.
    """
    named = os.environ.get("SEGMENTWERK_HOME")
    if named:
        return Path(named).expanduser().resolve()
    if config_root() == CHECKOUT:
        return CHECKOUT / ".segmentwerk"
    import platformdirs  # only an installed wheel needs it

    return Path(platformdirs.user_data_path("segmentwerk"))

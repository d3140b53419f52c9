"""Where things lie: the configuration shipped with the package and the project's own data directory."""

from __future__ import annotations

import os
import re
from pathlib import Path

from segmentwerk.core.errors import ConfigError

PACKAGE = Path(__file__).resolve().parents[1]
CHECKOUT = PACKAGE.parents[1]

_MISREAD = re.compile(r"\$\{|%[0-9A-Fa-f]{2}")
"""Hydra resolves ``${...}`` in the name of a run's folder, and MLflow decodes ``%20`` in a model's twice."""
_PRIVATE = ("activation", "measurement", "outputs", "cache", "mlflow", "registry", "studies", "unfinished")
"""Folders of a data directory in which ids of accounts may lie: nobody else may enter those that we make."""
_NOWHERE = "/nonexistent"
"""Debian's home directory of users that have none; nobody can write there."""
_ELSEWHERE = "Name another folder: SEGMENTWERK_HOME=FOLDER, or home=FOLDER."


def config_root() -> Path:
    """Return the folder that holds ``conf/`` and ``experiments/``: the checkout, or the installed package."""
    return CHECKOUT if (CHECKOUT / "conf" / "compare.yaml").is_file() else PACKAGE


def default_home() -> Path:
    """Return the project's data directory, absolute, whatever the working directory.

    ``$SEGMENTWERK_HOME`` if set; ``.segmentwerk`` in a checkout; else the user's data directory.
    """
    named = os.environ.get("SEGMENTWERK_HOME")
    if named:
        return expanded(Path(named)).resolve()
    if config_root() == CHECKOUT:
        return CHECKOUT / ".segmentwerk"
    import platformdirs  # only an installed wheel needs it

    return Path(platformdirs.user_data_path("segmentwerk"))


def output_root(home: str) -> str:
    """Return the folder of all runs' outputs, absolute.

    Raises
    ------
    ConfigError
        If it cannot be made, or its name would be taken for another.
    """
    folder = expanded(Path(home)).absolute() / "outputs"
    misread = _MISREAD.search(str(folder))
    if misread:
        raise ConfigError(f"No run can be kept in {home}: {misread[0]} in a path is misread.", _ELSEWHERE)
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in _PRIVATE:
            (folder.parent / name).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"No run can be kept in {home}: {error.strerror}.", _ELSEWHERE) from error
    return str(folder)


def expanded(path: Path) -> Path:
    """Return the path with ``~`` replaced by the home directory; as it is where there is none.

    Examples
    --------
    >>> expanded(Path("~$accounts.xlsx"))  # a spreadsheet program's lock file, no user's home
    PosixPath('~$accounts.xlsx')
    """
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def insist_on_surroundings() -> None:
    """Make sure that there is a working directory, and a home directory to name.

    Libraries ask for a home directory as they are imported; a container's user may have none.

    Raises
    ------
    ConfigError
        If it was removed.
    """
    try:
        Path.cwd()
    except OSError as error:
        raise ConfigError("The working directory is gone.", "Change to another: cd") from error
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = _NOWHERE

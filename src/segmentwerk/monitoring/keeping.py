"""Where monitored dates are kept: one file a version, source and date below home, whole or not at all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydantic import ValidationError

from segmentwerk.core.errors import InputError
from segmentwerk.core.files import atomic_file
from segmentwerk.core.monitored import Monitored

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\.json")
_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class KeptDates:
    """The monitored dates of one version on one source; each version has dates of its own.

    Parameters
    ----------
    folder
        Where all monitored dates lie.
    model, version, source
        Whose dates; the digest's first letters keep two models of the same name apart.
    """

    folder: Path
    model: str
    digest: str
    source: str

    @property
    def place(self) -> Path:
        """The folder of these dates."""
        name = _PLAIN.sub("-", self.model.removeprefix("models:/")).strip("-.") or "model"
        source = _PLAIN.sub("-", self.source).strip("-.") or "source"
        return self.folder / f"{name}-{self.digest[:8]}" / source

    def keep(self, found: Monitored) -> Path:
        """Write what was found at a date; the same date again replaces it.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        path = self.place / f"{found.as_of}.json"
        with atomic_file(path) as draft:
            draft.chmod(0o600)
            draft.write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")
        return path

    def read(self) -> list[Monitored]:
        """Return all kept dates, oldest first.

        Raises
        ------
        InputError
            If a file is damaged.
        """
        if not self.place.is_dir():
            return []
        paths = sorted(path for path in self.place.iterdir() if _DATE.fullmatch(path.name))
        return [_read(path) for path in paths]

    def before(self, as_of: date) -> list[Monitored]:
        """Return the kept dates before a date, oldest first."""
        return [one for one in self.read() if one.as_of < as_of]


def _read(path: Path) -> Monitored:
    try:
        return Monitored.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} does not hold what was found at a monitored date.",
            "Remove it and monitor that date again.",
        ) from error

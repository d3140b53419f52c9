"""One view for several processes: its tables are stored once and memory-mapped by each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import joblib

from segmentwerk.core.files import atomic_file
from segmentwerk.evaluation.view import View


@dataclass(frozen=True)
class SharedView:
    """A view on disk; as small as its path when it is pickled to a worker."""

    path: Path

    @classmethod
    def store(cls, view: View, path: Path) -> SharedView:
        """Write ``view`` to ``path`` and return its handle.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        with atomic_file(path) as draft:
            joblib.dump(replace(view), draft)  # a fresh copy knows nothing yet that could be computed again
        return cls(path)

    def open(self) -> View:
        """Return the view, once a process; its tables' numbers stay on disk and are read-only."""
        return _open(self.path)


@lru_cache(maxsize=2)
def _open(path: Path) -> View:
    view: View = joblib.load(path, mmap_mode="r")
    return view

"""The key of a run that may be killed: the same command then goes on in the same run."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from segmentwerk.core.files import atomic_file, locked


@contextmanager
def unfinished(home: Path, *what: object) -> Iterator[str]:
    """Yield the key of what is about to run: that of a killed run of the same, else a new one.

    However the block ends, the key is forgotten; only a kill leaves it behind. Of two processes that
    run the same, one waits.

    Parameters
    ----------
    home
        The project's data directory.
    what
        Identifies what runs; JSON values.
    """
    digest = hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()[:16]
    path = home / "unfinished" / f"{digest}.key"
    with locked(path.with_suffix(".lock")):  # a twin waits, then finds nothing to go on with
        key = path.read_text(encoding="utf-8") if path.is_file() else uuid.uuid4().hex
        with atomic_file(path) as draft:
            draft.write_text(key, encoding="utf-8")
        try:
            yield key
        finally:
            path.unlink(missing_ok=True)

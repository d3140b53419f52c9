"""Records as what MLflow accepts: legal names, short values, finite numbers."""

from __future__ import annotations

import hashlib
import math
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from segmentwerk.core.errors import InputError
from segmentwerk.core.records import Artifact, Dataset, Description, Metric, Param, Record, Tag, Text

NOTE = "mlflow.note.content"
MAX_NAME = 250
MAX_PARAM = 500
"""Longer values would be legal up to 6000 characters, but nobody reads them in a table."""
MAX_TAG = 5000
MAX_NOTE = 8000
_ILLEGAL = re.compile(r"[^\w\-. :/]", re.ASCII)


@dataclass
class Batch:
    """What one call of `Run.write` sends.

    ``metrics`` are (name, value, step) and share one ``timestamp`` (milliseconds), so that sending
    a batch twice logs it once.
    """

    timestamp: int
    params: dict[str, str] = field(default_factory=dict)
    metrics: list[tuple[str, float, int]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    artifacts: list[tuple[str, str]] = field(default_factory=list)
    datasets: list[Dataset] = field(default_factory=list)
    status: str | None = None
    """How the run ended, in its last batch."""


def encode(records: Iterable[Record]) -> Batch:
    """Turn records into one batch; of two records with one name the later wins."""
    batch = Batch(timestamp=time.time_ns() // 1_000_000)
    for record in records:
        _add(batch, record)
    return batch


def _add(batch: Batch, record: Record) -> None:
    match record:
        case Param(name, value):
            batch.params[legal(name)] = _short(batch, f"params/{legal(name)}.txt", str(value), MAX_PARAM)
        case Metric(name, value, step):
            _add_metric(batch, legal(name), float(value), step)
        case Tag(name, value):
            batch.tags[legal(name)] = _short(batch, f"tags/{legal(name)}.txt", str(value), MAX_TAG)
        case Description(markdown):
            batch.tags[NOTE] = _short(batch, "description.md", markdown, MAX_NOTE)
        case Text(path, content):
            batch.texts[path] = content
        case Artifact(path, folder):
            if not path.exists():
                raise InputError(f"There is no {path} to log.", "Write it first.")
            batch.artifacts.append((str(path.resolve()), folder))
        case Dataset():
            batch.datasets.append(record)


def _add_metric(batch: Batch, name: str, value: float, step: int) -> None:
    if math.isfinite(value):
        batch.metrics.append((name, value, step))
    else:  # charts and comparisons cannot show them, and databases store them each in its own way
        batch.tags[legal(f"undefined.{name}")] = f"{value} at step {step}" if step else str(value)


def _short(batch: Batch, path: str, value: str, limit: int) -> str:
    """Cut ``value`` to ``limit`` characters, keeping the whole of it as the artifact ``path``."""
    if len(value) <= limit:
        return value
    batch.texts[path] = value
    note = f" … (whole: artifact {path})"
    return value[: limit - len(note)] + note


def legal(name: str) -> str:
    """Return ``name`` as MLflow accepts it; a changed name gets a digest, so that no two become one.

    Examples
    --------
    >>> legal("separation/gain")
    'separation/gain'
    >>> legal("revenue (€)") == legal("revenue [€]")
    False
    """
    clean = "/".join(part for part in _ILLEGAL.sub("_", name).split("/") if part.strip(". "))
    if clean == name and len(name) <= MAX_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:6]
    return f"{clean[: MAX_NAME - 7]}-{digest}"

"""What a stage wants tracked, as plain data; `tracking.writer` is the only one that speaks MLflow."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Param:
    """A setting of a run."""

    name: str
    value: object


@dataclass(frozen=True)
class Metric:
    """A number of a run; families are separated by a slash: ``separation/gain``.

    ``step`` counts epochs or trials; single numbers keep step 0.
    """

    name: str
    value: float
    step: int = 0


@dataclass(frozen=True)
class Tag:
    """A word to filter runs by."""

    name: str
    value: str


@dataclass(frozen=True)
class Description:
    """The Markdown text shown on the run's page."""

    markdown: str


@dataclass(frozen=True)
class Artifact:
    """A local file that goes to ``folder`` of the run's artifacts."""

    path: Path
    folder: str = ""


@dataclass(frozen=True)
class Text:
    """A text that becomes the artifact ``path``, for instance ``report/cards.md``."""

    path: str
    content: str


@dataclass(frozen=True)
class Dataset:
    """A data set that a run used; never the rows, only what identifies them."""

    name: str
    source: str
    digest: str
    rows: int
    columns: dict[str, str] = field(default_factory=dict)
    context: str = "training"


Record = Param | Metric | Tag | Description | Artifact | Text | Dataset

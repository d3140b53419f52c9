"""What one of the analyst's methods adds to a comparison's report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from segmentwerk.insight.figure import Figure
from segmentwerk.reporting.tables import Grid


@dataclass(frozen=True)
class Section:
    """A method's findings in sentences, with tables and figures that may be missing."""

    method: str
    title: str
    lines: Sequence[str]
    grids: Sequence[tuple[str, Grid]] = ()
    figures: Sequence[Figure] = ()

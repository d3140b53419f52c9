"""The quality report as a self-contained HTML page and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment

from segmentwerk.core.files import atomic_file
from segmentwerk.data.quality.findings import QualityReport


def to_html(report: QualityReport, understood: Sequence[str] = ()) -> str:
    """Return the report as one HTML page without outside resources.

    Parameters
    ----------
    understood
        What was understood of the files: `Source.understood`.
    """
    template = files("segmentwerk.data.quality").joinpath("report.html.j2").read_text(encoding="utf-8")
    page = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(template)
    return page.render(report=report, understood=understood)


def write(report: QualityReport, folder: Path, understood: Sequence[str] = ()) -> tuple[Path, Path]:
    """Write ``quality.html`` and ``quality.json`` into a folder and return both paths."""
    page, data = folder / "quality.html", folder / "quality.json"
    with atomic_file(page) as draft:
        draft.write_text(to_html(report, understood), encoding="utf-8")
    with atomic_file(data) as draft:
        draft.write_text(json.dumps(report.to_dict(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return page, data

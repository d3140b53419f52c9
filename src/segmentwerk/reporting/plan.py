"""The activation plan for people: one HTML page that prints, and the same as Markdown, without any id."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from segmentwerk.activation.plans import Plan
from segmentwerk.core.escaping import escape
from segmentwerk.core.files import atomic_file
from segmentwerk.insight.language import Language
from segmentwerk.reporting.plan_segments import OfSegments
from segmentwerk.reporting.plan_whole import Whole, numbers
from segmentwerk.reporting.plan_words import About, named

__all__ = ["About", "numbers", "summary", "write"]


def write(plan: Plan, about: About, folder: Path, language: Language, key: bytes) -> tuple[Path, Path]:
    """Write ``plan.html`` and ``plan.md`` into a folder and return both paths.

    Parameters
    ----------
    key
        Secret of the pseudonyms.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    words = Whole(plan, about, language), OfSegments(plan, about, language, key)
    found = []
    for name in ("plan.html", "plan.md"):
        path = folder / name
        with atomic_file(path) as draft:
            draft.write_text(_render(f"{name}.j2", *words), encoding="utf-8")
        found.append(path)
    return found[0], found[1]


def _render(template: str, whole: Whole, of: OfSegments) -> str:
    environment = Environment(
        loader=PackageLoader("segmentwerk", "reporting"),
        autoescape=select_autoescape(("html.j2",)),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["plain"] = escape
    return environment.get_template(template).render(
        t=whole.language.text, language=whole.language, plan=whole.plan, whole=whole, of=of
    )


def summary(plan: Plan, language: Language, model: str, comparison: str) -> str:
    """Return what stands on the run's page, as Markdown."""
    done = numbers(plan)
    lines = [
        language.text(
            "plan.summary",
            treated=language.number(done["treated"]),
            control=language.number(done["control"]),
            cost=language.number(done["cost"], "money"),
            names=escape(named(plan, "focus", language)),
        ),
        language.text("plan.links", model=f"`{model}`"),
    ]
    if comparison:
        lines.append(language.text("plan.from_comparison", run=comparison))
    return "\n\n".join(lines)

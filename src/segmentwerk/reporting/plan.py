"""The activation plan for people: one HTML page that prints, and the same as Markdown, without any id."""

from __future__ import annotations

from pathlib import Path

from segmentwerk.activation.plans import Plan
from segmentwerk.core.escaping import escape
from segmentwerk.core.files import atomic_file
from segmentwerk.insight.language import Language
from segmentwerk.reporting.plan_segments import OfSegments
from segmentwerk.reporting.plan_whole import Whole, numbers
from segmentwerk.reporting.plan_words import PlanOrigin, named
from segmentwerk.reporting.templating import template

__all__ = ["PlanOrigin", "numbers", "summary", "write"]


def write(plan: Plan, about: PlanOrigin, folder: Path, language: Language, key: bytes) -> tuple[Path, Path]:
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
    whole, segments = Whole(plan, about, language), OfSegments(plan, about, language, key)
    found = []
    for name in ("plan.html", "plan.md"):
        path = folder / name
        with atomic_file(path) as draft:
            page = template(f"{name}.j2", language).render(plan=plan, whole=whole, of=segments)
            draft.write_text(page, encoding="utf-8")
        found.append(path)
    return found[0], found[1]


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

"""The words of a monitored date: what each gate found, in the language of the page."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from segmentwerk.core.monitored import Monitored, MonitoringFinding
from segmentwerk.insight.language import Language
from segmentwerk.insight.words import label

ALSO_PASSED = ("M008", "M009", "M010", "M011", "M012", "M013", "M014", "M016")
"""Gates whose numbers say something where they pass, too."""


@dataclass(frozen=True)
class MonitorOrigin:
    """Where the numbers come from: the model's address, and the segments' names by id."""

    model: str
    names: dict[int, str] = field(default_factory=dict)


def found(one: MonitoringFinding, language: Language) -> str:
    """Say what a gate found."""
    if one.status == "not_applicable":
        return why_not(one, language)
    if one.status == "passed" and one.code not in ALSO_PASSED:
        return language.text("monitoring.fine")
    return language.text(f"monitoring_found.{_key(one)}", **_values(one, language))


def why_not(one: MonitoringFinding, language: Language) -> str:
    """Say why a gate could not be asked."""
    if one.unasked is None:  # kept by an earlier release
        return language.text("monitoring.not_asked")
    named = dict(one.unasked.named)
    if "day" in named:
        named["day"] = language.day(date.fromisoformat(named["day"]))
    if "outcome" in named:
        named["outcome"] = label(named["outcome"], language)
    return language.text(f"monitoring_reasons.{one.unasked.reason}", **named)


def _key(one: MonitoringFinding) -> str:
    if one.code == "M001" and not one.level:
        return "M001_everywhere"
    if one.code == "M003" and one.word == "data fault":
        return "M003_fault"
    if one.code == "M007" and one.features[:1] == ("margin_rate",):
        return "M007_margin"
    if one.code == "M015":
        return next(f"M015_{name}" for name in ("unanswered", "differing", "share") if name in one.facts)
    if one.code == "M016" and one.status == "passed":
        return "M016_kept"
    if one.code == "M016" and not one.segments:
        return "M016_everywhere"
    return one.code


def _values(one: MonitoringFinding, language: Language) -> dict[str, object]:
    names = [label(name, language) for name in one.features]
    shown = language.listed(names[:3]) if one.code == "M008" and names else (names or ["-"])[0]
    return {
        **one.facts,
        "feature": shown[:1].upper() + shown[1:] if one.code != "M008" else shown,
        "level": part(one.level, language),
        "arm": one.level,
        "segment": one.segments[0] if one.segments else "-",
    }


def part(level: str, language: Language) -> str:
    """Write which part of the customers is meant, such as ``country=LU``."""
    name, _, value = level.partition("=")
    return f"{label(name, language)} = {value}" if value else ""


def status(one: MonitoringFinding, language: Language) -> str:
    """Say how a gate answered."""
    if one.status != "failed":
        return language.text(f"monitoring.{one.status}")
    return language.text("monitoring.calls" if one.calls else "monitoring.tells")


def word(one: MonitoringFinding, language: Language) -> str:
    """Say what is behind a failure."""
    return language.text(f"monitoring.{one.word.replace(' ', '_')}") if one.word else ""


def first(one: MonitoringFinding, language: Language) -> str:
    """Name a failed gate by what it is about, with its word."""
    about = label(one.features[0], language) if one.features else ""
    if one.segments and not about:
        about = language.text("movement.segment", id=one.segments[0])
    if one.level:
        about = f"{about}, {part(one.level, language)}"
    title = language.text(f"monitoring_gates.{one.code}")
    inside = "; ".join(text for text in (about, word(one, language)) if text)
    return f"{one.code} “{title}” ({inside})" if language.code == "en" else f"{one.code} „{title}“ ({inside})"


def headline(one: Monitored, language: Language) -> str:
    """Say in a sentence what to do as of a date."""
    if one.trained_as_of and str(one.as_of) < one.trained_as_of:
        return language.text("monitoring.before", as_of=one.as_of)
    calling = [finding for finding in one.failed if finding.calls]
    named = first(calling[0], language) if calling else ""
    told = language.text(f"monitoring.{one.advice}", as_of=one.as_of, **({"first": named} if named else {}))
    also = sum(not finding.calls for finding in one.failed)
    if also == 1:
        return f"{told} {language.text('monitoring.one_told')}"
    return f"{told} {language.text('monitoring.told', count=also)}" if also else told

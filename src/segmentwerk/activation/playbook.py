"""Which measures of a playbook fit which segment, and why; and what is said to its accounts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd
from jinja2 import StrictUndefined, TemplateError, meta
from jinja2.sandbox import SandboxedEnvironment

from segmentwerk.core.activation_settings import (
    MeasureSettings,
    PlaybookSettings,
    Stance,
    TraitSettings,
    WhenSettings,
)
from segmentwerk.core.errors import ConfigError, nearest

FACTS = ("segment", "traits", "accounts", "revenue", "potential", "offers", "item", "as_of")
"""What a message and an offer may name; ``item`` is what an account's like buys and it does not."""
_JINJA = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False)  # plain text, for any channel


@dataclass(frozen=True)
class Reason:
    """One condition of a measure that a segment meets, with the effect size that was measured."""

    feature: str
    level: str
    direction: Literal["high", "low"]
    effect: float
    limit: float


@dataclass(frozen=True)
class Match:
    """A measure that fits a segment.

    ``fit`` orders the measures of a segment: the mean size of the effects that it stands on; a measure that
    asks for no trait comes after all that do.
    """

    segment_id: int
    measure: str
    fit: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Matches:
    """All matches, best first within each segment; what found no counterpart is named."""

    found: tuple[Match, ...]
    unmatched_segments: tuple[int, ...]
    unused_measures: tuple[str, ...]

    def of(self, segment_id: int) -> tuple[Match, ...]:
        """Return the matches of one segment."""
        return tuple(match for match in self.found if match.segment_id == segment_id)


def insist(
    playbook: PlaybookSettings,
    *,
    features: Iterable[str],
    segments: Iterable[int],
    goals: Iterable[str],
    currency: str,
) -> None:
    """Refuse a playbook that names what is not there, naming the nearest.

    Parameters
    ----------
    features
        Names of all features that there can be.
    segments
        Ids that the model has.
    currency
        Of the source.

    Raises
    ------
    ConfigError
        Naming the key.
    """
    if playbook.currency != currency:
        raise ConfigError(
            f"Playbook {playbook.name!r} counts costs in {playbook.currency}, the source is in {currency}.",
            f"Convert its costs and set playbook.currency={currency}.",
        )
    names, known_segments, known_goals = set(features), set(segments), set(goals)
    for key, measure in playbook.measures.items():
        place = f"playbook.measures.{key}"
        for condition in (*measure.when.all, *measure.when.any):
            if condition.feature not in names:
                raise ConfigError(
                    f"{place} names the trait {condition.feature!r}, which is no feature.",
                    nearest(condition.feature, names),
                )
        for number in measure.when.segments:
            if number not in known_segments:
                raise ConfigError(
                    f"{place} names segment {number}, which the model does not have.",
                    f"It has: {', '.join(str(one) for one in sorted(known_segments))}.",
                )
        for goal in measure.when.goals:
            if goal not in known_goals:
                raise ConfigError(f"{place} names the goal {goal!r}.", nearest(goal, known_goals))
        for field in ("message", "offer"):
            words = getattr(measure, field)
            for text in (words.en, words.de):
                _insist_on_text(text, f"{place}.{field}")


def _insist_on_text(text: str, place: str) -> None:
    try:
        asked = meta.find_undeclared_variables(_JINJA.parse(text))
    except TemplateError as error:
        raise ConfigError(f"{place} cannot be read: {error}.", "See docs/how-to/activate.md.") from error
    for name in sorted(asked - set(FACTS)):
        raise ConfigError(f"{place} names {name!r}, which is no fact.", nearest(name, FACTS))


def match(
    playbook: PlaybookSettings,
    effects: pd.DataFrame,
    stances: Mapping[int, Stance],
    bases: Mapping[int, Sequence[str]],
    goal: str,
) -> Matches:
    """Find the measures that fit each segment.

    Parameters
    ----------
    effects
        How each feature sets each segment apart: ``segment_id``, ``feature``, ``level`` (empty for numbers)
        and ``effect`` in [-1, 1].
    stances
        What is to be done with each segment, by id.
    bases
        The kinds of accounts that each segment has, by id.
    """
    measured: dict[int, dict[tuple[str, str], float]] = {number: {} for number in stances}
    columns = (effects[name].tolist() for name in ("segment_id", "feature", "level", "effect"))
    for number, feature, level, effect in zip(*columns, strict=True):
        measured.setdefault(int(number), {})[feature, level] = effect
    found = [
        one
        for number in stances
        for key, measure in playbook.measures.items()
        if _applies(measure.when, number, stances[number], bases.get(number, ()), goal)
        and (one := _match(number, key, measure.when, measured[number])) is not None
    ]
    order = {key: place for place, key in enumerate(playbook.measures)}
    found.sort(key=lambda one: (one.segment_id, -round(one.fit, 12), order[one.measure]))
    with_one, used = {one.segment_id for one in found}, {one.measure for one in found}
    return Matches(
        tuple(found),
        tuple(number for number in stances if number not in with_one),
        tuple(key for key in playbook.measures if key not in used),
    )


def _applies(when: WhenSettings, number: int, stance: Stance, bases: Sequence[str], goal: str) -> bool:
    return (
        stance in when.stances
        and (not when.segments or number in when.segments)
        and (not when.goals or goal in when.goals)
        and bool(set(when.basis) & set(bases))
    )


def _match(
    number: int, key: str, when: WhenSettings, effects: Mapping[tuple[str, str], float]
) -> Match | None:
    """Return the match if all conditions hold, and one of those of which one is enough."""
    every = [_met(condition, effects) for condition in when.all]
    some = [reason for condition in when.any if (reason := _met(condition, effects)) is not None]
    if None in every or (when.any and not some):
        return None
    reasons = (*(reason for reason in every if reason is not None), *some)
    fit = sum(abs(reason.effect) for reason in reasons) / len(reasons) if reasons else 0.0
    return Match(number, key, fit, reasons)


def _met(condition: TraitSettings, effects: Mapping[tuple[str, str], float]) -> Reason | None:
    effect = effects.get((condition.feature, condition.level))
    if effect is None:
        return None
    if condition.above is not None and effect >= condition.above:
        return Reason(condition.feature, condition.level, "high", effect, condition.above)
    if condition.below is not None and effect <= condition.below:
        return Reason(condition.feature, condition.level, "low", effect, condition.below)
    return None


def chosen(
    matches: Matches, playbook: PlaybookSettings, most: int
) -> Iterator[tuple[Match, MeasureSettings, tuple[str, ...]]]:
    """Yield the matches that are acted on, each with its measure and the bases that it is meant for.

    A segment's customers and its prospects each get the ``most`` measures that fit best.
    """
    count: dict[tuple[int, str], int] = {}
    for one in matches.found:
        measure = playbook.measures[one.measure]
        open_ = tuple(base for base in measure.when.basis if count.get((one.segment_id, base), 0) < most)
        for base in open_:
            count[one.segment_id, base] = count.get((one.segment_id, base), 0) + 1
        if open_:
            yield one, measure, open_


def fill(text: str, facts: Mapping[str, Any], place: str) -> str:
    """Return a message or an offer with the facts of a segment, which are `FACTS`.

    Raises
    ------
    ConfigError
        If it cannot be filled in, naming the key ``place``.
    """
    try:
        return " ".join(_JINJA.from_string(text).render(facts).split())
    except (TemplateError, TypeError, ValueError) as error:
        raise ConfigError(f"{place} cannot be filled in: {error}.", "See docs/how-to/activate.md.") from error

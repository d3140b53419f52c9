"""What was measured before, where it is needed next: in a plan, and on the page of a comparison."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from segmentwerk.insight.language import Language
from segmentwerk.measurement.learned_effects import LearnedCampaign, LearnedEffect
from segmentwerk.reporting.measured_words import MeasuredWords
from segmentwerk.reporting.tables import Grid


def lines(
    campaigns: Sequence[LearnedCampaign], segment: int, measures: Sequence[str], language: Language
) -> list[str]:
    """Say what campaigns taught of a segment: of its own measures, and of the arm that is advised.

    Parameters
    ----------
    measures
        Keys of the measures that are planned for the segment.
    """
    words = MeasuredWords(language)
    return [line for one in campaigns for line in _of_campaign(one, segment, measures, words)]


def _of_campaign(
    one: LearnedCampaign, segment: int, measures: Sequence[str], words: MeasuredWords
) -> Iterator[str]:
    found = one.of(segment)
    if not found or (one.measure and one.measure not in measures):
        return
    if one.measure:
        for effect in found:
            yield _said("learned_same", one, effect, words)
        return
    chosen = next((effect for effect in found if effect.chosen), None)
    if chosen is not None:
        yield _said("learned_chosen", one, chosen, words)
        return
    contacts, needed = (max(getattr(effect, name) for effect in found) for name in ("contacts", "needed"))
    yield words.t("learned_none", campaign=one.campaign, contacts=contacts) + _next(needed, words)


def _said(key: str, one: LearnedCampaign, effect: LearnedEffect, words: MeasuredWords) -> str:
    values = {name: words.amount(one.outcome, getattr(effect, name)) for name in ("effect", "low", "high")}
    outcome = words.language.text(f"measured_outcomes.{one.outcome}")
    text = words.t(
        key, campaign=one.campaign, arm=effect.arm, outcome=outcome, contacts=effect.contacts, **values
    )
    return text + _next(effect.needed, words)


def _next(needed: int, words: MeasuredWords) -> str:
    return words.t("learned_next", needed=needed) if needed else ""


def grid(campaigns: Sequence[LearnedCampaign], language: Language) -> Grid:
    """Return what a model's segments earned: effects by campaign and segment, of the advised or best arm."""
    words = MeasuredWords(language)
    heads = [words.t(name) for name in ("campaign", "segment", "arm", "effect", "contacts")]
    rows = [
        [
            one.campaign,
            words.t("all") if effect.segment is None else f"{effect.segment} {effect.name}".rstrip(),
            effect.arm,
            f"{words.amount(one.outcome, effect.effect)} "
            f"({words.amount(one.outcome, effect.low)} … {words.amount(one.outcome, effect.high)})",
            language.number(effect.contacts),
        ]
        for one in campaigns
        for effect in _shown(one)
    ]
    return Grid(heads, rows, left=3, caption=words.t("earned"))


def _shown(one: LearnedCampaign) -> list[LearnedEffect]:
    """Return one effect a segment: of the advised arm, else of the one with the largest effect."""
    best: dict[int | None, LearnedEffect] = {}
    for effect in one.effects:
        known = best.get(effect.segment)
        if known is None or (effect.chosen, effect.effect) > (known.chosen, known.effect):
            best[effect.segment] = effect
    return list(best.values())

"""What campaigns promised of the segments, beside what later ones found, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from segmentwerk.core.monitored import Promise, Ranged
from segmentwerk.insight.language import Language
from segmentwerk.reporting.measured_words import MeasuredWords
from segmentwerk.reporting.tables import Grid


def grid(promises: Sequence[Promise], names: Mapping[int, str], language: Language) -> Grid | None:
    """Return one row an arm and segment, with 95% intervals; None where nothing was promised.

    Parameters
    ----------
    names
        What a segment is called by id.
    """
    if not promises:
        return None
    words = MeasuredWords(language)
    rows = [
        [
            words.t("all") if one.segment is None else names.get(one.segment, str(one.segment)),
            one.arm,
            one.campaign,
            _amount(one.promised, one.outcome, words),
            _amount(one.happened, one.outcome, words),
            language.number(one.contacts),
        ]
        for one in promises
    ]
    heads = [words.t(name) for name in ("segment", "arm", "campaign")]
    heads += [language.text(f"monitoring.{name}") for name in ("promised", "happened")]
    heads.append(words.t("contacts"))
    return Grid(heads, rows, left=3, caption=language.text("monitoring.promises"))


def _amount(one: Ranged, outcome: str, words: MeasuredWords) -> str:
    low, high = (words.amount(outcome, one.value if end is None else end) for end in (one.low, one.high))
    return f"{words.amount(outcome, one.value)} ({low} … {high})"

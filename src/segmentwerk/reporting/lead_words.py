"""What stands for an account, and what segments are made of, where that is not all there is."""

from __future__ import annotations

from segmentwerk.core.companies import Companies
from segmentwerk.insight.language import Language
from segmentwerk.insight.words import label
from segmentwerk.reporting.story import Data


def made_from(data: Data, language: Language) -> str:
    """Say what the segments are made of and judged on, what only describes, and who is known so far."""
    names = [label(name, language) for name in data.leading]
    text = language.text("report.led", data=data, names=names, others=len(data.describing))
    if rest := data.accounts - data.learnable:
        text += " " + language.text("report.led_rest", rest=rest)
    return text


def companies(joined: Companies, language: Language) -> str:
    """Say how many accounts were joined to how many companies, and who stands for itself."""
    text = language.text("report.joined", joined=joined)
    if joined.unknown or joined.endless:
        text += " " + language.text("report.joined_alone", unknown=joined.unknown, endless=joined.endless)
    return text

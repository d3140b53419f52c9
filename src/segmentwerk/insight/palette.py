"""Colours and marks that the colour-blind and a greyscale print can tell apart."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")

# Okabe & Ito (2008), Color Universal Design; ordered so that neighbours differ in lightness, too.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000", "#F0E442")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", "--", "-.", ":")
HATCHES = ("", "//", "..", "xx", "\\\\", "oo", "--", "++")
DIVERGING = "PuOr"
"""Orange for below, purple for above: safe for all common colour deficiencies."""


def pick(choices: tuple[T, ...], number: int) -> T:
    """Return a choice by number, starting over after the last."""
    return choices[number % len(choices)]

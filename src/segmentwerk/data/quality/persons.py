"""The check for people in what becomes levels of a model: categories and the items of surveys."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from segmentwerk.data.quality.findings import Finding, Inspection
from segmentwerk.data.quality.spelling import CATEGORIES, MOST_LEVELS, commonest

COLUMNS = {**CATEGORIES, "surveys": ("item",)}
NAMES = (("accounts", "name"), ("opportunities", "agent"))
ADDRESSED = re.compile(
    r"\b(Mr|Mrs|Ms|Dr|Herrn?|Frau|Mme|Mlle|Monsieur|Madame|Sra|Señora?)\b\.?\s+[^\W\d_a-zß-ÿ]"
)
"""A form of address before a capital letter, as in `Frau Muster`; not `Prof. Services` or `Sr Manager`."""
ALIKE_LEVELS = 3
ALIKE_SHARE = 0.2
"""Levels that equal a name before it is no coincidence: a customer may be called "Retail"."""


def check_persons(inspection: Inspection) -> Iterator[Finding]:
    """Q091 levels and survey items that name people or accounts; such names would stand in the model."""
    title = "levels name nobody"
    for name, columns in COLUMNS.items():
        for column in columns:
            table = inspection.table(name, column)
            levels = {} if table is None else commonest(table, column, MOST_LEVELS)
            if not levels:
                yield Finding("Q091", title, "warning", "not_applicable", name, f"{column}: {title}")
                continue
            named = _naming(levels, _known(inspection, levels))
            rows, of = sum(levels[level] for level in named), sum(levels.values())
            if not named:
                yield Finding("Q091", title, "warning", "passed", name, f"{column}: {title}", 0, of)
                continue
            message = (
                f"{column}: {len(named)} of {len(levels)} levels carry a form of address or a known name; "
                "map a coarser column, or leave this one out"
            )
            yield Finding("Q091", title, "warning", "failed", name, message, rows, of)


def _naming(levels: Collection[str], known: Collection[str]) -> list[str]:
    """Return the levels that name somebody."""
    alike = [level for level in levels if _bare(level) in known]
    if len(alike) < min(ALIKE_LEVELS, ALIKE_SHARE * len(levels)):
        alike = []
    return [level for level in levels if level in alike or ADDRESSED.search(level)]


def _known(inspection: Inspection, levels: Collection[str]) -> set[str]:
    """Return which of the levels are names in the source; only these leave the database."""
    asked = sorted({_bare(level) for level in levels})
    found: set[str] = set()
    for name, column in NAMES:
        table = inspection.table(name, column)
        if table is not None:
            bare = table[column].strip().lower()
            named = table.filter(bare.isin(asked)).select(bare=bare).distinct()
            found |= {_bare(text) for text in named.to_pyarrow()["bare"].to_pylist()}
    return found


def _bare(text: str) -> str:
    return text.strip().lower()

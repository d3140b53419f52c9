"""Checks of spelling: nearly equal levels of a category, keys that miss their partner by a letter."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import ibis
from rapidfuzz import fuzz, process

from segmentwerk.data.privacy import NAMED
from segmentwerk.data.quality.findings import Finding, Inspection, fetch

CATEGORIES = {
    "accounts": ("industry", "subindustry", "ownership", "country", "region", "town", "lead_source"),
    "orders": ("category", "channel"),
    "opportunities": ("product_id",),
    "activities": ("action",),
    "campaigns": ("arm",),
}
MOST_LEVELS = 400
SIMILAR = 90.0
COMMON = 5
"""Rows from which a value is taken for a level that many share, not for somebody's name."""
INDUSTRY_WORDS = """
accounting advertising aerospace agriculture apparel architecture arts automotive aviation banking
beverages biotechnology chemicals communications computers construction consulting cosmetics defense
distribution education electronics employment energy engineering entertainment environment fashion
finance financial fishing food forestry furniture gaming government healthcare health hospitality
hotels household industrial insurance internet investment leasing legal leisure lending logistics
machinery manufacturing marketing materials media medical metals military mining music nonprofit oil
packaging paper pharmaceuticals photography plastics printing professional publishing railroad
recreation recruiting religious renewable research restaurants retail security semiconductors
services shipping software sporting sports supplies technology telecommunications telecom textiles
tobacco transportation travel trucking utilities veterinary warehousing wholesale wireless
"""
"""Words of industry names in common use (NAICS sectors, GICS, CRM pick lists), to judge spelling by."""


def check_levels(inspection: Inspection) -> Iterator[Finding]:
    """Q060 levels of a category that differ in case, blanks or one or two letters."""
    title = "levels are spelled one way"
    for name, columns in CATEGORIES.items():
        for column in columns:
            table = inspection.table(name, column)
            if table is None:
                continue
            levels = _levels(table, column)
            pairs = [] if levels is None else nearly_equal(list(levels))
            if pairs:
                message = f"{column}: {_words(pairs, levels or {})}"
                yield Finding(
                    "Q060", title, "warning", "failed", name, message, len(pairs), len(levels or ())
                )
            else:
                status: Any = "not_applicable" if levels is None else "passed"
                yield Finding("Q060", title, "warning", status, name, f"{column}: {title}")


def nearly_equal(levels: Sequence[str]) -> list[tuple[str, str]]:
    """Return pairs of levels that look like one, the commoner first.

    Examples
    --------
    >>> nearly_equal(["retail", "Retail ", "technology", "technolgy", "paper", "papers"])
    [('retail', 'Retail '), ('technology', 'technolgy'), ('paper', 'papers')]
    """
    pairs = []
    for first, second in combinations(levels, 2):
        a, b = _bare(first), _bare(second)
        digits = [c for c in a if c.isdigit()] != [c for c in b if c.isdigit()]
        if a == b or (not digits and min(len(a), len(b)) > 4 and fuzz.ratio(a, b) >= SIMILAR):
            pairs.append((first, second))
    return pairs


def _words(pairs: Sequence[tuple[str, str]], *counts: Mapping[str, int]) -> str:
    """Name the pairs of which one is common: two rare values may be names of people."""
    common = [pair for pair in pairs if max(n.get(text, 0) for text in pair for n in counts) >= COMMON]
    shown = [f"{a!r} and {b!r}" for a, b in common[:5]]
    rest = len(pairs) - len(shown)
    return ", ".join([*shown, f"{rest} {'more ' if shown else ''}pairs"] if rest else shown)


def _bare(text: str) -> str:
    return "".join(text.lower().split())


def check_partners(inspection: Inspection) -> Iterator[Finding]:
    """Q061 values of a column that two raw tables share, which miss their partner by little."""
    title = "keys find their partners"
    texts = [
        (name, column)
        for name, table in inspection.raw.items()
        for column in table.columns
        if table[column].type().is_string()
    ]
    shared = [column for column, n in Counter(column for _, column in texts).items() if n > 1]
    shared = [column for column in shared if not _secret(column, inspection)]
    levels = {(n, c): _levels(inspection.raw[n], c) for n, c in texts if c in shared}
    answered = False
    for (left, a), (right, b) in combinations(levels, 2):
        one, two = levels[left, a], levels[right, b]
        if a != b or one is None or two is None:
            continue
        answered = True
        pairs = [
            pair for pair in nearly_equal(sorted({*one} ^ {*two})) if (pair[0] in one) != (pair[1] in one)
        ]
        if pairs:
            message = f"{a} of {left} and {right}: {_words(pairs, one, two)}"
            yield Finding("Q061", title, "warning", "failed", f"raw {left}", message, len(pairs))
    if not answered:
        yield Finding("Q061", title, "warning", "not_applicable", "raw", title)


def _secret(column: str, inspection: Inspection) -> bool:
    """Tell whether the values of a raw column must not be shown."""
    private = inspection.private.ids | inspection.private.personal
    return column.lower() in private or bool(NAMED.search(column)) or column.lower().endswith("id")


def check_industries(inspection: Inspection) -> Iterator[Finding]:
    """Q062 industries with a word that is nearly, but not quite, one in common use."""
    title = "industries are spelled right"
    table = inspection.table("accounts", "industry")
    levels = None if table is None else _levels(table, "industry")
    if table is None or levels is None:
        yield Finding("Q062", title, "warning", "not_applicable", "accounts", title)
        return
    wrong = {level: match for level in levels if (match := _meant(level)) is not None}
    if not wrong:
        yield Finding("Q062", title, "warning", "passed", "accounts", title, 0, len(levels))
        return
    rows = int(table.filter(table["industry"].isin(list(wrong))).count().execute())
    words = ", ".join(f"{word!r} (meant: {meant!r}?)" for word, meant in sorted(set(wrong.values())))
    of = inspection.checked.rows["accounts"]
    yield Finding("Q062", title, "warning", "failed", "accounts", f"industry: {words}", rows, of)


def _meant(level: str) -> tuple[str, str] | None:
    """Return the first word that is nearly one in common use, and that one."""
    for word in re.findall(r"[a-z]+", level.lower()):
        if len(word) < 6 or word in INDUSTRY_WORDS.split():
            continue
        best = process.extractOne(word, INDUSTRY_WORDS.split(), scorer=fuzz.ratio, score_cutoff=SIMILAR)
        if best is not None and not {word, best[0]} <= {best[0], best[0] + "s", best[0].rstrip("s")}:
            return word, str(best[0])
    return None


def _levels(table: ibis.Table, column: str) -> dict[str, int] | None:
    """Count the levels of a column, the commonest first; None if there are too many for a category."""
    known = table.filter(table[column].notnull() & (table[column] != ""))
    counts = known.group_by(level=known[column]).aggregate(n=known.count())
    rows = fetch(counts.order_by([ibis.desc("n"), "level"]).limit(MOST_LEVELS + 1))
    return None if len(rows) > MOST_LEVELS else {str(row["level"]): int(row["n"]) for row in rows}

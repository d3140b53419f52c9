"""Check for people's and customers' names among the words that a model takes along.

What is frequent becomes a level of a category, and survey items and attributes become names of features;
all of them are written into the model and its catalogue. Everything is matched where the data lies, in the
syntax of patterns that RE2 and PostgreSQL share: no value reaches Python.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import ibis

from segmentwerk.data.columns import COLUMNS, is_wording
from segmentwerk.data.patterns import found, replaced
from segmentwerk.data.privacy import CONTACT
from segmentwerk.data.quality.findings import Finding, Inspection, fetch
from segmentwerk.data.quality.probes import examples
from segmentwerk.data.quality.spelling import COMMON

_CAPITAL = "[A-ZÀ-ÖØ-ÞČĆĐĎĚĞİŁŃŇŐŒŘŚŠŞŤŮŰŹŽŻ]"
_NAME = rf"{_CAPITAL}[^[:space:][:digit:]]+"
_FORMS = (
    "[Mm]r|[Mm]rs|Ms|MRS|[Hh]errn?|HERRN?|[Ff]rau|FRAU|[Ff]räulein|Mme|MME|Mlle|MLLE|Madame|Monsieur|"
    "Sra|SRA|Srta|Señora?|Señorita|Doña|DOÑA|Senhora?|Signora?|Sig|Sig\\.ra|Dhr|Mevr|Mevrouw"
)
"""No MS and MR: MS Office, MR imaging."""
_TITLES = "[Dd]r|DR|Dott|[Pp]rof|PROF|Professor|Don|DON|Dona|Sr|SR|Miss"
"""Firms and brands bear these, too (Dr. Oetker, Don Julio), and Sr means senior in English."""
_DOCTOR = r"((Dr|DR|Prof|PROF)\.?[[:space:]]+)*"

_BETWEEN = "[[:punct:][:space:]\u00a0\u00ab\u00bb\u2010-\u2027\u2039\u203a]+"
"""Also the blank that does not break, dashes and quotation marks of typesetting."""

ADDRESSED = rf"({_FORMS})\.?[[:space:]]+{_DOCTOR}{_NAME}"
TITLED = rf"(^|[^[:alnum:]])({_TITLES})\.?[[:space:]]+{_NAME}"
_FIRM = (
    r"(^| )(gmbh|ag|kg|ohg|ug|co|ltd|limited|llc|llp|inc|corp|company|group|gruppe|holding|plc|sa|sas|sarl|"
    r"srl|spa|bv|nv|brands?|stores?|shops?)( |$)"
)
DESK = (
    r"(^| )(team|sales|support|service|services|marketing|shop|store|web|online|inside|outside|internal|"
    r"external|partners?|reseller|direct|desk|office|admin|accounts?|region|vertrieb|innendienst|"
    r"aussendienst|kundendienst|call|center|centre)( |$)"
)
"""Words of departments and queues, which own records in a CRM as people do; none that is a surname (West)."""

TITLE = "levels and items name nobody"
QUESTIONS = ("item", "attribute")
"""Columns of wordings: all of them count, however rare, and a name may stand inside."""
PLACES = ("country", "region", "town", "climate_zone")
"""Firms are called after places: that a place is a firm's name, too, says nothing."""
BRANDS = ("category", "attribute")
"""Columns that list brands, some of which bear a form of address (Mr Muscle)."""
LONGEST = 4
"""Words of a name that is looked for inside a wording; it has two at least, for one is found by chance."""
FEWEST, SHARE = 2, 0.2
"""Weak signs count where two values have them, and a fifth of all: one firm is called Retail by chance."""
PERSON = re.compile(
    r"(?i)(contact|full|employee|agent|owner|rep|manager|mitarbeiter)[ _-]?name|ansprech|kontakt|"
    r"contact[ _-]?person|sales[ _-]?person|"
    r"(owner|agent|sales[ _-]?rep|manager|employee|vertreter|betreuer|mitarbeiter)$"
)
"""Raw columns of people. Not ``name``: tables that industries or regions are looked up in have it, too."""
FIRST = re.compile(r"(?i)^(.*)(?:first|given|vor)[ _-]?name$")
LAST = re.compile(r"(?i)^(.*)(?:last|sur|family|nach)[ _-]?name$")


def check_people(inspection: Inspection) -> Iterator[Finding]:
    """Q091 frequent levels, survey items and attributes that name people or customers."""
    columns_by_table = {
        name: [column for column in wordings(name) if inspection.table(name, column) is not None]
        for name in COLUMNS
        if wordings(name)
    }
    for name, columns in columns_by_table.items():
        if not columns:
            yield Finding("Q091", TITLE, "warning", "not_applicable", name, TITLE)
    if not any(columns_by_table.values()):
        return
    signs = _signs(inspection, columns_by_table)
    counts = {(row["table"], row["column"]): row for row in fetch(_counts(signs))}
    for name, columns in columns_by_table.items():
        for column in columns:
            yield _finding(inspection, signs, name, column, counts.get((name, column)))


def wordings(name: str) -> list[str]:
    """Return the columns of one of our tables whose values features or their names may show."""
    return [column for column, declared in COLUMNS[name].items() if is_wording(column, declared)]


def _finding(
    inspection: Inspection, signs: ibis.Table, name: str, column: str, counts: dict[str, Any] | None
) -> Finding:
    of = inspection.checked.rows[name]
    weak = counts is not None and counts["all"] >= max(FEWEST, SHARE * counts["levels"])
    if counts is None or not (weak or counts["sure"]):
        return Finding("Q091", TITLE, "warning", "passed", name, f"{column}: {TITLE}", 0, of)
    which = "all" if weak else "sure"
    values, rows = int(counts[which]), int(counts[f"{which}_rows"])
    message = (
        f"{column}: {values:,} distinct {'value' if values == 1 else 'values'} in {rows:,} rows "
        f"{'names' if values == 1 else 'name'} people or customers, and a model would take them along; "
        f"{_remedy(name, column)}"
    )
    shown = _rows(inspection, signs, name, column, weak)
    return Finding("Q091", TITLE, "warning", "failed", name, message, rows, of, shown)


def _remedy(name: str, column: str) -> str:
    if column in QUESTIONS:
        return f"word it without names in the source's yaml (tables.{name}.columns.{column})"
    return f"map a coarser column in the source's yaml (tables.{name}.columns.{column}), or leave it out"


def _rows(inspection: Inspection, signs: ibis.Table, name: str, column: str, weak: bool) -> tuple[int, ...]:
    mine = signs.filter((signs["table"] == name) & (signs["column"] == column))
    texts = mine.filter(mine["sure"] | (mine["weak"] if weak else False)).select("text")
    table = inspection.checked.typed[name]
    return examples(table.semi_join(texts, table[column] == texts["text"]))


def _counts(signs: ibis.Table) -> ibis.Table:
    either = signs["sure"] | signs["weak"]
    return signs.group_by("table", "column").aggregate(
        levels=signs.count(),
        sure=signs["sure"].sum(),
        all=either.sum(),
        sure_rows=ibis.ifelse(signs["sure"], signs["n"], 0).sum(),
        all_rows=ibis.ifelse(either, signs["n"], 0).sum(),
    )


def _signs(inspection: Inspection, columns_by_table: dict[str, list[str]]) -> ibis.Table:
    """Return one row a level or wording: how many rows have it, and whether a sign is sure or weak."""
    levels = ibis.union(
        *(_levels(inspection, name, c) for name, columns in columns_by_table.items() for c in columns)
    )
    known = _known(inspection, levels)
    joined = levels.left_join(known, ["table", "column", "text"])
    person, match = joined["person"].fill_null(False), joined["person"].notnull()
    text, key, column = joined["text"], joined["key"], joined["column"]
    addressed = ibis.ifelse(
        column == "item", is_addressed(text, key, anywhere=True), is_addressed(text, key, anywhere=False)
    )
    brand, place = column.isin(BRANDS), column.isin(PLACES)
    return joined.select(
        "table",
        "column",
        "text",
        "n",
        sure=person | is_contact(text) | (addressed & ~brand),
        weak=(match & ~place) | addressed | is_titled(text, key),
    )


def _levels(inspection: Inspection, name: str, column: str) -> ibis.Table:
    table = inspection.checked.typed[name]
    known = table.filter(table[column].notnull() & (table[column] != ""))
    counts = known.group_by(text=known[column]).aggregate(n=known.count())
    counts = counts.filter(counts["n"] >= (1 if column in QUESTIONS else COMMON))
    return counts.select(
        "text", "n", table=ibis.literal(name), column=ibis.literal(column), key=bare(counts["text"])
    )


def _known(inspection: Inspection, levels: ibis.Table) -> ibis.Table:
    """Return the levels and wordings that are, or hold, a name of the source; ``person``: somebody's."""
    names = list(_names(inspection))
    parts = _parts(levels)
    if not names:
        return parts.mutate(person=ibis.literal(False)).select("table", "column", "text", "person").limit(0)
    people = ibis.union(*names)
    people = people.filter(people["part"].length() > 2)
    people = people.group_by("part").aggregate(person=people["person"].any())
    matched = parts.inner_join(people, "part")
    return matched.group_by("table", "column", "text").aggregate(person=matched["person"].any())


def _parts(levels: ibis.Table) -> ibis.Table:
    """Return each text as a whole, and the runs of two to four words inside wordings."""
    whole = levels.select("table", "column", "text", part="key")
    questions = levels.filter(levels["column"].isin(QUESTIONS))
    words = questions.mutate(words=questions["key"].split(" "))
    runs = [whole]
    for size in range(2, LONGEST + 1):
        long = words.filter(words["words"].length() > size)
        begun = long.mutate(start=ibis.range(0, long["words"].length() - size + 1).unnest())
        part = begun["words"][begun["start"] : begun["start"] + size].join(" ")
        runs.append(begun.select("table", "column", "text", part=part))
    return ibis.union(*runs)


def _names(inspection: Inspection) -> Iterator[ibis.Table]:
    """Yield the values of personal columns: ours, those of people in the raw tables, and first with last."""
    for name, table in inspection.checked.typed.items():
        for column, declared in COLUMNS[name].items():
            if declared.personal and declared.kind == "text" and column in table.columns:
                yield _named(table, table[column], person=column == "agent")
    for table in inspection.raw.values():
        texts = [column for column in table.columns if table[column].type().is_string()]
        for column in texts:
            if PERSON.search(column):
                yield _named(table, table[column], person=True)
        for first, last in _pairs(texts):
            yield _named(table, table[first] + " " + table[last], person=True)
            yield _named(table, table[last] + " " + table[first], person=True)


def _pairs(columns: list[str]) -> Iterator[tuple[str, str]]:
    """Yield columns of first and last names that are called alike."""
    lasts = {match[1].lower(): column for column in columns if (match := LAST.search(column))}
    for column in columns:
        match = FIRST.search(column)
        if match and match[1].lower() in lasts:
            yield column, lasts[match[1].lower()]


def _named(table: ibis.Table, text: Any, *, person: bool) -> ibis.Table:
    """Return names in lower case; those of one word, and of a department, are nobody's for sure."""
    names = table.filter(text.notnull()).select(text=text).distinct()
    part = bare(names["text"])
    somebody = part.contains(" ") & ~found(part, DESK) if person else ibis.literal(False)
    return names.select(part=part, person=somebody)


def bare(text: Any) -> Any:
    """Return a column of texts in lower case, with one blank for all that is between words, and ss for ß."""
    return replaced(text.lower().replace("ß", "ss"), _BETWEEN, " ").strip()


def is_addressed(text: Any, key: Any, *, anywhere: bool) -> Any:
    """Tell texts with a form of address and a name: in a sentence anywhere, else where they begin so.

    Firms that are called so are left out (Poltrona Frau, Mr Price Group).
    """
    before = "(^|[^[:alnum:]])" if anywhere else "^[[:space:][:punct:]]*"
    return found(text, before + ADDRESSED) & ~found(key, _FIRM)


def is_titled(text: Any, key: Any) -> Any:
    """Tell texts with a title and a name; a department is none (Prof. Services)."""
    return found(text, TITLED) & ~found(key, DESK)


def is_contact(text: Any) -> Any:
    """Tell texts with an e-mail address or a telephone number."""
    return found(text, CONTACT)

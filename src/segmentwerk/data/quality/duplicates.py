"""Checks for the same thing entered twice: equal rows, similar company names, shared contacts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import reduce
from operator import add
from typing import Any

import ibis
import numpy as np
import pandas as pd
from rapidfuzz import fuzz, process

from segmentwerk.data.hidden import ROW, HiddenColumns
from segmentwerk.data.quality.findings import LARGE, Finding, Inspection, fetch

SIMILAR = 92.0
"""Similarity from which two names count as one, of 100 (normalised Indel similarity)."""
NEIGHBOURS = 8
BEGINNING = 3
"""Letters of a name by which a sample is drawn."""
LEGAL_FORMS = re.compile(
    r"\b(gmbh|ag|kg|ohg|gbr|ug|e ?k|se|co|ltd|limited|llc|llp|inc|incorporated|corp|corporation|company|plc|"
    r"sa|sas|sarl|srl|spa|bv|nv|oy|ab|as|aps|kft|sro|sp z o o|pty|ltda|eireli|me)\b"
)


def check_exact(inspection: Inspection) -> Iterator[Finding]:
    """Q032 rows equal to another one in every column."""
    title = "rows are there once"
    for name, table, step in _whole(inspection):
        columns = HiddenColumns.of(table.columns).shown
        groups = table.group_by(columns).aggregate(copies=table.count())
        row = fetch(groups.aggregate(rows=groups["copies"].sum(), distinct=groups.count()))[0]
        extra = int(row["rows"] or 0) - int(row["distinct"])
        note = f", in a sample of one in {step}" if step > 1 else ""
        message = f"rows equal to an earlier one in every column{note}" if extra else title
        status: Any = "failed" if extra else "passed"
        yield Finding("Q032", title, "warning", status, name, message, extra, int(row["rows"] or 0))


def _every(table: ibis.Table, step: int) -> ibis.Table:
    """Return about every nth row, and of equal rows all or none: groups of all rows would fill the memory."""
    if step == 1:
        return table
    columns = HiddenColumns.of(table.columns).shown
    residues = [(table[column].hash().abs() % step).fill_null(0) for column in columns]
    return table.filter(reduce(add, residues) % step == 0)


def _whole(inspection: Inspection) -> Iterator[tuple[str, ibis.Table, int]]:
    """Yield the raw tables, or ours where there are none: a mapping may leave out what tells rows apart."""
    if inspection.raw:
        rows = max(inspection.checked.rows.values(), default=0)
        for name, table in inspection.raw.items():
            step = max(-(-rows // LARGE), 1)
            yield f"raw {name}", _every(table, step), step
        return
    for name in inspection.checked.typed:
        table, step = inspection.sample(name)
        if table is not None:
            yield name, table, step


def check_contacts(inspection: Inspection) -> Iterator[Finding]:
    """Q031 accounts that share an e-mail address or a telephone number."""
    title = "contacts belong to one account"
    for column in ("email", "phone"):
        table = inspection.table("accounts", column)
        if table is None:
            yield Finding("Q031", title, "warning", "not_applicable", "accounts", f"no {column}")
            continue
        known = table.filter(table[column].notnull() & (table[column] != ""))
        groups = known.group_by(column).aggregate(accounts=known["account_id"].nunique())
        shared = groups.filter(groups["accounts"] > 1)
        count = int(shared["accounts"].sum().fill_null(0).execute())
        message = f"accounts share their {column} with another one" if count else title
        status: Any = "failed" if count else "passed"
        of = inspection.checked.rows["accounts"]
        yield Finding("Q031", title, "warning", status, "accounts", message, count, of)


def check_names(inspection: Inspection) -> Iterator[Finding]:
    """Q030 accounts whose company names differ in little but a legal form or a typing error."""
    title = "company names differ"
    table, step = inspection.table("accounts", "name"), inspection.step("accounts")
    if table is None:
        yield Finding("Q030", title, "warning", "not_applicable", "accounts", "no name")
        return
    wanted = [column for column in ("account_id", "name", "country", ROW) if column in table.columns]
    named = table.select(wanted).filter(table["name"].notnull())
    if step > 1:  # by their beginning: of two similar names mostly both are looked at
        named = named.filter(named["name"].lower().left(BEGINNING).hash().abs() % step == 0)
    accounts = named.to_pandas()
    accounts = accounts.drop_duplicates("account_id").sort_values([ROW, "account_id"], ignore_index=True)
    pairs = similar_names(accounts["name"], accounts.get("country"))
    rows = sorted({int(row) for row in accounts[ROW].to_numpy()[pairs[:, 1]] if row == row})
    note = f", in a sample of one in {step}" if step > 1 else ""
    message = f"{len(pairs)} pairs of accounts have nearly the same name{note}" if len(pairs) else title
    status: Any = "failed" if len(pairs) else "passed"
    concerned = len(np.unique(pairs))
    yield Finding(
        "Q030", title, "warning", status, "accounts", message, concerned, len(accounts), tuple(rows[:3])
    )


def similar_names(names: pd.Series, groups: pd.Series | None = None) -> np.ndarray:
    """Find pairs of nearly equal company names in linear time.

    Sorted neighbourhood (Hernández & Stolfo 1995): names are sorted by three keys, and each is
    compared with its `NEIGHBOURS` successors only.

    Parameters
    ----------
    groups
        For instance countries: names of two known, different groups are never a pair.

    Returns
    -------
    ndarray of shape (n_pairs, 2)
        Positions of the two names, the smaller first, sorted.
    """
    plain = np.array([plain_name(name) for name in names], dtype=object)
    given = None if groups is None else groups.to_numpy(dtype=object)
    keys = (lambda text: text, lambda text: text[::-1], lambda text: " ".join(sorted(text.split())))
    neighbours = [
        _neighbours(plain, np.argsort([key(text) for text in plain], kind="stable")) for key in keys
    ]
    pairs: np.ndarray = np.unique(np.sort(np.concatenate(neighbours), axis=1), axis=0)
    if given is None:
        return pairs
    left, right = given[pairs[:, 0]], given[pairs[:, 1]]
    kept: np.ndarray = pairs[pd.isna(left) | pd.isna(right) | (left == right)]
    return kept


def _neighbours(plain: np.ndarray, order: np.ndarray) -> np.ndarray:
    pairs = []
    for offset in range(1, min(NEIGHBOURS, len(order) - 1) + 1):
        left, right = order[:-offset], order[offset:]
        scores = process.cpdist(
            plain[left], plain[right], scorer=fuzz.ratio, score_cutoff=SIMILAR, dtype=np.float32
        )
        close = (scores >= SIMILAR) & (plain[left] != "")
        pairs.append(np.column_stack([left[close], right[close]]))
    return np.concatenate(pairs) if pairs else np.empty((0, 2), dtype=np.int64)


def plain_name(name: str) -> str:
    """Return a company name without accents, punctuation and legal form.

    Examples
    --------
    >>> plain_name("Müller & Söhne GmbH & Co. KG")
    'muller sohne'
    """
    text = unicodedata.normalize("NFKD", name.lower().replace("ß", "ss"))
    text = "".join(letter for letter in text if not unicodedata.combining(letter))
    text = re.sub(r"[^a-z0-9]+", " ", text)
    return " ".join(LEGAL_FORMS.sub(" ", text).split())

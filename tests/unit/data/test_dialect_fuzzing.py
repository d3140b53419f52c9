"""Whatever a file holds: it is read whole, or refused with one clear error."""

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import Phase, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from segmentwerk.core.errors import InputError
from segmentwerk.core.settings import SourceSettings
from segmentwerk.data import contracts
from segmentwerk.data.sources import open_source

FAST = hypothesis_settings(
    max_examples=8, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate]
)
HEADER = ["account_id", "name", "employees", "created_on", "town"]
CELL = st.one_of(
    st.text(alphabet="aäß€ \"';,|\t\n.0159-/%", max_size=8),
    st.sampled_from(
        ["", "007", "12", "1.234,5", "1,234.5", "31.12.2024", "12/31/2024", "2024-02-30", "n/a", "inf"]
    ),
)
ROWS = st.lists(st.lists(CELL, min_size=len(HEADER), max_size=len(HEADER)), min_size=1, max_size=8)
SOURCE = SourceSettings.model_validate(
    {
        "name": "t",
        "inputs": {"accounts": {"file": "accounts"}},
        "tables": {"accounts": {"origin": "accounts"}},
    }
)


def read(content: bytes):
    """Return the accounts as they were mapped, and how many rows were read, used and quarantined."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "accounts.csv"
        path.write_bytes(content)
        with open_source(SOURCE.model_copy(update={"path": path}), Path(folder) / "cache") as source:
            checked = contracts.check(source.tables)
            used = checked.tables["accounts"].count().execute()
            quarantined = checked.quarantine.count().execute()
            return source.tables["accounts"].to_pandas(), checked.rows["accounts"], used, quarantined


def written(rows, delimiter, encoding, end):
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows([HEADER, *rows])
    return text.getvalue().encode(encoding)


def is_utf8(content):
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def is_read_whole(rows, delimiter, encoding, end):
    """Every row is there, in order, with its texts, and is either used or quarantined."""
    content = written(rows, delimiter, encoding, end)
    assume(encoding != "cp1252" or content.isascii() or not is_utf8(content))  # nobody could tell them apart
    frame, found, used, quarantined = read(content)
    assert found == len(rows) == used + quarantined
    assert frame["_row"].tolist() == [*range(1, len(rows) + 1)]
    for position, name in ((0, "account_id"), (1, "name"), (4, "town")):
        given = [row[position].strip(" \t\r\n") or None for row in rows]
        assert frame[name].astype(object).where(frame[name].notna(), None).tolist() == given


DIALECT = {
    "rows": ROWS,
    "delimiter": st.sampled_from(";,\t|"),
    "encoding": st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"]),
    "end": st.sampled_from(["\n", "\r\n"]),
}


@given(**DIALECT)
@FAST
def test_every_row_is_read(rows, delimiter, encoding, end):
    is_read_whole(rows, delimiter, encoding, end)


@pytest.mark.slow
@given(**DIALECT)
@hypothesis_settings(FAST, max_examples=150)
def test_every_row_is_read_at_length(rows, delimiter, encoding, end):
    is_read_whole(rows, delimiter, encoding, end)


def is_read_or_refused(content):
    """Every row is accounted for, or the one error names the file or the table and what would be right."""
    try:
        _, found, used, quarantined = read(content)
    except InputError as error:
        refusal = error
    else:
        assert found == used + quarantined
        return
    assert "accounts" in refusal.problem
    assert refusal.remedy


@given(
    content=st.one_of(
        st.binary(max_size=200), st.binary(max_size=100).map(lambda b: b"account_id;name\n" + b)
    )
)
@FAST
def test_any_bytes_are_read_or_refused(content):
    is_read_or_refused(content)


@pytest.mark.slow
@given(
    content=st.one_of(
        st.binary(max_size=200), st.binary(max_size=100).map(lambda b: b"account_id;name\n" + b)
    )
)
@hypothesis_settings(FAST, max_examples=300)
def test_any_bytes_are_read_or_refused_at_length(content):
    is_read_or_refused(content)

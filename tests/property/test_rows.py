"""Rows in are rows used plus rows quarantined: every table, any dialect, any text in any cell."""

from __future__ import annotations

import csv
import io
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import schemas
from segmentwerk.core.paths import config_root
from segmentwerk.core.settings import QualitySettings, SourceSettings
from segmentwerk.data import contracts, quality
from segmentwerk.data.columns import COLUMNS, ColumnSpec
from segmentwerk.data.sources import open_source

SOURCE = yaml.safe_load((config_root() / "conf" / "source" / "csv_folder.yaml").read_text(encoding="utf-8"))
DATES = ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y %H:%M", "%d-%m-%Y", "%Y-%m-%dT%H:%M:%SZ")
MONEY = ("{}", "{} €", "${}", "EUR {}", "{} %", "{}-", "({})", "{} Mio.")
JUNK = st.one_of(
    st.text(alphabet="aäß€ \"';,|\t\n.0159-/%", max_size=8),
    st.sampled_from(
        ["", " ", "n/a", "k. A.", "NULL", "inf", "nan", "1e999", "30.02.2024", "12,34,5", "0x1F", "ja", "-"]
    ),
)
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2035, 1, 1))


@dataclass(frozen=True)
class Dialect:
    """How somebody's program writes a table."""

    delimiter: str
    encoding: str
    end: str
    quoting: int
    comma: bool
    date: str
    money: str

    def number(self, value: float) -> str:
        text = f"{abs(value):,.2f}"
        if self.comma:
            text = text.translate(str.maketrans(",.", ".,"))
        return ("-" if value < 0 else "") + self.money.format(text)

    def write(self, header: list[str], rows: list[list[str]]) -> bytes:
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=self.delimiter, lineterminator=self.end, quoting=self.quoting)
        writer.writerows([header, *rows])
        return text.getvalue().encode(self.encoding)


DIALECTS = st.builds(
    Dialect,
    delimiter=st.sampled_from(";,\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"]),
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    comma=st.booleans(),
    date=st.sampled_from(DATES),
    money=st.sampled_from(MONEY),
)


def cells(column: ColumnSpec, dialect: Dialect) -> st.SearchStrategy[str]:
    """Return texts that the column's contract asks for, and some that it does not."""
    if column.allowed:
        good = st.sampled_from([str(value) for value in column.allowed])
    elif column.kind == "number":
        good = st.integers(-10_000_000, 100_000_000).map(lambda cents: dialect.number(cents / 100))
    elif column.kind == "text":
        good = st.sampled_from(["007", "A1", "A2", "B-3", "Müller & Söhne", "web"])
    else:
        good = MOMENTS.map(lambda moment: moment.strftime(dialect.date))
    return st.one_of(good, good, good, JUNK)


@st.composite
def files(draw: st.DrawFn, table: str) -> tuple[bytes, int]:
    """A file of the table in some dialect, and its number of rows."""
    dialect = draw(DIALECTS)
    columns = {name: c for name, c in COLUMNS[table].items() if c.required or draw(st.booleans())}
    rows = draw(st.integers(1, 8))
    drawn = [[draw(cells(column, dialect)) for column in columns.values()] for _ in range(rows)]
    return dialect.write(list(columns), drawn), rows


def are_accounted_for(contents: dict[str, tuple[bytes, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, (content, _) in contents.items():
            (Path(folder) / f"{name}.csv").write_bytes(content)
        given_ = SourceSettings.model_validate({**SOURCE, "path": folder})
        with open_source(given_, Path(folder) / "cache") as source:
            checked = contracts.check(source.tables, QualitySettings(exact_duplicates=list(contents)))
            quarantined = checked.quarantine.to_pandas()
            report = quality.inspect(checked, as_of=None, raw=source.raw, private=source.private)
            for name, (_, rows) in contents.items():
                mine = quarantined[quarantined["table"] == name]
                used = checked.tables[name].count().execute()
                assert checked.rows[name] == report.rows[name] == rows == used + len(mine)
                assert checked.rejected[name] == len(mine)
                assert mine["row"].between(1, rows).all()
                assert mine["row"].is_unique
                assert mine["reason"].ne("").all()
            schemas.verify(checked)


SOME = settings(max_examples=1, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])


@pytest.mark.parametrize("table", COLUMNS)
@SOME
@given(data=st.data())
def test_every_row_is_used_or_quarantined(table, data):
    names = (
        {"accounts", table} if data.draw(st.booleans()) or table not in ("accounts", "orders") else {table}
    )
    are_accounted_for({name: data.draw(files(name)) for name in sorted(names)})


@pytest.mark.slow
@pytest.mark.parametrize("table", COLUMNS)
@settings(SOME, max_examples=15)
@given(data=st.data())
def test_every_row_is_used_or_quarantined_at_length(table, data):
    names = (
        {"accounts", table} if data.draw(st.booleans()) or table not in ("accounts", "orders") else {table}
    )
    are_accounted_for({name: data.draw(files(name)) for name in sorted(names)})

"""Q091: levels, survey items and attributes that name people are found, and what only looks so is not."""

import json
import time
from datetime import date

import ibis
import pandas as pd
import pyarrow as pa
import pytest

from postgres import postgres_server
from segmentwerk.data import contracts, quality
from segmentwerk.data.quality import people
from segmentwerk.data.quality.findings import Inspection
from segmentwerk.data.sources import open_source

INDUSTRIES = ["retail", "technology", "paper", "food", "steel", "glass", "wood", "toys", "wool", "tea"]
AGENTS = ["Anna Quothbert", "Kim West", "Jürgen Müßig", "Web Shop", "Solo"]


def accounts(n=200, **columns):
    frame = pd.DataFrame(
        {"account_id": [f"A{i}" for i in range(n)], "name": [f"Firm {i} Ltd" for i in range(n)]}
    )
    return frame.assign(**{"industry": (INDUSTRIES * n)[:n], **columns})


def replaced(values, n=200):
    """Return industries of which the last ten rows, by value, are replaced."""
    industries = (INDUSTRIES * n)[:n]
    for i, value in enumerate(values):
        industries[n - 10 * (i + 1) : n - 10 * i or n] = [value] * 10
    return industries


def deals(agents=AGENTS):
    ids = [str(i) for i in range(len(agents))]
    return pd.DataFrame({"opportunity_id": ids, "account_id": "A1", "stage": "won", "agent": agents})


def surveys(*items):
    return pd.DataFrame({"account_id": "A1", "item": list(items), "score": 3.0})


def inspection(raw=(), **tables):
    con = ibis.duckdb.connect()
    for name, frame in {**tables, **dict(raw)}.items():
        con.con.register(name, pa.Table.from_pandas(frame, preserve_index=False))
    checked = contracts.check({name: con.table(name) for name in tables})
    return Inspection(checked, None, {name: con.table(name) for name in dict(raw)})


def found(**tables):
    return list(people.check_people(inspection(**tables)))


def failed(**tables):
    return [finding for finding in found(**tables) if finding.status == "failed"]


SOMEBODY = [
    "Anna Quothbert",
    "ANNA QUOTHBERT",
    "  anna  quothbert ",
    "'Anna Quothbert'",
    "„Anna Quothbert“",
    "Quothbert, Anna",
    "Kim West",
    "Jürgen Müßig",
    "JÜRGEN MÜSSIG",
    "Frau Dr. Österle",
    "Herr O'Brien",
    "HERR ÖSTERLE",
    "Mme. Élise Dupont",
    "Mr Smith-Jones",
    "Señora Núñez",
    "someone@firm.example",
    "Tel. +49 30 1234567",
]
NOBODY = [
    "Donuts",
    "Dr. Oetker",
    "Don Julio",
    "Frauenmode",
    "Herren",
    "Frau",
    "Herr und Frau",
    "Poltrona Frau",
    "Mr Price Group",
    "MS Office",
    "MR Imaging",
    "Sr Manager",
    "Profile",
    "Drinks & More",
    "Web Shop",
    "Solo",
    "Firm 7 Ltd",
    "",
    None,
]


@pytest.fixture(scope="module")
def answers():
    """The finding about each value, where ten rows of a column have it."""
    raw = {
        "people": pd.DataFrame(
            {
                "First Name": ["Anna", None],
                "last_name": ["x", "y"],
                "Contact First Name": ["Anna", None],
                "Contact Last Name": ["Quothbert", "y"],
            }
        )
    }
    told, columns = {}, ("industry", "subindustry", "ownership", "lead_source")
    values = [*SOMEBODY, *NOBODY]
    for begin in range(0, len(values), len(columns)):
        given = dict(zip(columns, values[begin : begin + len(columns)], strict=False))
        frame = accounts(**{column: replaced([value]) for column, value in given.items()})
        by_column = {
            f.message.split(":")[0]: f for f in found(accounts=frame, opportunities=deals(), raw=raw)
        }
        told |= {value: (column, by_column[column]) for column, value in given.items()}
    return told


@pytest.mark.parametrize("value", SOMEBODY)
def test_one_frequent_value_that_is_somebody(answers, value):
    column, one = answers[value]
    assert (one.status, one.table, one.severity) == ("failed", "accounts", "warning")
    assert (one.rows, one.of, one.examples) == (10, 200, (191, 192, 193))
    assert one.message.startswith(f"{column}: 1 distinct value in 10 rows names people or customers")
    assert f"tables.accounts.columns.{column}" in one.message


@pytest.mark.parametrize("value", NOBODY)
def test_what_only_looks_like_somebody_is_let_pass(answers, value):
    assert answers[value][1].status == "passed"


@pytest.mark.parametrize(
    "values", [["Firm 7 Ltd", "FIRM 8 LTD", "firm 9, Ltd."], ["Dr. Oetker", "Prof. Quoth", "Don Juan"]]
)
def test_weak_signs_count_where_they_are_many(values):
    (one,) = failed(accounts=accounts(industry=replaced(values)))
    assert one.message.startswith("industry: 3 distinct values in 30 rows name people")


def test_weak_signs_count_beside_many_other_levels_only_from_a_fifth_on():
    industries = [f"industry {chr(97 + i // 10)}" for i in range(170)] + replaced(
        ["Dr. Oetker", "Dr. Quoth"]
    )[170:]
    assert failed(accounts=accounts(industry=industries)) == []


def test_a_rare_value_travels_nowhere():
    industries = [*replaced([])[:-4], *["Anna Quothbert"] * 4]
    assert failed(accounts=accounts(industry=industries), opportunities=deals()) == []
    assert failed(
        accounts=accounts(industry=[*industries[:-5], *["Anna Quothbert"] * 5]), opportunities=deals()
    )


def test_places_that_firms_are_called_after_and_brands():
    towns = [["Aachen", "Bonn", "Celle"][i % 3] for i in range(200)]
    assert failed(accounts=accounts(town=towns, name=towns)) == []
    orders = pd.DataFrame(
        {
            "order_id": "1",
            "account_id": "A1",
            "ordered_at": date(2023, 1, 1),
            "revenue": 1.0,
            "category": [*["Mr Muscle"] * 10, *INDUSTRIES * 10],
        }
    )
    assert failed(accounts=accounts(), orders=orders) == []
    assert failed(accounts=accounts(town=["Anna Quothbert"] * 200), opportunities=deals())


def test_a_table_to_look_levels_up_in_names_nobody():
    raw = {"industries": pd.DataFrame({"id": range(10), "name": INDUSTRIES})}
    assert failed(accounts=accounts(), raw=raw) == []


def test_first_and_last_names_alone_name_nobody():
    raw = {"people": pd.DataFrame({"first_name": ["Georgia", "Paris"], "last_name": ["Berlin", "Bonn"]})}
    regions = [["Georgia", "Berlin", "Bonn"][i % 3] for i in range(200)]
    assert failed(accounts=accounts(industry=regions), raw=raw) == []
    assert failed(accounts=accounts(industry=["Berlin, Georgia"] * 200), raw=raw)


@pytest.mark.parametrize(
    "item",
    [
        "How friendly is Anna Quothbert?",
        "wie freundlich ist JÜRGEN MÜßIG am Telefon",
        "Wie war das Gespräch mit Herrn Östermann?",
        "Was Mrs. Smith on time?",
        "Write to someone@firm.example",
    ],
)
def test_one_survey_item_with_a_name_in_it(item):
    (one,) = failed(accounts=accounts(), opportunities=deals(), surveys=surveys("price", "speed", item))
    assert (one.table, one.rows, one.examples) == ("surveys", 1, (3,))
    assert "tables.surveys.columns.item" in one.message


@pytest.mark.parametrize(
    "item",
    [
        "Our web shop is easy to use",
        "Solo or with others?",
        "Frauenanteil im Vorstand",
        "How do you rate Dr. Oetker?",
        "I deal with Firm 7 Ltd, too",
        "Don't know",
    ],
)
def test_survey_items_without_anybody_pass(item):
    assert failed(accounts=accounts(), opportunities=deals(), surveys=surveys("price", "speed", item)) == []


def test_survey_items_that_name_customers():
    items = [f"Do you know Firm {i} Ltd?" for i in range(3)]
    (one,) = failed(accounts=accounts(), surveys=surveys("price", "speed", *items))
    assert one.rows == 3


def test_attributes():
    choices = pd.DataFrame(
        {
            "account_id": "A1",
            "task_id": "1",
            "alternative_id": ["1", "2", "3"],
            "chosen": 0.0,
            "attribute": ["price", "Served by Anna Quothbert", "speed"],
            "value": 1.0,
        }
    )
    (one,) = failed(accounts=accounts(), opportunities=deals(), choices=choices)
    assert (one.table, one.rows, one.examples) == ("choices", 1, (2,))


def test_no_value_is_in_the_report(tmp_path):
    industries = replaced(["Anna Quothbert", "Herr Österle", "Firm 7 Ltd"])
    looked_at = inspection(
        accounts=accounts(industry=industries),
        opportunities=deals(),
        surveys=surveys("Was Jürgen Müßig there?"),
    )
    report = quality.inspect(looked_at.checked, as_of=date(2024, 1, 1))
    assert len([f for f in report.failed if f.code == "Q091"]) == 2
    page, data = quality.write(report, tmp_path, [])
    written = json.dumps(report.to_dict(), ensure_ascii=False) + page.read_text() + data.read_text()
    for word in ("uothbert", "sterle", "Firm 7", "rgen", "M\\u00fc"):
        assert word not in written


def test_where_there_are_no_such_columns():
    answers = found(accounts=accounts().drop(columns="industry"))
    status = {f.table: f.status for f in answers}
    assert set(status.values()) == {"not_applicable"}
    assert set(status) == {"accounts", "orders", "activities", "surveys", "choices", "campaigns"}


def test_a_hundred_thousand_rows_are_matched_where_they_lie(monkeypatch):
    n, fetched = 100_000, []
    looked_at = inspection(
        accounts=accounts(
            n, industry=replaced(["Jürgen Müßig"], n), town=[f"Town {i % 9000}" for i in range(n)]
        ),
        opportunities=deals(),
        surveys=surveys(*[f"item {i} of many" for i in range(90)]),
    )
    kept = people.fetch
    monkeypatch.setattr(people, "fetch", lambda table: fetched.append(rows := kept(table)) or rows)
    begin = time.monotonic()
    answers = [f for f in people.check_people(looked_at) if f.status == "failed"]
    assert time.monotonic() - begin < 20
    assert [(f.table, f.rows) for f in answers] == [("accounts", 10)]
    assert [len(rows) for rows in fetched] == [3], "one row a column, however many levels"


@pytest.mark.postgres
def test_the_same_in_a_database(settings, tmp_path):
    psycopg = pytest.importorskip("psycopg", reason="the extra 'server' is not installed")
    values = [
        "ANNA QUOTHBERT",
        "„Jürgen Müßig“",
        "Frau Dr. Österle",
        "Herr O'Brien",
        "Mr Price Group",
        "Herren",
    ]
    tables = {
        "accounts": accounts(industry=replaced(values), town=["Anna\u00a0Quothbert"] * 200),
        "opportunities": deals(),
        "surveys": surveys("price", "How is Anna Quothbert today?", "Wie war Herr Öster?"),
    }
    types = {"score": "float8"}
    with postgres_server() as url:
        with psycopg.connect(url) as connection:
            for name, frame in tables.items():
                columns = ", ".join(f"{c} {types.get(c, 'text')}" for c in frame)
                connection.execute(f"CREATE TABLE {name} ({columns})")
                marks = ", ".join(["%s"] * frame.shape[1])
                rows = frame.to_numpy().tolist()
                connection.cursor().executemany(f"INSERT INTO {name} VALUES ({marks})", rows)
        with open_source(settings("warehouse", url=url), tmp_path) as source:
            looked_at = Inspection(contracts.check(source.tables), None, source.raw)
            there = [f for f in people.check_people(looked_at) if f.status == "failed"]
    assert there == failed(**tables)
    assert [(f.table, f.rows) for f in there] == [("accounts", 40), ("accounts", 200), ("surveys", 2)]

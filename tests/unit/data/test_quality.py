"""One small source with every kind of dirt: each is found under its code, and clean data passes."""

import json
from datetime import date, datetime, timedelta

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from segmentwerk.data import contracts, quality
from segmentwerk.data.mapping import Private
from segmentwerk.data.quality import findings
from segmentwerk.data.quality.duplicates import plain_name, similar_names
from segmentwerk.data.quality.spelling import nearly_equal

N = 120
AS_OF = date(2024, 7, 1)
LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz"))


def clean():
    rng = np.random.default_rng(0)
    employees = rng.integers(5, 500, N).astype(float)
    accounts = pd.DataFrame(
        {
            "account_id": [f"A{i:04d}" for i in range(N)],
            "name": ["".join(rng.choice(LETTERS, 12)).title() + " Ltd" for _ in range(N)],
            "email": [f"info@firm{i}.example" for i in range(N)],
            "phone": [f"+49 555 {1000000 + i}" for i in range(N)],
            "industry": [["retail", "technology", "paper"][i % 3] for i in range(N)],
            "employees": employees,
            "annual_revenue": employees * rng.lognormal(11.5, 0.3, N),
            "founded_year": rng.integers(1950, 2015, N).astype(float),
            "created_on": [date(2020, 1, 1) + timedelta(days=i) for i in range(N)],
            "country": [["DE", "AT", "CH"][i % 3] for i in range(N)],
            "latitude": rng.uniform(47, 54, N),
            "longitude": rng.uniform(7, 14, N),
            "parent_account_id": [None if i else "A0001" for i in range(N)],
        }
    )
    orders = pd.DataFrame(
        {
            "order_id": [f"{100000 + i}" for i in range(4 * N)],
            "account_id": [f"A{i % N:04d}" for i in range(4 * N)],
            "ordered_at": [datetime(2023, 1, 1) + timedelta(hours=54 * i) for i in range(4 * N)],
            "quantity": rng.integers(1, 9, 4 * N).astype(float),
            "product_id": [f"{20000 + i % 40}" for i in range(4 * N)],
            "category": [["pens", "books", "lamps"][i % 3] for i in range(4 * N)],
            "channel": [["web", "phone", "shop"][i % 3] for i in range(4 * N)],
        }
    )
    orders["revenue"] = orders["quantity"] * rng.lognormal(2, 0.2, 4 * N).round(2)
    return {"accounts": accounts, "orders": orders}


def inspected(frames, raw=(), private=None):
    con = ibis.duckdb.connect()
    for name, frame in {**frames, **dict(raw)}.items():
        con.con.register(name, pa.Table.from_pandas(frame, preserve_index=False))
    checked = contracts.check({name: con.table(name) for name in frames})
    others = {name: con.table(name) for name in dict(raw)}
    report = quality.inspect(checked, as_of=AS_OF, source="test", raw=others, private=private)
    return checked, report


@pytest.fixture(scope="module")
def passed():
    return inspected(clean())[1]


@pytest.fixture(scope="module")
def dirty():
    """All kinds of dirt at once, each in its own rows."""
    frames = clean()
    accounts, orders = frames["accounts"], frames["orders"]
    accounts.loc[90:, "country"] = "LU"
    accounts.loc[90:, "annual_revenue"] /= 1000
    accounts.loc[20, "founded_year"] = 9999
    accounts.loc[21, "founded_year"] = 2023
    accounts.loc[22, ["latitude", "longitude"]] = 0
    accounts.loc[23, "parent_account_id"] = "nobody"
    accounts.loc[[35, 36], "parent_account_id"] = accounts.loc[[36, 35], "account_id"].to_numpy()
    accounts.loc[24, "industry"] = "Retail "
    accounts.loc[25:27, "industry"] = "technolgy"
    accounts.loc[28, "industry"] = "call +49 30 1234567"
    accounts.loc[33, "industry"] = "Frau Özil-Muster"
    accounts.loc[29, "email"] = accounts.loc[30, "email"]
    accounts.loc[31, "name"] = accounts.loc[34, "name"].replace("Ltd", "Limited")
    accounts["ownership"] = "private"
    accounts["lead_source"] = [None] * (N - 2) + ["fair", "web"]
    accounts = pd.concat([accounts, accounts.iloc[[50]]])
    orders.loc[0, ["quantity", "revenue"]] *= -1
    orders.loc[1, "revenue"] = 0
    orders.loc[2, "revenue"] *= -1
    orders.loc[3, "order_id"] = "C100003"
    orders.loc[4, "product_id"] = "POSTAGE"
    orders.loc[5, "revenue"] = 1e9
    orders.loc[6, "ordered_at"] = datetime(2033, 1, 1)
    orders.loc[7, "account_id"] = None
    orders.loc[8, "account_id"] = "A9999"
    orders.loc[9, "revenue"] = np.inf
    orders.loc[orders["account_id"].eq("A0040"), "account_id"] = "A0041"
    orders = pd.concat([orders, orders.iloc[[20]]])
    opportunities = pd.DataFrame(
        {
            "opportunity_id": ["1", "2", "3"],
            "account_id": ["A0001", "A0002", "A0002"],
            "opened_on": [date(2022, 5, 1)] * 3,
            "closed_on": [date(2022, 4, 1), None, None],
            "stage": ["won", "lost", "lost?"],
        }
    )
    surveys = pd.DataFrame(
        {"account_id": ["A0001"], "item": ["How friendly was Frau Quothbert?"], "score": [9.0]}
    ).assign(scale_min=1.0, scale_max=5.0)
    campaigns = pd.DataFrame(
        {"account_id": ["A0001"], "campaign_id": ["c"], "contacted_at": [datetime(2024, 6, 1)], "arm": ["a"]}
    ).assign(responded=0.0, converted=1.0)
    tables = {
        "accounts": accounts,
        "orders": orders,
        "opportunities": opportunities,
        "surveys": surveys,
        "campaigns": campaigns,
    }
    return inspected(tables)


EXPECTED = {
    ("Q002", "orders"): (1, (8,)),
    ("Q005", "orders"): (1, (9,)),
    ("Q006", "orders"): (1, (10,)),
    ("Q007", "accounts"): (1, (21,)),
    ("Q007", "opportunities"): (1, (3,)),
    ("Q010", "accounts"): (2, None),
    ("Q012", "accounts"): (1, None),
    ("Q020", "opportunities"): (0, None),
    ("Q021", "orders"): (1, (7,)),
    ("Q023", "accounts"): (1, (41,)),
    ("Q030", "accounts"): (2, None),
    ("Q031", "accounts"): (2, None),
    ("Q032", "accounts"): (1, None),
    ("Q032", "orders"): (1, None),
    ("Q040", "orders"): (2, (1, 3)),
    ("Q041", "orders"): (1, (2,)),
    ("Q042", "orders"): (1, (3,)),
    ("Q045", "orders"): (1, (6,)),
    ("Q045", "accounts"): (3, None),
    ("Q046", "accounts"): (30, None),
    ("Q050", "accounts"): (30, (91, 92, 93)),
    ("Q051", "accounts"): (2, (21, 22)),
    ("Q052", "accounts"): (1, (21,)),
    ("Q053", "accounts"): (1, (23,)),
    ("Q054", "opportunities"): (1, (1,)),
    ("Q055", "opportunities"): (1, (2,)),
    ("Q056", "accounts"): (1, (24,)),
    ("Q057", "accounts"): (2, (36, 37)),
    ("Q060", "accounts"): (2, None),
    ("Q062", "accounts"): (3, None),
    ("Q070", "surveys"): (1, (1,)),
    ("Q080", "campaigns"): (1, (1,)),
    ("Q090", "accounts"): (1, None),
    ("Q091", "surveys"): (1, (1,)),
}


@pytest.mark.parametrize(("code", "table"), EXPECTED)
def test_dirt_is_found_by_code(dirty, code, table):
    _, report = dirty
    found = [f for f in report.failed if (f.code, f.table) == (code, table)]
    assert found, [f for f in report.findings if f.code == code]
    rows, examples = EXPECTED[code, table]
    assert found[0].rows == rows, found[0]
    if examples is not None:
        assert found[0].examples == examples


def test_odd_codes_are_found_in_both_columns(dirty):
    messages = [f.message for f in dirty[1].failed if f.code == "Q043"]
    assert messages == [
        "order_id unlike the usual 9x6: C9x6 (1)",
        "product_id unlike the usual 9x5: letters (1)",
    ]


def test_nothing_else_is_found(dirty):
    codes = {(f.code, f.table) for f in dirty[1].failed}
    assert (
        codes - set(EXPECTED)
        == {("Q043", "orders"), ("Q011", "opportunities"), ("Q012", "opportunities")} & codes
    )


def test_clean_data_passes(passed):
    surprises = {(f.code, f.message) for f in passed.failed}
    assert surprises == {("Q010", "nearly empty: parent_account_id (1% filled)")}
    assert {f.code for f in passed.findings} >= {code for code, _ in EXPECTED}


def test_not_applicable_is_apart_from_passed(passed):
    status = {(f.code, f.table): f.status for f in passed.findings}
    assert status["Q054", "opportunities"] == "not_applicable"
    assert status["Q005", "accounts"] == "not_applicable"
    assert status["Q005", "orders"] == "passed"
    assert status["Q061", "raw"] == "not_applicable"


def test_findings_come_by_severity(dirty):
    order = [{"error": 0, "warning": 1, "info": 2}[f.severity] for f in dirty[1].failed]
    assert order == sorted(order)
    assert order[0] == 0


def test_without_an_as_of_date():
    checked, _ = inspected(clean())
    report = quality.inspect(checked, as_of=None)
    assert {f.status for f in report.findings if f.code == "Q020"} == {"not_applicable"}


def test_report_as_html_and_json(dirty, tmp_path):
    checked, report = dirty
    page, data = quality.write(report, tmp_path, ["orders: <b>orders.csv</b>"])
    html = page.read_text(encoding="utf-8")
    assert "&lt;b&gt;orders.csv" in html
    assert "http" not in html.split("</title>")[1]
    assert all(f.code in html for f in report.failed)
    content = json.loads(data.read_text(encoding="utf-8"))
    assert content["as_of"] == "2024-07-01"
    assert content["rows"]["orders"] == checked.rows["orders"] == 4 * N + 1
    assert content["findings"][0]["code"] == report.findings[0].code


def test_no_name_or_contact_is_in_the_report(dirty, tmp_path):
    _, report = dirty
    text = json.dumps(report.to_dict())
    for secret in ("info@firm", "555 10000", "A0040", "1234567", "Quothbert"):
        assert secret not in text


def test_keys_that_miss_their_partner():
    raw = {
        "sales": pd.DataFrame({"product": ["GTXPro"] * 5 + ["MG"], "agent": ["Anna Quoth"] * 6}),
        "products": pd.DataFrame({"product": ["GTX Pro", "MG"], "agent": ["Anna Quohth", "x"]}),
    }
    private = Private(personal=frozenset({"agent"}))
    _, report = inspected(clean(), raw, private)
    found = [f for f in report.failed if f.code == "Q061"]
    assert [f.message for f in found] == ["product of sales and products: 'GTX Pro' and 'GTXPro'"]
    assert "Quo" not in json.dumps(report.to_dict())


def test_two_rare_spellings_are_counted_not_shown():
    frames = clean()
    frames["accounts"].loc[:3, "industry"] = ["retail", "Retail ", "Anna Quothbert", "Anna Quothbart"]
    found = next(f for f in inspected(frames)[1].failed if f.code == "Q060")
    assert found.message == "industry: 'retail' and 'Retail ', 1 more pairs"
    assert found.rows == 2


def test_a_branch_that_reports_prices_in_cents():
    frames = clean()
    cents = frames["orders"]["channel"] == "shop"
    frames["orders"].loc[cents, "revenue"] *= 100
    found = [f for f in inspected(frames)[1].failed if f.code == "Q046"]
    assert len(found) == 1
    assert found[0].rows == cents.sum()
    assert found[0].message.startswith("amounts in another unit by channel: shop (x ")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Müller & Söhne GmbH & Co. KG", "Muller Söhne AG"),
        ("ACME Corp.", "Acme Corporation"),
        ("Café Zürich SA", "CAFE ZURICH"),
        ("Straße 7 Ltd", "Strasse 7 Limited"),
    ],
)
def test_names_are_compared_without_form_and_accents(one, other):
    assert plain_name(one) == plain_name(other)


def test_similar_names_in_linear_time():
    rng = np.random.default_rng(1)
    names = ["".join(rng.choice(LETTERS, 14)) for _ in range(3000)]
    typos = [name[:7] + "x" + name[8:] for name in names[:50]]
    pairs = similar_names(pd.Series(names + typos))
    expected = {(i, 3000 + i) for i in range(50)}
    assert {tuple(pair) for pair in pairs.tolist()} == expected
    groups = pd.Series(["DE"] * 3000 + ["FR"] * 25 + [None] * 25)
    kept = similar_names(pd.Series(names + typos), groups)
    assert {tuple(pair) for pair in kept.tolist()} == {(i, 3000 + i) for i in range(25, 50)}


def test_too_few_names_are_no_pair():
    assert similar_names(pd.Series(["one"])).shape == (0, 2)
    assert similar_names(pd.Series([], dtype=object)).shape == (0, 2)


def test_names_of_many_accounts_are_compared_in_a_sample(monkeypatch):
    frames = clean()
    doubles = frames["accounts"].assign(
        account_id=lambda t: "B" + t["account_id"], name=lambda t: t["name"].str.replace(" Ltd", " Inc")
    )
    frames["accounts"] = pd.concat([frames["accounts"], doubles.assign(parent_account_id=None)])
    monkeypatch.setattr(findings, "LARGE", N)
    (finding,) = (one for one in inspected(frames)[1].findings if one.code == "Q030")
    assert finding.message.endswith("in a sample of one in 2")
    assert 0.25 * N < finding.rows / 2 < 0.75 * N


def test_nearly_equal_levels():
    assert nearly_equal(["north", "North ", "south", "type 1", "type 2", "web", "wed"]) == [
        ("north", "North ")
    ]


def persons(report, table):
    return [f for f in report.failed if (f.code, f.table) == ("Q091", table)]


def test_levels_that_are_names_of_the_source_are_found_and_not_shown():
    frames = clean()
    agents = ["Ann O'Hara", "Jürgen Grün", "li wei"]
    frames["accounts"]["lead_source"] = [[*agents, "fair"][i % 4].upper() + " " for i in range(N)]
    frames["opportunities"] = pd.DataFrame(
        {
            "opportunity_id": [str(i) for i in range(N)],
            "account_id": frames["accounts"]["account_id"],
            "opened_on": date(2022, 5, 1),
            "closed_on": date(2022, 6, 1),
            "stage": "won",
            "agent": [agents[i % 3] for i in range(N)],
        }
    )
    _, report = inspected(frames)
    (found,) = persons(report, "accounts")
    assert (found.rows, found.of) == (3 * N // 4, N)
    assert f"lead_source: 3 distinct values in {3 * N // 4} rows name people" in found.message
    assert not [name for name in agents if name.lower() in json.dumps(report.to_dict()).lower()]


def test_items_of_a_survey_that_name_people_are_found():
    frames = clean()
    frames["surveys"] = pd.DataFrame(
        {
            "account_id": frames["accounts"]["account_id"],
            "item": [["delivery", "advice by Mrs. Example"][i % 2] for i in range(N)],
            "score": 3.0,
            "scale_min": 1.0,
            "scale_max": 5.0,
        }
    )
    (found,) = persons(inspected(frames)[1], "surveys")
    assert found.rows == N // 2
    assert "Example" not in found.message


def test_a_customer_called_like_an_industry_is_a_coincidence():
    frames = clean()
    levels = [f"{word} trade" for word in ("retail", "paper", "steel", "glass", "wine", "toy")]
    frames["accounts"]["industry"] = [[*levels, "Prof. Services", "Donuts"][i % 8] for i in range(N)]
    frames["accounts"].loc[0, "name"] = "Retail Trade"
    assert not persons(inspected(frames)[1], "accounts")

"""Every shipped source: the real set with the counts it is known for, or an export as its maker writes it."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from postgres import postgres_server
from segmentwerk.core.errors import ConfigError, InputError
from segmentwerk.core.paths import CHECKOUT, config_root
from segmentwerk.core.settings import SourceSettings
from segmentwerk.data import contracts, privacy, quality
from segmentwerk.data.columns import COLUMNS
from segmentwerk.data.sources import open_source

DATA = Path(os.environ.get("SEGMENTWERK_DATA", CHECKOUT.parent / "shared" / "data"))
SOURCES = sorted(path.stem for path in (config_root() / "conf" / "source").glob("*.yaml"))
REAL = {
    "online_retail": "online_retail/online_retail.parquet",
    "adventureworks": "adventureworks_reseller",
    "maven_crm": "maven_crm",
    "olist_sellers": "olist_b2b_sellers",
    "wholesale": "wholesale",
}
MADE = ("demo", "csv_folder", "warehouse", "hubspot", "google_analytics4", "activecampaign")


def settings(name, **changes):
    text = (config_root() / "conf" / "source" / f"{name}.yaml").read_text(encoding="utf-8")
    return SourceSettings.model_validate({**yaml.safe_load(text), **changes})


def inspected(source, as_of):
    checked = contracts.check(source.tables)
    report = quality.inspect(checked, as_of=as_of, source=source.name, raw=source.raw, private=source.private)
    return checked, {(f.code, f.table): f for f in report.findings if f.status == "failed"}


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Open, check and inspect a real set once."""
    done = {}

    def get(name):
        if name not in done:
            path = DATA / REAL[name]
            if not path.exists():
                pytest.skip(f"the real data is not there: {path}")
            given = settings(name, path=path)
            source = open_source(given, tmp_path_factory.mktemp("cache"))
            done[name] = source, *inspected(source, given.as_of)
        return done[name]

    return get


def total(table, column="revenue"):
    return table[column].sum().execute()


def test_every_source_has_a_test():
    assert set(SOURCES) == {*REAL, *MADE}


@pytest.mark.parametrize("name", REAL)
def test_real_sets_keep_the_contract(real, name):
    source, checked, found = real(name)
    contracts.insist(checked)
    assert "Q091" not in {code for code, _ in found}, "no level of theirs is somebody's name"
    for table, rows in checked.rows.items():
        used = checked.tables[table].count().execute()
        assert rows == source.tables[table].count().execute() == used + checked.rejected[table]
        assert set(checked.tables[table].columns) <= set(COLUMNS[table])
    assert checked.quarantine.count().execute() == sum(checked.rejected.values())


def test_online_retail(real):
    source, checked, found = real("online_retail")
    lines = source.tables["orders"]
    assert checked.rows == {"accounts": 4372, "orders": 541_909}
    assert lines["order_id"].nunique().execute() == 25_900
    assert total(lines) == pytest.approx(9_747_747.934, abs=1e-3)
    assert str(lines["ordered_at"].min().execute().date()) == "2010-12-01"
    assert found["Q002", "orders"].rows == 135_080
    assert found["Q032", "raw lines"].rows == 5_268
    assert found["Q040", "orders"].rows == 10_626
    assert found["Q041", "orders"].rows == 2_515
    assert found["Q042", "orders"].rows == 2
    codes = [
        f for f in quality.inspect(checked, as_of=None).findings if f.code == "Q043" and f.status == "failed"
    ]
    assert any("C9x6 (9,288)" in f.message for f in codes)
    assert any("product_id unlike the usual 9x5" in f.message and f.rows == 2_995 for f in codes)
    assert {f.rule.name for f in checked.faults} == {"no_price", "not_a_product", "missing:account_id"}
    assert str(lines["ordered_at"].max().execute().date()) == "2011-12-09"


def test_adventureworks(real):
    source, checked, found = real("adventureworks")
    assert checked.rows == {"accounts": 701, "orders": 60_855}
    assert source.tables["orders"]["order_id"].nunique().execute() == 3_796
    assert total(source.tables["orders"]) == pytest.approx(80_450_596.98, abs=0.01)
    assert checked.tables["orders"]["account_id"].nunique().execute() == 635
    assert found["Q023", "accounts"].rows == 701 - 635
    assert checked.faults == ()
    days = source.tables["orders"]["ordered_at"]
    assert [str(day.execute())[:7] for day in (days.min(), days.max())] == ["2010-12", "2013-11"]


def test_maven_crm(real):
    source, checked, found = real("maven_crm")
    assert checked.rows == {"accounts": 85, "orders": 4_238, "opportunities": 8_800}
    assert source.raw["products"].count().execute() == 7
    stages = source.tables["opportunities"]["stage"].value_counts().to_pandas().set_index("stage").iloc[:, 0]
    assert (stages["won"], stages["lost"]) == (4_238, 2_473)
    assert found["Q002", "opportunities"].rows == 1_425
    assert "'GTX Pro' and 'GTXPro'" in found["Q061", "raw products"].message
    assert "'technolgy' (meant: 'technology'?)" in found["Q062", "accounts"].message


def test_olist_sellers(real):
    source, checked, found = real("olist_sellers")
    assert checked.rows == {"accounts": 3_095 + 842 - 380, "orders": 112_650, "opportunities": 842}
    sizes = {name: source.raw[name].count().execute() for name in ("sellers", "products", "leads", "deals")}
    assert sizes == {"sellers": 3_095, "products": 32_951, "leads": 8_000, "deals": 842}
    won = source.tables["opportunities"].filter(
        lambda t: t["opportunity_id"] == "5420aad7fec3549a85876ba1c529bd84"
    )
    assert won.to_pandas()["closed_on"][0] == datetime(2018, 2, 26, 19, 58)
    assert any("won_date: date dd-mm-yyyy" in note for note in source.understood)
    assert "has_company (7% filled)" in found["Q010", "raw deals"].message
    assert (
        len(
            {*source.raw["sellers"]["seller_id"].to_pandas()}
            & {*source.raw["deals"]["seller_id"].to_pandas()}
        )
        == 380
    )
    assert found["Q090", "accounts"].message.startswith("town holds an e-mail address")
    assert found["Q021", "orders"].rows == 4


def test_wholesale(real):
    source, checked, found = real("wholesale")
    assert checked.rows == {"accounts": 440, "orders": 6 * 440}
    sectors = source.tables["accounts"]["industry"].value_counts().to_pandas().iloc[:, 1]
    assert sorted(sectors) == [142, 298]
    spent = (
        pd.read_csv(DATA / REAL["wholesale"] / "Wholesale_customers_data.csv.gz").iloc[:, 2:].to_numpy().sum()
    )
    assert total(source.tables["orders"]) == spent
    assert found["Q047", "orders"].rows > 0, "heavy tails"


def test_demo(tmp_path):
    given = settings("demo", accounts=300)
    source = open_source(given, tmp_path)
    checked, found = inspected(source, given.as_of)
    contracts.insist(checked)
    assert set(checked.tables) == {"accounts", "orders", "activities", "surveys", "campaigns"}
    assert "fax_extension" in found["Q010", "raw accounts"].message
    assert "Q091" not in {code for code, _ in found}
    assert open_source(given, tmp_path).digest == source.digest


def export(folder, **files):
    for name, rows in files.items():
        (folder / f"{name}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def mapped(name, folder):
    with open_source(settings(name, path=folder), folder / "cache") as source:
        checked = contracts.check(source.tables)
        contracts.insist(checked)
        frames = {
            table: rows.order_by(rows.columns[0]).to_pandas().astype(object).replace({float("nan"): None})
            for table, rows in checked.tables.items()
        }
        return checked, frames


def test_hubspot(tmp_path):
    """The headings that HubSpot writes for the properties of its companies and deals, in English."""
    export(
        tmp_path,
        companies=[
            '"Record ID","Company name","Company owner","Create Date","Phone Number","Last Activity Date",'
            '"City","Country/Region","Industry","Type","Number of Employees","Annual Revenue",'
            '"Year Founded",'
            '"State/Region","Street Address","Original Traffic Source","Parent Company",'
            '"Associated Contact IDs","Associated Deal IDs"',
            '"9001","Alpha Ltd","Anna Quoth","2023-05-01 09:30","+44 113 4960000","2024-05-02 11:00","Leeds",'
            '"United Kingdom","COMPUTER_SOFTWARE","CUSTOMER","120","1500000","1999","West Yorkshire",'
            '"1 High Street","ORGANIC_SEARCH","","51;52","1;4"',
            '"9002","Beta GmbH","","2024-01-15 10:00","","","Köln","Germany","","","","","","","","",'
            '"9001","","2"',
        ],
        deals=[
            '"Record ID","Deal Name","Deal Stage","Close Date","Deal owner","Amount","Pipeline",'
            '"Create Date",'
            '"Associated Company IDs","Associated Company"',
            '"1","A","Closed won","2024-02-01 00:00","Anna Quoth","1200.50","Sales","2024-01-01 00:00",'
            '"9001;9002","Alpha Ltd;Beta GmbH"',
            '"2","B","Closed lost (Sales Pipeline)","2024-03-01 00:00","","80","Sales","2024-01-01 00:00",'
            '"9002","Beta GmbH"',
            '"3","C","Appointment scheduled","","","","Sales","2024-02-01 00:00","9002","Beta GmbH"',
            '"4","D","closedwon","2024-04-30 15:20","","-75.25","Sales","2024-04-01 00:00","9001","Alpha"',
        ],
    )
    checked, found = mapped("hubspot", tmp_path)
    assert checked.rejected == {"accounts": 0, "orders": 0, "opportunities": 0}
    alpha, beta = found["accounts"].to_dict("records")
    assert alpha == alpha | {
        "account_id": "9001",
        "industry": "COMPUTER_SOFTWARE",
        "ownership": "CUSTOMER",
        "employees": 120,
        "annual_revenue": 1.5e6,
        "founded_year": 1999,
        "country": "United Kingdom",
        "region": "West Yorkshire",
        "lead_source": "ORGANIC_SEARCH",
        "parent_account_id": None,
    }
    assert pd.Timestamp(alpha["created_on"]) == pd.Timestamp("2023-05-01")
    assert (beta["account_id"], beta["parent_account_id"], beta["town"]) == ("9002", "9001", "Köln")
    orders = found["orders"]
    assert orders[["order_id", "account_id", "revenue"]].values.tolist() == [
        ["1", "9001", 1200.5],
        ["4", "9001", -75.25],
    ]
    assert orders["ordered_at"].tolist() == [datetime(2024, 2, 1), datetime(2024, 4, 30, 15, 20)]
    assert found["opportunities"]["stage"].tolist() == ["won", "lost", "open", "won"]
    assert found["opportunities"]["value"].tolist() == [1200.5, 80, None, -75.25]


GA4 = {
    "event_date": pa.string(),
    "event_timestamp": pa.int64(),
    "event_name": pa.string(),
    "event_params": pa.list_(
        pa.struct({"key": pa.string(), "value": pa.struct({"string_value": pa.string()})})
    ),
    "event_value_in_usd": pa.float64(),
    "user_id": pa.string(),
    "user_pseudo_id": pa.string(),
    "traffic_source": pa.struct({"name": pa.string(), "medium": pa.string(), "source": pa.string()}),
    "ecommerce": pa.struct(
        {
            "total_item_quantity": pa.int64(),
            "purchase_revenue_in_usd": pa.float64(),
            "purchase_revenue": pa.float64(),
            "refund_value_in_usd": pa.float64(),
            "refund_value": pa.float64(),
            "transaction_id": pa.string(),
        }
    ),
}


def event(second, name, user=None, **ecommerce):
    return {
        "event_date": "20240101",
        "event_timestamp": 1_704_067_200_000_000 + int(second * 1e6),
        "event_name": name,
        "event_params": [{"key": "page", "value": {"string_value": "/"}}],
        "user_id": user,
        "user_pseudo_id": "1.2",
        "traffic_source": {"name": "(organic)", "medium": "organic", "source": "google"},
        "ecommerce": ecommerce or None,
    }


def test_google_analytics4(tmp_path):
    """Columns as in Google's table of the BigQuery export's fields."""
    events = [
        event(0, "page_view", "K-1"),
        event(60.5, "purchase", transaction_id="T1", total_item_quantity=3, purchase_revenue_in_usd=99.5),
        event(70, "purchase", "K-1", transaction_id="(not set)", purchase_revenue_in_usd=1.0),
        event(80, "refund", transaction_id="T1", total_item_quantity=1, refund_value_in_usd=33.25),
    ]
    (tmp_path / "events").mkdir()
    pq.write_table(pa.Table.from_pylist(events, pa.schema(GA4)), tmp_path / "events" / "000000000000.parquet")
    checked, found = mapped("google_analytics4", tmp_path)
    assert checked.rows == {"orders": 3, "activities": 1}
    orders = found["orders"].sort_values("ordered_at")
    columns = ["order_id", "account_id", "quantity", "revenue", "channel"]
    assert orders[columns].values.tolist() == [
        ["T1", "1.2", 3, 99.5, "organic"],
        ["1704067270000000", "K-1", None, 1.0, "organic"],
        ["T1", "1.2", -1, -33.25, "organic"],
    ]
    assert orders["ordered_at"].tolist()[0] == datetime(2024, 1, 1, 0, 1, 0, 500_000)
    activity = found["activities"].iloc[0]
    assert (activity["account_id"], activity["kind"], activity["action"]) == ("K-1", "web", "page_view")


def test_activecampaign(tmp_path):
    """Standard fields, and account and custom fields as a company may have named them."""
    export(
        tmp_path,
        contacts=[
            "Email,First Name,Last Name,Phone,Account Name,Date Created,IP Address,Tags,Country,City,"
            "Number of Employees,Industry",
            "a@alpha.example,Anna,A,+49 30 1234567,Alpha,2024-02-01 10:00:00,192.0.2.1,"
            '"news, fair",DE,Berlin,120,Software',
            "b@alpha.example,Bert,B,,Alpha,2023-02-01 10:00:00,,,DE,,,Software",
            "c@gamma.example,Cleo,C,,,2024-03-01 10:00:00,,,AT,Wien,,",
        ],
    )
    checked, found = mapped("activecampaign", tmp_path)
    accounts = found["accounts"]
    assert checked.rejected == {"accounts": 0}
    columns = ["account_id", "country", "town", "employees", "industry"]
    assert accounts[columns].values.tolist() == [
        ["alpha", "DE", "Berlin", 120, "Software"],
        ["gamma.example", "AT", "Wien", None, None],
    ]
    assert [pd.Timestamp(day) for day in accounts["created_on"]] == [
        pd.Timestamp("2023-02-01"),
        pd.Timestamp("2024-03-01"),
    ]
    assert accounts["email"].tolist() == ["a@alpha.example", "c@gamma.example"]
    assert accounts["consent_email"].isna().all()
    shown = accounts.drop(columns=["email", "phone"])  # personal by contract: they never become features
    for secret in ("anna", "cleo@", "1234567", "192.0.2.1"):
        assert secret not in shown.to_csv().lower()


def test_activecampaign_takes_the_address_of_whom_agreed(tmp_path):
    export(
        tmp_path,
        contacts=[
            "Email,Account Name,Status",
            "a@alpha.example,Alpha,Unsubscribed",
            "b@alpha.example,Alpha,Active",
            "c@beta.example,Beta,Unsubscribed",
            "d@beta.example,Beta,Bounced",
            "e@gamma.example,Gamma,Unconfirmed",
        ],
    )
    _, found = mapped("activecampaign", tmp_path)
    rows = found["accounts"].set_index("account_id")
    assert rows["email"].to_dict() == {
        "alpha": "b@alpha.example",
        "beta": "c@beta.example",
        "gamma": "e@gamma.example",
    }
    assert rows["consent_email"].fillna(-1).to_dict() == {"alpha": 1, "beta": 0, "gamma": -1}


def test_hubspot_reads_the_properties_of_consent(tmp_path):
    export(
        tmp_path,
        companies=[
            "Record ID,Company name,Email,Consent to email,Phone consent",
            "1,A,a@a.example,true,Ja",
            "2,B,b@b.example,false,Nein",
            "3,C,,,?",
        ],
        deals=[DEALS, "1,Closed won,2024-02-01 00:00,10,1,2024-01-01 00:00"],
    )
    _, found = mapped("hubspot", tmp_path)
    rows = found["accounts"].set_index("account_id").fillna(-1)
    assert rows["email"].tolist()[:2] == ["a@a.example", "b@b.example"]
    assert rows["consent_email"].tolist() == [1, 0, -1]
    assert rows["consent_phone"].tolist() == [1, 0, -1]
    assert "consent_post" not in rows or (rows["consent_post"] == -1).all()


CONTACTS = [
    "Email,Date Created,Account Name,Country",
    *(
        f"p{i}@{mailer},2023-01-05 10:00:00,,DE"
        for i, mailer in enumerate(["gmail.com", "gmx.at", "web.de"] * 4)
    ),
    *(
        f"m{i}@{i}.example,2023-01-05 10:00:00,{name},DE"
        for i, name in enumerate(["Muster AG", "MUSTER AG", "Muster  AG "])
    ),
    "one@gmail.com,2023-01-05 10:00:00,Muster AG,DE",
    "info@webb.de,2023-01-05 10:00:00,,DE",
]


def test_private_addresses_are_no_companies(tmp_path):
    export(tmp_path, contacts=CONTACTS)
    checked, found = mapped("activecampaign", tmp_path)
    assert found["accounts"]["account_id"].tolist() == ["muster ag", "webb.de"]
    assert checked.rejected == {"accounts": 12}
    assert [fault.rule.reason for fault in checked.faults] == ["rule private_address of the source"]


def test_the_rule_of_private_addresses_can_be_switched_off(tmp_path):
    export(tmp_path, contacts=CONTACTS)
    given = settings("activecampaign", path=tmp_path)
    rules = given.tables["accounts"].model_copy(update={"reject": {"private_address": None}})
    for changes in ({"tables": {"accounts": rules}}, {"words": {"free_mailers": []}}):
        with open_source(given.model_copy(update=changes), tmp_path / "cache") as source:
            checked = contracts.check(source.tables)
            assert checked.rejected == {"accounts": 0}
            assert checked.rows["accounts"] == (14 if "tables" in changes else 5)


DEALS = '"Record ID","Deal Stage","Close Date","Amount","Associated Company IDs (Primary)","Create Date"'
STAGES = ["Gewonnen (Vertrieb)", "Verloren (Vertrieb)", "Erneuert (Bestand)", "Angebot (Vertrieb)"]


def deals(folder, *, told):
    """Write four deals, one of each stage, with or without the columns that tell which are won."""
    tells = [',"Is Closed Won","Is closed lost"', ",true,false", ",false,true", ",true,false", ",false,false"]
    rows = [f"{i},{stage},2024-02-01 00:00,10,{9000 + i},2024-01-01 00:00" for i, stage in enumerate(STAGES)]
    lines = [line + (tell if told else "") for line, tell in zip([DEALS, *rows], tells, strict=True)]
    export(folder, companies=["Record ID,Company name", *(f"{9000 + i},C{i}" for i in range(4))], deals=lines)


def test_hubspot_tells_which_deals_are_won(tmp_path):
    deals(tmp_path, told=True)
    _, found = mapped("hubspot", tmp_path)
    assert found["orders"]["order_id"].tolist() == ["0", "2"]
    assert found["opportunities"]["stage"].tolist() == ["won", "lost", "won", "open"]


def test_stages_of_ones_own_have_to_be_named(tmp_path):
    deals(tmp_path, told=False)
    with pytest.raises(InputError, match=r"not clear.*'Gewonnen \(Vertrieb\)'.*source\.words\.won="):
        mapped("hubspot", tmp_path)
    words = {"won": ["gewonnen", "Erneuert (Bestand)"], "lost": ["Verloren"], "open": ["angebot"]}
    with open_source(settings("hubspot", path=tmp_path, words=words), tmp_path / "cache") as source:
        assert sorted(source.tables["orders"]["order_id"].to_pandas()) == ["0", "2"]
        stages = source.tables["opportunities"].order_by("opportunity_id").to_pandas()["stage"]
        assert stages.tolist() == ["won", "lost", "won", "open"]


ORDERS = {
    "order_id": [1, 2, 3, 4],
    "account_id": ["007", "008", None, "999"],
    "ordered_at": [datetime(2024, 1, day, 23, 30, tzinfo=UTC) for day in (1, 2, 3, 4)],
    "revenue": [10.25, -3.0, 5.0, float("inf")],
    "category": ["a", None, "b", "b"],
}
ACCOUNTS = {
    "account_id": ["007", "008", "008", "999"],
    "employees": [5, 7, 7, 9],
    "latitude": [50.0, 95.0, 95.0, float("nan")],
    "created_on": [date(2023, 1, 1)] * 4,
}
MAPPED = {
    "orders": {
        "origin": "orders AS o LEFT JOIN accounts AS a ON a.account_id = o.account_id AND a.employees > 5",
        "where": "category IS DISTINCT FROM 'x'",
        "columns": {
            "order_id": "'N' || order_id",
            "account_id": "o.account_id",
            "ordered_at": "ordered_at",
            "revenue": "revenue * 2",
            "category": "coalesce(nullif(category, 'a'), 'none')",
            "channel": "CASE WHEN a.employees IS NULL THEN 'small' ELSE 'big' END",
        },
        "reject": {"negative": "revenue < 0"},
    }
}


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """The same two tables as Parquet files, in a DuckDB database and in PostgreSQL."""
    folder = tmp_path_factory.mktemp("tables")
    tables = {"accounts": ACCOUNTS, "orders": ORDERS}
    for name, columns in tables.items():
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    native = ibis.duckdb.connect(folder / "warehouse.duckdb")
    for name in tables:
        native.raw_sql(f"CREATE TABLE {name} AS SELECT * FROM read_parquet('{folder / name}.parquet')")
    native.disconnect()
    psycopg = pytest.importorskip("psycopg", reason="the extra 'server' is not installed")
    with postgres_server() as url:
        with psycopg.connect(url) as connection:
            connection.execute(
                "CREATE TABLE accounts (account_id text, employees int, latitude float8, created_on date)"
            )
            connection.execute(
                "CREATE TABLE orders (order_id int, account_id varchar(9), ordered_at timestamptz, "
                "revenue float8, category text)"
            )
            for name, columns in tables.items():
                marks = ", ".join(["%s"] * len(columns))
                rows = list(zip(*columns.values(), strict=True))
                connection.cursor().executemany(f"INSERT INTO {name} VALUES ({marks})", rows)
        yield {
            "files": settings("csv_folder", path=folder),
            "duckdb": settings("warehouse", url=f"duckdb://{folder / 'warehouse.duckdb'}"),
            "postgres": settings("warehouse", url=url),
        }


def rows_of(table, key):
    return table.order_by(key).to_pandas().astype(object).where(lambda f: f.notna(), None).to_numpy().tolist()


@pytest.mark.postgres
@pytest.mark.parametrize("tables", [None, MAPPED], ids=["as they are", "mapped"])
def test_the_same_rows_wherever_the_data_lies(places, tmp_path, tables):
    answers = {}
    for place, given in places.items():
        given = given if tables is None else given.model_copy(update={"tables": settings_of(tables)})
        with open_source(given, tmp_path) as source:
            checked = contracts.check(source.tables)
            reasons = sorted(checked.quarantine.to_pandas()[["table", "reason"]].to_numpy().tolist())
            counts = [(f.table, f.rule.name, f.rows, f.revenue) for f in checked.faults]
            values = {name: rows_of(table, table.columns[0]) for name, table in checked.tables.items()}
            report = quality.inspect(checked, as_of=date(2024, 2, 1), raw=source.raw, private=source.private)
            findings = [(f.code, f.table, f.status, f.message, f.rows, f.of) for f in report.findings]
            path = contracts.write_quarantine(checked, tmp_path / f"{place}.parquet")
            assert pq.read_table(path).num_rows == len(reasons)
            shown = privacy.preview(source.raw["accounts"], source.private)
            assert shown["account_id"].tolist() == ["999"] * 4
        answers[place] = (values, reasons, counts, checked.rows, checked.rejected, sorted(findings))
    assert answers["files"] == answers["duckdb"] == answers["postgres"]
    values, reasons, *_ = answers["postgres"]
    assert ["orders", "account_id is missing"] in reasons
    if tables is None:
        assert (
            values["accounts"][1] == ["008", 7.0, None, date(2023, 1, 1)] or values["accounts"][1][2] is None
        )
        assert ["accounts", "the row repeats an earlier one"] in reasons
    else:
        assert values["orders"] == [["N1", "007", datetime(2024, 1, 1, 23, 30), 20.5, "none", "small"]]


def settings_of(tables):
    return settings("warehouse", tables=tables).tables


def digest(given, cache):
    with open_source(given, cache) as source:
        return source.digest


@pytest.mark.postgres
def test_the_digest_of_a_database_follows_its_content(places, tmp_path):
    import psycopg

    given = places["postgres"]
    first = digest(given, tmp_path)
    assert digest(given, tmp_path) == first
    with psycopg.connect(given.url) as connection:
        connection.execute("INSERT INTO orders VALUES (9, '007', '2024-02-01', 1.0, 'b')")
    try:
        assert digest(given, tmp_path) != first
    finally:
        with psycopg.connect(given.url) as connection:
            connection.execute("DELETE FROM orders WHERE order_id = 9")


@pytest.mark.postgres
def test_a_database_that_cannot_be_used(places, tmp_path):
    from segmentwerk.core.errors import InputError

    url = places["postgres"].url
    wrong = url.replace("tester@", "tester:unmistakable@").replace("127.0.0.1", "127.0.0.2")
    with pytest.raises(InputError, match="Cannot connect") as caught:
        open_source(settings("warehouse", url=wrong), tmp_path)
    assert "unmistakable" not in str(caught.value)
    inputs = {"orders": {"table": "order"}}
    with pytest.raises(InputError, match="Did you mean 'orders'"):
        open_source(
            settings("warehouse", url=url, inputs=inputs, tables={"orders": {"origin": "orders"}}), tmp_path
        )


@pytest.mark.parametrize(
    "url",
    [
        "snowflake://user:unmistakable@host/db",
        "sqlite:////tmp/a.db",
        "unmistakable",
        "md:db?token=unmistakable",
    ],
)
def test_a_database_of_another_kind(url, tmp_path):
    with pytest.raises(ConfigError, match="A source cannot be read from") as caught:
        open_source(settings("warehouse", url=url), tmp_path)
    assert "unmistakable" not in str(caught.value)

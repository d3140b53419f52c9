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
from segmentwerk.core.paths import CHECKOUT, config_root
from segmentwerk.core.settings import SourceSettings
from segmentwerk.data import contracts, quality
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
    report = quality.inspect(checked, as_of=as_of, source=source.name, raw=source.raw)
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
    source, checked, _ = real(name)
    contracts.insist(checked)
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
    assert {f.rule.name for f in checked.faults} == {"no_price", "not_a_product", "missing:account_id"}


def test_adventureworks(real):
    source, checked, found = real("adventureworks")
    assert checked.rows == {"accounts": 701, "orders": 60_855}
    assert source.tables["orders"]["order_id"].nunique().execute() == 3_796
    assert total(source.tables["orders"]) == pytest.approx(80_450_596.98, abs=0.01)
    assert checked.tables["orders"]["account_id"].nunique().execute() == 635
    assert found["Q023", "accounts"].rows == 701 - 635
    assert checked.faults == ()


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
    assert "has_company" in found["Q010", "raw deals"].message
    assert found["Q021", "orders"].rows == 4


def test_wholesale(real):
    source, checked, _ = real("wholesale")
    assert checked.rows == {"accounts": 440, "orders": 6 * 440}
    sectors = source.tables["accounts"]["industry"].value_counts().to_pandas().iloc[:, 1]
    assert sorted(sectors) == [142, 298]
    spent = (
        pd.read_csv(DATA / REAL["wholesale"] / "Wholesale_customers_data.csv.gz").iloc[:, 2:].to_numpy().sum()
    )
    assert total(source.tables["orders"]) == spent


def test_demo(tmp_path):
    given = settings("demo", accounts=300)
    source = open_source(given, tmp_path)
    checked, found = inspected(source, given.as_of)
    contracts.insist(checked)
    assert set(checked.tables) == {"accounts", "orders", "activities", "surveys", "campaigns"}
    assert "fax_extension" in found["Q010", "raw accounts"].message
    assert open_source(given, tmp_path).digest == source.digest


def test_hubspot(tmp_path):
    (tmp_path / "companies.csv").write_text(
        '"Record ID","Company name","Number of Employees","Annual Revenue","Create Date",City,'
        '"Country/Region",Industry\n'
        '9001,"Alpha Ltd",120,"1500000",2023-05-01 09:30,Leeds,United Kingdom,COMPUTER_SOFTWARE\n'
        "9002,Beta GmbH,,,2024-01-15 10:00,Köln,Germany,\n",
        encoding="utf-8",
    )
    (tmp_path / "deals.csv").write_text(
        '"Record ID","Deal Name","Deal Stage","Close Date",Amount,"Create Date","Associated Company IDs"\n'
        "1,A,Closed won,2024-02-01 00:00,1200.50,2024-01-01 00:00,9001;9002\n"
        '2,B,"Closed lost (Sales Pipeline)",2024-03-01 00:00,80,2024-01-01 00:00,9002\n'
        "3,C,Appointment scheduled,,,2024-02-01 00:00,9002\n",
        encoding="utf-8",
    )
    source = open_source(settings("hubspot", path=tmp_path), tmp_path / "cache")
    checked = contracts.check(source.tables)
    contracts.insist(checked)
    accounts = checked.tables["accounts"].order_by("account_id").to_pandas()
    assert accounts["account_id"].tolist() == ["9001", "9002"]
    assert accounts.loc[0, ["employees", "annual_revenue", "created_on"]].tolist() == [
        120,
        1.5e6,
        datetime(2023, 5, 1),
    ]
    orders = checked.tables["orders"].to_pandas()
    assert orders[["order_id", "account_id", "revenue"]].values.tolist() == [["1", "9001", 1200.5]]
    opportunities = checked.tables["opportunities"].order_by("opportunity_id").to_pandas()
    assert opportunities["stage"].tolist() == ["won", "lost", "open"]


def test_google_analytics4(tmp_path):
    events = [
        {
            "event_timestamp": 1_704_067_200_000_000,
            "event_name": "page_view",
            "user_id": "K-1",
            "ecommerce": None,
        },
        {
            "event_timestamp": 1_704_067_260_500_000,
            "event_name": "purchase",
            "user_id": None,
            "ecommerce": {"transaction_id": "T1", "total_item_quantity": 3, "purchase_revenue_in_usd": 99.5},
        },
    ]
    extra = {"user_pseudo_id": "1.2", "event_value_in_usd": None, "traffic_source": {"medium": "organic"}}
    shop = pa.struct(
        {
            "transaction_id": pa.string(),
            "total_item_quantity": pa.int64(),
            "purchase_revenue_in_usd": pa.float64(),
        }
    )
    kinds = {
        "event_timestamp": pa.int64(),
        "event_name": pa.string(),
        "user_id": pa.string(),
        "ecommerce": shop,
        "user_pseudo_id": pa.string(),
        "event_value_in_usd": pa.float64(),
        "traffic_source": pa.struct({"medium": pa.string()}),
    }
    (tmp_path / "events").mkdir()
    table = pa.Table.from_pylist([{**event, **extra} for event in events], pa.schema(kinds))
    pq.write_table(table, tmp_path / "events" / "000.parquet")
    source = open_source(settings("google_analytics4", path=tmp_path), tmp_path / "cache")
    checked = contracts.check(source.tables)
    order = checked.tables["orders"].to_pandas().iloc[0]
    assert (order["account_id"], order["revenue"], order["channel"]) == ("1.2", 99.5, "organic")
    assert order["ordered_at"] == datetime(2024, 1, 1, 0, 1, 0, 500_000)
    activity = checked.tables["activities"].to_pandas().iloc[0]
    assert (activity["account_id"], activity["kind"], activity["action"]) == ("K-1", "web", "page_view")


def test_activecampaign(tmp_path):
    (tmp_path / "contacts.csv").write_text(
        "Email,First Name,Last Name,Account,Date Created,Country\n"
        "a@alpha.example,Anna,A,Alpha,2024-02-01 10:00:00,DE\n"
        "b@alpha.example,Bert,B,Alpha,2023-02-01 10:00:00,DE\n"
        "c@gamma.example,Cleo,C,,2024-03-01 10:00:00,AT\n",
        encoding="utf-8",
    )
    source = open_source(settings("activecampaign", path=tmp_path), tmp_path / "cache")
    accounts = contracts.check(source.tables).tables["accounts"].order_by("account_id").to_pandas()
    assert accounts["account_id"].tolist() == ["Alpha", "gamma.example"]
    assert accounts["created_on"].tolist() == [datetime(2023, 2, 1), datetime(2024, 3, 1)]
    assert "anna" not in str(accounts).lower()


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
    psycopg = pytest.importorskip("psycopg")
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
        answers[place] = (values, reasons, counts, checked.rows, checked.rejected)
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
    for wrong in (
        url.replace("tester@", "tester:unmistakable@").replace("127.0.0.1", "127.0.0.2"),
        "nonsense://x",
    ):
        with pytest.raises(InputError, match="Cannot connect") as caught:
            open_source(settings("warehouse", url=wrong), tmp_path)
        assert "unmistakable" not in str(caught.value)
    inputs = {"orders": {"table": "order"}}
    with pytest.raises(InputError, match="Did you mean 'orders'"):
        open_source(
            settings("warehouse", url=url, inputs=inputs, tables={"orders": {"origin": "orders"}}), tmp_path
        )


def test_a_url_whose_backend_is_not_installed(tmp_path):
    from segmentwerk.core.errors import InputError

    with pytest.raises(InputError, match="Cannot connect to"):
        open_source(settings("warehouse", url="snowflake://user:unmistakable@host/db"), tmp_path)

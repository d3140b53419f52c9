"""Rows in = rows used + rows quarantined; and what bad input gets."""

import math
from datetime import date, datetime
from decimal import Decimal

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import schemas
from segmentwerk.core.errors import ConfigError, InputError
from segmentwerk.core.settings import QualitySettings
from segmentwerk.data import contracts
from segmentwerk.data.columns import COLUMNS

ACCOUNTS = "account_id,name,employees,founded_year\nA1,One,5,1990\nA2,Two,7,1991\nA3,Three,9,1992\n"
ORDERS = (
    "order_id,account_id,ordered_at,revenue\n1,A1,2024-01-01,10\n2,A2,2024-01-02,20\n3,A3,2024-01-03,30\n"
)


def checked(source, **rules):
    return contracts.check(source.tables, QualitySettings(**rules))


def reasons(result):
    frame = result.quarantine.to_pandas()
    return {
        (t, int(r)): reason
        for t, r, reason in zip(frame["table"], frame["row"], frame["reason"], strict=True)
    }


def refused(source, message, **rules):
    with pytest.raises(InputError, match=message) as caught:
        contracts.insist(checked(source, **rules), QualitySettings(**rules))
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_clean_tables_pass_whole(opened):
    result = checked(opened({"accounts.csv": ACCOUNTS, "orders.csv": ORDERS}))
    contracts.insist(result)
    schemas.verify(result)
    assert result.rows == {"accounts": 3, "orders": 3}
    assert result.rejected == {"accounts": 0, "orders": 0}
    assert result.faults == ()
    assert result.quarantine.count().execute() == 0
    assert result.tables["orders"].schema() == ibis.schema(
        {"order_id": "string", "account_id": "string", "ordered_at": "timestamp", "revenue": "float64"}
    )


def test_orphans_and_rows_without_account_are_set_aside(opened):
    orders = ORDERS + "4,,2024-01-04,40\n5,A9,2024-01-05,50\n"
    result = checked(opened({"accounts.csv": ACCOUNTS, "orders.csv": orders}))
    contracts.insist(result)
    assert reasons(result) == {
        ("orders", 4): "account_id is missing",
        ("orders", 5): "the account is unknown",
    }
    assert {fault.rule.name: (fault.rows, fault.revenue) for fault in result.faults} == {
        "missing:account_id": (1, 40.0),
        "orphan": (1, 50.0),
    }
    kept = checked(opened({}), orphans=False)
    assert kept.rejected["orders"] == 1


def test_an_account_that_falls_takes_its_orders_along(opened):
    accounts = ACCOUNTS.replace("A3,", ",")
    result = checked(opened({"accounts.csv": accounts, "orders.csv": ORDERS}))
    assert reasons(result) == {
        ("accounts", 3): "account_id is missing",
        ("orders", 3): "the account is unknown",
    }
    contracts.insist(result)


def test_a_share_of_unreadable_rows_may_be_borne(opened):
    orders = ORDERS.replace(",30\n", ",thirty\n")
    message = refused(opened({"orders.csv": orders}), "orders.csv row 3: revenue is not a number")
    assert "quality.max_unreadable=0.334" in message
    contracts.insist(checked(opened({})), QualitySettings(max_unreadable=0.334))


def test_missing_file(opened):
    with pytest.raises(InputError, match=r"Did you mean 'acounts.csv'\?"):
        opened({"acounts.csv": ACCOUNTS})


def test_missing_folder(opened, tmp_path):
    (tmp_path / "sales").mkdir()
    with pytest.raises(InputError, match=r"Did you mean 'sales'\?"):
        opened({}, path=tmp_path / "sale")


def test_no_path(opened, settings, tmp_path):
    from segmentwerk.data.sources import open_source

    with pytest.raises(InputError, match="segmentwerk data fetch online_retail"):
        open_source(settings("online_retail"), tmp_path)


def test_neither_accounts_nor_orders(opened):
    with pytest.raises(InputError, match="neither accounts nor orders"):
        opened({"surveys.csv": "account_id,item,score\nA1,q1,5\n"})


def test_empty_table(opened):
    refused(
        opened({"accounts.csv": ACCOUNTS, "orders.csv": ORDERS.splitlines()[0] + "\n"}), "'orders' is empty"
    )


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("order_id,acount_id,ordered_at,revenue", r"Column 'acount_id' .* is none of ours.*'account_id'\?"),
        ("order_id,kunde,ordered_at,revenue", r"no column 'account_id'"),
    ],
)
def test_missing_or_misspelt_column(opened, header, message):
    with pytest.raises(InputError, match=message):
        checked(opened({"orders.csv": ORDERS.replace(ORDERS.splitlines()[0], header)}))


def test_misspelt_column_in_the_mapping(opened):
    tables = {"orders": {"origin": "orders", "columns": {"account_id": "acount_id"}}}
    with pytest.raises(InputError, match=r"no column 'acount_id', which orders.account_id .* 'account_id'\?"):
        opened({"orders.csv": ORDERS}, tables=tables)
    tables["orders"]["columns"] = {"acount_id": "account_id"}
    with pytest.raises(ConfigError, match=r"no column 'acount_id'. Did you mean 'account_id'\?"):
        opened({}, tables=tables)
    tables["orders"]["columns"] = {"account_id": "account_id AND AND"}
    with pytest.raises(ConfigError, match=r"tables.orders.columns.account_id is no DuckDB SQL"):
        opened({}, tables=tables)


def test_a_text_where_a_number_belongs(opened):
    refused(
        opened({"orders.csv": ORDERS.replace(",20\n", ",twenty\n")}),
        "orders.csv row 2: revenue is not a number",
    )


@pytest.mark.parametrize("day", ["2024-02-30", "2024-13-01", "soon"])
def test_an_impossible_date(opened, day):
    orders = ORDERS.replace("2024-01-02", day)
    refused(opened({"orders.csv": orders}), "orders.csv row 2: ordered_at is not a date")


def test_an_unreadable_value_survives_the_filter(opened):
    tables = {
        "orders": {
            "origin": "orders",
            "where": "revenue > 15",
            "columns": {name: name for name in ("order_id", "account_id", "ordered_at", "revenue")},
        }
    }
    result = checked(opened({"orders.csv": ORDERS.replace(",20\n", ",twenty\n")}, tables=tables))
    assert reasons(result) == {("orders", 2): "revenue is not a number"}
    assert result.rows["orders"] == 2


def test_an_unreadable_value_that_nobody_reads_does_no_harm(opened):
    orders = (
        ORDERS.replace("revenue\n", "revenue,weight\n").replace("0\n", "0,5\n").replace("30,5", "30,heavy")
    )
    contracts.insist(checked(opened({"orders.csv": orders})))


def test_duplicate_account_ids(opened):
    message = "accounts.csv row 4: account_id is used by an earlier row"
    refused(opened({"accounts.csv": ACCOUNTS + "A2,Other,1,1999\n"}), message)


def test_repeated_accounts_are_set_aside(opened):
    result = checked(opened({"accounts.csv": ACCOUNTS + "A2,Two,7,1991\n"}))
    contracts.insist(result)
    assert reasons(result) == {("accounts", 4): "the row repeats an earlier one"}
    assert result.tables["accounts"].count().execute() == 3
    refused(opened({}), "row 4: account_id is used by an earlier row", exact_duplicates=[])


def test_the_first_good_row_of_a_key_stays(opened):
    deals = "opportunity_id,account_id,stage,value\nP1,A1,perhaps,4\nP1,A1,won,5\nP2,A2,lost,6\n"
    result = checked(opened({"accounts.csv": ACCOUNTS, "opportunities.csv": deals}))
    assert reasons(result) == {("opportunities", 1): "stage is not open or won or lost"}
    kept = result.tables["opportunities"].order_by("opportunity_id").to_pandas()
    assert kept["value"].tolist() == [5.0, 6.0]


def test_an_optional_column_costs_no_row(opened, tmp_path):
    accounts = ACCOUNTS.replace("A2,Two,7", "A2,Two,many").replace("A3,Three,9", "A3,Three,1e999")
    result = checked(opened({"accounts.csv": accounts}))
    contracts.insist(result)
    assert result.rejected == {"accounts": 0}
    assert result.tables["accounts"].order_by("account_id").to_pandas()["employees"].fillna(0).tolist() == [
        5,
        0,
        0,
    ]
    assert {f.rule.reason for f in result.faults} == {
        "employees is not a number",
        "employees is infinite",
        "employees is not between 0 and 1e+08",
    }
    (tmp_path / "data" / "accounts.csv").unlink()
    frame = pd.DataFrame({"account_id": ["A1", "A2"], "employees": [date(2024, 1, 10), None]})
    frame.to_parquet(tmp_path / "data" / "accounts.parquet")
    result = checked(opened({}))
    assert result.rejected == {"accounts": 0}
    assert [(f.rule.reason, f.rows) for f in result.faults] == [("employees is not a number", 1)]


@pytest.mark.parametrize("id_", ["4,01235E+12", "4.01235e+12", "4E+12"])
def test_ids_that_a_spreadsheet_cut_stop_the_run(opened, id_):
    orders = ORDERS.replace("2,A2,", f'2,"{id_}",').replace("3,A3,", f'3,"{id_}",')
    told = refused(opened({"orders.csv": orders}), r"orders.csv row 2: account_id looks like 9,99999E\+99")
    assert "2 of 3 rows" in told
    assert "Export them again" in told
    assert id_ not in told


def test_a_remedy_that_would_leave_no_row_is_not_named(opened):
    orders = ORDERS.replace(",10\n", ",ten\n").replace(",20\n", ",twenty\n")
    assert "max_unreadable=0.667" in refused(opened({"orders.csv": orders}), "revenue is not a number")
    orders = orders.replace(",30\n", ",thirty\n")
    assert "max_unreadable" not in refused(opened({"orders.csv": orders}), "revenue is not a number")


def test_whole_numbers_of_any_type_become_keys(opened, tmp_path):
    ids = {
        "double": ([1.0, float("nan"), 12.5], ["1", "12.5"]),
        "decimal": ([Decimal("1.00"), Decimal("9" * 30), None], ["1", "9" * 30]),
        "uint64": ([1, 2**64 - 1, None], ["1", str(2**64 - 1)]),
    }
    types = {"double": pa.float64(), "decimal": pa.decimal128(38, 2), "uint64": pa.uint64()}
    (tmp_path / "data").mkdir()
    for kind, (keys, wanted) in ids.items():
        table = pa.table({"account_id": pa.array(keys, types[kind])})
        pq.write_table(table, tmp_path / "data" / "accounts.parquet")
        found = checked(opened({})).tables["accounts"].order_by("account_id").to_pandas()
        assert found["account_id"].tolist() == wanted


def test_all_values_of_a_column_missing(opened):
    orders = "order_id,account_id,ordered_at,revenue\n1,A1,2024-01-01,\n2,A2,2024-01-02,\n"
    refused(opened({"orders.csv": orders}), r"No row of table 'orders' is valid.*revenue is missing")


def test_infinite_values(opened, tmp_path):
    frame = pd.DataFrame(
        {
            "order_id": ["1", "2", "3"],
            "account_id": ["A1", "A2", "A3"],
            "ordered_at": [datetime(2024, 1, 1)] * 3,
            "revenue": [1.0, math.inf, math.nan],
            "margin": [1.0, 1.0, math.nan],
        }
    )
    (tmp_path / "data").mkdir()
    frame.to_parquet(tmp_path / "data" / "orders.parquet")
    result = checked(opened({}))
    assert reasons(result) == {("orders", 2): "revenue is infinite", ("orders", 3): "revenue is missing"}
    refused(opened({}), "orders.parquet row 2: revenue is infinite")


def test_one_account_only(opened):
    refused(opened({"orders.csv": "\n".join(ORDERS.splitlines()[:2]) + "\n"}), "one account only")


def test_impossible_values_are_blanked_or_rejected(opened):
    accounts = ACCOUNTS.replace("1991", "9999")
    result = checked(opened({"accounts.csv": accounts}))
    assert result.rejected == {"accounts": 0}
    assert result.tables["accounts"].order_by("account_id").to_pandas()["founded_year"].isna().tolist() == [
        False,
        True,
        False,
    ]
    strict = checked(opened({}), blank_impossible=False)
    assert reasons(strict) == {("accounts", 2): "founded_year is not between 1000 and 2100"}


def test_rules_of_the_source(opened):
    columns = {name: name for name in ("order_id", "account_id", "ordered_at", "revenue")}
    table = {"origin": "orders", "columns": columns, "reject": {"too_small": "revenue < 15", "off": None}}
    result = checked(opened({"orders.csv": ORDERS}, tables={"orders": table}))
    contracts.insist(result)
    assert reasons(result) == {("orders", 1): "rule too_small of the source"}
    assert [(f.rule.name, f.rows, f.revenue) for f in result.faults] == [("too_small", 1, 10.0)]


def test_a_value_that_the_mapping_cannot_convert(opened):
    columns = {"order_id": "order_id", "account_id": "account_id", "revenue": "revenue"}
    columns["ordered_at"] = "CAST(account_id AS TIMESTAMP)"
    source = opened({"orders.csv": ORDERS}, tables={"orders": {"origin": "orders", "columns": columns}})
    with pytest.raises(InputError, match=r"orders\.ordered_at cannot be computed") as caught:
        checked(source)
    assert "A1" not in str(caught.value)


def test_whole_numbers_stored_as_fractions_stay_whole_keys(tmp_path, opened):
    frame = pd.DataFrame({"account_id": [17.0, 4.5, None], "order_id": [1, 2, 3], "revenue": [1.0, 2.0, 3.0]})
    frame["ordered_at"] = pd.Timestamp("2024-01-01")
    (tmp_path / "data").mkdir()
    frame.to_parquet(tmp_path / "data" / "orders.parquet")
    ids = checked(opened({})).tables["orders"].order_by("order_id").to_pandas()["account_id"]
    assert ids.tolist() == ["17", "4.5"]


def test_a_type_that_cannot_become_ours(tmp_path, opened):
    (tmp_path / "data").mkdir()
    frame = pd.DataFrame({"order_id": ["1"], "account_id": ["1"], "ordered_at": [5], "revenue": [1.0]})
    frame.to_parquet(tmp_path / "data" / "orders.parquet")
    with pytest.raises(InputError, match=r"orders.ordered_at is of type int64.*Cast it"):
        checked(opened({}))


def test_the_quarantine_is_written_sorted_and_without_values(opened, tmp_path):
    secret = "Unmistakable-Name"
    orders = ORDERS + f"4,{secret},2024-01-04,many\n5,{secret},2024-01-05,few\n"
    result = checked(opened({"orders.csv": orders}))
    path = contracts.write_quarantine(result, tmp_path / "out" / "quarantine.parquet")
    rows = pq.read_table(path).to_pylist()
    assert [row["row"] for row in rows] == [4, 5]
    assert set(rows[0]) == {"table", "file", "row", "reason"}
    assert secret not in str(rows)
    assert secret not in refused(opened({}), "revenue")


def test_the_quarantine_lies_in_a_folder_of_any_name(opened, tmp_path):
    result = checked(opened({"accounts.csv": ACCOUNTS + ",Nine,9,1990\n"}))
    path = contracts.write_quarantine(result, tmp_path / 'it\'s "a" Größe 1' / "quarantine.parquet")
    assert pq.read_table(path).num_rows == 1


TEXT = st.text(alphabet="ab12 ,.-;€%'\"äß\n", max_size=6)
CELLS = st.one_of(
    st.none(),
    TEXT,
    st.sampled_from(["A1", "A2", "1", "2024-01-01", "31.12.2023", "1.234,5", "inf", "nan", "web", "won"]),
)


FAST = hypothesis_settings(
    max_examples=8, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate]
)


@given(data=st.data())
@FAST
def test_no_row_is_lost_whatever_the_texts(data):
    no_row_is_lost(data)


@pytest.mark.slow
@given(data=st.data())
@hypothesis_settings(FAST, max_examples=60)
def test_no_row_is_lost_whatever_the_texts_at_length(data):
    no_row_is_lost(data)


def no_row_is_lost(data):
    """All rows are used or quarantined, and what is used is valid."""
    names = data.draw(st.sets(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=3))
    connection = ibis.duckdb.connect()
    tables, sizes = {}, {}
    for name in sorted(names):
        columns = [c for c, d in COLUMNS[name].items() if d.required or data.draw(st.booleans())]
        sizes[name] = data.draw(st.integers(1, 6))
        cells = {c: data.draw(st.lists(CELLS, min_size=sizes[name], max_size=sizes[name])) for c in columns}
        connection.con.register(name, pa.table({c: pa.array(v, pa.string()) for c, v in cells.items()}))
        tables[name] = connection.table(name)
    every = sorted(names) if data.draw(st.booleans()) else []
    result = contracts.check(
        tables, QualitySettings(exact_duplicates=every, blank_impossible=data.draw(st.booleans()))
    )
    quarantined = result.quarantine.to_pandas().groupby("table").size().to_dict()
    for name, rows in sizes.items():
        used = result.tables[name].count().execute()
        assert result.rows[name] == rows == used + quarantined.get(name, 0)
        assert result.rejected[name] == quarantined.get(name, 0)
    assert result.quarantine.to_pandas()["reason"].ne("").all()
    schemas.verify(result)
    connection.disconnect()


def test_verify_refuses_what_breaks_the_contract():
    table = ibis.memtable(pd.DataFrame({"account_id": ["a", "a"], "latitude": [0.0, 100.0]}))
    checked = contracts.Checked({"accounts": table}, table, {}, {}, {}, {})
    with pytest.raises(InputError, match="accounts"):
        schemas.verify(checked)


@pytest.mark.parametrize("name", COLUMNS)
def test_every_contract_has_a_schema(name):
    schema = schemas.schema(name)
    assert set(schema.columns) == set(COLUMNS[name])
    assert [c for c, d in COLUMNS[name].items() if d.required] == [
        c for c, d in schema.columns.items() if d.required
    ]


def test_the_account_id_is_the_same_text_everywhere(opened):
    files = {
        "accounts.csv": "account_id\n007\n008\n",
        "orders.csv": ORDERS.replace("A1", "007").replace("A2", "008"),
    }
    result = checked(opened(files))
    assert reasons(result) == {("orders", 3): "the account is unknown"}
    assert np.array_equal(np.sort(result.tables["orders"]["account_id"].to_pandas()), ["007", "008"])


CHOICES = "account_id,task_id,alternative_id,chosen,attribute,value\n"


def test_of_a_choice_task_all_rows_are_kept_or_none(opened):
    """A value that is missing would else count as nothing of the attribute."""
    rows = "A1,1,x,1,price,2\nA1,1,y,0,price,\nA1,2,x,1,price,2\nA1,2,y,0,price,3\nA2,1,x,0,price,1\n"
    result = checked(opened({"accounts.csv": ACCOUNTS, "choices.csv": CHOICES + rows}))
    beside = "another row of its task cannot be used"
    assert reasons(result) == {("choices", 1): beside, ("choices", 2): "value is missing"}
    assert result.rejected["choices"] == 2


def test_what_was_chosen_is_one_or_nothing(opened):
    rows = "A1,1,x,1,price,2\nA1,1,y,2,price,3\n"
    source = opened({"accounts.csv": ACCOUNTS, "choices.csv": CHOICES + rows})
    refused(source, r"choices\.csv row 2: chosen is not 0 or 1 \(1 of 2 rows of choices cannot be used\)")

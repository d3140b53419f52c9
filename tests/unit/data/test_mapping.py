import pytest

from segmentwerk.core.errors import ConfigError, InputError
from segmentwerk.core.settings import TableSettings
from segmentwerk.data import mapping
from segmentwerk.data.columns import COLUMNS
from segmentwerk.data.mapping import RawInput

LINES = RawInput("SELECT * FROM t", ("Id", "Amount", "Kunde"), ("_row", "_file", "_lost_number_Amount"))
KNOWN = tuple(COLUMNS["orders"])


def sql(**settings):
    return mapping.select("orders", TableSettings(**settings), {"lines": LINES}, KNOWN)


def test_the_lead_input_says_where_a_row_lies():
    text = sql(origin="lines AS l", columns={"order_id": "Id"})
    assert '"l"."_row" AS "_row"' in text
    assert '"l"."_file" AS "_file"' in text
    assert "_row" not in sql(origin="(SELECT Id FROM lines) AS l", columns={"order_id": "Id"})


def test_only_flags_of_columns_that_are_read_are_carried():
    assert "_lost_number_Amount" in sql(origin="lines", columns={"revenue": "2 * amount"})
    assert "_lost_number_Amount" not in sql(origin="lines", columns={"order_id": "Id"})
    assert "_lost_number_Amount" not in sql(origin="lines", columns={"order_id": "'Amount'"})


def test_a_filter_keeps_unreadable_rows():
    text = sql(origin="lines", columns={"order_id": "Id"}, where="Amount > 5")
    assert text.endswith('WHERE (Amount > 5) OR coalesce("lines"."_lost_number_Amount", false)')


def test_optional_columns_may_be_absent():
    text = sql(origin="lines", columns={"order_id": "Id", "category": "Gruppe"}, optional=["category"])
    assert '"category"' not in text
    with pytest.raises(InputError, match=r"no column 'Gruppe', which orders\.category is read from"):
        sql(origin="lines", columns={"order_id": "Id", "category": "Gruppe"})


def test_rules_need_their_columns():
    with pytest.raises(
        InputError, match=r"no column 'Amont', which rule 'small' needs. Did you mean 'Amount'\?"
    ):
        sql(origin="lines", columns={"order_id": "Id"}, reject={"small": "Amont < 5"})


def test_a_broken_origin():
    with pytest.raises(ConfigError, match=r"tables\.orders\.origin is no DuckDB SQL"):
        sql(origin="lines JOIN", columns={"order_id": "Id"})


def test_hints_come_from_bare_columns_only():
    tables = {
        "orders": TableSettings(
            origin="lines",
            columns={
                "account_id": "Kunde",
                "revenue": "Amount / 100",
                "ordered_at": "l.Datum",
                "margin": '"DB 1"',
            },
        )
    }
    assert mapping.hints(tables, COLUMNS) == {"kunde": "text", "datum": "date", "db 1": "number"}


ALIASES = {
    "lines": {"file": "lines.csv", "aliases": {"customer": ["Customer ID", "Account"], "spent": ["Amount"]}}
}
TABLES = {
    "orders": {
        "origin": "lines",
        "columns": {"order_id": "Id", "account_id": "customer", "ordered_at": "Day", "revenue": "spent"},
    }
}


@pytest.mark.parametrize("name", ["Customer ID", "account"])
def test_exports_may_name_a_column_differently(opened, name):
    content = f"Id,{name},Day,Amount\n1,007,2024-01-01,many\n"
    source = opened({"lines.csv": content}, inputs=ALIASES, tables=TABLES)
    row = source.tables["orders"].to_pandas().iloc[0]
    assert row["account_id"] == "007"
    assert row["_lost_number_spent"]
    assert source.raw["lines"].columns == ("Id", "customer", "Day", "spent")


def test_an_alias_without_any_column(opened):
    with pytest.raises(InputError, match=r"no column 'Customer ID' or 'Account', which orders\.account_id"):
        opened({"lines.csv": "Id,Day,Amount\n1,2024-01-01,5\n"}, inputs=ALIASES, tables=TABLES)


def test_fields_of_nested_columns_are_known_by_their_column():
    nested = {"lines": RawInput("SELECT * FROM t", ("shop",))}
    text = mapping.select(
        "orders", TableSettings(origin="lines", columns={"channel": "shop.kind"}), nested, KNOWN
    )
    assert 'shop.kind AS "channel"' in text
    with pytest.raises(InputError, match="no column 'kind'"):
        mapping.select(
            "orders", TableSettings(origin="lines", columns={"channel": "shopp.kind"}), nested, KNOWN
        )

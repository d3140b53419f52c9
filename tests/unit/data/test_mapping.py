import pytest
import sqlglot

from segmentwerk.core.errors import ConfigError, InputError
from segmentwerk.core.settings import TableSettings
from segmentwerk.data import mapping
from segmentwerk.data.columns import COLUMNS
from segmentwerk.data.hidden import Unreadable
from segmentwerk.data.inputs import inlined
from segmentwerk.data.mapping import RawInput

AMOUNT = Unreadable("number", "Amount")
LINES = RawInput("SELECT * FROM t", ("Id", "Amount", "Kunde"), ("_row", "_file", AMOUNT.name))
KNOWN = COLUMNS["orders"]


def sql(**settings):
    return mapping.select("orders", TableSettings(**settings), {"lines": LINES}, KNOWN)


def test_the_lead_input_says_where_a_row_lies():
    text = sql(origin="lines AS l", columns={"order_id": "Id"})
    assert '"l"."_row" AS "_row"' in text
    assert '"l"."_file" AS "_file"' in text
    assert "_row" not in sql(origin="(SELECT Id FROM lines) AS l", columns={"order_id": "Id"})


def test_a_subquery_that_hands_on_all_columns_says_where_a_row_lies():
    handed = "(SELECT *, upper(Kunde) AS firm FROM lines) AS l"
    text = sql(origin=handed, columns={"order_id": "Id", "revenue": "Amount"})
    assert '"l"."_row" AS "_row"' in text
    assert AMOUNT.name in text
    for other in ("(SELECT DISTINCT * FROM lines) AS l", "(SELECT * FROM lines, lines AS m) AS l"):
        assert "_row" not in sql(origin=other, columns={"order_id": "Id"})


def test_only_flags_of_columns_that_are_read_are_carried():
    assert AMOUNT.name in sql(origin="lines", columns={"revenue": "2 * amount"})
    assert "_lost_" not in sql(origin="lines", columns={"order_id": "Id"})
    assert "_lost_" not in sql(origin="lines", columns={"order_id": "'Amount'"})


def test_an_optional_column_goes_without_what_cannot_be_read():
    optional = AMOUNT._replace(ours="margin").name
    text = sql(origin="lines", columns={"order_id": "Id", "margin": "Amount"})
    assert f'AS "{optional}"' in text
    both = sql(origin="lines", columns={"order_id": "Id", "margin": "Amount", "revenue": "Amount"})
    assert f'AS "{AMOUNT.name}"' in both
    assert optional not in both
    filtered = sql(origin="lines", columns={"margin": "Amount"}, where="Id > 5")
    assert filtered.endswith("WHERE (Id > 5)")


def test_a_filter_keeps_unreadable_rows():
    text = sql(origin="lines", columns={"order_id": "Id"}, where="Amount > 5")
    assert text.endswith(f'WHERE (Amount > 5) OR coalesce("lines"."{AMOUNT.name}", false)')


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


def test_all_names_of_the_mapping_are_used():
    settings = TableSettings(
        origin="lines JOIN firms USING (Key)",
        where="Status = 'x'",
        columns={"order_id": "trim(Id)", "revenue": "l.Amount"},
        reject={"small": "Size < 5", "off": None},
    )
    found = mapping.used({"orders": settings}, COLUMNS)
    assert {"key", "status", "id", "amount", "size"} <= found
    assert {"order_id", "revenue"} <= mapping.used({"orders": TableSettings(origin="lines")}, COLUMNS)
    pattern = TableSettings(origin="lines", columns={"revenue": "list_sum([COLUMNS('m_.*')])"})
    assert mapping.EVERYTHING in mapping.used({"orders": pattern}, COLUMNS)


def test_words_stand_for_their_list():
    tables = {"orders": TableSettings(origin="lines", where="Kind IN $won", columns={"order_id": "Id"})}
    spelled = mapping.in_words(tables, {"won": ["Won", "d'accord"]})
    assert spelled["orders"].where == "Kind IN ('won', 'd''accord')"
    assert mapping.in_words(tables, {"won": []})["orders"].where == "Kind IN (NULL)"
    with pytest.raises(ConfigError, match=r"uses \$won, but there is no source\.words\.won"):
        mapping.in_words(tables, {})


def test_hints_come_from_bare_columns_and_ids():
    tables = {
        "orders": TableSettings(
            origin="lines",
            columns={
                "account_id": "Kunde",
                "revenue": "Amount / 100",
                "ordered_at": "l.Datum",
                "margin": '"DB 1"',
                "order_id": "split_part(Beleg, '/', 1)",
                "product_id": "1000 + Artikel",
            },
        )
    }
    assert mapping.hints(tables, COLUMNS) == {
        "kunde": "text",
        "datum": "date",
        "db 1": "number",
        "beleg": "text",
    }


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
    assert row[Unreadable("number", "spent").name]
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


def test_what_is_named_ahead_is_put_in_place():
    query = (
        'WITH "a b" AS (SELECT * FROM orders), orders AS (SELECT 1 AS x) SELECT o.x FROM orders AS o, "a b"'
    )
    assert inlined(sqlglot.parse_one(query, read="duckdb")).sql("duckdb") == (
        'SELECT o.x FROM (SELECT 1 AS x) AS o, (SELECT * FROM orders) AS "a b"'
    )

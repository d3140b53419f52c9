import duckdb
import pytest

from segmentwerk.data.numbers import evidence, known, number, plain

GERMAN = {
    "1.234,50 €": 1234.50,
    "€ 1.234": 1234.0,
    "-2,00": -2.0,
    "\u22125": -5.0,
    "- 5,00 EUR": -5.0,
    "(3,00)": -3.0,
    "5-": -5.0,
    "1,2 Mio.": 1_200_000.0,
    "1,15 Mio. €": 1_150_000.0,
    "500 Tsd.": 500_000.0,
    "3 Mrd. EUR": 3e9,
    "12,5 %": 0.125,
    "1 234,5": 1234.5,
    "1\u00a0234,5": 1234.5,
    "1'234,5": 1234.5,
    "1.234.567,89": 1_234_567.89,
    "0,125": 0.125,
    ",5": 0.5,
    "1,5E+06": 1.5e6,
}
AMERICAN = {
    "$1,234.50": 1234.5,
    "-$5.00": -5.0,
    "($5.00)": -5.0,
    "$-5": -5.0,
    "1.5M": 1.5e6,
    "2k": 2000.0,
    "£1bn": 1e9,
    "R$ 12.00": 12.0,
    "12%": 0.12,
    "12,345,678.9": 12_345_678.9,
    "1e5": 1e5,
    "00017": 17.0,
}


def read(text, decimal):
    quoted = "'" + text.replace("'", "''") + "'"
    return duckdb.sql(f"SELECT {number(quoted, decimal)}").fetchall()[0][0]


@pytest.mark.parametrize(("text", "value"), GERMAN.items())
def test_decimal_comma(text, value):
    assert read(text, ",") == value


@pytest.mark.parametrize(("text", "value"), AMERICAN.items())
def test_decimal_point(text, value):
    assert read(text, ".") == value


@pytest.mark.parametrize(
    ("text", "decimal"),
    [
        ("12.50", ","),
        ("1,23", "."),
        ("abc", ","),
        ("12 Stk", "."),
        ("1_000", "."),
        ("1.2.3", "."),
        ("%", ","),
        ("", "."),
    ],
)
def test_what_is_no_number_is_null(text, decimal):
    assert read(text, decimal) is None


@pytest.mark.parametrize("word", ["n/a", "NULL", "-", "k. A.", "#N/A"])
def test_words_for_nothing(word):
    assert duckdb.sql(f"SELECT {known(plain('x'))} FROM (SELECT ' {word} ' AS x)").fetchall() == [(None,)]


@pytest.mark.parametrize(
    ("text", "signs"),
    [
        ("1.234", ""),
        ("1,5", ","),
        ("1.5", "."),
        ("1.234,5", ","),
        ("1,234.5", "."),
        ("0,125", ","),
        ("1.234.567", ","),
        ("17", ""),
    ],
)
def test_evidence_for_a_decimal_sign(text, signs):
    found = {
        s for s in ",." if duckdb.sql(f"SELECT regexp_matches('{text}', '{evidence(s)}')").fetchall()[0][0]
    }
    assert found == set(signs)

import pytest

from segmentwerk.data import surroundings

NAMES = ["account_id", "name", "country", "revenue"]
ROWS = [[f"K{i}", f"Firm {i}", "DE", "1.5"] for i in range(6)]


@pytest.mark.parametrize(
    ("above", "wanted"),
    [
        ([], ()),
        ([["# a report"], ["# of: A", " B"], []], ()),
        ([["Sales 2024", "", "", ""], ["", "", "", ""]], ()),
        ([["EXTF", "700", "21", *[""] * 18]], ()),
        ([["as of", "2024", "", ""], ["by", "Sales", "", ""]], ("name", "country")),
    ],
)
def test_the_header_is_found_below_a_report(above, wanted):
    assert surroundings.header_position([*above, NAMES, *ROWS], wanted) == len(above)


def test_the_first_row_is_the_header_where_nothing_speaks_against_it():
    for header in (["a", "", "c", "d"], ["2023", "2024", "2025", "x"], ["a", "b", "c"]):
        assert surroundings.header_position([header, *ROWS]) == 0
    assert surroundings.header_position([["accounts"], ["K1"], ["K2, K3"]]) == 0
    assert surroundings.header_position([]) == 0


def test_a_row_of_data_is_no_header_though_it_holds_a_name():
    rows = [["kunde", "art"], ["K1", "name"], ["K2", "x"]]
    assert surroundings.header_position(rows, {"name", "country"}) == 0


@pytest.mark.parametrize(
    ("row", "is_total"),
    [
        (["", "", "Grand total", "10573.05"], True),
        (["Summe:", None, None, "1.234,50 €"], True),
        (["Total (36 records)", "", "", "9"], True),
        (["Total", "Total SE", "FR", "9"], False),
        (["Total", "", "FR", "9"], False),
        (["K7", "", "", "9"], False),
    ],
)
def test_rows_of_totals(row, is_total):
    assert surroundings.is_total(row, usual=4) is is_total


def test_a_footer_ends_at_the_last_row_of_the_table():
    notes = [["", "", "", ""], ["Confidential - do not distribute"], ["-----"], ["Summe", "", "", "9"]]
    assert surroundings.footer([*ROWS, *notes], usual=4) == 3
    assert surroundings.footer([*ROWS, ["K7", "", "", ""]], usual=4) == 0
    assert surroundings.footer([*ROWS, ["", "", "", ""]], usual=4) == 0

import pytest

from segmentwerk.core.errors import InputError
from segmentwerk.data import contracts
from segmentwerk.data.latest import NEVER, latest, split

DAILY = [(day, 2) for day in range(19_000, 19_200)]


@pytest.mark.parametrize(
    ("days", "last", "odd"),
    [
        (DAILY, 19_199, 0),
        ([*DAILY, (85_000, 1)], 19_199, 1),
        ([*DAILY, (19_900, 1), (85_000, 2)], 19_199, 3),
        ([*DAILY, (NEVER, 300)], 19_199, 300),
        ([*DAILY, (19_400, 1)], 19_400, 0),
        ([*DAILY, *((day, 2) for day in range(19_700, 19_800))], 19_799, 0),
        ([(100 * i, 1) for i in range(10)], 900, 0),
        ([(0, 1), (1000, 1), (2000, 1)], 2000, 0),
        ([(19_000, 1)], 19_000, 0),
    ],
)
def test_one_odd_date_does_not_move_the_last_day(days, last, odd):
    assert split(days) == (last, odd)


def orders(last):
    rows = [f"{i},K{i % 5},2024-{1 + i % 9:02}-{1 + i % 28:02},5" for i in range(200)]
    return "\n".join(["order_id,account_id,ordered_at,revenue", *rows[:5], last, *rows[5:], ""])


@pytest.mark.parametrize("day", ["2204-03-01", "9999-12-31"])
def test_the_odd_order_is_named(opened, day):
    checked = contracts.check(opened({"orders.csv": orders(f"x,K1,{day},5")}).tables)
    found = latest(checked)
    assert (found.day.isoformat(), found.odd, found.file, found.row) == ("2024-09-27", 1, "orders.csv", 6)
    assert found.year == int(day[:4])


def test_nothing_but_never(opened):
    text = "order_id,account_id,ordered_at,revenue\n1,K1,9999-12-31,5\n2,K2,9999-12-31,5\n"
    with pytest.raises(InputError, match=r"after the year 2099.*source\.as_of"):
        latest(contracts.check(opened({"orders.csv": text}).tables))

import logging
from datetime import date

import pytest

from segmentwerk.core.settings import SourceSettings
from segmentwerk.data import contracts
from segmentwerk.data.sources import open_source
from segmentwerk.preparation.accounts import _window

ORDERS = [f"{i},K{i % 5},2024-{1 + i % 9:02}-{1 + i % 28:02},5" for i in range(200)]
SOURCE = {"name": "t", "inputs": {"orders": {"file": "orders"}}, "tables": {"orders": {"origin": "orders"}}}


@pytest.fixture
def window(tmp_path):
    """Return the window of a book of orders."""

    def get(*more, **changes):
        lines = ["order_id,account_id,ordered_at,revenue", *ORDERS[:5], *more, *ORDERS[5:]]
        (tmp_path / "orders.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        settings = SourceSettings.model_validate({**SOURCE, "path": tmp_path, **changes})
        with open_source(settings, tmp_path / "cache") as source:
            return _window(settings, contracts.check(source.tables))

    return get


def test_the_day_after_the_last_order(window, caplog):
    assert window().as_of == date(2024, 9, 28)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("year", [2204, 9999])
def test_an_order_in_a_far_future_is_told_and_does_not_count(window, caplog, year):
    assert window(f"x,K1,{year}-12-31,5").as_of == date(2024, 9, 28)
    (warning,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert "orders.csv row 6" in warning
    assert str(year) in warning
    assert "source.as_of" in warning


def test_a_date_of_ones_own_counts(window, caplog):
    assert window("x,K1,2204-03-01,5", as_of=date(2024, 5, 1)).as_of == date(2024, 5, 1)
    assert not caplog.records or "2204" not in caplog.text

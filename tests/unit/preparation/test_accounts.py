import logging
from datetime import date
from types import SimpleNamespace

import pandas as pd
import psutil
import pytest
from pydantic import ValidationError

from segmentwerk.core.context import Context
from segmentwerk.core.settings import FeatureSettings, QualitySettings, SourceSettings
from segmentwerk.data import contracts
from segmentwerk.data.sources import open_source
from segmentwerk.preparation import account_file, some_accounts
from segmentwerk.preparation.accounts import _window, open_accounts
from segmentwerk.preparation.known import AsTrained
from segmentwerk.shipped.model_catalogue import Limits

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


@pytest.fixture
def shop(tmp_path):
    """A book of orders of 120 accounts."""
    lines = [f"{i},K{i % 120:03},2024-{1 + i % 9:02}-{1 + i % 28:02},{i % 17}" for i in range(900)]
    (tmp_path / "orders.csv").write_text("order_id,account_id,ordered_at,revenue\n" + "\n".join(lines))
    return SourceSettings.model_validate({**SOURCE, "path": tmp_path, "as_of": date(2024, 8, 1)})


def read(shop, folder, **more):
    context = Context("compare", folder)
    with open_accounts(shop, QualitySettings(), FeatureSettings(), context, home=folder, **more) as accounts:
        return accounts, {name: set(t.account_id.execute()) for name, t in accounts.checked.tables.items()}


def test_of_many_accounts_a_sample_is_looked_at_and_all_rows_are_checked(shop, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    everyone, _ = read(shop, tmp_path)
    some, ids = read(shop, tmp_path, most=40)
    assert (everyone.population, some.population) == (None, 120)
    assert 20 < len(some.table.orders) < 60
    assert ids["orders"] >= set(some.table.orders.index)
    assert some.checked.rows == everyone.checked.rows == {"orders": 900}
    assert some.report.rows == {"orders": 900}
    assert "A sample of the 120 accounts is looked at" in caplog.text


def test_as_many_accounts_as_may_be_are_all_looked_at(shop, tmp_path):
    some, ids = read(shop, tmp_path, most=120)
    assert some.population is None
    assert len(ids["orders"]) == 120


@pytest.mark.parametrize("part", [1000, 50])
def test_the_file_of_accounts_is_the_same_in_parts(shop, tmp_path, monkeypatch, part):
    whole, _ = read(shop, tmp_path)
    monkeypatch.setattr(some_accounts, "PART", part)
    known = AsTrained(shop, {"declared": {}}, FeatureSettings(), whole.table.definitions)
    monkeypatch.setattr(account_file, "as_trained", lambda *_: known)
    context = Context("score", tmp_path)
    limits = (Limits(most=7.0),)
    model = SimpleNamespace(catalogue=SimpleNamespace(numeric=("frequency",), possible=limits))
    path, _ = account_file.write(shop, None, QualitySettings(), model, context, home=tmp_path)
    rows = pd.read_parquet(path).set_index("account_id").sort_index()
    known = whole.table.features
    assert (known["frequency"] > 7).any()  # more than this model can take, and nobody can mend it
    known = known.assign(frequency=known["frequency"].where(known["frequency"] <= 7))
    pd.testing.assert_frame_equal(rows, known, check_dtype=False)
    assert (tmp_path / "quality.html").is_file()


@pytest.mark.parametrize(("given", "bytes_"), [("300MB", 300e6), ("1.5GiB", 1.5 * 2**30)])
def test_duckdb_keeps_within_the_memory_that_is_said(shop, tmp_path, given, bytes_):
    with open_source(shop.model_copy(update={"memory": given}), tmp_path / "cache") as source:
        (found,) = source.connection.raw_sql("SELECT current_setting('memory_limit')").fetchone()
        digest = source.digest
    with open_source(shop, tmp_path / "cache") as source:
        assert source.digest == digest
        (usual,) = source.connection.raw_sql("SELECT current_setting('memory_limit')").fetchone()
    assert size(found) == pytest.approx(bytes_, rel=0.01)
    assert size(usual) == pytest.approx(psutil.virtual_memory().total / 3, rel=0.01)


def size(text: str) -> float:
    number, unit = text.split()
    return float(number) * 2 ** (10 * ["bytes", "KiB", "MiB", "GiB"].index(unit))


def test_a_memory_is_a_number_and_a_unit():
    with pytest.raises(ValidationError, match="memory"):
        SourceSettings(name="s", memory="much")

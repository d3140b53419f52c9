import threading
import zipfile
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import openpyxl
import pandas as pd
import pytest

from segmentwerk.core.errors import InputError
from segmentwerk.data import fetch

COLUMNS = [
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
]
ROWS = [
    [536365, "85123A", "HOLDER", 6, pd.Timestamp("2010-12-01 08:26"), 2.55, 17850, "United Kingdom"],
    ["C536379", "D", "Discount", -1, pd.Timestamp("2010-12-01 09:41"), 27.5, None, "EIRE"],
    [536366, 22633, None, 6, pd.Timestamp("2010-12-01 08:28"), 1.85, 17850, "United Kingdom "],
]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def public(tmp_path, monkeypatch):
    """A public home of a small set, and the set as it is known."""
    served = tmp_path / "served"
    served.mkdir()
    book = openpyxl.Workbook()
    for row in (COLUMNS, *ROWS):
        book.active.append(row)
    book.save(tmp_path / "Online Retail.xlsx")
    with zipfile.ZipFile(served / "set.zip", "w") as archive:
        archive.write(tmp_path / "Online Retail.xlsx", "Online Retail.xlsx")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(served)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/set.zip"
    fetch.SETS["online_retail"].convert(tmp_path / "Online Retail.xlsx", tmp_path / "expected.parquet")
    digest = fetch.content_digest(tmp_path / "expected.parquet")
    monkeypatch.setitem(fetch.SETS, "small", replace(fetch.SETS["online_retail"], url=url, digest=digest))
    yield server
    server.shutdown()
    server.server_close()


def test_a_set_is_fetched_once_and_verified(public, tmp_path):
    path = fetch.fetch("small", tmp_path / "cache")
    assert path == tmp_path / "cache" / "small" / "online_retail.parquet"
    frame = pd.read_parquet(path)
    assert frame["InvoiceNo"].tolist() == ["536365", "C536379", "536366"]
    assert frame["StockCode"].tolist() == ["85123A", "D", "22633"]
    assert frame["Quantity"].tolist() == [6, -1, 6]
    assert frame["InvoiceDate"].tolist() == [row[4] for row in ROWS]
    assert frame["CustomerID"].isna().tolist() == [False, True, False]
    public.shutdown()
    assert fetch.fetch("small", tmp_path / "cache") == path


def test_another_content_is_refused(public, tmp_path, monkeypatch):
    monkeypatch.setitem(fetch.SETS, "small", replace(fetch.SETS["small"], digest="another"))
    with pytest.raises(InputError, match="is not the expected small"):
        fetch.fetch("small", tmp_path / "cache")
    assert not list(tmp_path.glob("cache/**/*.parquet"))


def test_without_a_network(public, tmp_path, monkeypatch):
    monkeypatch.setitem(fetch.SETS, "small", replace(fetch.SETS["small"], url="http://127.0.0.1:9/none.zip"))
    with pytest.raises(InputError, match="Without a network: download it elsewhere"):
        fetch.fetch("small", tmp_path / "cache")


def test_an_unknown_set(tmp_path):
    with pytest.raises(InputError, match="Did you mean 'online_retail'"):
        fetch.fetch("online_retial", tmp_path)


def test_the_digest_does_not_hang_on_the_order_of_rows(public, tmp_path):
    frame = pd.read_parquet(tmp_path / "expected.parquet")
    frame[::-1].to_parquet(tmp_path / "turned.parquet")
    digest = fetch.SETS["small"].digest
    assert fetch.content_digest(tmp_path / "turned.parquet") == digest
    frame.assign(Quantity=frame["Quantity"] + 1).to_parquet(tmp_path / "other.parquet")
    assert fetch.content_digest(tmp_path / "other.parquet") != digest

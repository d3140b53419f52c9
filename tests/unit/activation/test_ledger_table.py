"""The ledger in a warehouse: a file of DuckDB and a real PostgreSQL hold what the folder would."""

import multiprocessing
import random
import signal
import time

import duckdb
import pandas as pd
import pytest

from handing_over import AS_OF, KEY, base, record
from postgres import postgres_server
from segmentwerk.activation import ledger
from segmentwerk.activation.ledger_table import LedgerTable
from segmentwerk.core.errors import ConfigError, InputError

ROWS = 300
KILLS = 5


@pytest.fixture(scope="module")
def server():
    with postgres_server() as url:
        yield url


@pytest.fixture(params=["duckdb", "postgres"])
def table(request, tmp_path):
    if request.param == "duckdb":
        return LedgerTable(f"duckdb://{tmp_path}/warehouse.duckdb", "segmentwerk_ledger")
    return LedgerTable(request.getfixturevalue("server"), f"ledger_{random.getrandbits(40)}")


@pytest.fixture(scope="module")
def processes():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["segmentwerk.activation.ledger", "handing_over", "ibis.backends.duckdb"])
    return context


def append(place, rows, **changes):
    return ledger.append(place, rows, **{"model": "m/1", "as_of": AS_OF, "key": KEY, **changes})


def swapped(rows):
    return rows.assign(arm=rows["arm"].map({"treated": "control", "control": "treated"}))


def test_it_is_read_back_as_the_folder_is(table, tmp_path):
    rows = base(50)[2]
    assert ledger.read(table).empty
    done = append(table, rows)
    append(tmp_path / "ledger", rows)
    assert (done.rows_new, done.rows_known, done.part) == (50, 0, None)
    pd.testing.assert_frame_equal(ledger.read(table), ledger.read(tmp_path / "ledger"))


def test_the_same_again_adds_nothing_and_what_is_new_is_added(table):
    rows = base(50)[2]
    assert append(table, rows[:30]).rows_new == 30
    assert append(table, rows[:30].sample(frac=1, random_state=1)).rows_new == 0
    done = append(table, rows, model="m/2")
    assert (done.rows_new, done.rows_known) == (20, 30)
    assert ledger.read(table)["model"].value_counts().to_dict() == {"m/1": 30, "m/2": 20}


def test_a_campaign_keeps_its_arms(table):
    rows = base(50)[2]
    append(table, rows[:30])
    with pytest.raises(InputError, match=r"30 accounts would change.*another name") as raised:
        append(table, swapped(rows))
    assert "0000007" not in str(raised.value)
    assert len(ledger.read(table)) == 30


def test_another_table_is_no_ledger(tmp_path):
    with duckdb.connect(str(tmp_path / "w.duckdb")) as con:
        con.execute("CREATE TABLE orders (account_id VARCHAR)")
    table = LedgerTable(f"duckdb://{tmp_path}/w.duckdb", "orders")
    with pytest.raises(InputError, match=r"'orders' at duckdb://.*no column 'segment_id'.*ledger_table"):
        append(table, base(5)[2])


@pytest.mark.parametrize(
    ("url", "kind", "message"),
    [
        (
            "postgres://me:hush-hush@127.0.0.1:9/d",
            InputError,
            r"Cannot connect to postgres://127\.0\.0\.1:9/d",
        ),
        ("nowhere://me:hush-hush@host/d", ConfigError, r"activation\.ledger=nowhere://host/d is no address"),
    ],
)
def test_an_address_that_does_not_answer_is_named_without_its_password(url, kind, message):
    with pytest.raises(kind, match=message) as raised:
        LedgerTable(url, "segmentwerk_ledger").insist()
    assert "hush-hush" not in str(raised.value)


def test_killed_at_any_moment_it_holds_all_or_nothing(table, processes):
    choice, kills = random.Random(7), 0
    warm = processes.Process(target=record, args=(LedgerTable(table.url, f"{table.name}_warm"), ROWS))
    warm.start()
    warm.join(60)
    begin = time.monotonic()
    timed = processes.Process(target=record, args=(LedgerTable(table.url, f"{table.name}_timed"), ROWS))
    timed.start()
    timed.join(60)
    assert timed.exitcode == 0
    seconds = time.monotonic() - begin
    for at in range(KILLS):
        place = LedgerTable(table.url, f"{table.name}_{at}")
        process = processes.Process(target=record, args=(place, ROWS))
        process.start()
        time.sleep(seconds * choice.uniform(0.3, 1))
        process.kill()
        process.join(60)
        kills += process.exitcode == -signal.SIGKILL
        assert len(ledger.read(place)) in (0, ROWS)
        record(place, ROWS)
        assert len(ledger.read(place)) == ROWS
    assert kills >= 1, "all kills came too late to tell anything"


def test_two_at_once_write_once(table, processes):
    together = [processes.Process(target=record, args=(table, ROWS)) for _ in range(3)]
    for process in together:
        process.start()
    for process in together:
        process.join(60)
    assert [process.exitcode for process in together] == [0, 0, 0]
    found = ledger.read(table)
    assert len(found) == ROWS
    assert not found.duplicated(list(ledger.KEY)).any()

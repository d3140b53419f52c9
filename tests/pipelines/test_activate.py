"""`segmentwerk activate`: from the champion to plan, ledger and files; once whole, and every refusal."""

import random
import re
import shutil
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import mlflow
import pandas as pd
import pytest

from command_line import MAIN, Finished, in_process, segmentwerk, surroundings
from postgres import postgres_server
from segmentwerk.activation import ledger
from segmentwerk.activation.ledger_table import LedgerTable

DEMO = "source.accounts=500"


@pytest.fixture(scope="session")
def activated(comparison) -> Finished:
    done = segmentwerk("activate", DEMO, "activation.holdout=0.2", home=comparison.home)
    assert done.code == 0, done.stderr
    return done


@pytest.fixture(scope="session")
def client(activated):
    store = f"sqlite:///{activated.home}/mlflow/mlflow.db"
    return mlflow.MlflowClient(store, registry_uri=store)


@pytest.fixture(scope="session")
def recorded(activated):
    return ledger.read(Path(activated.summary["ledger"]["folder"]))


def test_money_of_the_segments_equals_pandas_to_the_cent(activated):
    """From the generated files, with nothing of the product but the segments."""
    (folder,) = {path.parent for path in activated.home.glob("cache/**/orders/*.parquet")}
    lines = pd.concat([pd.read_parquet(path) for path in folder.glob("*.parquet")])
    scored = pd.read_parquet(Path(activated.summary["plan"]["html"]).parents[1] / "segments.parquet")
    lines = lines.merge(scored, on="account_id")
    end, year = pd.Timestamp(2026, 1, 1), pd.Timedelta(365, "D")
    now = lines[(lines["ordered_at"] >= end - year) & (lines["ordered_at"] < end)]
    then = lines[(lines["ordered_at"] >= end - 2 * year) & (lines["ordered_at"] < end - year)]
    assert len(now) > 1000
    for number, told in activated.summary["segments"].items():
        mine, before = (part[part["segment_id"] == int(number)] for part in (now, then))
        assert round(told["revenue"], 2) == round(mine["revenue"].sum(), 2)
        assert round(told["margin"], 2) == round(mine["margin"].sum(), 2)
        assert round(told["revenue_before"], 2) == round(before["revenue"].sum(), 2)
        bought = set(before.loc[before["revenue"] > 0, "account_id"])
        again = set(mine.loc[mine["revenue"] > 0, "account_id"]) & bought
        assert told["retention"] == pytest.approx(len(again) / len(bought))


def test_every_account_of_the_ledger_has_one_arm_a_campaign(activated, recorded):
    assert len(recorded) == activated.summary["ledger"]["new"] > 0
    assert not recorded.duplicated(["account_id", "campaign"]).any()
    assert set(recorded["arm"]) == {"treated", "control"}
    assert set(recorded["as_of"]) == {date(2026, 1, 1)}
    share = (recorded["arm"] == "control").mean()
    assert share == pytest.approx(0.2, abs=0.02)


def test_files_hold_the_treated_by_their_own_ids_and_nobody_else(activated, recorded):
    (path,) = [Path(one) for one in activated.summary["export"]["files"] if "measures" in one]
    rows = pd.read_csv(path, dtype=str)
    treated = set(recorded.loc[recorded["arm"] == "treated", "account_id"])
    control = set(recorded.loc[recorded["arm"] == "control", "account_id"])
    assert set(rows["account_id"]) == treated
    assert not set(rows["account_id"]) & control


def test_the_same_again_changes_nothing(activated, recorded, client):
    before = ledger_bytes(activated)
    again = segmentwerk("activate", DEMO, "activation.holdout=0.2", home=activated.home)
    assert again.code == 0, again.stderr
    assert again.summary["ledger"] | {"new": 0, "known": 0} == activated.summary["ledger"] | {
        "new": 0,
        "known": 0,
    }
    assert again.summary["ledger"]["new"] == 0
    assert again.summary["ledger"]["known"] == len(recorded)
    assert again.summary["export"]["folder"] == activated.summary["export"]["folder"]
    assert again.summary["run_id"] == activated.summary["run_id"]
    assert again.summary["result"] == activated.summary["result"]
    assert ledger_bytes(activated) == before
    for kind in ("html", "markdown"):
        one, other = (Path(done.summary["plan"][kind]) for done in (activated, again))
        assert one.read_bytes() == other.read_bytes()


def test_the_ledger_in_a_database_holds_the_same_rows(activated, recorded, tmp_path):
    url = f"duckdb://{tmp_path}/warehouse.duckdb"
    words = ("activate", DEMO, "activation.holdout=0.2", f"activation.ledger={url}")
    done = segmentwerk(*words, home=activated.home)
    assert done.code == 0, done.stderr
    assert done.summary["ledger"]["new"] == len(recorded)
    assert done.summary["ledger"]["database"] == url
    found = ledger.read(LedgerTable(url, "segmentwerk_ledger"))
    keys = [*ledger.KEY]
    pd.testing.assert_frame_equal(
        found.sort_values(keys, ignore_index=True), recorded.sort_values(keys, ignore_index=True)
    )
    again = segmentwerk(*words, home=activated.home)
    assert again.summary["ledger"]["new"] == 0
    assert len(ledger.read(LedgerTable(url, "segmentwerk_ledger"))) == len(recorded)


@pytest.mark.postgres
def test_the_ledger_in_postgresql_takes_its_password_from_the_environment(
    activated, recorded, tmp_path, monkeypatch
):
    pytest.importorskip("psycopg2", reason="the extra 'postgres' is not installed")
    monkeypatch.setenv("SINK_PASSWORD", "hush-hush")
    with postgres_server() as url:
        address = url.replace("tester@", "tester:${oc.env:SINK_PASSWORD}@")
        (tmp_path / "conf" / "activation").mkdir(parents=True)
        (tmp_path / "conf" / "activation" / "mine.yaml").write_text(f"ledger: {address}\n")
        words = ("activate", DEMO, "activation=mine", "++activation.holdout=0.2", "--config-dir")
        done = [segmentwerk(*words, str(tmp_path / "conf"), home=activated.home) for _ in range(2)]
        rows = ledger.read(LedgerTable(url, "segmentwerk_ledger"))
    assert [one.code for one in done] == [0, 0], done[-1].stderr
    assert [one.summary["ledger"]["new"] for one in done] == [len(recorded), 0]
    keys = [*ledger.KEY]
    pd.testing.assert_frame_equal(
        rows.sort_values(keys, ignore_index=True), recorded.sort_values(keys, ignore_index=True)
    )
    for one in done:
        assert "hush-hush" not in one.stderr + str(one.summary)


def test_a_ledger_that_does_not_answer_is_refused_before_anything_is_written(activated):
    before = ledger_bytes(activated), sorted(activated.home.glob("activation/exports/*/*"))
    address = "activation.ledger=postgres://me:hush-hush@127.0.0.1:9/d"
    done = segmentwerk("activate", DEMO, "activation.holdout=0.3", address, home=activated.home)
    assert done.code == 2
    assert "Cannot connect to postgres://127.0.0.1:9/d" in done.stderr
    assert "hush-hush" not in done.stderr
    assert (ledger_bytes(activated), sorted(activated.home.glob("activation/exports/*/*"))) == before


def ledger_bytes(done):
    folder = Path(done.summary["ledger"]["folder"])
    return {path.name: path.read_bytes() for path in folder.glob("*.parquet")}


def test_the_run_names_model_and_comparison(activated, client, comparison):
    run = client.get_run(activated.summary["run_id"])
    assert run.data.tags["verb"] == "activate"
    assert run.data.tags["mlflow.runName"] == "activation demo 2026-01-01"
    assert run.data.tags["model_version"] == str(comparison.summary["model"]["version"])
    version = client.get_model_version(run.data.tags["model_name"], run.data.tags["model_version"])
    assert run.data.tags["comparison"] == version.run_id
    assert run.data.metrics["activation/treated"] == activated.summary["result"]["treated"]
    assert run.info.status == "FINISHED"


def test_no_id_of_an_account_leaves_the_machine(activated, client, recorded, tmp_path):
    run = client.get_run(activated.summary["run_id"])
    client.download_artifacts(run.info.run_id, "", str(tmp_path))
    said = [str({**run.data.tags, **run.data.params, **run.data.metrics})]
    said += [path.read_text(encoding="utf-8") for path in tmp_path.rglob("*") if path.is_file()]
    assert len(said) >= 4
    words = {word for text in said for word in re.findall(r"[\w.]+", text)}
    assert not words & set(recorded["account_id"])


def test_the_plan_tells_of_every_segment_in_german(activated, comparison):
    done = segmentwerk(
        "activate", DEMO, "activation.holdout=0.2", "report.language=de", "~sink", home=comparison.home
    )
    assert done.code == 0, done.stderr
    page = Path(done.summary["plan"]["html"]).read_text(encoding="utf-8")
    assert '<html lang="de">' in page
    assert page.count("<article") == len(
        set(ledger.read(Path(done.summary["ledger"]["folder"]))["segment_id"])
    )
    assert "Was zu sagen ist" in page
    assert done.summary["export"] is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["playbook.measures.win_back.cost=cheap"], ["playbook.measures.win_back.cost", "number"]),
        (["playbook.measures.win_back.cost=.nan"], ["playbook.measures.win_back.cost", "number"]),
        (["+playbook.measures.win_back.chanels=[email]"], ["chanels", "Did you mean 'channels'?"]),
        (
            ["playbook.measures.win_back.when.all=[{feature: recency_day, above: 0.3}]"],
            ["'recency_day'", "recency_days"],
        ),
        (["+playbook.measures.win_back.when.segments=[99]"], ["segment 99", "It has: 1, 2"]),
        (["+playbook.measures.win_back.when.goals=[retetion]"], ["'retetion'", "'retention'"]),
        (["playbook.measures.win_back.message.en='{{ segmnt }}'"], ["'segmnt'", "'segment'"]),
        (["playbook.currency=USD"], ["USD", "EUR", "playbook.currency=EUR"]),
        (["source.currency=USD", "playbook.currency=USD"], ["is in USD", "was trained in EUR"]),
        (["++goal.priorities.potentail=2"], ["'potentail'", "'potential'"]),
        (["as_of=2027-07-01"], ["546 days before 2027-07-01", "activation.max_age_days"]),
        (["++sink.files.measures.columns.Umsatz=revenu"], ["'Umsatz'", "'revenu'"]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_bad_input_gets_one_message_and_nothing_is_written(activated, given, words, monkeypatch, capsys):
    before = ledger_bytes(activated), sorted(activated.home.glob("activation/exports/*/*"))
    done = in_process("activate", DEMO, *given, home=activated.home, monkeypatch=monkeypatch, capsys=capsys)
    assert done.code == 2, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("segmentwerk: ")
    for word in words:
        assert word in last
    assert (ledger_bytes(activated), sorted(activated.home.glob("activation/exports/*/*"))) == before


def project(comparison, place):
    """Return the comparison's project, copied, so that a test may begin campaigns of its own."""
    shutil.copytree(comparison.home, place, ignore=shutil.ignore_patterns("activation", "outputs"))
    return place


def handed_over(home):
    return {
        str(path.relative_to(home)): path.read_bytes()
        for path in (home / "activation").rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def started(home):
    """Start the verb, and return it with the moment from which accounts have segments and plans are made."""
    before = len(list(home.glob("outputs/activate/*/segments.parquet")))
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, "activate", DEMO],
        cwd=home,
        env={**surroundings(), "SEGMENTWERK_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while len(list(home.glob("outputs/activate/*/segments.parquet"))) == before and process.poll() is None:
        time.sleep(0.01)
    return process, time.monotonic()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_fifty_kills_leave_ledger_and_files_as_if_undisturbed(comparison, tmp_path):
    disturbed = project(comparison, tmp_path / "disturbed")
    undisturbed = project(comparison, tmp_path / "undisturbed")
    process, begin = started(undisturbed)
    assert process.wait() == 0
    seconds, wanted = time.monotonic() - begin, handed_over(undisturbed)
    choice, killed = random.Random(0), 0
    for _ in range(50):
        process, _ = started(disturbed)
        time.sleep(choice.uniform(0, seconds))
        process.kill()
        killed += process.wait() == -signal.SIGKILL
        if handed_over(disturbed) == wanted:  # the next one begins anew
            shutil.rmtree(disturbed / "activation")
    assert killed > 25
    again = segmentwerk("activate", DEMO, home=disturbed)
    assert again.code == 0, again.stderr
    assert handed_over(disturbed) == wanted

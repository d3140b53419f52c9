"""`segmentwerk refresh`: it keeps, proposes, stops at faulty records; a kill leaves nothing half done."""

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
import pytest

from command_line import MAIN, SMALL, in_process, segmentwerk, surroundings
from segmentwerk.core.monitored import Monitored, MonitoringFinding
from segmentwerk.monitoring.keeping import KeptDates

OTHER = ["source.seed=11", "registry.gates=[scorecard,champion,churn]"]
"""Other customers of the same kind."""


@pytest.fixture
def home(comparison, tmp_path):
    """Return the comparison's project, copied: a test may register versions of its own."""
    return Path(shutil.copytree(comparison.home, tmp_path / "home", ignore=shutil.ignore_patterns("outputs")))


def client(home):
    store = f"sqlite:///{home}/mlflow/mlflow.db"
    return mlflow.MlflowClient(store, store)


def versions(home):
    return {int(one.version): one for one in client(home).search_model_versions("name = 'b2b-segments'")}


def aliases(home):
    return {
        name: int(number)
        for name, number in client(home).get_registered_model("b2b-segments").aliases.items()
    }


def monitored(home, word):
    """Keep a date at which the champion failed a gate."""
    digest = client(home).get_model_version("b2b-segments", "1").tags["digest"]
    found = MonitoringFinding(code="M001", title="Inputs as in training", status="failed", word=word)
    one = Monitored(
        model="models:/b2b-segments/1",
        digest=digest,
        as_of=date(2026, 1, 1),
        source="demo",
        findings=(found,),
    )
    KeptDates(home / "monitoring", one.model, digest, "demo").keep(one)


def test_on_the_same_records_the_champion_stays_and_nothing_is_registered(home):
    before = aliases(home)
    done = segmentwerk("refresh", *SMALL, home=home)
    assert done.code == 0, done.stderr
    told = done.summary["refresh"]
    assert (told["decision"], told["cause"], told["champion"]) == ("keep", "same", 1)
    assert "Starting from version 1: " in done.stderr
    assert told["words"] in re.sub(r"\s+", " ", done.stderr)
    assert (list(versions(home)), aliases(home)) == ([1], before)
    run = client(home).get_run(done.summary["run_id"])
    assert run.data.tags["refresh"] == "keep"
    assert run.data.tags["refresh.champion"] == "models:/b2b-segments/1"
    assert run.data.metrics["succession/value"] == 0.0


def test_a_champion_that_failed_is_put_up_for_replacement_but_stays(home):
    monitored(home, "real change")
    done = segmentwerk("refresh", *SMALL, *OTHER, "report.language=de", home=home)
    assert done.code == 0, done.stderr
    told = done.summary["refresh"]
    if told["cause"] in ("unfit", "worse", "same"):
        pytest.fail(f"The world was to give a new version: {told['words']}")
    assert told["decision"] == "propose"
    assert sorted(versions(home)) == [1, 2]
    assert aliases(home) == {"champion": 1, "challenger": 2}
    page = client(home).get_run(done.summary["run_id"]).data.tags["mlflow.note.content"]
    assert page.startswith("Eine neue Version wird vorgeschlagen")


def test_a_segment_is_split_alone_or_all_is_compared_anew(home):
    monitored(home, "real change")
    done = segmentwerk("refresh", *SMALL, "registry.gates=[scorecard,champion,churn]", home=home)
    assert done.code == 0, done.stderr
    said, told = re.sub(r"\s+", " ", done.stderr), done.summary["refresh"]
    assert "demo-continued-" in said
    if "To split a segment of version 1 is not enough" in said:
        assert "split in two" not in told["words"]
        return
    assert client(home).get_run(done.summary["run_id"]).data.tags["winner"] == "continued"
    assert (told["decision"], told["cause"]) == ("propose", "failed")
    assert "split in two" in told["words"]
    assert told["comparison"]["moved"] < 0.5
    assert sorted(versions(home)) == [1, 2]


def test_without_the_split_all_is_compared_anew(home):
    monitored(home, "real change")
    done = segmentwerk("refresh", *SMALL, "renewal.split_first=false", home=home)
    assert done.code == 0, done.stderr
    assert "continued" not in done.stderr


def test_faulty_records_are_not_learned(home):
    monitored(home, "data fault")
    done = segmentwerk("refresh", *SMALL, home=home)
    assert done.code == 0, done.stderr
    assert (done.summary["refresh"]["decision"], done.summary["refresh"]["cause"]) == ("keep", "faulty")
    assert "M001 Inputs as in training" in done.summary["refresh"]["words"]
    assert "run_id" not in done.summary
    assert list(versions(home)) == [1]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["registry.model_name=nobody"], ["nobody has no champion", "segmentwerk compare"]),
        (["tracking.enabled=false"], ["tracking.enabled=true"]),
        (["renewal.least_gian=0.1"], ["least_gian", "Did you mean 'least_gain'?"]),
    ],
    ids=lambda value: value[0],
)
def test_refusals(comparison, given, words, monkeypatch, capsys):
    done = in_process("refresh", *given, home=comparison.home, monkeypatch=monkeypatch, capsys=capsys)
    assert done.code == 2, done.stderr
    for word in words:
        assert word in done.stderr.strip().splitlines()[-1]


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "world", [["registry.gates=[scorecard,champion,churn]"], OTHER], ids=["split", "anew"]
)
def test_kills_leave_nothing_half_registered(home, world, tmp_path):
    """Killed at any moment, the registry holds whole versions; typed again, it ends as if undisturbed."""
    monitored(home, "real change")
    words = ["refresh", *SMALL, *world]
    wanted = segmentwerk(*words, home=Path(shutil.copytree(home, tmp_path / "undisturbed")))
    assert wanted.code == 0, wanted.stderr
    assert wanted.summary["refresh"]["decision"] == "propose"
    assert (wanted.summary["decision"]["algorithm"] == "continued") == (world is not OTHER)
    rng = random.Random(4)
    for place, words_said in enumerate(MOMENTS):
        again = Path(shutil.copytree(home, tmp_path / f"killed-{place}"))
        assert killed(words, again, words_said, rng.uniform(0.0, 1.5))
        assert aliases(again)["champion"] == 1
        for number in versions(again):
            mlflow.set_tracking_uri(f"sqlite:///{again}/mlflow/mlflow.db")
            mlflow.pyfunc.load_model(f"models:/b2b-segments/{number}")
        done = segmentwerk(*words, home=again)
        assert done.code == 0, done.stderr
        for part in ("refresh", "decision", "scores"):
            assert done.summary[part] == wanted.summary[part]
        assert sorted(versions(again)) == [1, 2]
        assert aliases(again) == {"champion": 1, "challenger": 2}
        assert not list((again / "unfinished").glob("*.key"))
        running = client(again).search_runs(["1"], "attributes.status = 'RUNNING'")
        assert [run.info.run_name for run in running] == []


MOMENTS = ("customers: ", " trials, best", "Judging", "Describing and packaging", "P001 passed")
"""What a refresh says on its way: from there on it is killed within a second or two."""


def killed(words, home, said, seconds):
    """Start a command, kill it some seconds after it has said something, and tell whether it was running."""
    log = home / "killed.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-c", MAIN, *words],
            cwd=home,
            env={**surroundings(), "SEGMENTWERK_HOME": str(home)},
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    while said not in log.read_text(encoding="utf-8") and process.poll() is None:
        time.sleep(0.05)
    time.sleep(seconds)
    process.kill()
    return process.wait() == -signal.SIGKILL

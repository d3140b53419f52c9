"""`segmentwerk monitor`: dates kept once, in any order, through kills; told in MLflow; exit code 3."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import mlflow
import pytest

from command_line import MAIN, SMALL, Finished, in_process, segmentwerk, surroundings

DEMO = "source.accounts=500"
BOTH = "as_of=[2026-04-01,2026-07-01]"


@pytest.fixture(scope="session")
def own(comparison, tmp_path_factory):
    """The comparison's data directory, so that runs of this file are nobody else's."""
    home = tmp_path_factory.mktemp("monitoring") / "home"
    shutil.copytree(comparison.home, home)
    return home


@pytest.fixture(scope="session")
def monitored(own) -> Finished:
    done = segmentwerk("monitor", DEMO, BOTH, home=own)
    assert done.code in (0, 3), done.stderr
    return done


@pytest.fixture(scope="session")
def client(monitored):
    store = f"sqlite:///{monitored.home}/mlflow/mlflow.db"
    return mlflow.MlflowClient(store, registry_uri=store)


def kept(home: Path) -> dict[str, bytes]:
    folder = home / "monitoring"
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*.json")
        if not path.name.startswith(".")
    }


def last(home: Path) -> dict:
    return json.loads(max((home / "outputs" / "monitor").glob("*/summary.json")).read_text())


def runs(client):
    experiment = client.get_experiment_by_name("segmentwerk-monitoring")
    found = client.search_runs([experiment.experiment_id], "tags.verb = 'monitor'")
    return {run.data.tags["as_of"]: run for run in found}


def test_each_date_is_kept_and_told(monitored):
    told = last(monitored.home)
    assert sorted(Path(name).name for name in kept(monitored.home)) == ["2026-04-01.json", "2026-07-01.json"]
    assert set(told["advice"]) == {"2026-04-01", "2026-07-01"}
    page = Path(told["page"]["html"]).read_text(encoding="utf-8")
    assert "2026-07-01" in page
    assert (monitored.code == 3) == (told["advice"]["2026-07-01"] != "keep")


def test_no_account_is_named_anywhere(monitored, client, own):
    ids = {f"{number:08d}" for number in range(500)}
    texts = [content.decode() for content in kept(own).values()]
    texts += [path.read_text() for path in (own / "outputs" / "monitor").rglob("monitor.*")]
    texts += [json.dumps(run.data.tags) + json.dumps(run.data.params) for run in runs(client).values()]
    assert not [one for text in texts for one in ids if f'"{one}"' in text or f">{one}<" in text]


def test_a_run_a_date_with_curves(client):
    found = runs(client)
    assert set(found) == {"2026-04-01", "2026-07-01"}
    history = client.get_metric_history(found["2026-07-01"].info.run_id, "answers/confidence")
    assert [point.step for point in history] == [20260401, 20260701]
    first = client.get_metric_history(found["2026-04-01"].info.run_id, "answers/confidence")
    assert [point.step for point in first] == [20260401]
    assert {run.info.status for run in found.values()} == {"FINISHED"}


def test_version_and_comparison_lead_to_the_latest_date(client):
    version = client.get_model_version_by_alias("b2b-segments", "champion")
    latest = runs(client)["2026-07-01"].info.run_id
    assert version.tags["monitoring.run"] == latest
    assert version.description.startswith("<!-- monitoring -->Last monitored as of 2026-07-01")
    assert version.description.count("Last monitored") == 1
    assert client.get_run(version.run_id).data.tags["monitoring.as_of"] == "2026-07-01"
    assert runs(client)["2026-07-01"].data.tags["comparison"] == version.run_id


def test_the_same_date_again_changes_nothing(monitored, client, own):
    before = kept(own)
    again = segmentwerk("monitor", DEMO, "as_of=2026-04-01", home=own)
    assert again.code in (0, 3), again.stderr
    assert kept(own) == before
    history = client.get_metric_history(runs(client)["2026-04-01"].info.run_id, "answers/confidence")
    assert len(history) == 1
    assert len(runs(client)) == 2
    version = client.get_model_version_by_alias("b2b-segments", "champion")
    assert version.tags["monitoring.as_of"] == "2026-07-01"
    assert version.description.count("Last monitored") == 1


@pytest.mark.slow
def test_dates_out_of_order_end_as_in_order(comparison, monitored, own, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(comparison.home, home)
    for day in ("2026-07-01", "2026-04-01"):
        done = segmentwerk("monitor", DEMO, f"as_of={day}", home=home)
        assert done.code in (0, 3), done.stderr
    assert kept(home) == kept(own)
    store = f"sqlite:///{home}/mlflow/mlflow.db"
    client = mlflow.MlflowClient(store, registry_uri=store)
    history = client.get_metric_history(runs(client)["2026-07-01"].info.run_id, "answers/confidence")
    assert sorted(point.step for point in history) == [20260401, 20260701]


@pytest.mark.slow
def test_another_champion_in_between_has_its_own_history(monitored, own, tmp_path):
    home = Path(shutil.copytree(own, tmp_path / "home"))
    before = kept(home)
    made = segmentwerk("compare", *SMALL, "source.seed=11", home=home)
    assert made.summary["model"]["version"] == 2, made.stderr
    forced = segmentwerk("promote", "2", "--force", "reason=to be monitored", home=home)
    assert forced.code == 0, forced.stderr
    done = segmentwerk("monitor", DEMO, "as_of=2026-07-01", home=home)
    assert done.code in (0, 3), done.stderr
    (fresh,) = set(kept(home)) - set(before)
    told = json.loads(kept(home)[fresh])
    assert (told["model"], told["as_of"], told["movement"]) == ("models:/b2b-segments/2", "2026-07-01", None)
    back = segmentwerk("promote", "--rollback", home=home)
    assert back.code == 0, back.stderr
    again = segmentwerk("monitor", DEMO, "as_of=2026-07-01", home=home)
    assert again.code in (0, 3), again.stderr
    assert kept(home) == before | {fresh: kept(home)[fresh]}


def test_a_fault_ends_with_three_and_is_told(own, monkeypatch, capsys):
    planted = ("source.seed=9", "source.demo.as_of=2026-10-01", "source.demo.scenario=web_silent")
    words = ["monitor", DEMO, *planted, "source.name=planted", "as_of=2026-10-01"]
    done = in_process(*words, home=own, monkeypatch=monkeypatch, capsys=capsys)
    assert done.code == 3
    assert "repair the records first" in done.stderr
    assert last(own)["findings"]["2026-10-01"][0]["code"] == "M004"


def test_a_date_before_all_records_is_refused(own, monkeypatch, capsys):
    before, words = kept(own), ["monitor", DEMO, "as_of=2001-01-01"]
    done = in_process(*words, home=own, monkeypatch=monkeypatch, capsys=capsys)
    assert done.code == 2
    assert "No account is known before 2001-01-01" in done.stderr
    assert kept(own) == before


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_killed_at_any_moment_and_typed_again(comparison, monitored, own, tmp_path):
    wanted = kept(own)
    wanted = {name: content for name, content in wanted.items() if "/demo/" in name}
    choice, unfinished = random.Random(0), 0
    home = tmp_path / "home"
    for _ in range(12):
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(comparison.home, home)
        process = subprocess.Popen(
            [sys.executable, "-c", MAIN, "monitor", DEMO, BOTH],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=home,
            env={**surroundings(), "SEGMENTWERK_HOME": str(home)},
        )
        time.sleep(choice.uniform(4, 25))
        process.kill()
        unfinished += process.wait() == -signal.SIGKILL
        assert all(json.loads(content) for content in kept(home).values())
        again = segmentwerk("monitor", DEMO, BOTH, home=home)
        assert again.code in (0, 3), again.stderr
        assert kept(home) == wanted
    assert unfinished > 4

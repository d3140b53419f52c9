"""`segmentwerk measure`: from campaigns and the ledger to the page, the run and the next plan."""

import re
import shutil
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from command_line import Finished, in_process, segmentwerk
from segmentwerk.activation import ledger
from segmentwerk.measurement import learned_effects

DEMO = "source.accounts=500"
FAST = "measurement.permutations=39"
DAYS = 90


def project(comparison, place):
    """The comparison's project, copied, so that a test may begin campaigns of its own."""
    shutil.copytree(comparison.home, place, ignore=shutil.ignore_patterns("activation", "outputs"))
    return place


@pytest.fixture(scope="session")
def home(comparison, tmp_path_factory):
    return project(comparison, tmp_path_factory.mktemp("measured") / "home")


@pytest.fixture(scope="session")
def done(home) -> Finished:
    found = segmentwerk("measure", DEMO, FAST, home=home)
    assert found.code == 0, found.stderr
    return found


@pytest.fixture(scope="session")
def client(home):
    store = f"sqlite:///{home}/mlflow/mlflow.db"
    return mlflow.MlflowClient(store, registry_uri=store)


def test_the_demo_has_two_campaigns_of_thirteen_findings(done):
    told = done.summary["campaigns"]
    assert list(told) == ["autumn-2025", "spring-2026"]
    for one in told.values():
        assert list(one["findings"]) == [f"E{number:03d}" for number in range(1, 14)]
        assert one["findings"]["E003"]["status"] == "passed"
        assert one["control"] == "control"
        assert {row["arm"] for row in one["readings"]} == {"control", "catalogue", "discount"}


def test_counts_and_means_are_those_of_the_file(done):
    (path,) = done.home.glob("cache/**/campaigns.parquet")
    rows = pd.read_parquet(path)
    rows = rows[rows["campaign_id"] == "autumn-2025"]
    for one in done.summary["campaigns"]["autumn-2025"]["readings"]:
        if one["segment"] is None:
            mine = rows[rows["arm"] == one["arm"]]
            assert abs(one["contacts"] - len(mine)) <= 3  # rows that break the contract are in quarantine
            assert one["figures"]["cost"]["value"] == pytest.approx(mine["cost"].mean())
    segments = {one["segment"] for one in done.summary["campaigns"]["autumn-2025"]["readings"]}
    assert len(segments - {None}) >= 2


def test_every_figure_has_its_interval_or_its_reason(done):
    for one in done.summary["campaigns"]["spring-2026"]["readings"]:
        for name, figure in one["figures"].items():
            if "absent" in figure:
                assert figure["absent"], name
            else:
                assert figure["low"] <= figure["value"] <= figure["high"], name
                assert figure["n"] >= 5


def test_mlflow_draws_the_campaigns_as_a_curve(done, client, comparison):
    run = client.get_run(done.summary["run_id"])
    assert run.info.status == "FINISHED"
    assert run.data.tags["mlflow.runName"] == "measurement demo 2026-07-01"
    assert run.data.tags["model_version"] == str(comparison.summary["model"]["version"])
    assert run.data.tags["campaign.1"] == "autumn-2025"
    curve = client.get_metric_history(run.info.run_id, "all/conversion discount")
    assert [point.step for point in curve] == [1, 2]
    spring = done.summary["campaigns"]["spring-2026"]["readings"]
    (whole,) = [row for row in spring if row["segment"] is None and row["arm"] == "discount"]
    assert curve[1].value == pytest.approx(whole["figures"]["conversion"]["value"])


def test_the_same_again_changes_nothing(done, home, client):
    again = segmentwerk("measure", DEMO, FAST, home=home)
    assert again.code == 0, again.stderr
    assert again.summary["run_id"] == done.summary["run_id"]
    assert again.summary["campaigns"] == done.summary["campaigns"]
    curve = client.get_metric_history(again.summary["run_id"], "all/conversion discount")
    assert [point.step for point in curve] == [1, 2]
    for kind in ("html", "markdown"):
        one, other = (Path(found.summary["page"][kind]) for found in (done, again))
        assert one.read_bytes() == other.read_bytes()


def test_no_id_of_an_account_leaves_the_machine(done, client, tmp_path):
    run = client.get_run(done.summary["run_id"])
    client.download_artifacts(run.info.run_id, "", str(tmp_path))
    said = [str({**run.data.tags, **run.data.params, **run.data.metrics}), done.stdout, done.stderr]
    kept = [*tmp_path.rglob("*"), *(done.home / "measurement").rglob("*.json")]
    said += [path.read_text(encoding="utf-8") for path in kept if path.is_file()]
    assert len(said) >= 7
    (path,) = done.home.glob("cache/**/campaigns.parquet")
    ids = set(pd.read_parquet(path)["account_id"])
    assert not {word for text in said for word in re.findall(r"[\w.]+", text)} & ids


def test_what_was_learned_is_the_owners_alone(done):
    folder = done.home / "measurement"
    assert len(list(folder.rglob("*.json"))) == 2
    assert folder.stat().st_mode & 0o077 == 0


def test_the_page_speaks_german(home, monkeypatch, capsys):
    words = ["measure", DEMO, FAST, "report.language=de", "campaign=autumn-2025"]
    found = in_process(*words, home=home, monkeypatch=monkeypatch, capsys=capsys)
    assert found.code == 0, found.stderr
    assert list(found.summary["campaigns"]) == ["autumn-2025"]
    page = Path(found.summary["page"]["html"]).read_text(encoding="utf-8")
    assert '<html lang="de">' in page
    assert "Was als Nächstes zu tun ist" in page
    assert "Kontrolle" in page


def test_the_next_test_is_planned_from_the_history(home, monkeypatch, capsys):
    words = ["measure", DEMO, "action=plan", "measurement.control_share=0.5"]
    found = in_process(*words, home=home, monkeypatch=monkeypatch, capsys=capsys)
    assert found.code == 0, found.stderr
    sizes = found.summary["sizes"]
    assert {size["metric"] for size in sizes} == {"order_rate", "revenue"}
    whole = next(size for size in sizes if size["segment"] is None and size["metric"] == "order_rate")
    (folder,) = {path.parent for path in home.glob("cache/**/orders/*.parquet")}
    lines = pd.concat([pd.read_parquet(path) for path in folder.glob("*.parquet")])
    days = (lines["ordered_at"] >= "2026-04-02") & (lines["ordered_at"] < "2026-07-01")
    buyers = lines.loc[days & (lines["revenue"] > 0), "account_id"].nunique()
    assert whole["usual"] == pytest.approx(buyers / whole["accounts"], abs=0.02)
    assert whole["needed"] > 0
    assert "test_plan.html" in found.summary["page"]["html"]


def answered(rows, seed=0):
    """Order lines of simulated answers: the treated order more often, each within the measure's days."""
    rng = np.random.default_rng(seed)
    chance = np.where(rows["arm"] == "treated", 0.6, 0.2)
    some = rows[rng.random(len(rows)) < chance]
    return pd.DataFrame(
        {
            "order_id": [f"simulated-{place}" for place in range(len(some))],
            "account_id": some["account_id"].to_numpy(),
            "ordered_at": pd.to_datetime(some["from_date"]).to_numpy()
            + rng.integers(1, 20, len(some)).astype("timedelta64[D]"),
            "revenue": rng.lognormal(4, 0.5, len(some)).round(2),
        }
    )


@pytest.fixture(scope="session")
def looped(comparison, tmp_path_factory):
    """Activate, let the accounts answer, and measure; also the ledger and the orders."""
    place = project(comparison, tmp_path_factory.mktemp("loop") / "home")
    (orders,) = {path.parent for path in place.glob("cache/**/orders/*.parquet")}
    own = tmp_path_factory.mktemp("own") / "demo"
    shutil.copytree(orders.parent, own)
    source = ["source.accounts=null", f"+source.path={own}"]
    planned = segmentwerk("activate", *source, "activation.holdout=0.4", "~sink", home=place)
    assert planned.code == 0, planned.stderr
    rows = ledger.read(place / "activation" / "ledger")
    for path in (own / "orders").glob("*.parquet"):  # nothing but the simulated answers after the contact
        lines = pd.read_parquet(path)
        lines[lines["ordered_at"] < "2026-01-01"].to_parquet(path, index=False)
    answers = answered(rows)
    answers.to_parquet(own / "orders" / "answers.parquet", index=False)
    measured = segmentwerk("measure", *source, FAST, "measurement.contacts=ledger", home=place)
    assert measured.code == 0, measured.stderr
    return place, source, rows, answers, measured


def test_ledger_to_result_by_hand(looped):
    _, _, rows, answers, measured = looped
    told = measured.summary["campaigns"]
    assert set(told) == set(rows["campaign"])
    spent = answers.groupby("account_id")["revenue"].sum()
    rows = rows.assign(
        revenue=rows["account_id"].map(spent).fillna(0.0), bought=rows["account_id"].isin(spent.index)
    )
    checked = 0
    for name, one in told.items():
        arms = rows.loc[rows["campaign"] == name, "arm"].nunique()
        assert one["findings"]["E001"]["status"] == ("passed" if arms > 1 else "not_applicable")
        for reading in one["readings"]:
            mine = rows[(rows["campaign"] == name) & (rows["arm"] == reading["arm"])]
            if reading["segment"] is not None:
                mine = mine[mine["segment_id"] == reading["segment"]]
            assert reading["contacts"] == len(mine)
            assert reading["conversions"] == mine["bought"].sum()
            for figure, column in (("revenue", "revenue"), ("conversion", "bought")):
                found = reading["figures"][figure]
                if "absent" not in found:
                    assert found["value"] == pytest.approx(mine[column].mean(), rel=1e-9)
                    checked += 1
    assert checked > 10


def test_the_planted_effect_is_found(looped):
    *_, rows, _, measured = looped
    name = rows["campaign"].value_counts().index[0]
    whole = [row for row in measured.summary["campaigns"][name]["readings"] if row["segment"] is None]
    (treated,) = [row for row in whole if row["arm"] == "treated"]
    uplift = treated["figures"]["uplift_conversion"]
    assert uplift["low"] > 0
    assert uplift["low"] < 0.4 < uplift["high"]


def test_the_next_plan_shows_what_was_measured(looped):
    place, source, *_ = looped
    known = learned_effects.recall(place, "b2b-segments", "demo")
    assert known
    again = segmentwerk("activate", *source, "activation.holdout=0.4", "~sink", home=place)
    assert again.code == 0, again.stderr
    page = Path(again.summary["plan"]["html"]).read_text(encoding="utf-8")
    assert "What was measured before" in page
    assert known[0].campaign in page


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["campaign=autum-2025"], ["'autum-2025'", "Did you mean 'autumn-2025'?"]),
        (["measurement.contacts=ledger"], ["no contact before 2026-07-01", "segmentwerk activate"]),
        (["until=2025-09-01"], ["no contact before 2025-09-01"]),
        (["++measurement.windw_days=3"], ["windw_days", "Did you mean 'window_days'?"]),
        (["measurement.confidence=95"], ["measurement.confidence"]),
        (["source.currency=USD"], ["is in USD", "was trained in EUR"]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_bad_input_gets_one_message(done, given, words, monkeypatch, capsys):
    found = in_process("measure", DEMO, FAST, *given, home=done.home, monkeypatch=monkeypatch, capsys=capsys)
    assert found.code == 2, found.stderr
    last = found.stderr.strip().splitlines()[-1]
    assert last.startswith("segmentwerk: ")
    for word in words:
        assert word in last


def test_a_campaign_without_its_control_is_told_so(done, monkeypatch, capsys):
    found = in_process(
        "measure", DEMO, FAST, "measurement.control=nobody",
        home=done.home, monkeypatch=monkeypatch, capsys=capsys,
    )  # fmt: skip
    assert found.code == 0, found.stderr
    one = found.summary["campaigns"]["autumn-2025"]
    assert one["findings"]["E003"]["status"] == "failed"
    figures = {name: row for row in one["readings"] for name, row in row["figures"].items()}
    assert figures["uplift_revenue"]["absent"] == "no_control"

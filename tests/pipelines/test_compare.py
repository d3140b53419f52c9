"""The main job, end to end, on the demo world: real parts, a real store, fresh processes."""

import re
from pathlib import Path

import mlflow
import pandas as pd
import pytest

from command_line import SMALL, segmentwerk
from mlflow_server import tree
from searching import parts
from segmentwerk.insight.words import candidate


@pytest.fixture(scope="module")
def client(comparison):
    store = f"sqlite:///{comparison.home}/mlflow/mlflow.db"
    return mlflow.MlflowClient(store, registry_uri=store)


SEGMENTERS = {"rfm_grid", "kmeans", "gaussian_mixture", "autoencoder"}


def runs(client, **tags):
    experiment = client.get_experiment_by_name("segmentwerk")
    query = " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
    return client.search_runs([experiment.experiment_id], query, max_results=1000)


def test_the_terminal_says_who_won_why_and_what_to_type_next(comparison):
    assert "Winner:" in comparison.stdout
    assert comparison.summary["decision"]["winner"] in comparison.stdout
    for words in ("segmentwerk ui", "segmentwerk score input=", "source=csv_folder"):
        assert words in comparison.stdout
    assert comparison.stdout.strip().endswith("summary.json"), "the summary's path comes last"


def test_all_four_segmenters_took_part(comparison):
    algorithms = {name.split(" ")[0] for name in comparison.summary["scores"]}
    assert algorithms == {"rfm_grid", "kmeans", "gaussian_mixture", "autoencoder"}
    assert comparison.summary["decision"]["left_out"] == {}


def test_the_summary_holds_what_a_machine_needs(comparison):
    summary = comparison.summary
    assert summary["inputs"]["customers"] > summary["inputs"]["held_out"] > 0
    assert summary["decision"]["reason"]
    assert summary["model"]["version"] == 1
    assert summary["seconds"]["structure"] > 0
    assert summary["run_id"]


def test_runs_form_a_tree_of_parent_child_and_trial(comparison, client):
    (parent,) = runs(client, verb="compare")
    children = runs(client, **{"mlflow.parentRunId": parent.info.run_id})
    assert {child.info.run_name for child in children} == {*SEGMENTERS, "machine"}
    kmeans = next(child for child in children if child.info.run_name == "kmeans")
    trials = runs(client, **{"mlflow.parentRunId": kmeans.info.run_id})
    assert len(trials) == 3
    everything = client.search_runs([parent.info.experiment_id], max_results=1000)
    assert {run.info.status for run in everything} == {"FINISHED"}


def test_runs_of_segmenters_and_trials_tell_what_decided(comparison, client):
    (parent,) = runs(client, verb="compare")
    children = runs(client, **{"mlflow.parentRunId": parent.info.run_id})
    output = Path(comparison.summary["model"]["assignments"]).parent
    ranking = pd.read_csv(output / "ranking.csv", keep_default_na=False).set_index("candidate")
    for child in children:
        if child.info.run_name not in SEGMENTERS:
            continue
        own = ranking.loc[child.info.run_name]
        halted = own.name in comparison.summary["decision"]["halted"]
        lost = "not measured" if halted else "failed"
        assert child.data.tags["gates"] == ("passed" if own["passed"] else lost)
        failed = {
            name[5:]
            for name, text in child.data.tags.items()
            if name.startswith("gate.") and text.startswith("failed")
        }
        assert failed == set(own["failed"].split())
        for trial in runs(client, **{"mlflow.parentRunId": child.info.run_id}):
            assert ("objective" in trial.data.metrics) == (trial.data.tags["trial_state"] == "complete")
            assert "gate.G007" in child.data.tags
            note = trial.data.tags["mlflow.note.content"]
            number = trial.info.run_name.rpartition(" ")[2]
            assert note.startswith(f"Trial {number} of the search for the parameters of {own.name}: ")
    front = comparison.summary["decision"]["pareto"]
    assert front == list(ranking.index[ranking["pareto"]])
    assert comparison.summary["decision"]["comparisons"]


def test_the_parent_run_explains_the_choice(comparison, client):
    (parent,) = runs(client, verb="compare")
    page = parent.data.tags["mlflow.note.content"]
    for name in comparison.summary["scores"]:
        assert candidate(name) in page
    decision = comparison.summary["decision"]
    for words in (
        f"{candidate(decision['winner'])} won with {decision['n_segments']} segments",
        f"**Why {decision['n_segments']} segments:** ",
        "**Mean rank**: ",
        "(`separation/gain`): how much better",
        "(`value/explained`): share of the differences between accounts in revenue net of returns from "
        "2026-01-01 to before 2026-07-01",
        "| G002 Every segment comes back | an overlap of at least 0.60 | ",
    ):
        assert words in page, words
    assert {"separation/gain", "stability/agreement"} <= set(parent.data.metrics)
    assert parent.data.tags["as_of"] == comparison.summary["inputs"]["as_of"]
    assert parent.inputs.dataset_inputs


def test_the_page_tells_the_business_of_each_segment(comparison, client):
    """Accounts, revenue and prospects add up to those of the source."""
    (parent,) = runs(client, verb="compare")
    page = parent.data.tags["mlflow.note.content"]
    model = comparison.summary["model"]
    accounts = pd.read_parquet(model["accounts"]).set_index("account_id")
    assigned = pd.read_parquet(model["assignments"]).set_index("account_id")
    customers = accounts.index[accounts["frequency"] > 0]
    revenue = accounts["monetary"].loc[customers].groupby(assigned["segment_id"]).sum()
    for segment in model["segments"]:
        row = next(line for line in page.splitlines() if line.startswith(f"| {segment['id']} | "))
        told = [cell.strip().replace("\xa0", " ") for cell in row.strip("|").split("|")]
        assert told[1:3] == [segment["name"], f"{segment['accounts']:,}"]
        assert told[4] == f"{revenue.loc[segment['id']]:,.0f} EUR"
    total = next(line for line in page.splitlines() if line.startswith("|  | All | "))
    told = [cell.strip().replace("\xa0", " ") for cell in total.strip("|").split("|")]
    assert told[2] == f"{len(customers):,}"
    assert told[4] == f"{revenue.sum():,.0f} EUR"
    assert told[7] == f"{len(accounts) - len(customers):,}"
    assert f"**{len(customers):,} customers with {revenue.sum():,.0f}\xa0EUR of revenue.**" in page


def test_the_page_says_where_the_accounts_are_but_neither_who_nor_on_which_machine(comparison, client):
    (parent,) = runs(client, verb="compare")
    page = parent.data.tags["mlflow.note.content"]
    path = re.search(r"`(\S+assignments\.parquet)` below the data directory", page)[1]
    assert (comparison.home / path).samefile(comparison.summary["model"]["assignments"])
    assert str(comparison.home) not in page


def test_every_segmenter_says_why_it_won_or_did_not(comparison, client):
    (parent,) = runs(client, verb="compare")
    winner = candidate(comparison.summary["decision"]["winner"])
    for child in runs(client, **{"mlflow.parentRunId": parent.info.run_id}):
        if child.info.run_name == "machine":
            continue
        page = child.data.tags["mlflow.note.content"]
        name = candidate(child.info.run_name)
        assert f"**{name} won**" in page if name == winner else f"**{name} did not win:** " in page
        for gate in ("G001", "G002", "G006"):
            assert f"| {gate} " in page
        assert f"| {child.data.params['n_segments']} |" in page or child.info.run_name == "rfm_grid"
        halted = child.info.run_name in comparison.summary["decision"]["halted"]
        assert ("(stability/agreement) | not measured |" in page) is halted
        for key in ("separation/gain", "stability/agreement", "value/explained"):
            if not (halted and key.startswith("stability")):
                assert f"({key}) | {child.data.metrics[key]:.3f} (" in page


def test_scores_come_first_and_the_machine_is_told_apart(comparison, client):
    (parent,) = runs(client, verb="compare")
    judged = [run for run in runs(client, **{"mlflow.parentRunId": parent.info.run_id}) if run.data.params]
    assert {run.info.run_name for run in judged} == SEGMENTERS
    for run in (parent, *judged):
        groups = {name.partition("/")[0] for name in run.data.metrics}
        assert not groups & {"system", "cost", "data"}
        last = sorted(groups)[-2:] if "within_95_percent" in groups else sorted(groups)[-1:]
        assert last == [name for name in ("wall_time", "within_95_percent") if name in groups]
        assert next(iter(run.data.metrics)) == "separation/gain"
    assert [name for name in parent.data.metrics if name.startswith("wall_time/")] == [
        "wall_time/fit_seconds",
        "wall_time/score_seconds",
        "wall_time/stages_seconds",
    ]


def test_the_winner_is_registered_as_champion(comparison, client):
    champion = client.get_model_version_by_alias("b2b-segments", "champion")
    assert champion.version in ("1", 1)
    segments = comparison.summary["model"]["segments"]
    assert all(segment["name"] in champion.description for segment in segments)
    assert "EUR of revenue" in champion.description


def test_score_in_a_fresh_process_gives_the_logged_assignments(comparison, tmp_path):
    logged = pd.read_parquet(comparison.summary["model"]["assignments"]).set_index("account_id")
    output = tmp_path / "segments.parquet"
    accounts = comparison.summary["model"]["accounts"]
    done = segmentwerk("score", f"input={accounts}", f"output={output}", home=comparison.home)
    assert done.code == 0, done.stderr
    scored = pd.read_parquet(output).set_index("account_id")
    assert set(scored.index) == set(logged.index)
    held_out = logged[logged["held_out"]]
    assert len(held_out) == comparison.summary["inputs"]["held_out"]
    pd.testing.assert_series_equal(
        scored.loc[logged.index, "segment_id"], logged["segment_id"], check_names=False
    )


@pytest.fixture(scope="module")
def again(tmp_path_factory):
    """The same command once more, in another home and from another folder."""
    folder = tmp_path_factory.mktemp("again")
    (folder / "elsewhere").mkdir()
    done = segmentwerk("compare", *SMALL, home=folder / "home", cwd=folder / "elsewhere")
    assert done.code == 0, done.stderr
    assert not list((folder / "elsewhere").iterdir()), "nothing is written into the working directory"
    return done


def test_twice_the_same_command_gives_the_same_bytes_wherever_it_runs(comparison, again):
    first, second = comparison.summary, again.summary
    assert first["scores"] == second["scores"]
    assert first["decision"] == second["decision"]
    contents = [Path(summary["model"]["assignments"]).read_bytes() for summary in (first, second)]
    assert contents[0] == contents[1]


def test_two_runs_of_one_config_differ_in_nothing_but_ids_and_times(comparison, again, client):
    """Parameters, metrics with their steps, tags, artifacts, data sets and models of every run."""
    store = f"sqlite:///{again.home}/mlflow/mlflow.db"
    first = tree(client, "segmentwerk", "compare ")  # other verbs' runs are of other tests
    second = tree(mlflow.MlflowClient(store, registry_uri=store), "segmentwerk", "compare ")
    assert len(first) == 1 + 4 + 1 + 9
    assert list(first) == list(second)
    for path, content in first.items():
        assert content == second[path], path


def test_the_terminal_shows_no_words_of_the_database(comparison, again):
    for done in (comparison, again):
        assert "alembic" not in done.stderr + done.stdout
        assert "INFO mlflow" not in done.stderr + done.stdout
        assert "Creating initial MLflow database" not in done.stderr


def test_no_customer_is_in_what_was_logged(comparison):
    """No id, name, address or web domain of the source, in any file of the store, its database included.

    `test_privacy` plants words that are unmistakable in every table and column; these are the demo's own.
    """
    (path,) = comparison.home.rglob("demo/*/accounts.parquet")
    accounts = pd.read_parquet(path)
    ids = set(accounts["account_id"])
    assert all(re.fullmatch(r"\d{8}", one) for one in ids)
    words = {
        text.lower().encode() for column in ("name", "email", "phone") for text in accounts[column].dropna()
    }
    domains = {word.rpartition(b"@")[2] for word in words if b"@" in word}
    assert len(words) > 1000
    files = [path for path in (comparison.home / "mlflow").rglob("*") if path.is_file()]
    assert {".db", ".onnx", ".parquet", ".png", ".html"} <= {path.suffix for path in files}
    for path in files:
        for place, content in parts(path.read_bytes(), path.name):
            plain = content.lower()
            numbers = {found.decode() for found in re.findall(rb"(?<![\w.-])\d{8}(?![\w.-])", plain)}
            assert not ids & numbers, place
            assert not [word for word in words | domains if word in plain], place

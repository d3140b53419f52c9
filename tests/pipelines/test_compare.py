"""The main job, end to end, on the demo world: real parts, a real store, fresh processes."""

from pathlib import Path

import mlflow
import pandas as pd
import pytest

from command_line import SMALL, segmentwerk
from mlflow_server import tree


@pytest.fixture(scope="module")
def client(comparison):
    store = f"sqlite:///{comparison.home}/mlflow/mlflow.db"
    return mlflow.MlflowClient(store, registry_uri=store)


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
    assert summary["seconds"]["select"] > 0
    assert summary["run_id"]


def test_runs_form_a_tree_of_parent_child_and_trial(comparison, client):
    (parent,) = runs(client, verb="compare")
    children = runs(client, **{"mlflow.parentRunId": parent.info.run_id})
    assert {child.info.run_name for child in children} == {
        "rfm_grid",
        "kmeans",
        "gaussian_mixture",
        "autoencoder",
    }
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
        own = ranking.loc[child.info.run_name]
        assert child.data.tags["gates"] == ("passed" if own["passed"] else "failed")
        failed = {
            name[5:]
            for name, text in child.data.tags.items()
            if name.startswith("gate.") and text.startswith("failed")
        }
        assert failed == set(own["failed"].split())
        for trial in runs(client, **{"mlflow.parentRunId": child.info.run_id}):
            assert ("objective" in trial.data.metrics) == (trial.data.tags["trial_state"] == "complete")
            assert "gate.G007" in child.data.tags
    front = comparison.summary["decision"]["pareto"]
    assert front == list(ranking.index[ranking["pareto"]])
    assert comparison.summary["decision"]["comparisons"]


def test_the_parent_run_explains_the_choice(comparison, client):
    (parent,) = runs(client, verb="compare")
    page = parent.data.tags["mlflow.note.content"]
    for name in comparison.summary["scores"]:
        assert name in page
    assert comparison.summary["decision"]["reason"] in page
    assert {"separation/gain", "stability/agreement"} <= set(parent.data.metrics)
    assert parent.data.tags["as_of"] == comparison.summary["inputs"]["as_of"]
    assert parent.inputs.dataset_inputs


def test_the_winner_is_registered_as_champion(comparison, client):
    champion = client.get_model_version_by_alias("b2b-segments", "champion")
    assert champion.version in ("1", 1)
    assert champion.description


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
    first = tree(client, "segmentwerk")
    second = tree(mlflow.MlflowClient(store, registry_uri=store), "segmentwerk")
    assert len(first) == 1 + 4 + 9
    assert list(first) == list(second)
    for path, content in first.items():
        assert content == second[path], path


def test_the_terminal_shows_no_words_of_the_database(comparison, again):
    for done in (comparison, again):
        assert "alembic" not in done.stderr + done.stdout
        assert "INFO mlflow" not in done.stderr + done.stdout
        assert "Creating initial MLflow database" not in done.stderr


def test_no_customer_is_in_what_was_logged(comparison, client):
    ids = set(pd.read_parquet(comparison.summary["model"]["accounts"])["account_id"].astype(str))
    for path in (comparison.home / "mlflow" / "artifacts").rglob("*"):
        if path.is_file() and path.suffix in (".csv", ".json", ".md", ".html", ".yaml", ".py", ".txt"):
            text = path.read_text(encoding="utf-8", errors="ignore")
            words = set(text.replace('"', ",").split(","))
            assert not ids & words, path

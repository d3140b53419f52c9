"""`goal=needs` and `accounts.level=family`, from the source to answers and files."""

import json
import re
from pathlib import Path

import mlflow
import pandas as pd
import pytest

from command_line import SMALL, segmentwerk

pytestmark = pytest.mark.slow

FEW = [*SMALL, "candidates=[rfm_grid,kmeans]"]
FIRST = ["model=models:/b2b-segments/1", "source.accounts=500"]


@pytest.fixture(scope="module")
def needs(tmp_path_factory):
    done = segmentwerk("compare", "goal=needs", *FEW, home=tmp_path_factory.mktemp("needs"))
    assert done.code == 0, done.stderr
    return done


def output_of(done):
    return Path(done.stdout.strip().splitlines()[-1]).parent


def test_what_leads_and_what_describes_is_said_in_the_summary(needs):
    told = needs.summary["inputs"]
    assert told["active"]
    assert all(name.startswith("survey_factor_") for name in told["active"])
    assert {"recency_days", "monetary", "industry"} <= set(told["describing"])
    assert 40 <= told["learnable"] < told["customers"]


def test_the_rule_of_thumb_takes_no_part_and_says_why(needs):
    left_out = needs.summary["decision"]["left_out"]
    assert "recency_days" in left_out["rfm_grid"]
    assert needs.summary["decision"]["algorithm"] == "kmeans"


def test_the_report_the_run_and_the_model_say_it(needs):
    told, folder = needs.summary["inputs"], output_of(needs)
    page = (folder / "report" / "report.html").read_text()
    assert "made of and judged on these features alone" in page
    assert "Only describing: " in page
    assert "Accounts without answers, by segment" in page
    store = f"sqlite:///{needs.home}/mlflow/mlflow.db"
    run = mlflow.MlflowClient(store, registry_uri=store).get_run(needs.summary["run_id"])
    assert run.data.params["active"] == "needs, psychographic"
    assert run.data.tags["active_features"] == ", ".join(told["active"])
    assert "made of and judged on" in run.data.tags["mlflow.note.content"]
    card = mlflow.MlflowClient(store, registry_uri=store).get_model_version("b2b-segments", "1").description
    assert "made of and judged on" in card
    catalogue = json.loads((folder / "model" / "catalogue.json").read_text())
    active = [name for name, feature in catalogue["features"].items() if feature["active"]]
    assert active == told["active"]
    assert catalogue["basis"]["own"] == told["active"]
    roles = pd.read_csv(folder / "features.csv").set_index("name")["role"]
    assert sorted(roles[roles == "active"].index) == sorted(told["active"])


def test_names_are_of_what_leads(needs):
    for segment in needs.summary["model"]["segments"]:
        named = [trait["feature"] for trait in segment["called"]["traits"]]
        assert set(named) <= set(needs.summary["inputs"]["active"])


def test_who_did_not_answer_is_placed_by_what_describes(needs):
    folder, active = output_of(needs), needs.summary["inputs"]["active"]
    found = pd.read_parquet(folder / "assignments.parquet").set_index("account_id")
    answered = (
        pd.read_parquet(folder / "accounts.parquet").set_index("account_id")[active].notna().any(axis=1)
    )
    silent = found[~answered.reindex(found.index)]
    assert set(silent["basis"]) == {"partial"}
    assert (silent["segment_id"] > 0).mean() > 0.9
    assert (found[answered.reindex(found.index)]["basis"] == "full").mean() > 0.8
    assert silent["confidence"].mean() < found.drop(silent.index)["confidence"].mean()


def test_scoring_raw_tables_says_the_same(needs):
    done = segmentwerk("score", *FIRST, "source=demo", home=needs.home)
    assert done.code == 0, done.stderr
    scored = pd.read_parquet(output_of(done) / "segments.parquet").set_index("account_id")
    found = pd.read_parquet(output_of(needs) / "assignments.parquet").set_index("account_id")
    assert scored["segment_id"].to_dict() == found["segment_id"].to_dict()


def test_without_surveys_and_choices_it_is_refused(needs):
    refused = segmentwerk("compare", "goal=needs", *FEW, "~source.tables.surveys", home=needs.home)
    assert refused.code == 2
    assert "there is no table 'surveys'; there is no table 'choices'" in refused.stderr


@pytest.fixture(scope="module")
def families(tmp_path_factory):
    done = segmentwerk(
        "compare", "accounts.level=family", *SMALL, "candidates=[kmeans]", home=tmp_path_factory.mktemp("f")
    )
    assert done.code == 0, done.stderr
    return done


def parents_of(done):
    (path,) = done.home.glob("cache/**/accounts.parquet")
    accounts = pd.read_parquet(path).drop_duplicates("account_id").set_index("account_id")
    return accounts["parent_account_id"]


def test_companies_stand_under_their_heads(families):
    joined, parents = families.summary["inputs"]["joined"], parents_of(families)
    assert joined["records"] == len(parents)
    assert 0 < joined["several"] < joined["families"] < joined["records"]
    asked = pd.read_parquet(output_of(families) / "accounts.parquet")
    assert set(asked["account_id"]) <= set(parents.index[parents.isna()])
    assert f"{joined['records']} accounts are {joined['families']} companies" in families.stderr
    assert "accounts are" in (output_of(families) / "report" / "report.html").read_text()


def test_the_model_rolls_up_what_it_is_asked_about(families):
    done = segmentwerk("score", *FIRST, "source=demo", home=families.home)
    assert done.code == 0, done.stderr
    scored = pd.read_parquet(output_of(done) / "segments.parquet").set_index("account_id")
    found = pd.read_parquet(output_of(families) / "assignments.parquet").set_index("account_id")
    assert scored["segment_id"].to_dict() == found["segment_id"].to_dict()
    belonging = pd.read_parquet(output_of(done) / "families.parquet").set_index("account_id")["family_id"]
    assert set(belonging.index) == set(parents_of(families).index)
    assert set(belonging) >= set(scored.index)


def test_measures_and_contacts_are_the_heads(families):
    done = segmentwerk("activate", *FIRST, "sink=csv", home=families.home)
    assert done.code == 0, done.stderr
    parents = parents_of(families)
    (path,) = (families.home / "activation" / "exports").rglob("measures*.csv")
    rows = pd.read_csv(path, dtype=str)
    assert len(rows) > 0
    assert parents.loc[rows["account_id"]].isna().all()
    (accounts,) = families.home.glob("cache/**/accounts.parquet")
    names = pd.read_parquet(accounts).drop_duplicates("account_id").set_index("account_id")["name"]
    assert (rows["name"] == names.loc[rows["account_id"]].to_numpy()).all()
    assert not re.search("A0{3,}", done.stderr)


def test_a_source_without_parents_is_refused(families):
    done = segmentwerk(
        "compare", "accounts.level=family", *FEW, "~source.tables.accounts", home=families.home
    )
    assert done.code == 2
    assert "no column accounts.parent_account_id" in done.stderr

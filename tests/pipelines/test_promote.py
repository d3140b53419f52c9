"""`segmentwerk promote` as a person types it: gates with codes and remedies, a log, and a way back."""

import json
import shutil

import mlflow
import pytest

from command_line import SMALL, in_process, segmentwerk

IMPOSSIBLE = ("registry.gates=[load]", "registry.max_latency_ms=0.0001")
"""A gate that cannot be passed."""


@pytest.fixture
def promote(comparison, monkeypatch, capsys):
    def run(*arguments):
        return in_process("promote", *arguments, home=comparison.home, monkeypatch=monkeypatch, capsys=capsys)

    return run


@pytest.fixture
def vacant(comparison):
    """Take the title away while a test asks version 1: of the champion nothing is asked."""
    store = f"sqlite:///{comparison.home}/mlflow/mlflow.db"
    client = mlflow.MlflowClient(store, store)
    client.delete_registered_model_alias("b2b-segments", "champion")
    yield
    client.set_registered_model_alias("b2b-segments", "champion", "1")


def history(home):
    return [json.loads(line) for line in (home / "registry" / "b2b-segments.jsonl").read_text().splitlines()]


def test_the_first_champion_was_asked_every_gate(comparison):
    first = history(comparison.home)[0]
    assert (first["action"], first["version"], first["reason"]) == ("promote", 1, "there was no champion")
    status = {gate["code"]: gate["status"] for gate in first["gates"]}
    assert status == {
        "P001": "passed",
        "P002": "not_applicable",
        "P003": "not_applicable",
        "P004": "passed",
        "P005": "passed",
        "P006": "passed",
    }


def test_a_gate_that_says_no_ends_with_3_its_code_and_a_remedy(comparison, promote, vacant):
    done = promote("1", *IMPOSSIBLE)
    assert done.code == 3
    assert "P005 Answers in time" in done.stderr
    assert "registry.max_latency_ms" in done.stderr
    assert history(comparison.home)[-1]["action"] == "refuse"


def test_force_needs_a_reason_and_is_said(comparison, promote, vacant):
    refused = promote("1", *IMPOSSIBLE, "--force")
    assert refused.code == 2
    assert "reason" in refused.stderr
    done = promote("1", *IMPOSSIBLE, "--force", "reason=agreed, at last (p. 3)!")
    assert done.code == 0
    last = history(comparison.home)[-1]
    assert (last["forced"], last["reason"]) == (True, "agreed, at last (p. 3)!")
    store = f"sqlite:///{comparison.home}/mlflow/mlflow.db"
    description = mlflow.MlflowClient(store, store).get_registered_model("b2b-segments").description
    assert "promote (forced) | 1 |" in description


def test_a_changed_artifact_is_refused(comparison, promote, vacant):
    (path,) = comparison.home.glob("mlflow/artifacts/models/*/artifacts/artifacts/segmenter.onnx")
    sound = path.read_bytes()
    path.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    try:
        done = promote("1")
    finally:
        path.write_bytes(sound)
    assert done.code == 3
    assert "P004" in done.stderr
    assert "segmenter.onnx" in done.stderr


@pytest.mark.parametrize("word", ["rollback", "--rollback"])
def test_without_a_way_back(promote, word):
    done = promote(word)
    assert done.code == 2
    assert "held the title" in done.stderr
    assert "segmentwerk promote 1 --reject" in done.stderr


def test_the_champion_again_is_no_decision(comparison, promote):
    before = history(comparison.home)
    done = promote("1", *IMPOSSIBLE)
    assert done.code == 0, done.stderr
    assert "is the champion already" in done.stderr
    assert done.summary["decision"] is None
    assert history(comparison.home) == before


def test_a_rollback_takes_no_version(promote):
    done = promote("--rollback", "version=3")
    assert done.code == 2
    assert "segmentwerk promote 3" in done.stderr


@pytest.mark.slow
def test_the_next_version_comes_goes_and_is_rejected(comparison, tmp_path):
    """A second comparison with another seed, in a home of its own."""
    home = tmp_path / "home"
    small = [
        *SMALL,
        "candidates=[rfm_grid,kmeans]",
        "registry.gates=[champion,churn,parity,privacy]",  # a world this small cannot pass the scorecard
    ]
    assert segmentwerk("compare", *small, home=tmp_path, SEGMENTWERK_HOME=str(home)).code == 0
    second = segmentwerk("compare", *small, "seed=1", home=tmp_path, SEGMENTWERK_HOME=str(home))
    assert second.code == 0, second.stderr
    assert not second.summary["model"]["champion"]

    def promote(*arguments):
        return segmentwerk("promote", *arguments, home=tmp_path, SEGMENTWERK_HOME=str(home))

    refused = promote("registry.max_moved=0", "registry.gates=[churn]")
    moved = second.summary["model"]["moved"]
    assert refused.code == (3 if moved > 0 else 0)
    done = promote("2", "registry.gates=[parity,privacy]")
    assert done.code == 0, done.stderr
    back = promote("rollback", "reason=complaints")
    assert back.summary["decision"]["version"] == 1
    assert promote("2", "reject", "reason=unclear").code == 0
    assert promote("2").code == 3
    assert promote("2", "--force", "reason=agreed").code == 0
    actions = [decision["action"] for decision in history(home)]
    assert actions[-5:] == ["promote", "rollback", "reject", "refuse", "promote"]
    shutil.rmtree(home)

"""Which gates a promotion asks, and what it makes of an artifact that does not open."""

from types import SimpleNamespace

import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

from segmentwerk.core.errors import ModelError
from segmentwerk.core.settings import RegistrySettings
from segmentwerk.core.types import Gate
from segmentwerk.data import privacy
from segmentwerk.registry import approval
from segmentwerk.registry.promotion import Registered
from segmentwerk.release import questions

PASSED = Gate("G001", "Large enough", "passed", "fine.")


def version(number=2, run_id="r"):
    return Registered("m", number, run_id, "i", approval.tags([PASSED], None), (), "")


@pytest.fixture
def loads(monkeypatch):
    """Stand in for the artifact: what was loaded, and whose ids it is searched for."""
    seen = SimpleNamespace(uris=[], known=[])

    def gate(code):
        return lambda *_: Gate(code, code, "passed", "")

    def check(folder, is_customer):
        seen.known.append(is_customer)
        return gate("P006")()

    artifact = SimpleNamespace(parity=gate("P004"), load=gate("P005"), loaded=SimpleNamespace(folder="f"))
    monkeypatch.setattr(questions, "load", lambda uri, _: seen.uris.append(uri))
    monkeypatch.setattr(questions.Rehearsal, "of", lambda _: artifact)
    monkeypatch.setattr(questions.disclosure, "check", check)
    return seen


def asked(gates):
    settings, store = RegistrySettings(gates=gates), SimpleNamespace(uri="u")
    ask = questions.asker(store, settings, lambda words: [False for _ in words])
    return [(gate.code, gate.status) for gate in ask(version(), None)]


def test_gates_come_in_their_order_however_they_are_listed(loads):
    every = ["privacy", "load", "parity", "churn", "champion", "scorecard"]
    codes = [code for code, _ in asked(every)]
    assert codes == ["P001", "P002", "P003", "P004", "P005", "P006"]
    assert loads.uris == ["models:/m/2"]


def test_only_what_the_settings_name_is_asked(loads):
    assert [code for code, _ in asked(["churn"])] == ["P003"]
    assert loads.uris == []
    assert [code for code, _ in asked(["privacy"])] == ["P006"]
    assert asked([]) == []


def test_an_artifact_that_does_not_open_fails_the_gate_of_parity(monkeypatch):
    def refuse(uri, _):
        raise ModelError(f"{uri} lacks catalogue.json.", "Register it anew.")

    monkeypatch.setattr(questions, "load", refuse)
    for gates in (["load"], ["parity", "load", "privacy"]):
        assert asked(gates) == [("P004", "failed")]


class Artifacts:
    """A store that holds the assignments of a run."""

    def __init__(self, home, ids):
        self.home, self.ids, self.client, self.uri = home, ids, self, "u"

    def download_artifacts(self, run_id, name, folder):
        if self.ids is None:
            raise MlflowException("No such artifact.")
        path = f"{folder}/assignments.parquet"
        pd.DataFrame({"account_id": privacy.pseudonymise(self.ids, privacy.key(self.home))}).to_parquet(path)
        return path


def test_customers_are_known_by_the_pseudonyms_that_the_run_logged(tmp_path, monkeypatch):
    monkeypatch.delenv(privacy.ENVIRONMENT, raising=False)
    is_customer = questions.customers_of(version(), Artifacts(tmp_path, ["A-17", "A-18"]))
    assert is_customer(["A-17", "A-1", "large orders", "A-18"]) == [True, False, False, True]


def test_nobody_is_known_where_the_run_logged_nobody(tmp_path):
    assert questions.customers_of(version(), Artifacts(tmp_path, None)) is None
    assert questions.customers_of(version(run_id=""), Artifacts(tmp_path, ["A-17"])) is None

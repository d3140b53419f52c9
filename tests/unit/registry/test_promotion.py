import itertools
import json
import subprocess
import sys
import textwrap

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

from segmentwerk.core.errors import GateError, InputError, ModelError
from segmentwerk.core.types import Gate
from segmentwerk.registry import promotion
from segmentwerk.registry.decisions import history
from segmentwerk.tracking.writer import Store

PASSED = Gate("G001", "stable", "passed", "ok")
FAILED = Gate("G002", "large enough", "failed", "smallest segment 1%")
WARNED = Gate("G003", "even", "failed", "uneven", severity="warning")


@pytest.fixture
def store(home):
    """A store with four empty versions of one model: promotion moves names, it loads nothing."""
    store = Store(None, home)
    store.prepare("e")
    store.client.create_registered_model("m")
    for _ in range(4):
        store.client.create_model_version("m", f"file://{home}")
    store.client.set_registered_model_alias("m", "challenger", "1")
    return store


def aliases(store):
    return {alias: int(v) for alias, v in store.client.get_registered_model("m").aliases.items()}


def promote(store, version, *, gates=(PASSED,), **kwargs):
    given = {"ask": lambda candidate, champion: gates, "who": "ada", "reason": "fine"} | kwargs
    return promotion.promote(store, "m", version, **given)


def test_the_first_champion(store):
    assert promotion.champion(store, "m") is None
    decision = promote(store, 1)
    assert aliases(store) == {"champion": 1}
    assert (decision.version, decision.replaced) == (1, None)
    assert promotion.champion(store, "m").uri == "models:/m/1"


def test_the_next_champion_keeps_the_way_back_open(store):
    promote(store, 1)
    promote(store, 2)
    assert aliases(store) == {"champion": 2, "previous": 1}
    decision = promotion.rollback(store, "m", who="bob", reason="complaints")
    assert aliases(store) == {"champion": 1}, "the version that was rolled back is no way back"
    assert (decision.action, decision.version, decision.replaced) == ("rollback", 1, 2)


def test_without_a_way_back(store):
    promote(store, 1)
    with pytest.raises(ModelError, match=r"held the title of m before version 1.*promote 1 --reject"):
        promotion.rollback(store, "m", who="bob", reason="")


def rollback(store):
    return promotion.rollback(store, "m", who="bob", reason="complaints").version


def test_a_second_rollback_goes_further_back_and_never_to_a_version_that_was_rolled_back(store):
    for version in (1, 2, 3):
        promote(store, version)
    assert aliases(store) == {"champion": 3, "previous": 2}
    assert rollback(store) == 2
    assert aliases(store) == {"champion": 2, "previous": 1}
    assert rollback(store) == 1
    assert aliases(store) == {"champion": 1}
    with pytest.raises(ModelError, match="held the title"):
        rollback(store)
    assert aliases(store) == {"champion": 1}


@pytest.mark.parametrize("in_between", ["rolled back", "rejected", "deleted"])
def test_the_way_back_leads_past_what_did_not_last(store, in_between):
    """1, 2 (which did not last), 3, and back again from 3."""
    promote(store, 1)
    promote(store, 2)
    if in_between == "rolled back":
        rollback(store)
        promote(store, 3)
    else:
        promote(store, 3)
    if in_between == "rejected":
        promotion.reject(store, "m", 2, who="eve", reason="late complaints")
    if in_between == "deleted":
        store.client.delete_model_version("m", "2")
        with pytest.raises(ModelError, match="held the title"):
            rollback(store)
        return
    assert rollback(store) == 1
    assert aliases(store) == {"champion": 1}


def test_a_version_that_was_rolled_back_can_be_promoted_again_on_purpose(store):
    promote(store, 1)
    promote(store, 2)
    rollback(store)
    promote(store, 2)
    assert aliases(store) == {"champion": 2, "previous": 1}
    assert promotion.ROLLED_BACK not in promotion.get(store, "m", 2).tags
    assert rollback(store) == 1


def test_a_champion_by_turns_leads_into_no_circle(store):
    for version in (1, 2, 1):
        promote(store, version)
    assert aliases(store) == {"champion": 1, "previous": 2}
    assert rollback(store) == 2
    with pytest.raises(ModelError, match="held the title"):
        rollback(store)


def test_without_a_champion_there_is_nothing_to_roll_back(store):
    with pytest.raises(ModelError, match="no champion to roll back"):
        rollback(store)


def test_promoting_the_champion_again_asks_changes_and_logs_nothing(store):
    promote(store, 1)
    promote(store, 2)
    before, tags = history(store, "m"), promotion.get(store, "m", 2).tags
    assert promote(store, 2, gates=[FAILED]) is None
    assert promote(store, 2, force=True, reason="once more") is None
    assert aliases(store) == {"champion": 2, "previous": 1}
    assert history(store, "m") == before
    assert promotion.get(store, "m", 2).tags == tags


def test_an_answer_that_cannot_be_told_refuses(store):
    unsure = Gate("P002", "Not worse", "undecided", "too few accounts")
    with pytest.raises(GateError, match="P002 Not worse: too few accounts"):
        promote(store, 1, gates=[unsure])
    assert promote(store, 1, gates=[unsure], force=True, reason="agreed").forced


def test_a_failed_gate_refuses_and_the_refusal_is_logged(store):
    promote(store, 1)
    with pytest.raises(GateError, match="G002 large enough: smallest segment 1%") as caught:
        promote(store, 2, gates=[PASSED, FAILED])
    assert caught.value.exit_code == 3
    assert aliases(store) == {"champion": 1}
    last = history(store, "m")[-1]
    assert (last.action, last.version) == ("refuse", 2)
    assert last.gates[1]["code"] == "G002"


def test_a_refusal_that_the_server_does_not_let_this_account_take_is_not_logged(store, monkeypatch):
    promote(store, 1)
    before = history(store, "m")

    def denied(*_):
        raise MlflowException("Permission denied", error_code=PERMISSION_DENIED)

    monkeypatch.setattr(type(store.client), "set_model_version_tag", denied)
    with pytest.raises(MlflowException, match="Permission denied"):
        promote(store, 2, gates=[FAILED])
    assert history(store, "m") == before


def test_a_warning_does_not_refuse(store):
    promote(store, 1, gates=[WARNED])
    assert aliases(store) == {"champion": 1}


def test_force_needs_a_reason_and_is_logged(store):
    with pytest.raises(InputError, match="--force needs a reason"):
        promote(store, 2, gates=[FAILED], force=True, reason=" ")
    decision = promote(store, 2, gates=[FAILED], force=True, reason="the board wants it")
    assert decision.forced
    assert aliases(store)["champion"] == 2


def test_a_rejected_version_cannot_be_promoted_without_force(store):
    promotion.reject(store, "m", 1, who="eve", reason="names are odd")
    assert aliases(store) == {}
    with pytest.raises(GateError, match="it was rejected"):
        promote(store, 1)
    with pytest.raises(GateError, match="names are odd"):
        promote(store, 1)
    assert promote(store, 1, force=True, reason="renamed").forced


def test_a_rejection_needs_a_reason(store):
    with pytest.raises(InputError, match="needs a reason"):
        promotion.reject(store, "m", 1, who="eve", reason="")


def test_a_champion_that_is_rejected_gives_the_title_back(store):
    promote(store, 1)
    promote(store, 2)
    decision = promotion.reject(store, "m", 2, who="eve", reason="no")
    assert (decision.action, decision.version, decision.champion) == ("reject", 2, 1)
    assert aliases(store) == {"champion": 1}
    with pytest.raises(GateError, match="it was rejected"):
        promote(store, 2)


def test_the_first_champion_can_be_rejected_and_then_there_is_none(store):
    promote(store, 1)
    decision = promotion.reject(store, "m", 1, who="eve", reason="no")
    assert decision.champion is None
    assert aliases(store) == {}
    assert promotion.champion(store, "m") is None
    assert promote(store, 2).replaced is None
    assert promote(store, 1, force=True, reason="after all").version == 1


def test_rejecting_another_version_leaves_the_champion_alone(store):
    for version in (2, 3):
        promote(store, version)
    decision = promotion.reject(store, "m", 1, who="eve", reason="no")
    assert decision.champion == 3
    assert aliases(store) == {"champion": 3, "previous": 2}, "the challenger lost its alias"
    promotion.reject(store, "m", 2, who="eve", reason="late")
    assert aliases(store) == {"champion": 3}, "a rejected version is no way back"


def test_a_comparison_promotes_by_itself_only_where_nobody_has_decided(store):
    assert promotion.untouched(store, "m")
    promote(store, 1)
    assert not promotion.untouched(store, "m")
    promotion.reject(store, "m", 1, who="eve", reason="no")
    assert not promotion.untouched(store, "m"), "a person has decided against a version"


def test_what_does_not_exist_is_named_with_what_does(store):
    with pytest.raises(ModelError, match=r"no version 9.*Known: 1, 2, 3, 4"):
        promote(store, 9)
    with pytest.raises(ModelError, match=r"no registered model 'n'.*Known: m"):
        promotion.promote(store, "n", 1, ask=lambda *_: [], who="a", reason="")
    assert promotion.champion(store, "n") is None


def test_every_decision_is_in_the_log_and_the_description(store):
    promote(store, 1)
    promote(store, 2, reason="better | faster\nnicer")
    promotion.rollback(store, "m", who="bob", reason="oops")
    lines = (store.home / "registry" / "m.jsonl").read_text().splitlines()
    assert [json.loads(line)["action"] for line in lines] == ["promote", "promote", "rollback"]
    assert [decision.who for decision in history(store, "m")] == ["ada", "ada", "bob"]
    description = store.client.get_registered_model("m").description
    assert "| bob | rollback | 1 | 1 | oops |" in description
    assert "better / faster nicer" in description
    assert store.client.get_model_version("m", "1").tags["decision"] == "rollback"


def test_the_log_is_only_ever_appended_to(store):
    promote(store, 1)
    path = store.home / "registry" / "m.jsonl"
    before = path.read_bytes()
    promote(store, 2)
    assert path.read_bytes().startswith(before)


PROMOTER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from segmentwerk.registry import promotion
    from segmentwerk.registry.decisions import history
    from segmentwerk.tracking.writer import Store

    store = Store(None, Path(sys.argv[1]))
    for turn in range(3):
        promotion.promote(store, "m", int(sys.argv[2]), ask=lambda *_: [], who=sys.argv[2], reason=str(turn))
        assert promotion.champion(store, "m") is not None
    """
)


@pytest.mark.slow
def test_promotions_at_once_leave_exactly_one_champion(store):
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", PROMOTER, str(store.home), str(v)], stderr=subprocess.PIPE, text=True
        )
        for v in (1, 2, 3, 4)
    ]
    for worker in workers:
        _, stderr = worker.communicate(timeout=200)
        assert worker.returncode == 0, stderr
    decisions = history(store, "m")
    assert 4 <= len(decisions) <= 12, "whoever was champion already decided nothing"
    for before, after in itertools.pairwise(decisions):
        assert after.replaced == before.version
    assert aliases(store)["champion"] == decisions[-1].version

import itertools
import json
import subprocess
import sys
import textwrap

import pytest

from segmentwerk.core.errors import GateError, InputError, ModelError
from segmentwerk.core.types import Gate
from segmentwerk.registry import promotion
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
    assert aliases(store) == {"champion": 1, "previous": 2}
    assert (decision.action, decision.version, decision.replaced) == ("rollback", 1, 2)


def test_without_a_way_back(store):
    promote(store, 1)
    with pytest.raises(ModelError, match="no previous champion"):
        promotion.rollback(store, "m", who="bob", reason="")


def test_promoting_the_champion_again_keeps_the_previous_one(store):
    promote(store, 1)
    promote(store, 2)
    promote(store, 2)
    assert aliases(store) == {"champion": 2, "previous": 1}


def test_a_failed_gate_refuses_and_the_refusal_is_logged(store):
    promote(store, 1)
    with pytest.raises(GateError, match="G002 large enough: smallest segment 1%") as caught:
        promote(store, 2, gates=[PASSED, FAILED])
    assert caught.value.exit_code == 3
    assert aliases(store) == {"champion": 1}
    last = promotion.history(store, "m")[-1]
    assert (last.action, last.version) == ("refuse", 2)
    assert last.gates[1]["code"] == "G002"


def test_a_warning_does_not_refuse(store):
    promote(store, 1, gates=[WARNED])
    assert aliases(store) == {"champion": 1}


def test_force_needs_a_reason_and_is_logged(store):
    with pytest.raises(InputError, match="force=true needs a reason"):
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


def test_a_rejection_needs_a_reason_and_spares_the_champion(store):
    with pytest.raises(InputError, match="needs a reason"):
        promotion.reject(store, "m", 1, who="eve", reason="")
    promote(store, 1)
    with pytest.raises(InputError, match="is the champion"):
        promotion.reject(store, "m", 1, who="eve", reason="no")


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
    assert [decision.who for decision in promotion.history(store, "m")] == ["ada", "ada", "bob"]
    description = store.client.get_registered_model("m").description
    assert "| bob | rollback | 1 | 2 | oops |" in description
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
    decisions = promotion.history(store, "m")
    assert len(decisions) == 12
    for before, after in itertools.pairwise(decisions):
        assert after.replaced == before.version
    assert aliases(store)["champion"] == decisions[-1].version

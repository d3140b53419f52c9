"""What a version's tags say for it."""

import pytest

from segmentwerk.core.types import Gate, Score
from segmentwerk.registry import approval
from segmentwerk.registry.approval import Comparison
from segmentwerk.registry.promotion import Registered

PASSED = Gate("G001", "Large enough", "passed", "fine.")
FAILED = Gate("G002", "Comes back", "failed", "overlap 0.3.")
WARNED = Gate("G004", "Told apart", "failed", "chance.", severity="warning")


def version(number, *, gates=(PASSED,), comparison=None):
    tags = approval.tags(gates, comparison)
    return Registered("m", number, "r", "i", tags, (), "")


def compared(champion=1, moved=0.1, **differences):
    ahead = tuple(Score("separation", name, sum(ends) / 2, *ends) for name, ends in differences.items())
    return Comparison(champion, 1000, 300, moved, ahead)


def test_a_comparison_survives_its_tag():
    found = compared(gain=(-0.1, 0.2), purity=(0.1, 0.3))
    assert repr(Comparison.from_json(found.to_json())) == repr(found)


def test_a_failed_gate_of_the_scorecard_is_named():
    assert approval.scorecard(version(2)).status == "passed"
    assert approval.scorecard(version(2, gates=[PASSED, WARNED])).status == "passed"
    gate = approval.scorecard(version(2, gates=[PASSED, FAILED]))
    assert (gate.code, gate.status) == ("P001", "failed")
    assert "G002" in gate.message
    assert "overlap 0.3" in gate.message


def test_a_version_without_scorecard_is_refused():
    gate = approval.scorecard(version(2, gates=[]))
    assert gate.status == "failed"
    assert "segmentwerk compare" in gate.message


@pytest.mark.parametrize(
    ("differences", "status"),
    [
        ({"gain": (-0.1, 0.1)}, "passed"),
        ({"gain": (0.1, 0.2), "purity": (0.1, 0.2)}, "passed"),
        ({"gain": (-0.2, -0.1), "purity": (-0.1, 0.1)}, "failed"),
        ({"gain": (-0.2, -0.1), "purity": (0.1, 0.2)}, "passed"),
        ({}, "not_applicable"),
    ],
)
def test_worse_than_the_champion_beyond_its_interval(differences, status):
    gate = approval.succession(version(2, comparison=compared(**differences)), version(1))
    assert (gate.code, gate.status) == ("P002", status)


def test_churn_has_a_limit():
    candidate = version(2, comparison=compared(moved=0.26))
    gate = approval.churn(candidate, version(1), 0.25)
    assert (gate.code, gate.status) == ("P003", "failed")
    assert "26.0% of 1000 accounts" in gate.message
    assert "registry.max_moved" in gate.message
    assert approval.churn(candidate, version(1), 0.3).status == "passed"


@pytest.mark.parametrize("champion", [None, version(2)])
def test_without_another_champion_there_is_nothing_to_compare_with(champion):
    candidate = version(2)
    assert approval.succession(candidate, champion).status == "not_applicable"
    assert approval.churn(candidate, champion, 0.25).status == "not_applicable"


@pytest.mark.parametrize(
    ("comparison", "words"), [(None, "no champion"), (compared(champion=1), "version 1")]
)
def test_a_comparison_with_another_champion_does_not_count(comparison, words):
    candidate = version(4, comparison=comparison)
    for gate in (approval.succession(candidate, version(3)), approval.churn(candidate, version(3), 1.0)):
        assert gate.status == "failed"
        assert f"compared with {words}, but version 3 is the champion" in gate.message
        assert "--rollback" in gate.message

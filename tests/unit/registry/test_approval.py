"""What a version's tags say for it."""

import pytest

from segmentwerk.core.proposal import Comparison, Difference
from segmentwerk.core.types import Gate
from segmentwerk.registry import approval
from segmentwerk.registry.promotion import Registered

PASSED = Gate("G001", "Large enough", "passed", "fine.")
FAILED = Gate("G002", "Comes back", "failed", "overlap 0.3.")
WARNED = Gate("G004", "Told apart", "failed", "chance.", severity="warning")


def version(number, *, gates=(PASSED,), comparison=None):
    tags = approval.tags(gates, comparison)
    return Registered("m", number, "r", "i", tags, (), "")


def difference(key, low, high):
    middle = (low + high) / 2
    return Difference(key, 0.5 + middle, 0.5, middle, low, high)


def compared(champion=1, moved=0.1, overall=None, **differences):
    each = tuple(difference(f"separation/{name}", *ends) for name, ends in differences.items())
    whole = overall and difference("succession/overall", *overall)
    return Comparison(champion, 1000, 300, moved, 5e6, 1e6, each, whole)


@pytest.mark.parametrize("found", [compared(overall=(-0.1, 0.2), gain=(-0.1, 0.2)), Comparison(1, 9, 0, 0.5)])
def test_a_comparison_survives_its_tag(found):
    assert approval.read(approval.kept(found)) == found


def test_a_comparison_of_an_older_release_cannot_be_told():
    text = '{"champion": 1, "accounts": 9, "held_out": 99, "moved": 0.5, "ahead": []}'
    candidate = version(2)
    candidate.tags[approval.COMPARED] = text
    assert approval.succession(candidate, version(1), 0.1).status == "undecided"


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
    ("overall", "differences", "status"),
    [
        ((-0.05, 0.20), {"gain": (-0.1, 0.1)}, "passed"),
        ((-0.05, 0.20), {"gain": (-0.2, -0.1), "purity": (0.1, 0.2)}, "passed"),
        ((0.05, 0.20), {"gain": (0.1, 0.2), "purity": (0.1, 0.2)}, "passed"),
        ((-0.05, -0.03), {"gain": (-0.2, -0.1), "purity": (-0.1, 0.1)}, "passed"),
        ((-0.15, -0.12), {"gain": (-0.2, -0.1), "purity": (-0.1, 0.1)}, "failed"),
        ((-0.30, -0.01), {"gain": (-0.2, 0.1), "purity": (-0.2, 0.1)}, "failed"),
        ((-0.30, 0.05), {"gain": (-0.2, 0.1), "purity": (-0.2, 0.1)}, "undecided"),
        (None, {}, "undecided"),
    ],
)
def test_not_worse_than_the_champion(overall, differences, status):
    """Passed only where a loss beyond the margin is ruled out; wide intervals are no excuse."""
    candidate = version(2, comparison=compared(overall=overall, **differences))
    gate = approval.succession(candidate, version(1), 0.1)
    assert (gate.code, gate.status) == ("P002", status)
    assert gate.refuses == (status != "passed")
    if status == "undecided":
        assert "Cannot be told" in gate.message
        assert "--force" in gate.message


def test_the_same_segments_for_all_accounts_are_no_worse_however_few_they_are():
    candidate = version(2, comparison=compared(moved=0.0))
    assert approval.succession(candidate, version(1), 0.0).status == "passed"


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
    assert approval.succession(candidate, champion, 0.1).status == "not_applicable"
    assert approval.churn(candidate, champion, 0.25).status == "not_applicable"


@pytest.mark.parametrize(
    ("comparison", "words"), [(None, "no champion"), (compared(champion=1), "version 1")]
)
def test_a_comparison_with_another_champion_does_not_count(comparison, words):
    candidate = version(4, comparison=comparison)
    for gate in (approval.succession(candidate, version(3), 0.1), approval.churn(candidate, version(3), 1.0)):
        assert gate.status == "failed"
        assert f"compared with {words}, but version 3 is the champion" in gate.message
        assert "--rollback" in gate.message

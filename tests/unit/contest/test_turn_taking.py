"""Finalists judged in turns get what judging them at once gives, as far as they are measured."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from segmentwerk.contest.candidates import judge_finalists
from segmentwerk.contest.shared_view import SharedView
from segmentwerk.contest.turn_taking import first_turn, further_turns
from segmentwerk.core.settings import GoalSettings, SegmenterSettings
from segmentwerk.evaluation.selection import against_baseline, select
from small_worlds import SETTINGS, blobs, split

GOAL = GoalSettings()
BASELINE = "kmeans"
JUDGED = SETTINGS.model_copy(update={"baseline": BASELINE, "n_bootstrap": 20})
FINALISTS = {
    BASELINE: ("kmeans.KMeansSegmenter", [{"n_segments": 2}]),
    "gaussian_mixture": (
        "gaussian_mixture.GaussianMixtureSegmenter",
        [{"n_segments": 3, "covariance_type": kind} for kind in ("spherical", "diag")]
        + [{"n_segments": 7, "covariance_type": "diag"}],
    ),
}
SEED = 5


@pytest.fixture(scope="module")
def view():
    return split(blobs(240)[0])


def specs():
    for name, (target, finalists) in FINALISTS.items():
        yield name, SegmenterSettings(_target_=f"segmentwerk.segmenters.{target}"), finalists


@pytest.fixture(scope="module")
def full(view):
    """All finalists judged at once, and the selection among them."""
    cards = [
        candidate.card
        for name, spec, finalists in specs()
        for candidate in judge_finalists(name, spec, finalists, view, JUDGED, seed=SEED)
    ]
    return against_baseline(cards, JUDGED, GOAL), select(cards, JUDGED, GOAL)


@pytest.fixture(scope="module", params=[True, False], ids=["in turns", "at once"])
def held(request, view, tmp_path_factory):
    """The same contest held by judges: candidates by name, selection, settings."""
    settings = JUDGED.model_copy(update={"in_turns": request.param})
    shared = SharedView.store(view, tmp_path_factory.mktemp("views") / "view.joblib")
    looked = []
    for name, spec, finalists in specs():
        looked += first_turn(name, spec, finalists, shared, settings, SEED)[0]
    with ThreadPoolExecutor(1) as judges:
        candidates, selection, seconds = further_turns(looked, judges, shared, settings, GOAL, SEED)
    return {one.name: one.card for one in candidates}, selection, settings, seconds


def timeless(card):
    return [score for score in card.scores if score.family != "wall_time"]


def test_the_same_candidate_wins(held, full):
    cards, selection, _, _ = held
    assert selection.winner == full[1].winner
    assert selection.comparisons == full[1].comparisons
    assert list(cards) == [card.candidate for card in full[0]]


def test_whoever_is_measured_to_the_end_has_the_scorecard_of_judging_at_once(held, full):
    cards, selection, settings, _ = held
    shown = {selection.winner, BASELINE, *(item.candidate for item in selection.comparisons)}
    for expected in full[0]:
        card = cards[expected.candidate]
        if settings.in_turns and expected.candidate not in shown:
            continue
        assert timeless(card) == timeless(expected)
        assert card.samples == expected.samples
        assert card.gates == expected.gates
        assert card.per_segment.equals(expected.per_segment)
        assert card.params == expected.params


def test_refits_are_saved_in_turns_alone(held):
    cards, _, settings, seconds = held
    assert cards["gaussian_mixture #3"].halted is settings.in_turns
    assert bool(seconds) is settings.in_turns

"""Who is measured further, and what is told of those who are not."""

from dataclasses import replace

import numpy as np
import pytest

from segmentwerk.core.settings import GoalSettings
from segmentwerk.core.types import Gate
from segmentwerk.evaluation.scorecard import judge, look, sampled, with_stability
from segmentwerk.evaluation.selection import select
from segmentwerk.evaluation.stability import Again, compared, n_bootstraps, refits
from segmentwerk.evaluation.turns import Standing, Turn, finish, next_turn
from small_worlds import SETTINGS, Plain, blobs, refit, split

GOAL = GoalSettings()
JUDGED = SETTINGS.model_copy(update={"baseline": "grid"})
DRAWS = SETTINGS.n_bootstrap


@pytest.fixture
def standing(make_card):
    """A candidate of known scores whose pairs agree as told, and whose segments come back as told."""

    def make(name, agreements, *, gain, overlap=0.9, bootstraps=0, **more):
        rng = np.random.default_rng(len(name))
        card = make_card(name, gain=(gain, gain + 0.001 * rng.standard_normal(DRAWS)), **more)
        card = replace(card, gates=(Gate("G002", "comes back", "not_measured", ""), *card.gates))

        def row(value):
            return np.concatenate([[value], value + 0.01 * rng.standard_normal(DRAWS)])

        pairs = [
            Again(row(value), row(value), np.stack([row(overlap)] * card.n_segments), (1.0, 1.0))
            for value in agreements
        ]
        return Standing(card, tuple(pairs), tuple(row(0.9) for _ in range(bootstraps)))

    return make


def whole(standing, name, agreement, **more):
    spread = (-0.01, 0.01, -0.01, 0.01)
    return standing(name, [agreement + step for step in spread], bootstraps=n_bootstraps(SETTINGS), **more)


def decided(standing, *others):
    """A contest whose winner, runner-up and baseline are measured, and others that are not."""
    known = [
        whole(standing, "best", 0.95, gain=0.9),
        whole(standing, "next", 0.85, gain=0.8),
        whole(standing, "grid", 0.8, gain=0.2),
    ]
    return {one.card.candidate: one for one in (*known, *others)}


def turn(field):
    return next_turn(field, JUDGED, GOAL, seed=0)


def test_judging_in_parts_gives_the_scorecard_of_judging_at_once():
    X, types = blobs(240)
    view = split(X, revenue=types + 1.0)
    model = Plain(3, 0).fit(view.train)
    at_once = judge("kmeans", model, refit(3), view, SETTINGS, seed=0)
    case, pairs, again = sampled(model, view, SETTINGS, 0), [], []
    for number in range(SETTINGS.n_splits):
        pairs += compared(case, refits(case, refit(3), [number], []))[0]
    for number in range(n_bootstraps(SETTINGS)):
        again += compared(case, refits(case, refit(3), [], [number]))[1]
    first = look("kmeans", model, refit(3), view, SETTINGS, seed=0)
    in_parts = with_stability(first, pairs, again, SETTINGS, seed=0)
    timeless = [[s for s in card.scores if s.family != "wall_time"] for card in (at_once, in_parts)]
    assert timeless[0] == timeless[1]
    assert [s.key for s in at_once.scores] == [s.key for s in in_parts.scores]
    assert list(at_once.samples) == list(in_parts.samples)
    assert at_once.samples == in_parts.samples
    assert at_once.gates == in_parts.gates
    assert at_once.per_segment.equals(in_parts.per_segment)


def test_a_look_asks_for_no_refit_and_says_what_is_not_measured():
    X, _ = blobs(240)
    view = split(X)
    card = look("kmeans", Plain(3, 0).fit(view.train), pytest.fail, view, SETTINGS, seed=0)
    assert {gate.code for gate in card.gates if gate.status == "not_measured"} == {"G002"}
    assert not card.passed
    assert not any(score.family == "stability" for score in card.scores)


def test_winner_runner_up_and_baseline_are_measured_on_everything_first(standing):
    field = {
        name: standing(name, [agreement], gain=gain)
        for name, agreement, gain in (
            ("best", 0.95, 0.9),
            ("next", 0.85, 0.8),
            ("grid", 0.8, 0.2),
            ("last", 0.5, 0.1),
        )
    }
    missing = Turn((1, 2, 3), tuple(range(n_bootstraps(SETTINGS))))
    assert turn(field) == dict.fromkeys(("best", "next", "grid"), missing)


def test_one_that_cannot_win_is_measured_no_further(standing):
    assert turn(decided(standing, standing("last", [0.5], gain=0.1))) == {}


def test_one_that_could_win_gets_one_pair_more(standing):
    """A simpler one with fewer segments wins any tie, and a lucky pair would make it tied."""
    rival = standing("rival", [0.8], gain=0.91, k=2, complexity=0)
    field = decided(standing, rival)
    field["best"] = whole(standing, "best", 0.83, gain=0.9)
    field["next"] = whole(standing, "next", 0.82, gain=0.8)
    assert set(turn(field)) == {"rival"}
    assert turn(field)["rival"].pairs[0] == 1


def test_one_whose_other_gates_fail_cannot_win_whatever_its_refits_say(standing):
    assert turn(decided(standing, standing("empty", [0.99], gain=0.99, failed=["G003"]))) == {}


def test_of_those_who_dropped_out_nothing_is_told_that_was_not_measured(standing):
    field = decided(standing, standing("last", [0.5], gain=0.1))
    cards, selection = finish(field, JUDGED, GOAL, seed=0)
    last = next(card for card in cards if card.candidate == "last")
    assert last.halted
    assert not last.passed
    assert last.score("stability/agreement") is None
    assert {gate.code for gate in last.gates if gate.status == "not_measured"} == {"G002", "G007"}
    row = selection.ranking.set_index("candidate").loc["last"]
    assert np.isnan(row["rank"])
    assert np.isnan(row["stability/agreement"])
    assert row["separation/gain"] == pytest.approx(0.1)
    assert not row["passed"]
    assert selection.ranking["candidate"].iloc[-1] == "last"
    assert "last" not in (*selection.pareto, *selection.near_ties)


def test_the_others_are_told_as_in_a_full_contest(standing):
    full = decided(standing, whole(standing, "last", 0.5, gain=0.1))
    short = full | {"last": Standing(full["last"].card, full["last"].pairs[:1])}
    cards, selection = finish(short, JUDGED, GOAL, seed=0)
    expected = select([one.estimate(JUDGED, 0) for one in full.values()], JUDGED, GOAL)
    assert selection.winner == expected.winner == "best"
    assert selection.comparisons == expected.comparisons
    others = ["best", "next", "grid"]
    found, asked = (one.ranking.set_index("candidate").loc[others] for one in (selection, expected))
    assert found["rank"].tolist() == asked["rank"].tolist()
    assert [card.samples for card in cards[:3]] == [full[name].estimate(JUDGED, 0).samples for name in others]

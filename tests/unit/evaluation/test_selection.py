import numpy as np
import pytest

from segmentwerk.core.errors import InputError
from segmentwerk.core.settings import EvaluationSettings, GoalSettings
from segmentwerk.evaluation.selection import against_baseline, pareto, select

SETTINGS = EvaluationSettings(primary=["separation/gain"])
GOAL = GoalSettings()


def ask(*cards, settings=SETTINGS, goal=GOAL):
    return select(cards, settings, goal)


def test_best_mean_rank_wins(make_card):
    found = ask(make_card("a", gain=0.1), make_card("b", gain=0.3), make_card("c", gain=0.2))
    assert found.winner == "b"
    assert found.ranking["candidate"].tolist() == ["b", "c", "a"]
    assert found.ranking["rank"].tolist() == [1, 2, 3]
    assert found.near_ties == ()


def test_candidate_that_fails_a_gate_cannot_win(make_card):
    found = ask(make_card("a", gain=0.9, failed=["G002"]), make_card("b", gain=0.1))
    assert found.winner == "b"
    assert found.ranking["passed"].tolist() == [True, False]
    assert found.ranking["failed"].tolist() == ["", "G002"]
    assert np.isnan(found.ranking["rank"].iloc[1])


def test_warning_knocks_nobody_out(make_card):
    assert ask(make_card("a", gain=0.9, warned=["G004"]), make_card("b", gain=0.1)).winner == "a"


def test_where_nobody_passes_those_failing_least_are_ranked_and_it_is_said(make_card):
    found = ask(
        make_card("a", gain=0.9, failed=["G002", "G006"]),
        make_card("b", gain=0.1, failed=["G006"]),
        make_card("c", gain=0.2, failed=["G006"]),
    )
    assert found.winner == "c"
    assert found.ranking["failed"].tolist() == ["G006", "G006", "G002 G006"]
    assert not found.rule_of_thumb


@pytest.mark.parametrize(
    ("first", "second", "winner"),
    [
        ({"k": 6}, {"k": 4}, "b"),
        ({"complexity": 3}, {"complexity": 1}, "b"),
        ({"k": 3, "complexity": 3}, {"k": 4, "complexity": 1}, "a"),
        ({}, {}, "a"),
    ],
)
def test_near_tie_goes_to_fewer_segments_then_to_the_simpler(make_card, first, second, winner):
    a = make_card("a", gain=(0.30, [0.30, 0.28, 0.31, 0.27]), **first)
    b = make_card("b", gain=(0.29, [0.28, 0.30, 0.29, 0.29]), **second)
    found = ask(a, b)
    assert found.winner == winner
    assert found.near_ties == ({"a": "b", "b": "a"}[winner],)


def test_winner_stands_first_even_if_another_one_ranks_better(make_card):
    a = make_card("a", gain=(0.30, [0.30, 0.28, 0.31, 0.27]), k=6)
    b = make_card("b", gain=(0.29, [0.28, 0.30, 0.29, 0.29]), k=3)
    assert ask(a, b).ranking["candidate"].tolist() == ["b", "a"]


def test_empty_segments_do_not_count(make_card):
    a = make_card("a", gain=0.3, k=3)
    b = make_card("b", gain=0.3, k=4)
    b.per_segment.loc[2:, "accounts"] = 0
    assert ask(a, b).winner == "b"


def test_candidate_behind_the_baseline_cannot_win(make_card):
    baseline = make_card("rfm_grid", gain=0.2, k=9)
    cards = against_baseline([make_card("a", gain=0.1), make_card("b", gain=0.3), baseline], SETTINGS, GOAL)
    status = {card.candidate: card.gates[-1].status for card in cards}
    assert status == {"a": "failed", "b": "passed", "rfm_grid": "not_applicable"}
    assert "100%" in cards[1].gates[-1].message
    assert against_baseline(cards, SETTINGS, GOAL) == cards


def test_baseline_that_fails_its_own_gates_need_not_be_beaten(make_card):
    baseline = make_card("rfm_grid-1", gain=0.2, failed=["G001"])
    cards = against_baseline([make_card("a", gain=0.1), baseline], SETTINGS, GOAL)
    assert cards[0].gates[-1].status == "not_applicable"
    assert "fails gates of its own" in cards[0].gates[-1].message


def test_absent_baseline_is_not_passed(make_card):
    (card,) = against_baseline([make_card("a", gain=0.1)], SETTINGS, GOAL)
    assert card.gates[-1].status == "not_applicable"


def test_baseline_wins_where_it_is_best(make_card):
    assert ask(make_card("a", gain=0.1), make_card("rfm_grid", gain=0.2)).winner == "rfm_grid"


def test_comparisons_are_paired(make_card):
    a = make_card("a", gain=(0.3, [0.3, 0.5, 0.1, 0.3]))
    b = make_card("rfm_grid", gain=(0.2, [0.2, 0.4, 0.0, 0.2]))
    c = make_card("c", gain=(0.25, [0.25, 0.55, 0.05, 0.35]))
    found = ask(a, b, c)
    by_role = {item.role: item for item in found.comparisons}
    assert by_role.keys() == {"runner-up", "baseline"}
    assert by_role["baseline"].ahead == 1
    difference = by_role["baseline"].differences["separation/gain"]
    assert [difference.value, difference.low, difference.high] == pytest.approx([0.1] * 3)
    assert (by_role["runner-up"].candidate, by_role["runner-up"].ahead) == ("c", 0.5)


def test_goal_weighs_the_outcome(make_card):
    a = make_card("a", gain=0.3, explained=0.1)
    b = make_card("b", gain=0.2, explained=0.2)
    assert ask(a, b, goal=GoalSettings(value_weight=0.5)).winner == "a"
    assert ask(a, b, goal=GoalSettings(value_weight=2.0)).winner == "b"


def test_pareto_front_leaves_out_who_is_beaten_everywhere(make_card):
    cards = [
        make_card("a", gain=0.3, agreement=0.5),
        make_card("b", gain=0.2, agreement=0.9),
        make_card("c", gain=0.1, agreement=0.4),
        make_card("d", gain=0.2, agreement=0.9),
    ]
    assert pareto(cards) == ("a", "b", "d")


def test_one_candidate_wins_alone(make_card):
    found = ask(make_card("a", gain=0.3))
    assert found.winner == "a"
    assert found.comparisons == ()


@pytest.mark.parametrize("names", [[], ["a", "a"]])
def test_contest_without_candidates_or_with_twins_is_refused(make_card, names):
    with pytest.raises(InputError, match="Cannot select"):
        ask(*[make_card(name, gain=0.1) for name in names])


def test_selection_is_the_same_twice(make_card):
    rng = np.random.default_rng(0)
    cards = [
        make_card(f"a-{i}", gain=(x, list(x + rng.normal(0, 0.1, 50)))) for i, x in enumerate(rng.random(8))
    ]
    one, other = ask(*cards), ask(*cards)
    assert (one.winner, one.comparisons, one.pareto) == (other.winner, other.comparisons, other.pareto)


def thumb(make_card, *, grid_failed=("G006",), other_failed=("G006",)):
    cards = [
        make_card("kmeans", gain=0.02, agreement=0.9, k=2, failed=other_failed),
        make_card("rfm_grid", algorithm="rfm_grid", gain=-0.5, agreement=0.6, k=8, failed=grid_failed),
        make_card("rfm_grid #2", algorithm="rfm_grid", gain=-0.2, agreement=0.8, k=4, failed=grid_failed),
    ]
    return select(cards, EvaluationSettings(), GoalSettings())


def test_where_nothing_beats_noise_the_best_grid_that_holds_is_taken(make_card):
    found = thumb(make_card)
    assert found.winner == "rfm_grid #2"
    assert found.rule_of_thumb


@pytest.mark.parametrize(
    "failed",
    [
        {"other_failed": ()},  # somebody beats noise
        {"grid_failed": ("G002",), "other_failed": ("G006",)},  # the grid does not come back
        {"grid_failed": ("G002", "G006")},  # nor does it fail that alone
    ],
)
def test_the_rule_of_thumb_gives_way_to_whoever_is_better(make_card, failed):
    found = thumb(make_card, **failed)
    assert not found.rule_of_thumb
    assert found.winner == "kmeans"

import numpy as np
import pytest

from segmentwerk.core.settings import EvaluationSettings, GoalSettings
from segmentwerk.evaluation.ranking import MeanRanks, ahead, criteria_of, values_of


def test_mean_rank_by_hand(make_card):
    cards = [
        make_card("a", gain=0.3, purity=0.1),
        make_card("b", gain=0.2, purity=0.3),
        make_card("c", gain=0.1, purity=0.2),
    ]
    contest = MeanRanks.of(cards, {"separation/gain": 1.0, "separation/purity": 1.0})
    assert contest.rank.tolist() == [2.0, 1.5, 2.5]


def test_weights_count(make_card):
    cards = [make_card("a", gain=0.3, purity=0.1), make_card("b", gain=0.2, purity=0.3)]
    contest = MeanRanks.of(cards, {"separation/gain": 3.0, "separation/purity": 1.0})
    assert contest.rank.tolist() == [1.25, 1.75]


def test_equal_scores_share_a_rank(make_card):
    contest = MeanRanks.of([make_card("a", gain=0.3), make_card("b", gain=0.3)], {"separation/gain": 1.0})
    assert contest.rank.tolist() == [1.5, 1.5]


def test_smaller_is_better_where_the_score_says_so(make_card):
    cards = [make_card("a", n_segments_score=3.0), make_card("b", n_segments_score=5.0)]
    assert MeanRanks.of(cards, {"substance/n_segments": 1.0}).rank.tolist() == [1.0, 2.0]


def test_score_that_was_not_measured_is_worst(make_card):
    cards = [make_card("a", gain=-5.0), make_card("b")]
    assert values_of(cards, "separation/gain", 2).tolist() == [[-5.0] * 3, [-np.inf] * 3]
    assert MeanRanks.of(cards, {"separation/gain": 1.0}).rank.tolist() == [1.0, 2.0]


def test_candidates_that_trade_places_between_draws_are_tied(make_card):
    cards = [
        make_card("a", gain=(0.30, [0.30, 0.28, 0.31, 0.27])),
        make_card("b", gain=(0.29, [0.28, 0.30, 0.29, 0.29])),
        make_card("c", gain=(0.10, [0.10, 0.10, 0.10, 0.10])),
    ]
    contest = MeanRanks.of(cards, {"separation/gain": 1.0})
    assert contest.tied() == [0, 1]
    # a leads in two draws of four: the distance in rank is +1 or -1
    assert contest.behind[1] == pytest.approx(1.0)
    assert ahead(cards[0], cards[1], {"separation/gain": 1.0}) == 0.5
    assert ahead(cards[0], cards[2], {"separation/gain": 1.0}) == 1.0


def test_candidates_that_are_alike_in_every_draw_are_tied(make_card):
    cards = [make_card("a", gain=(0.3, [0.2, 0.4])), make_card("b", gain=(0.3, [0.2, 0.4]))]
    assert MeanRanks.of(cards, {"separation/gain": 1.0}).tied() == [0, 1]


def test_value_joins_with_the_weight_of_the_goal_where_it_was_measured(make_card):
    settings, goal = EvaluationSettings(primary=["separation/gain"]), GoalSettings(value_weight=2.0)
    assert criteria_of([make_card("a", gain=1.0)], settings, goal) == {"separation/gain": 1.0}
    known = [make_card("a", gain=1.0, explained=0.2)]
    assert criteria_of(known, settings, goal) == {"separation/gain": 1.0, "value/explained": 2.0}
    assert criteria_of(known, settings, GoalSettings(value_weight=0)) == {"separation/gain": 1.0}

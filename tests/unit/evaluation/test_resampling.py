import numpy as np
import pytest

from segmentwerk.evaluation.resampling import LEAST_ROWS, common_rows, measured, ratio, sample


def test_small_population_is_taken_whole_with_weight_one():
    chosen = sample(np.array([0, 0, 1, 2]), 10, 5, seed=0)
    assert chosen.rows.tolist() == [0, 1, 2, 3]
    assert chosen.weights[:, 0].tolist() == [1, 1, 1, 1]
    assert chosen.weights.shape == (4, 6)


def test_small_segment_is_topped_up_and_weighted_back():
    labels = np.zeros(10_000, dtype=np.int64)
    labels[:50] = 1
    chosen = sample(labels, 500, 0, seed=0)
    small = labels[chosen.rows] == 1
    assert small.sum() >= LEAST_ROWS
    assert len(np.unique(chosen.rows)) == len(chosen.rows)
    share = chosen.weights[small, 0].sum() / chosen.weights[:, 0].sum()
    assert share == pytest.approx(50 / 10_000)


def test_candidates_share_rows_and_draws():
    labels = np.arange(3000) % 3
    one, other = sample(labels, 400, 7, seed=1), sample(np.minimum(labels, 1), 400, 7, seed=1)
    assert one.rows.tolist() == other.rows.tolist()
    assert one.rows.tolist() == common_rows(3000, 400, 1).tolist()
    assert ((one.weights > 0) == (other.weights > 0)).all()


def test_standard_error_of_a_mean_is_right():
    values = np.random.default_rng(0).standard_normal(900)
    found = measured("family", "name", sample(np.zeros(900, dtype=np.int64), 1000, 400, 0).mean(values))
    assert found.score.value == pytest.approx(values.mean())
    assert found.score.se == pytest.approx(values.std() / 30, rel=0.15)
    assert found.score.low < found.score.value < found.score.high


def test_score_without_draws_has_no_interval():
    score = measured("wall_time", "fit_seconds", np.array([1.5]), unit="s", higher_is_better=False).score
    assert score.key == "wall_time/fit_seconds"
    assert np.isnan([score.low, score.high, score.se]).all()


def test_ratio_of_nothing_is_zero():
    assert ratio(np.array([1.0, 2.0]), np.array([0.0, 4.0])).tolist() == [0.0, 0.5]

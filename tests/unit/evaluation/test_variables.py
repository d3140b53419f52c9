import numpy as np
import pandas as pd

from segmentwerk.evaluation.variables import codes, spread


def test_level_is_the_column_that_is_on_and_last_where_none_is():
    columns = pd.DataFrame({"k=a": [0.7, 0.0, 0.0], "k=b": [0.0, 0.7, 0.0]})
    assert codes(columns).tolist() == [0, 1, 2]


def test_two_valued_number_is_a_variable_of_one_level_wherever_its_values_lie():
    assert codes(pd.DataFrame({"flag": [-0.4, 2.5, -0.4]})).tolist() == [1, 0, 1]


def test_constant_column_has_no_level():
    assert codes(pd.DataFrame({"k=a": [1.0, 1.0]})).tolist() == [1, 1]


def test_counts_lose_their_gaps_and_keep_their_order():
    counts = pd.DataFrame({"n": np.repeat([0.0, 1.0, 4.0], 200)})
    moved = spread(counts, {})[:, 0]
    assert len(np.unique(moved)) == 600
    zeros, ones, fours = moved[:200], moved[200:400], moved[400:]
    assert zeros.min() >= -0.5
    assert zeros.max() <= 0.5 <= ones.min()
    assert ones.max() <= 2.5 <= fours.min()
    assert fours.max() <= 5.5


def test_continuous_numbers_hardly_move():
    values = np.random.default_rng(0).standard_normal((2000, 1))
    assert np.abs(spread(pd.DataFrame(values), {})[:, 0] - values[:, 0]).mean() < 0.01


def test_filled_values_take_the_spread_of_known_ones():
    rng = np.random.default_rng(0)
    values = rng.standard_normal(1000)
    unknown = np.arange(1000) < 600
    values[unknown] = 0.0
    moved = spread(pd.DataFrame({"a": values}), {"a": unknown})[:, 0]
    assert 0.85 < moved[unknown].std() < 1.15


def test_constant_column_stays():
    assert spread(pd.DataFrame({"a": [3.0, 3.0]}), {}).tolist() == [[3.0], [3.0]]

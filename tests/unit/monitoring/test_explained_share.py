"""The explained outcome, against a plain computation, and where it cannot be told."""

import numpy as np
import pandas as pd
import pytest

from segmentwerk.monitoring.explained_share import explained


def world(n=4000, noise=1.0):
    rng = np.random.default_rng(0)
    segments = pd.Series(rng.integers(0, 3, n), [f"a{place}" for place in range(n)])
    return segments, segments * 1.0 + noise * rng.standard_normal(n)


def test_it_is_the_share_that_segments_tell():
    segments, y = world()
    assert explained(segments, y, seed=0).value == pytest.approx((2 / 3) / (2 / 3 + 1), abs=0.03)


def test_shuffled_segments_tell_nothing():
    segments, y = world()
    shuffled = pd.Series(np.random.default_rng(1).permutation(segments), segments.index)
    found = explained(shuffled, y, seed=0)
    assert abs(found.value) < 4 * found.se + 0.005


def test_the_same_seed_gives_the_same_number():
    segments, y = world(500)
    assert explained(segments, y, seed=3) == explained(segments, y, seed=3)


def test_too_few_accounts_tell_nothing():
    segments, y = world(90)
    assert explained(segments, y, seed=0) is None
    segments, y = world(400)
    assert explained(segments, y * 0, seed=0) is None

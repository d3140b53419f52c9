import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from segmentwerk.core.errors import FitError
from segmentwerk.evaluation import stability
from segmentwerk.evaluation.stability import Refitted
from segmentwerk.evaluation.view import Case
from small_worlds import SETTINGS, Plain, blobs, refit, split


def refitted(labels, fitted_on=()):
    labels = np.array(labels)
    return Refitted(labels, int(labels.max()) + 1, np.array(fitted_on, dtype=np.int64), 0.0)


def once(n):
    return np.ones((n, 1))


def test_agreement_is_the_adjusted_rand_index():
    rng = np.random.default_rng(0)
    a, b = rng.integers(3, size=50), rng.integers(4, size=50)
    found = stability.agreement(refitted(a), refitted(b), once(50))[0]
    assert found == pytest.approx(adjusted_rand_score(a, b))


def test_weights_count_accounts_more_than_once():
    a, b = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    weights = np.array([[2.0], [1.0], [3.0], [0.0]])
    repeated = np.repeat(np.arange(4), [2, 1, 3, 0])
    found = stability.agreement(refitted(a), refitted(b), weights)[0]
    assert found == pytest.approx(adjusted_rand_score(a[repeated], b[repeated]))


def test_one_big_segment_agrees_about_nothing():
    assert stability.agreement(refitted([0, 0, 0]), refitted([0, 0, 0]), once(3))[0] == 0


def test_jaccard_by_hand():
    found = stability.jaccards(refitted([0, 0, 0, 1, 1]), refitted([0, 0, 1, 1, 1]), once(5))[:, 0]
    np.testing.assert_allclose(found, [2 / 3, 2 / 3])


def test_prediction_strength_by_hand():
    # a was fitted on accounts 0 and 1, so that it is asked about 2 … 5: b's segments there are {2, 3} and
    # {4, 5}; a keeps the first pair and splits the second. b was fitted on 4 and 5: a's segments among
    # 0 … 3 are {0, 1} and {2, 3}, which b keeps.
    a = refitted([0, 0, 1, 1, 0, 1], fitted_on=[0, 1])
    b = refitted([0, 0, 1, 1, 0, 0], fitted_on=[4, 5])
    assert stability.prediction_strength(a, b, once(6))[0] == pytest.approx((0 + 1) / 2)


def test_segment_of_one_account_has_no_strength():
    a, b = refitted([0, 0, 0, 1]), refitted([0, 0, 0, 1])
    assert stability.prediction_strength(a, b, once(4))[0] == 0


def judged(k, X, again=None):
    view = split(X)
    case = Case.of(Plain(k, 0).fit(view.train), view, SETTINGS, 0)
    found, jaccards = stability.measure(case, stability.refits(case, again or refit(k)))
    return {item.score.name: item.score for item in found}, jaccards


def test_clear_groups_come_back():
    X, _ = blobs()
    found, jaccards = judged(3, X)
    for name in ("agreement", "bootstrap_agreement", "prediction_strength", "jaccard_min"):
        assert found[name].value == pytest.approx(1)
    np.testing.assert_allclose(jaccards, 1)


def test_too_many_segments_do_not_come_back():
    X, _ = blobs()
    found, jaccards = judged(7, X)
    assert found["agreement"].value < 0.8
    assert found["jaccard_min"].value < 0.6
    assert found["jaccard_min"].value == pytest.approx(jaccards.min())
    assert found["agreement"].low <= found["agreement"].value <= found["agreement"].high


def test_halves_are_disjoint_and_cover_all_accounts():
    X, _ = blobs(90)
    view = split(X)
    case = Case.of(Plain(3, 0).fit(view.train), view, SETTINGS, 0)
    found = stability.refits(case, refit(3))
    assert len(found.halves) == SETTINGS.n_splits
    assert len(found.bootstraps) == SETTINGS.n_splits // 2
    for a, b in found.halves:
        assert sorted([*a.fitted_on, *b.fitted_on]) == list(range(90))


def test_failing_refits_count_as_no_agreement():
    def failing(X, seed):
        raise FitError("no segment is left")

    X, _ = blobs(90)
    found, jaccards = judged(3, X, failing)
    assert found["agreement"].value == found["prediction_strength"].value == 0
    assert (jaccards == 0).all()

"""Maps: configurations that are known come back, and chance is not drawn."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial import procrustes

from segmentwerk.analysis import product_map, segment_map
from segmentwerk.core.analysis_settings import MapSettings
from segmentwerk.core.errors import InputError

QUICK = MapSettings(permutations=19, starts=4)


@pytest.mark.parametrize("metric", [True, False])
def test_a_known_configuration_comes_back(metric):
    known = np.random.default_rng(1).uniform(-1, 1, (12, 2))
    distances = np.linalg.norm(known[:, None] - known[None], axis=2)
    xy, stress = product_map.scale(distances, MapSettings(metric=metric), seed=0)
    assert stress < 0.02
    assert procrustes(known, xy)[2] < 0.01


def test_jaccard_by_hand():
    """Of five customers, two buy both, three the first, four the second: 2 of 5."""
    has = np.array([[1, 1], [1, 1], [1, 0], [0, 1], [0, 1]], dtype=bool)
    assert product_map.jaccard(has) == pytest.approx(np.array([[0, 0.6], [0.6, 0]]))


def purchases(seed, together=True):
    """Two worlds of four items each; customers of one world buy mostly of it."""
    rng = np.random.default_rng(seed)
    worlds = rng.integers(0, 2, 300)
    rows = []
    for account, world in enumerate(worlds):
        for item in range(8):
            near = item // 4 == world if together else True
            if rng.random() < (0.6 if near else 0.1):
                rows.append((f"a{account}", f"item {item}"))
    segments = pd.Series(worlds + 1, index=[f"a{n}" for n in range(300)])
    return pd.DataFrame(rows, columns=["account_id", "item"]), segments


def test_what_is_bought_together_is_near_and_segments_point_to_it():
    bought, segments = purchases(1)
    found = product_map.analyse(bought, segments, QUICK, seed=0)
    assert found.drawn
    assert found.p == pytest.approx(0.05)
    assert found.stress < found.chance
    x = found.places["x"].to_numpy()
    assert len(set(np.sign(x[:4]))) == len(set(np.sign(x[4:]))) == 1
    assert np.sign(x[0]) != np.sign(x[4])
    vectors = found.vectors.set_index("segment_id")
    assert np.sign(vectors.loc[1, "x"]) == np.sign(x[0])
    assert np.sign(vectors.loc[2, "x"]) == np.sign(x[4])
    assert (vectors["r2"] > 0.8).all()


def test_purchases_without_any_order_are_not_drawn():
    drawn = [
        product_map.analyse(purchases(seed, together=False)[0], None, QUICK, seed=seed).drawn
        for seed in range(5)
    ]
    assert sum(drawn) <= 1


def test_too_few_items_are_refused():
    bought, _ = purchases(1)
    with pytest.raises(InputError, match="4 items have 5 buyers"):
        product_map.analyse(bought[bought["item"] < "item 4"], None, QUICK, seed=0)


def clouds(apart, seed=0, n=150):
    rng = np.random.default_rng(seed)
    centres = np.array([[0, 0, 0, 0], [apart, 0, 0, 0], [0, apart / 2, 0, 0]])
    groups = np.repeat([1, 2, 3], n)
    x = centres[groups - 1] + rng.standard_normal((3 * n, 4))
    index = [f"a{place:04d}" for place in range(3 * n)]
    return pd.DataFrame(x, index=index, columns=list("abcd")), pd.Series(groups, index=index)


def test_segments_that_differ_are_mapped_along_what_they_differ_in():
    found = segment_map.analyse(*clouds(4.0), seed=0)
    assert found.drawn
    assert found.hits > 0.8
    assert found.chance == pytest.approx(1 / 3)
    assert found.wilks < 0.3
    assert found.shares.sum() == pytest.approx(1)
    assert found.shares[0] > found.shares[1]
    assert found.structure[1].abs().idxmax() == "a"
    assert found.structure[2].abs().idxmax() == "b"
    assert list(found.centres["accounts"]) == [150, 150, 150]
    assert np.average(found.centres["hits"], weights=found.centres["accounts"]) == pytest.approx(found.hits)


def test_wilks_lambda_is_the_ratio_of_determinants():
    """Within over total scatter, of the scores that the map is made of."""
    features, segments = clouds(1.5)
    found = segment_map.analyse(features, segments, seed=0)
    x = segment_map.normal_scores(features).to_numpy()
    centred = x - x.mean(axis=0)
    inside = segment_map.within(x, segments.to_numpy())
    expected = np.linalg.det(inside.T @ inside) / np.linalg.det(centred.T @ centred)
    assert found.wilks == pytest.approx(expected, rel=0.02)  # the axes are found with shrinkage


def test_segments_that_say_nothing_are_not_drawn():
    assert sum(segment_map.analyse(*clouds(0.0, seed, 60), seed=seed).drawn for seed in range(5)) <= 1


def test_a_segment_of_few_is_left_out():
    features, segments = clouds(3.0)
    segments.iloc[:4] = 9
    found = segment_map.analyse(features, segments, seed=0)
    assert found.left_out == (9,)
    assert list(found.centres.index) == [1, 2, 3]
    with pytest.raises(InputError, match="1 segments with 10 accounts"):
        segment_map.analyse(features, pd.Series(1, index=features.index), seed=0)

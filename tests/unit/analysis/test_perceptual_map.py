"""The perceptual map: a planted plane comes back, chance is not drawn, and what is no rating is refused."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial import procrustes

from segmentwerk.analysis import perceptual_map
from segmentwerk.core.analysis_settings import RatingSettings
from segmentwerk.core.errors import InputError
from segmentwerk.insight.language import Language
from segmentwerk.reporting.perceptual_map_told import PerceptualMapTold

QUICK = RatingSettings(permutations=19)
OBJECTS, ATTRIBUTES = "ABCDE", ["cheap", "near", "fast", "safe"]
PLANE = np.array([[1.5, 0.0], [-1.5, 0.2], [0.0, 1.0], [0.3, -1.0], [-0.3, -0.2]])
LOADS = np.array([[1.0, -0.8, 0.1, 0.0], [0.1, 0.2, 1.0, -0.7]])


def answers(seed, apart=1.0, n=80):
    """Ratings of people of whom each one rates everything higher or lower than others do."""
    rng = np.random.default_rng(seed)
    person = rng.normal(scale=1.0, size=(n, 1, 1))
    rated = 4 + apart * (PLANE @ LOADS) + person + rng.normal(scale=0.5, size=(n, 5, 4))
    names = [f"{one}: {attribute}" for one in OBJECTS for attribute in ATTRIBUTES]
    return pd.DataFrame(rated.reshape(n, -1), columns=names, index=[f"p{i:03d}" for i in range(n)])


def test_a_planted_plane_comes_back():
    found = perceptual_map.analyse(perceptual_map.ratings(answers(1), ":"), QUICK, seed=0)
    assert found.drawn
    assert found.p == pytest.approx(0.05)
    truth = (PLANE - PLANE.mean(axis=0)) @ np.linalg.cholesky(LOADS @ LOADS.T)
    assert procrustes(truth, found.places[["x", "y"]])[2] < 0.01
    assert found.told > 0.98
    assert found.shares.sum() == pytest.approx(found.told)
    assert list(found.places["raters"]) == [80] * 5
    cosine = (found.arrows.loc["cheap", ["x", "y"]] * found.arrows.loc["near", ["x", "y"]]).sum()
    assert cosine < -0.8


def test_means_and_what_is_shown_by_hand():
    rated = perceptual_map.ratings(answers(1), ":")
    found = perceptual_map.analyse(rated, QUICK, seed=0)
    means = rated.groupby(level="object").mean()
    assert found.means.to_numpy() == pytest.approx(means[found.means.columns].to_numpy())
    values = np.linalg.svd(found.means - found.means.mean(), compute_uv=False) ** 2
    assert found.told == pytest.approx(values[:2].sum() / values.sum())


def test_ratings_that_say_nothing_of_the_objects_are_hardly_ever_drawn():
    drawn = [
        perceptual_map.analyse(perceptual_map.ratings(answers(seed, 0.0), ":"), QUICK, seed).drawn
        for seed in range(20)
    ]
    assert sum(drawn) <= 4


def test_each_keeps_the_objects_that_were_rated():
    code, person = np.array([0, 1, 2, 0, 2]), np.array([0, 0, 0, 1, 1])
    found = perceptual_map.dealt(code, person, np.random.default_rng(1))
    assert sorted(found[:3]) == [0, 1, 2]
    assert sorted(found[3:]) == [0, 2]


def test_what_few_rated_is_left_out():
    rows = answers(1)
    rows.loc[rows.index[20:], [name for name in rows if name.startswith("E")]] = np.nan
    rows.loc[rows.index[20:], "A: safe"] = np.nan
    found = perceptual_map.analyse(perceptual_map.ratings(rows, ":"), QUICK, seed=0)
    assert found.left_out == ("E", "safe")
    assert found.means.shape == (4, 3)


def test_what_is_no_rating_is_refused():
    with pytest.raises(InputError, match="ratings of 0 objects on 0 attributes"):
        perceptual_map.ratings(answers(1).rename(columns=lambda name: name.replace(":", "")), ":")
    with pytest.raises(InputError, match="objects were rated by 30 people"):
        perceptual_map.analyse(perceptual_map.ratings(answers(1, n=29), ":"), QUICK, seed=0)


@pytest.mark.parametrize("code", ["en", "de"])
def test_it_is_told_with_what_it_hides(code):
    found = perceptual_map.analyse(perceptual_map.ratings(answers(1), ":"), QUICK, seed=0)
    page = PerceptualMapTold(found, Language(code)).told("s", "note")
    assert ("hides" if code == "en" else "verbirgt") in page.headlines[0]
    assert page.parts[0].figure.marks.names == list(OBJECTS)
    assert [name for name, _, _ in page.parts[0].figure.marks.arrows] == ATTRIBUTES

"""Survey factors on answers whose factors are known."""

from datetime import date

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from segmentwerk.core.settings import FeatureSettings
from segmentwerk.core.types import Window
from segmentwerk.features import survey
from segmentwerk.features.declare import CannotLearnError
from segmentwerk.features.table import build

LOADINGS = np.array([[0.8, 0.7, -0.8, 0.75, 0, 0, 0, 0], [0, 0, 0, 0, 0.8, -0.7, 0.75, 0.8]])
ITEMS = [f"q{number}" for number in range(1, 9)]


@pytest.fixture(scope="module")
def tastes():
    return np.random.default_rng(5).standard_normal((800, 2))


@pytest.fixture(scope="module")
def answers(tastes):
    """Answers on 1 to 7; q3 and q6 are worded the other way round; one in five is left open."""
    rng = np.random.default_rng(6)
    unique = np.sqrt(1 - np.square(LOADINGS).sum(axis=0))
    latent = tastes @ LOADINGS + unique * rng.standard_normal((800, 8))
    score = pd.DataFrame(np.clip(np.round(4 + 1.3 * latent), 1, 7), columns=ITEMS)
    score = score.mask(rng.random(score.shape) < 0.2)
    return score.set_index(pd.Index([f"{n:04d}" for n in range(800)], name="account_id"))


def tables(answers):
    long = answers.melt(ignore_index=False, var_name="item", value_name="score").dropna().reset_index()
    long = long.assign(scale_min=1.0, scale_max=7.0)
    accounts = pd.DataFrame({"account_id": [*answers.index, "silent"]})
    frames = {"accounts": accounts, "surveys": long}
    return {name: ibis.memtable(pa.Table.from_pandas(f, preserve_index=False)) for name, f in frames.items()}


def make(answers, learned=None):
    window = Window(date(2024, 1, 1))
    return build(tables(answers), window, FeatureSettings(), source="s", digest="0", learned=learned)


@pytest.fixture(scope="module")
def table(answers):
    return make(answers)


def test_factors_and_their_number_are_recovered(table, tastes):
    assert table.names() == ["survey_factor_1", "survey_factor_2"]
    found = table.features.iloc[:800].to_numpy()
    answered = ~np.isnan(found[:, 0])
    correlation = np.corrcoef(found[answered].T, tastes[answered].T)[:2, 2:]
    # Each factor is one taste, in the direction of most of its items; the best possible is about 0.93.
    assert sorted(correlation.max(axis=1)) == pytest.approx([0.9, 0.9], abs=0.04)
    assert sorted(correlation.argmax(axis=1)) == [0, 1]


def test_reversed_items_load_negatively(table):
    loadings = pd.DataFrame(table.definitions["survey"]["loadings"], columns=ITEMS)
    strongest = loadings.abs().idxmax()
    signs = {item: np.sign(loadings.loc[strongest[item], item]) for item in ITEMS}
    assert [item for item, sign in signs.items() if sign < 0] == ["q3", "q6"]
    assert any("-q3" in feature.description for feature in table.catalogue)


def test_an_account_that_answered_little_is_unknown(table, answers):
    assert table.features.loc["silent"].isna().all()
    few = answers.index[answers.notna().mean(axis=1) < survey.ANSWERED]
    assert table.features.loc[few].isna().all(axis=None)


def test_kept_definitions_score_the_same_account_alike(table, answers):
    alone = make(answers.iloc[[3, 5]], learned=table.definitions)
    pd.testing.assert_frame_equal(alone.features.iloc[:2], table.features.iloc[[3, 5]], rtol=1e-12)


def test_gaps_do_not_bias_the_score(answers):
    """Regression scores by hand: the posterior mean of one factor given two items."""
    loadings, unique = np.array([[0.8, 0.6]]), np.array([0.36, 0.64])
    x = np.array([[1.0, 2.0], [1.0, np.nan], [np.nan, np.nan]])
    precision = 1 + 0.64 / 0.36 + 0.36 / 0.64
    both = (0.8 / 0.36 + 2 * 0.6 / 0.64) / precision
    one = (0.8 / 0.36) / (1 + 0.64 / 0.36)
    assert survey.scores(x, loadings, unique).ravel() == pytest.approx([both, one, 0.0])


def test_noise_has_no_factors():
    x = np.random.default_rng(1).standard_normal((400, 10))
    with pytest.raises(CannotLearnError, match="nothing in common"):
        survey.n_factors(x)


def test_too_few_respondents_leave_the_feature_out(answers, caplog):
    with caplog.at_level("INFO"):
        table = make(answers.iloc[:60])
    assert table.names() == []
    assert "Without survey: " in caplog.text

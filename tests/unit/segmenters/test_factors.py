import numpy as np
import onnxruntime
import pandas as pd
import pytest

from segmentwerk.segmenters._factors import EXPLAINED_VARIANCE, Factors, _varimax
from segmentwerk.segmenters.preprocess import ReferenceSpace


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Two latent traits, each seen through three features, recency beside them, and an industry."""
    rng = np.random.default_rng(0)
    size, habit = rng.normal(size=(2, 300))
    noise = 0.3 * rng.normal(size=(6, 300))
    frame = pd.DataFrame({f"size_{i}": size + noise[i] for i in range(3)})
    frame = frame.assign(**{f"habit_{i}": habit + noise[3 + i] for i in range(3)})
    frame["recency_days"] = rng.normal(size=300)
    frame["industry"] = np.where(rng.random(300) < 0.5, "food", "steel")
    return frame


@pytest.fixture(scope="module")
def space(table: pd.DataFrame) -> ReferenceSpace:
    numeric = [name for name in table if name != "industry"]
    return ReferenceSpace(numeric, ["industry"], joined=True, apart=["recency_days"]).fit(table)


def test_correlated_features_share_a_factor_that_is_named_by_them(space: ReferenceSpace) -> None:
    assert space.columns_[0] == "recency_days"
    assert {frozenset(members) for members in space.factors_.members.values()} == {
        frozenset({"size_0", "size_1", "size_2"}),
        frozenset({"habit_0", "habit_1", "habit_2"}),
    }
    for name, members in space.factors_.members.items():
        assert set(name.split("+")) <= set(members)
    assert space.factors_.explained_variance_ratio >= EXPLAINED_VARIANCE
    assert len(space.columns_) == 3


def test_features_that_no_factor_tells_of_are_named(space: ReferenceSpace) -> None:
    assert space.factors_.faint == ("industry",)


def test_what_stays_apart_is_as_it_was(space: ReferenceSpace, table: pd.DataFrame) -> None:
    plain = ReferenceSpace(space.numeric, space.categorical).fit(table)
    pd.testing.assert_series_equal(
        space.transform(table)["recency_days"], plain.transform(table)["recency_days"]
    )


def test_factors_are_uncorrelated_with_the_noise_left_out_and_turn_no_distance(
    space: ReferenceSpace, table: pd.DataFrame
) -> None:
    x = ReferenceSpace(space.numeric, space.categorical).fit(table).transform(table)
    joined = x.drop(columns="recency_days").to_numpy()
    found = space.transform(table).drop(columns="recency_days").to_numpy()
    told = found.var(axis=0).sum() / joined.var(axis=0).sum()
    assert told == pytest.approx(space.factors_.explained_variance_ratio)
    near = joined - joined.mean(axis=0)
    left, spread, right = np.linalg.svd(near, full_matrices=False)
    size = found.shape[1]
    projected = left[:, :size] * spread[:size] @ right[:size]
    for a, b in ((0, 1), (5, 17), (200, 3)):
        assert np.linalg.norm(found[a] - found[b]) == pytest.approx(
            np.linalg.norm(projected[a] - projected[b])
        )


def test_onnx_agrees(space: ReferenceSpace, table: pd.DataFrame) -> None:
    rows = table.assign(industry=["food", "steel", None] * 100)
    rows.loc[::7, "size_1"] = np.nan
    words, codes = np.unique(rows["industry"].fillna("").astype(str), return_inverse=True)
    feed = {
        "numeric": rows[list(space.numeric)].to_numpy(np.float64),
        "words": words.astype(object),
        "codes": codes.reshape(-1, 1).astype(np.int64),
    }
    session = onnxruntime.InferenceSession(space.to_onnx().SerializeToString())
    np.testing.assert_allclose(session.run(["x"], feed)[0], space.transform(rows), atol=1e-9)


def test_the_same_table_gives_the_same_factors(space: ReferenceSpace, table: pd.DataFrame) -> None:
    again = ReferenceSpace(**space.get_params()).fit(table.sample(frac=1, random_state=1))
    assert again.columns_ == space.columns_
    np.testing.assert_allclose(again.transform(table), space.transform(table), atol=1e-6)


def test_nothing_is_joined_where_all_features_stay_apart(table: pd.DataFrame) -> None:
    space = ReferenceSpace(["recency_days"], joined=True, apart=["recency_days"]).fit(table)
    assert space.factors_ is None
    assert space.columns_ == ["recency_days"]


def test_varimax_finds_a_simple_structure() -> None:
    simple = np.array([[0.9, 0.0], [0.8, 0.0], [0.0, 0.7], [0.0, 0.6]])
    angle = 0.6
    turned = simple @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    found = np.abs(turned @ _varimax(turned))
    order = np.argsort(-found[0])
    np.testing.assert_allclose(found[:, order], simple, atol=1e-4)


def test_no_two_factors_have_one_name() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(60, 8)), columns=[f"kind={level}" for level in range(8)])
    found = Factors.fit(X, {"kind": list(X.columns)}, ())
    assert len(set(found.names)) == len(found.names)

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import PowerTransformer

from raw_feed import feed
from segmentwerk.core.errors import ConfigError, InputError
from segmentwerk.segmenters._encoders import LevelEncoder, NumberEncoder, yeo_johnson
from segmentwerk.segmenters.preprocess import ReferenceSpace

NUMERIC = ["employees", "revenue", "orders", "flag", "founded_year", "margin", "constant", "never"]
CATEGORICAL = ["industry", "country", "same"]
APPROACHES = {
    "employees": "firm",
    "founded_year": "firm",
    "industry": "firm",
    "country": "geo",
    "margin": "value",
}


def table(n_rows: int = 3000, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    industries = rng.choice(
        ["Machinery", "Retail", "Food", "Rare A", "Rare B"], n_rows, p=[0.45, 0.33, 0.2, 0.01, 0.01]
    )
    return pd.DataFrame(
        {
            "employees": np.where(rng.random(n_rows) < 0.3, np.nan, np.exp(rng.normal(4, 2, n_rows))),
            "revenue": np.exp(rng.normal(13, 2, n_rows)),
            "orders": rng.poisson(0.4, n_rows).astype(float),
            "flag": (rng.random(n_rows) < 0.3).astype(float),
            "founded_year": 2000 - rng.exponential(20, n_rows).round(),
            "margin": rng.standard_t(2, n_rows) * 1e4,
            "constant": 1.0,
            "never": np.nan,
            "industry": np.where(rng.random(n_rows) < 0.1, None, industries.astype(object)),
            "country": rng.choice(["DE", "FR"], n_rows, p=[0.97, 0.03]).astype(object),
            "same": "x",
        },
        index=[f"A{i:04d}" for i in range(n_rows)],
    )


TABLE = table()


@pytest.fixture(scope="module")
def space() -> ReferenceSpace:
    return ReferenceSpace(NUMERIC, CATEGORICAL, APPROACHES, rare_share=0.02).fit(TABLE)


@pytest.fixture(scope="module")
def x(space: ReferenceSpace) -> pd.DataFrame:
    return space.transform(TABLE)


def test_columns_have_readable_names(space: ReferenceSpace, x: pd.DataFrame) -> None:
    assert list(x.columns) == [
        *("employees", "revenue", "orders", "flag", "founded_year", "margin", "employees_missing"),
        *("industry=Machinery", "industry=Retail", "industry=Food", "industry=missing", "industry=other"),
        *("country=DE", "country=FR"),
    ]
    assert x.index.equals(TABLE.index)
    assert (x.dtypes == np.float64).all()
    assert space.notes_ == (
        "Left out constant: it is constant or never known.",
        "Left out never: it is constant or never known.",
        "Left out same: no two levels are frequent enough.",
    )


def test_discrete_variables_are_listed(space: ReferenceSpace, x: pd.DataFrame) -> None:
    assert space.discrete_ == {
        "flag": ["flag"],
        "employees_missing": ["employees_missing"],
        "industry": [column for column in x if column.startswith("industry=")],
        "country": ["country=DE", "country=FR"],
    }
    for columns in space.discrete_.values():
        assert all(x[column].nunique() == 2 for column in columns)


def test_skewed_numbers_become_nearly_normal(x: pd.DataFrame) -> None:
    for name in ("revenue", "margin"):
        z = (x[name] / x[name].std()).to_numpy()
        assert abs(np.median(z)) < 0.05
        np.testing.assert_allclose(np.quantile(z, [0.16, 0.84]), [-1, 1], atol=0.25)


def test_yeo_johnson_is_that_of_scikit_learn() -> None:
    values = np.random.default_rng(0).normal(1, 3, (200, 1))
    for exponent in (-1.5, 0.0, 0.7, 1.0, 2.0, 3.0):
        peer = PowerTransformer(standardize=False).fit(values)
        peer.lambdas_ = np.array([exponent])
        np.testing.assert_allclose(
            yeo_johnson(values, np.array([exponent])), peer.transform(values), rtol=1e-12
        )


def test_the_exponent_is_the_likeliest() -> None:
    values = np.exp(np.random.default_rng(0).normal(0, 1, (5000, 1)))
    numbers = NumberEncoder.fit(values, clip=3.0)
    peer = PowerTransformer(standardize=False).fit(values / numbers.unit)
    assert numbers.exponent[0] == pytest.approx(peer.lambdas_[0], abs=0.1)


def test_every_variable_counts_once_however_many_columns_it_has() -> None:
    rng = np.random.default_rng(0)
    levels = {f"c{n}": rng.integers(0, n, 4000).astype(str).astype(object) for n in (2, 5, 20)}
    frame = pd.DataFrame({"a": rng.normal(size=4000), "b": rng.exponential(size=4000), **levels})
    space = ReferenceSpace(["a", "b"], list(levels)).fit(frame)
    variance = space.transform(frame).var()
    for name in frame:
        own = variance[[c for c in variance.index if c == name or c.startswith(f"{name}=")]].sum()
        assert own == pytest.approx(1.0, abs=0.15)


def test_approaches_weigh_the_same_however_many_features_they_have() -> None:
    rng = np.random.default_rng(0)
    web = {f"web{i}": rng.normal(size=2000) for i in range(40)}
    frame = pd.DataFrame({**web, "size": rng.normal(size=2000), "age": rng.normal(size=2000)})
    approaches = {name: "engagement" if name.startswith("web") else "firm" for name in frame}
    for weight, ratio in ((1.0, 1.0), (2.0, 4.0)):
        space = ReferenceSpace(list(frame), [], approaches, {"firm": weight}).fit(frame)
        variance = space.transform(frame).var()
        assert variance[["size", "age"]].sum() / variance[list(web)].sum() == pytest.approx(ratio, rel=0.1)
        assert variance.sum() == pytest.approx(42, rel=0.05)
    left_out = ReferenceSpace(list(frame), [], approaches, {"engagement": 0.0}).fit(frame)
    assert left_out.columns_ == ["size", "age"]


def test_no_value_is_further_than_the_clip(space: ReferenceSpace) -> None:
    wild = TABLE.iloc[:50].assign(revenue=1e308, margin=-1e308, orders=1e300)
    x = space.transform(wild)
    assert np.isfinite(x.to_numpy()).all()
    assert (x.abs() <= space.clip * space.multipliers_ + 1e-12).all(axis=None)


def test_what_was_never_seen_counts_as_other_or_as_nothing(space: ReferenceSpace) -> None:
    new = TABLE.iloc[:1].assign(industry="Mining", country="PL", employees=np.nan)
    x = space.transform(new).iloc[0]
    assert x["industry=other"] > 0
    assert (x[["country=DE", "country=FR"]] == 0).all()
    assert x["employees_missing"] > 0


def test_onnx_agrees(space: ReferenceSpace) -> None:
    fresh = table(500, seed=1).assign(country=["PL", "DE", None, "FR", ""] * 100)
    session = onnxruntime.InferenceSession(space.to_onnx().SerializeToString())
    found = session.run(["x"], feed(fresh, NUMERIC, CATEGORICAL))[0]
    np.testing.assert_allclose(found, space.transform(fresh), atol=1e-9)


@pytest.mark.parametrize(
    ("numeric", "categorical"), [(["revenue"], []), ([], ["industry"]), (["never", "revenue"], ["same"])]
)
def test_onnx_has_no_input_for_features_that_are_not_there(
    numeric: list[str], categorical: list[str]
) -> None:
    space = ReferenceSpace(numeric, categorical).fit(TABLE)
    session = onnxruntime.InferenceSession(space.to_onnx().SerializeToString())
    given = feed(TABLE, numeric, categorical)
    assert {node.name for node in session.get_inputs()} == set(given)
    np.testing.assert_allclose(session.run(["x"], given)[0], space.transform(TABLE), atol=1e-9)


def test_neither_units_nor_row_order_matter(x: pd.DataFrame) -> None:
    thousands = TABLE.assign(revenue=TABLE["revenue"] / 1e3, margin=TABLE["margin"] * 100).sample(
        frac=1, random_state=0
    )
    again = ReferenceSpace(NUMERIC, CATEGORICAL, APPROACHES, rare_share=0.02).fit(thousands)
    pd.testing.assert_frame_equal(again.transform(thousands).loc[x.index], x)


def test_the_input_is_not_changed_and_clone_starts_afresh(space: ReferenceSpace) -> None:
    frame = TABLE.copy()
    clone(space).fit(frame).transform(frame)
    pd.testing.assert_frame_equal(frame, TABLE)
    with pytest.raises(NotFittedError):
        clone(space).transform(frame)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"revenue": np.inf}, "'revenue' is infinite in row 0"),
        ({"revenue": "many"}, "'revenue' holds something else than numbers"),
    ],
)
def test_bad_columns_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ReferenceSpace(NUMERIC, CATEGORICAL).fit(TABLE.assign(**change))


def test_absent_features_and_wrong_weights_are_named() -> None:
    with pytest.raises(InputError, match=r"'revenue' is absent"):
        ReferenceSpace(["revenue"]).fit(TABLE.rename(columns={"revenue": "revenu"}))
    with pytest.raises(InputError, match="DataFrame"):
        ReferenceSpace(["revenue"]).fit(TABLE[["revenue"]].to_numpy())
    with pytest.raises(ConfigError, match="'geo'"):
        ReferenceSpace(NUMERIC, CATEGORICAL, APPROACHES, {"geo": -1.0}).fit(TABLE)
    with pytest.raises(InputError, match="No feature varies"):
        ReferenceSpace(["constant", "never"], ["same"]).fit(TABLE)


def test_levels_by_hand() -> None:
    values = pd.Series(["a"] * 50 + ["b"] * 30 + [None] * 10 + ["c"] * 6 + ["d"] * 4)
    levels = LevelEncoder.fit("v", values, rare_share=0.08, clip=3.0)
    assert levels.names == ("a", "b", "missing", "other")
    assert levels.scale == pytest.approx(1 / np.sqrt(1 - 0.25 - 0.09 - 0.01 - 0.01))
    expected = np.zeros((3, 4))
    expected[[0, 1, 2], [1, 2, 3]] = levels.scale
    np.testing.assert_array_equal(levels.apply(pd.Series(["b", None, "unheard"])), expected)
    rare = LevelEncoder.fit("v", pd.Series(["a"] * 999 + ["b"]), rare_share=0.0, clip=3.0)
    assert rare.scale == pytest.approx(3 / np.sqrt(2))
    everything_rare = LevelEncoder.fit(
        "v", pd.Series([str(i) for i in range(500)]), rare_share=0.02, clip=3.0
    )
    assert everything_rare.names == ("other",)


def test_a_mostly_zero_feature_keeps_its_few_values_apart() -> None:
    values = np.zeros((1000, 1))
    values[:50, 0] = np.arange(1, 51)
    z = NumberEncoder.fit(values, clip=3.0).apply(values)[:50, 0]
    assert (np.diff(z[:40]) > 0).all()
    assert z.max() <= 3.0

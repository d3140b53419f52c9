"""What must hold for segmenters and the reference space whatever the data."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import adjusted_rand_score

from segmentwerk.segmenters.base import Segmenter, SegmenterError
from segmentwerk.segmenters.gaussian_mixture import GaussianMixtureSegmenter
from segmentwerk.segmenters.kmeans import KMeansSegmenter
from segmentwerk.segmenters.preprocess import ReferenceSpace
from segmentwerk.segmenters.rfm_grid import RFMGridSegmenter
from small_worlds import refused

Make = Callable[[], Segmenter]
MAKERS = [
    pytest.param(lambda: KMeansSegmenter(3), id="kmeans"),
    pytest.param(lambda: GaussianMixtureSegmenter(3), id="gaussian_mixture"),
    pytest.param(lambda: GaussianMixtureSegmenter(3, covariance_type="diag"), id="diagonal_mixture"),
    pytest.param(RFMGridSegmenter, id="rfm_grid"),
]
few = settings(max_examples=12, deadline=None, derandomize=True)
anything = st.floats(allow_nan=False, allow_infinity=False, width=64)
numbers = st.one_of(anything, st.sampled_from([0.0, 1.0, -1.0, 1e300, -1e300, 1e-300]))
LARGEST = 1e100
"""Beyond it squares would overflow."""


def tables(elements: st.SearchStrategy[float]) -> st.SearchStrategy[np.ndarray]:
    return arrays(np.float64, st.tuples(st.integers(2, 40), st.just(3)), elements=elements)


def groups(seed: int, n_rows: int = 150) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centers = 15 * np.array([[0, 0, 0], [1, 1, 0], [-1, 1, 1.0]])
    return centers[rng.choice(3, n_rows, p=[0.5, 0.3, 0.2])] + rng.normal(size=(n_rows, 3))


def refusal(model: Segmenter, data: np.ndarray) -> str:
    """Return what an error must say of rows that cannot be segmented; empty where they can be read."""
    if np.abs(data).max() >= LARGEST:
        return "holds NaN, infinity or a value beyond"
    distinct = len(np.unique(data, axis=0))
    if distinct == 1:
        return "rows are alike"
    asked = getattr(model, "n_segments", 1)
    return f"{distinct} of them distinct, make no {asked} segments" if distinct < asked else ""


NONE_LEFT = "(segments hold no row|only one is above min_segment_share)"
"""What a fit may say of rows that can be read, but of which too few lie apart."""


@few
@pytest.mark.filterwarnings("ignore:Number of distinct clusters")  # scikit-learn's words for the same refusal
@pytest.mark.parametrize("make", MAKERS)
@given(data=st.one_of(tables(numbers), tables(st.floats(-1e6, 1e6)), tables(st.integers(-3, 3).map(float))))
def test_any_table_gives_a_sound_result_or_the_error_that_it_deserves(make: Make, data: np.ndarray) -> None:
    model = make()
    expected = refusal(model, data)
    if expected:
        with pytest.raises(SegmenterError, match=expected):
            model.fit(data)
        return
    said = refused(model, data)
    if said:
        assert re.search(NONE_LEFT, said), said
        return
    proba = model.predict_proba(data)
    assert np.isfinite(proba).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert np.isfinite(model.score_samples(data)).all()
    np.testing.assert_array_equal(proba.argmax(axis=1), model.labels_)
    counts = np.bincount(model.labels_, minlength=model.n_segments_)
    assert counts.min() >= 1
    assert (np.diff(counts) <= 0).all()


@few
@pytest.mark.parametrize("make", MAKERS)
@given(seed=st.integers(0, 10**6))
def test_the_order_of_rows_does_not_matter(make: Make, seed: int) -> None:
    data = groups(seed)
    order = np.random.default_rng(seed).permutation(len(data))
    np.testing.assert_array_equal(make().fit(data[order]).labels_, make().fit(data).labels_[order])


@few
@pytest.mark.parametrize("make", MAKERS)
@given(
    seed=st.integers(0, 10**6),
    factor=st.sampled_from([1e-6, 0.1, 7.0, 1e5]),
    shift=st.sampled_from([0.0, -30.0, 1e4]),
)
def test_scale_and_origin_do_not_matter(make: Make, seed: int, factor: float, shift: float) -> None:
    data = groups(seed)
    np.testing.assert_array_equal(make().fit((data + shift) * factor).labels_, make().fit(data).labels_)


@few
@given(seed=st.integers(0, 10**6), angle=st.floats(0, 6.28))
def test_a_turned_space_gives_the_same_segments(seed: int, angle: float) -> None:
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    data = groups(seed)
    for make in (lambda: KMeansSegmenter(3), lambda: GaussianMixtureSegmenter(3)):
        assert adjusted_rand_score(make().fit(data @ turn).labels_, make().fit(data).labels_) > 0.99


features = st.lists(
    st.tuples(
        st.one_of(numbers, st.just(np.nan)),
        st.one_of(st.integers(-5, 5).map(float), st.just(np.nan)),
        st.sampled_from(["a", "b", "", None, "Ä ö", "other", "missing"]),
    ),
    min_size=3,
    max_size=60,
)


def two_are_known(values: pd.Series) -> bool:
    return values.dropna().nunique() > 1


def is_known_of_some(values: pd.Series) -> bool:
    """Tell a feature that is known of some rows and unknown of others, which may tell them apart, too."""
    return 0 < (values.isna() | (values == "")).sum() < len(values)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(rows=features)
def test_the_reference_space_is_finite_and_bounded(rows: list[tuple[float, float, str | None]]) -> None:
    frame = pd.DataFrame(rows, columns=["amount", "count", "kind"]).astype({"kind": object})
    space = ReferenceSpace(["amount", "count"], ["kind"])
    said = refused(space, frame)
    if said:
        assert "No feature varies" in said
        assert not any(two_are_known(frame[name]) for name in frame)
        return
    assert any(two_are_known(frame[name]) or is_known_of_some(frame[name]) for name in frame)
    x = space.transform(frame)
    assert np.isfinite(x.to_numpy()).all()
    assert (x.abs() <= space.clip * space.multipliers_ * (1 + 1e-9)).all(axis=None)


@few
@given(seed=st.integers(0, 10**6), factor=st.sampled_from([1e-3, 12.0, 1e6]))
def test_the_reference_space_knows_no_units(seed: int, factor: float) -> None:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": rng.lognormal(3, 2, 200), "b": rng.poisson(0.5, 200) * 1.0})
    x = ReferenceSpace(["a", "b"]).fit_transform(frame)
    pd.testing.assert_frame_equal(ReferenceSpace(["a", "b"]).fit_transform(frame * factor), x)

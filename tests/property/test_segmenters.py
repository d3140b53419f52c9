"""What must hold for segmenters and the reference space whatever the data."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import adjusted_rand_score

from segmentwerk.core.errors import SegmentwerkError
from segmentwerk.segmenters.base import Segmenter
from segmentwerk.segmenters.gaussian_mixture import GaussianMixtureSegmenter
from segmentwerk.segmenters.kmeans import KMeansSegmenter
from segmentwerk.segmenters.preprocess import ReferenceSpace
from segmentwerk.segmenters.rfm_grid import RFMGridSegmenter

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


def groups(seed: int, n_rows: int = 150) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centers = 15 * np.array([[0, 0, 0], [1, 1, 0], [-1, 1, 1.0]])
    return centers[rng.choice(3, n_rows, p=[0.5, 0.3, 0.2])] + rng.normal(size=(n_rows, 3))


@few
@pytest.mark.parametrize("make", MAKERS)
@given(data=arrays(np.float64, st.tuples(st.integers(2, 40), st.just(3)), elements=numbers))
def test_any_table_gives_a_sound_result_or_a_clear_error(make: Make, data: np.ndarray) -> None:
    with contextlib.suppress(SegmentwerkError):
        model = make().fit(data)
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


@settings(max_examples=60, deadline=None, derandomize=True)
@given(rows=features)
def test_the_reference_space_is_finite_and_bounded(rows: list[tuple[float, float, str | None]]) -> None:
    frame = pd.DataFrame(rows, columns=["amount", "count", "kind"]).astype({"kind": object})
    space = ReferenceSpace(["amount", "count"], ["kind"])
    with contextlib.suppress(SegmentwerkError):
        x = space.fit(frame).transform(frame)
        assert np.isfinite(x.to_numpy()).all()
        assert (x.abs() <= space.clip * space.multipliers_ * (1 + 1e-9)).all(axis=None)


@few
@given(seed=st.integers(0, 10**6), factor=st.sampled_from([1e-3, 12.0, 1e6]))
def test_the_reference_space_knows_no_units(seed: int, factor: float) -> None:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": rng.lognormal(3, 2, 200), "b": rng.poisson(0.5, 200) * 1.0})
    x = ReferenceSpace(["a", "b"]).fit_transform(frame)
    pd.testing.assert_frame_equal(ReferenceSpace(["a", "b"]).fit_transform(frame * factor), x)

"""Columns, neighbours and diagnostics behind the autoencoder, on cases made by hand."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import sklearn.utils.parallel
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.neighbors import NearestNeighbors

from segmentwerk.segmenters import _diagnostics, _neighbors
from segmentwerk.segmenters._embedder import Embedder, FoldedMLP
from segmentwerk.segmenters._neighbors import modularity, neighbor_graph
from segmentwerk.segmenters._variables import Variables
from segmentwerk.segmenters.onnx_graph import DOUBLE, Graph

NAMES = ["age", "age_missing", "kind=a", "kind=b", "size", "size_missing"]
ROWS = np.array(
    [
        [1.0, 0.0, 0.5, 0.0, 3.0, 0.0],
        [2.0, 0.0, 0.0, 0.5, 4.0, 0.0],
        [1.4, 2.0, 0.0, 0.0, 5.0, 0.0],
        [1.6, 2.0, 0.5, 0.0, 6.0, 0.0],
    ]
)


def test_columns_are_understood_by_name_and_content() -> None:
    variables = Variables.read(NAMES, ROWS)
    assert variables.group.tolist() == [-1, -1, 0, 0, -1, -1]
    assert variables.flag.tolist() == [
        1,
        -1,
        -1,
        -1,
        -1,
        -1,
    ]  # size is never missing, so its flag says nothing
    assert variables.numeric.tolist() == [True, True, False, False, True, True]
    assert variables.owner.tolist() == [0, 0, 1, 1, 2, 3]
    np.testing.assert_allclose(variables.hidden, [1.5, 2.0, 0.0, 0.0, np.nan, np.nan])
    known = variables.present(ROWS)
    assert known[:, 0].tolist() == [1, 1, 0, 0]
    assert (known[:, 1:] == 1).all()


@pytest.mark.parametrize(
    "columns",
    [
        np.array([[0.0, 1.0], [0.5, 0.0], [1.0, 0.0]]),  # three values
        np.array([[1.0, 1.0], [0.0, 1.0], [1.0, 0.0]]),  # two levels at once
        np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]),  # never another level
    ],
)
def test_columns_that_are_no_levels_stay_numbers(columns: np.ndarray) -> None:
    assert Variables.read(["kind=a", "kind=b"], columns).levels == []


def test_two_categories_are_told_apart() -> None:
    rows = np.eye(4)[[0, 1, 2, 3, 0]]
    rows[:, 2:] = rows[:, 2:][::-1]
    levels = Variables.read(["x=a", "y=a", "x=b", "y=b"], rows[:, [0, 2, 1, 3]]).levels
    assert [columns.tolist() for columns in levels] == [[0, 2], [1, 3]]


def brute_force(rows: np.ndarray, n_neighbors: int) -> list[set[int]]:
    distances = ((rows[:, None] - rows[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distances, np.inf)
    return [set(order[:n_neighbors].tolist()) for order in np.argsort(distances, axis=1)]


def test_neighbours_are_the_nearest_other_rows() -> None:
    rows = np.random.default_rng(0).normal(size=(60, 3))
    graph = neighbor_graph(rows, 60, 4)
    assert [set(found.tolist()) for found in graph] == brute_force(rows, 4)


@pytest.mark.parametrize(("columns", "wanted"), [(3, 4), (15, 5), (16, 5), (3, 40)])
def test_neighbours_are_those_that_scikit_learn_finds(columns: int, wanted: int) -> None:
    rows = np.random.default_rng(0).integers(0, 4, (60, columns)).astype(float)  # with ties
    graph = (
        NearestNeighbors(n_neighbors=wanted + 1).fit(rows[:50]).kneighbors(rows[50:], return_distance=False)
    )
    assert np.array_equal(_neighbors._nearest(rows[:50], rows[50:], wanted + 1), graph)


@pytest.mark.parametrize("columns", [3, 20])
def test_the_search_leaves_the_filters_of_warnings_to_other_threads(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setattr(sklearn.utils.parallel, "_FuncWrapper", None)
    rows = np.random.default_rng(0).normal(size=(60, columns))
    assert neighbor_graph(rows, 60, 4).shape == (60, 4)


def test_neighbours_of_a_wide_space_are_those_along_its_leading_components() -> None:
    rng = np.random.default_rng(0)
    core = rng.normal(size=(80, 50))
    axes = np.linalg.qr(rng.normal(size=(70, 70)))[0]
    wide = np.column_stack([core, 1e-9 * rng.normal(size=(80, 20))]) @ axes.T
    graph = neighbor_graph(wide, 80, 5)
    assert [set(found.tolist()) for found in graph] == brute_force(core, 5)


def test_neighbours_come_from_the_pool_alone() -> None:
    rows = np.arange(10.0)[:, None]
    graph = neighbor_graph(rows, 4, 2)
    assert graph.tolist()[9] == [3, 2]
    assert graph.tolist()[0] == [1, 2]
    assert graph.shape == (10, 2)


@given(
    arrays(
        np.float64, st.tuples(st.integers(3, 25), st.integers(1, 3)), elements=st.integers(0, 2).map(float)
    )
)
@settings(max_examples=60, deadline=None)
def test_no_row_is_its_own_neighbour_however_many_are_alike(rows: np.ndarray) -> None:
    graph = neighbor_graph(rows, len(rows), 4)
    assert graph.shape == (len(rows), min(4, len(rows) - 1))
    assert not (graph == np.arange(len(rows))[:, None]).any()
    assert all(len(set(found)) == len(found) for found in graph.tolist())


def test_modularity_counts_neighbours_in_the_same_segment_beyond_chance() -> None:
    graph = np.array([[1], [0], [3], [2], [0], [3]])
    labels = np.array([0, 0, 1, 1, 1, 0])
    assert modularity(labels, graph) == pytest.approx(4 / 6 - 1 / 2)
    assert modularity(np.zeros(6, dtype=int), graph) == pytest.approx(0.0)


def test_diagnostics_see_collapse_dead_dimensions_and_rank() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(4000, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    assert _diagnostics.spread(points) == pytest.approx(1.0, abs=0.01)
    assert _diagnostics.effective_rank(points) == pytest.approx(3.0, abs=0.01)
    assert _diagnostics.dead_dimensions(points) == 0
    wide = np.column_stack([points, np.full(4000, 0.3), 1e-4 * points[:, 0]])
    assert _diagnostics.dead_dimensions(wide) == 2
    assert _diagnostics.spread(np.tile([[0.6, 0.8]], (10, 1))) == pytest.approx(0.0, abs=1e-12)
    assert _diagnostics.effective_rank(points[:, :1]) == pytest.approx(1.0)


def test_restored_shares_are_by_variable_and_leave_missing_values_out() -> None:
    variables = Variables.read(NAMES, ROWS)
    errors = np.zeros_like(ROWS)
    errors[0, 0] = 0.1
    errors[:, 2:4] = 0.05
    shares = _diagnostics.restored_share(ROWS, errors, variables, NAMES)
    assert set(shares) == {"age", "kind", "size"}
    age = 2 * 0.5**2 + 4 * 1.0**2  # the two known values, and the flag
    assert shares["age"] == pytest.approx(1 - 0.1 / age)
    kind = 4 * 0.25**2 + 3 * 0.125**2 + 0.375**2
    assert shares["kind"] == pytest.approx(1 - 8 * 0.05 / kind)
    assert shares["size"] == 1.0


def test_the_embedder_is_the_same_in_onnx_and_after_saving() -> None:
    rng = np.random.default_rng(0)
    shapes = ((7, 6), (2, 7)), ((7, 2), (6, 7))
    encoder, decoder = (
        FoldedMLP(tuple((rng.normal(size=shape), rng.normal(size=shape[0])) for shape in half))
        for half in shapes
    )
    embedder = Embedder(encoder, decoder, Variables.read(NAMES, ROWS))
    points, errors = embedder.embed_and_judge(ROWS)
    np.testing.assert_allclose((points**2).sum(axis=1), 1)
    np.testing.assert_array_equal(points, embedder.embed(ROWS))
    assert errors[2:, 0].tolist() == [0.0, 0.0]
    again = Embedder.from_arrays(embedder.arrays())
    np.testing.assert_array_equal(again.embed_and_judge(ROWS)[1], errors)
    graph = Graph("embedder")
    drawn, score = embedder.to_onnx(graph, "x")
    outputs = {"points": (drawn, (DOUBLE, ["n", 2])), "score": (score, (DOUBLE, ["n"]))}
    session = onnxruntime.InferenceSession(
        graph.model({"x": (DOUBLE, ["n", 6])}, outputs).SerializeToString()
    )
    onnx_points, onnx_score = session.run(None, {"x": ROWS})
    np.testing.assert_allclose(onnx_points, points, atol=1e-12)
    np.testing.assert_allclose(onnx_score, -errors.sum(axis=1), rtol=1e-12)

"""Cells that the neighbour graph joins, on graphs whose communities are known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import make_moons
from sklearn.metrics import adjusted_rand_score

from segmentwerk.core.errors import FitError
from segmentwerk.segmenters._cells import JoinedCells, cell_links, joined, settled, tuned_weights
from segmentwerk.segmenters._neighbors import modularity, neighbor_graph
from segmentwerk.segmenters.kmeans import KMeansSegmenter

ROWS, MOONS = make_moons(600, noise=0.06, random_state=0)
GRAPH = neighbor_graph(ROWS, len(ROWS), 10)
RNG = np.random.default_rng(0)


def random_links(n_cells: int) -> NDArray[np.float64]:
    links = RNG.random((n_cells, n_cells)) ** 3
    return (links + links.T) / (2 * links.sum())


def of_partition(links: NDArray[np.float64], homes: NDArray[np.int64]) -> float:
    """Modularity by its definition: links within segments, less what their strengths lead to expect."""
    inside = sum(links[np.ix_(homes == k, homes == k)].sum() for k in np.unique(homes))
    return float(inside - sum(links[homes == k].sum() ** 2 for k in np.unique(homes)))


@pytest.mark.parametrize("n_segments", [2, 3])
def test_no_partition_of_few_cells_has_a_greater_modularity(n_segments: int) -> None:
    links = random_links(7)
    best = max(
        of_partition(links, np.array(homes)) for homes in itertools.product(range(n_segments), repeat=7)
    )
    found = joined(links, n_segments, np.random.default_rng(0))
    assert of_partition(links, found) == pytest.approx(best, abs=1e-12)


def test_more_segments_than_communities_leave_none_empty() -> None:
    links = np.kron(np.eye(2), np.ones((3, 3))) / 18
    found = joined(links, 5, np.random.default_rng(0))
    assert sorted(set(found)) == [0, 1]
    assert len(set(found[:3])) == len(set(found[3:])) == 1


def test_links_are_the_modularity_that_is_reported() -> None:
    cells = RNG.integers(4, size=len(ROWS))
    links = cell_links(cells, GRAPH, np.ones(GRAPH.shape))
    assert links.sum() == pytest.approx(1)
    np.testing.assert_allclose(links, links.T)
    assert np.trace(links) == pytest.approx(
        modularity(cells, GRAPH) + (np.bincount(cells) ** 2).sum() / 600**2
    )


def test_weights_follow_the_formula_and_bear_equal_rows() -> None:
    rows = np.array([[0.0], [1.0], [3.0], [3.0]])
    graph = np.array([[1, 2], [0, 2], [3, 1], [2, 1]])
    weights = tuned_weights(rows, graph)
    assert weights[0, 0] == pytest.approx(np.exp(-1 / (3 * 2)))  # scales: to the second neighbour, 3 and 2
    assert weights[2, 0] == 1
    np.testing.assert_array_equal(tuned_weights(np.zeros((4, 1), np.float32), graph), 1)


def test_settling_gives_rows_back_to_their_neighbours() -> None:
    cells = KMeansSegmenter(8, random_state=0).fit(ROWS).labels_
    wrong = cells.copy()
    wrong[::10] = RNG.integers(8, size=60)
    weights = tuned_weights(ROWS, GRAPH)
    assert (
        adjusted_rand_score(cells, settled(wrong, GRAPH, weights)) > 0.9 > adjusted_rand_score(cells, wrong)
    )


def test_cells_find_moons_that_centres_do_not() -> None:
    found = JoinedCells().fit(ROWS, GRAPH, tuned_weights(ROWS, GRAPH), 2, 0)
    assert adjusted_rand_score(MOONS, found.labels_) > 0.95
    assert adjusted_rand_score(MOONS, KMeansSegmenter(2).fit(ROWS).labels_) < 0.7


def test_fewer_communities_than_asked_are_told() -> None:
    rows = np.repeat([0.0, 9.0], 50)[:, None] + RNG.normal(size=(100, 2))
    graph = np.array([RNG.permutation(50)[:49] + 50 * (row // 50) for row in range(100)])
    found = JoinedCells().fit(rows, graph, np.ones(graph.shape), 5, 0)
    assert found.n_segments_ == len(set(found.labels_)) == 2
    assert found.notes_ == ("The neighbour graph has 2 communities, no more.",)


def test_a_graph_without_communities_is_an_error() -> None:
    rows = RNG.normal(size=(40, 2))
    graph = np.array([[other for other in range(40) if other != row] for row in range(40)])
    with pytest.raises(FitError, match="stands out"):
        JoinedCells().fit(rows, graph, np.ones(graph.shape), 3, 0)

"""Segments of any form: many small k-means cells, joined where the neighbour graph joins them."""

from __future__ import annotations

from typing import Self

import numpy as np
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.core.errors import FitError
from segmentwerk.segmenters.base import chunks
from segmentwerk.segmenters.kmeans import KMeansSegmenter
from segmentwerk.segmenters.onnx_graph import Graph

_MAX_CELLS = 80
_ROWS_A_CELL = 10
"""On average, at least: below, chance decides whose neighbours a cell's rows are."""
_SCALE_NEIGHBOR = 7
"""The neighbour whose distance is a row's own scale, as in the paper of Zelnik-Manor & Perona (2004)."""
_ROUNDS = 10
"""In which rows go to the cells of their neighbours; half of the rows each time, lest pairs change places."""
_CHAINS, _TEMPERATURES = 32, np.geomspace(1e-2, 1e-4, 200)
"""Annealings side by side, and the modularity that a doubtful move may cost in each of their sweeps."""
_TINY = 1e-30


class JoinedCells(BaseEstimator):
    """The head of an embedding whose segments are communities of the neighbour graph.

    Attributes
    ----------
    cells_ : KMeansSegmenter
        The cells.
    members_ : ndarray of shape (n_cells, n_segments_)
        1 where a cell belongs to a segment.
    labels_ : ndarray of shape (n_rows,)
        Segments of the training rows.
    """

    def fit(
        self, points: FloatArray, graph: IntArray, weights: FloatArray, n_segments: int, seed: int
    ) -> Self:
        """Find cells among points (n, d) and join them along the edges of a graph (n, k) with weights (n, k).

        Fewer segments than asked come out where the graph has fewer communities.

        Raises
        ------
        FitError
            If it has no two.
        """
        room = len(np.unique(points, axis=0)) // _ROWS_A_CELL
        n_cells = max(n_segments, min(_MAX_CELLS, room))
        self.cells_ = KMeansSegmenter(n_cells, random_state=seed)
        self.cells_.notes_ = ()
        self.cells_._learn(points)
        cells = settled(self.cells_._labels(points), graph, weights)
        self.cells_._center(points, cells, int(cells.max()) + 1)
        homes = joined(cell_links(cells, graph, weights), n_segments, np.random.default_rng(seed))
        self.members_ = np.eye(int(homes.max()) + 1)[homes]
        self.n_segments_, self.converged_ = self.members_.shape[1], True
        if self.n_segments_ < min(2, n_segments):
            raise FitError("No part of the neighbour graph stands out from the rest.", "Use another head.")
        fewer = f"The neighbour graph has {self.n_segments_} communities, no more."
        self.notes_ = (fewer,) if self.n_segments_ < n_segments else ()
        self.labels_ = self._labels(points)
        return self

    def _labels(self, data: FloatArray) -> IntArray:
        return np.concatenate([self._membership(data[part])[0].argmax(axis=1) for part in chunks(data)])

    def _membership(self, data: FloatArray) -> tuple[FloatArray, FloatArray]:
        shares, score = self.cells_._membership(data)
        return shares @ self.members_, score

    def _refine(self, data: FloatArray) -> None:
        """Leave the cells as they are: those that remain take over the rows of the others."""

    def _keep(self, components: IntArray) -> None:
        kept = np.flatnonzero(self.members_[:, components].any(axis=1))
        self.cells_._keep(kept)
        self.members_ = self.members_[np.ix_(kept, components)]
        self.n_segments_ = len(components)

    def _to_onnx(self, graph: Graph, x: str) -> tuple[str, str]:
        shares, score = self.cells_._to_onnx(graph, x)
        return graph.add("MatMul", shares, graph.constant(self.members_)), score


def tuned_weights(rows: FloatArray, graph: IntArray) -> FloatArray:
    """Return how close each row (n, d) is to its neighbours of a graph (n, k), on the scales of both.

    ``exp(-d(i, j)² / (s(i) s(j)))`` with the distance s to a row's seventh neighbour: Zelnik-Manor & Perona
    (2004, "Self-tuning spectral clustering", section 2.1).
    """
    squares = np.stack([((rows - rows[column]) ** 2).sum(axis=1) for column in graph.T], axis=1)
    scale = np.sqrt(np.sort(squares, axis=1)[:, min(_SCALE_NEIGHBOR, graph.shape[1]) - 1])
    weights: FloatArray = np.exp(-squares / np.maximum(scale[:, None] * scale[graph], _TINY))
    return weights


def settled(cells: IntArray, graph: IntArray, weights: FloatArray) -> IntArray:
    """Return the cell of each row (n,), none of them empty, after rows went to cells of their neighbours.

    A row goes where its edges weigh most, less what they would weigh if all were drawn at random: the move
    that adds most to the modularity of the cells (Blondel, Guillaume, Lambiotte & Lefebvre 2008, equation 2).
    """
    cells, starts = cells.copy(), np.arange(0, graph.size + 1, graph.shape[1])
    directed = csr_array((weights.ravel(), graph.ravel(), starts), shape=(len(graph), len(graph)))
    edges = directed + directed.T
    strength = edges.sum(axis=1)
    for turn in range(_ROUNDS):
        members = np.eye(int(cells.max()) + 1)[cells]
        pull = edges @ members - np.outer(strength, strength @ members / strength.sum())
        cells[turn % 2 :: 2] = pull[turn % 2 :: 2].argmax(axis=1)
    found: IntArray = np.unique(cells, return_inverse=True)[1]
    return found


def cell_links(cells: IntArray, graph: IntArray, weights: FloatArray) -> FloatArray:
    """Return the share of the edges' weight between each two cells (m, m), symmetric; sums to 1."""
    n_cells = int(cells.max()) + 1
    pairs = cells[:, None] * n_cells + cells[graph]
    links = np.bincount(pairs.ravel(), weights.ravel(), n_cells**2).reshape(n_cells, n_cells)
    shares: FloatArray = (links + links.T) / (2 * links.sum())
    return shares


def joined(links: FloatArray, n_segments: int, rng: np.random.Generator) -> IntArray:
    """Return the segment of each cell (m,) for the greatest modularity of all that was found.

    Newman (2006) with links (m, m), at most ``n_segments`` segments, none of them empty. Annealing (Guimerà &
    Amaral 2005) with heat-bath moves: a cell goes to a segment with a chance that grows with the modularity.
    """
    n_cells, strength = len(links), links.sum(axis=0)
    gains = links - np.outer(strength, strength)
    others = gains - np.diag(gains.diagonal())
    chain, choices = np.arange(_CHAINS), np.eye(n_segments)
    states = choices[rng.integers(n_segments, size=(_CHAINS, n_cells))]
    for temperature in _TEMPERATURES:
        for cell in rng.permutation(n_cells):
            pull = 2 * np.einsum("j,rjk->rk", others[cell], states) / temperature
            states[chain, cell] = choices[(pull + rng.gumbel(size=pull.shape)).argmax(axis=1)]
    modularities = np.einsum("rik,ij,rjk->r", states, gains, states, optimize=True)
    homes = states[modularities.argmax()].argmax(axis=1)
    found: IntArray = np.unique(homes, return_inverse=True)[1]
    return found

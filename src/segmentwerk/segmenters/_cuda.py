"""What a graphics card computes in numpy's place: nearest neighbours, plain maps and mixtures.

Folded networks and mixtures stay in double precision, so that what they give is numpy's to the last digits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.segmenters._embedder import SLOPE, FoldedMLP
from segmentwerk.segmenters._mixture import Mixture, Moments

_SEARCHED = 8_192
_MAPPED = 65_536
"""Rows that are searched for, or mapped, at a time: a gigabyte of distances to 20,000 others, or less."""
_SUMMED = 4_096
"""Rows that are summed over at a time."""


def neighbor_graph(data: Tensor, n_pool: int, n_neighbors: int) -> Tensor:
    """Return the nearest other rows of each row among the first ``n_pool``, as `_neighbors` does.

    Distances are matrix products of a block of rows with the pool. Rows should be centred, because the
    products are in single precision.
    """
    pool, wanted = data[:n_pool], min(n_neighbors, n_pool - 1)
    halves = (pool**2).sum(1) / -2
    neighbors = [
        torch.addmm(halves, block, pool.T).topk(wanted + 1).indices for block in torch.split(data, _SEARCHED)
    ]
    return _without_self(torch.cat(neighbors), wanted)


def _without_self(neighbors: Tensor, wanted: int) -> Tensor:
    """Drop each row from its own neighbours, or the farthest one where it is not among them."""
    own = neighbors == torch.arange(len(neighbors), device=neighbors.device)[:, None]
    own[:, -1] |= ~own.any(1)
    return neighbors[~own].view(len(neighbors), wanted)


@dataclass(frozen=True)
class CudaMLP(FoldedMLP):
    """Linear maps that are run on the card."""

    device: torch.device

    def forward(self, x: FloatArray) -> FloatArray:
        """Map rows (n, n_in) to (n, n_out)."""
        layers = [[torch.tensor(part, device=self.device) for part in layer] for layer in self.layers]
        done = []
        for start in range(0, len(x), _MAPPED):
            rows = torch.tensor(x[start : start + _MAPPED], device=self.device)
            for number, (weight, offset) in enumerate(layers):
                if number:
                    rows = torch.nn.functional.leaky_relu(rows, SLOPE)
                rows = torch.addmm(offset, rows, weight.T)
            done.append(rows.cpu().numpy())
        return np.concatenate(done)


def _summed(left: Tensor, right: Tensor) -> Tensor:
    """Return ``left.T @ right``, for many rows and few columns.

    Blocks of rows are multiplied side by side, where one product would leave most of the card idle.
    """
    whole = len(left) // _SUMMED * _SUMMED
    blocks = [side[:whole].view(-1, _SUMMED, side.shape[1]) for side in (left, right)]
    return torch.bmm(blocks[0].mT, blocks[1]).sum(0) + left[whole:].T @ right[whole:]


class CudaRows:
    """Rows (n, d) on the card, for a mixture of full covariances."""

    def __init__(self, data: FloatArray, device: torch.device) -> None:
        self.rows = torch.tensor(data, device=device)

    def expect(self, mixture: Mixture) -> Moments:
        """Run the E-step, as `_mixture.expect` does."""
        joint = self._joint(mixture)
        evidence = joint.logsumexp(1, keepdim=True)
        shares = (joint - evidence).exp()
        scatter = []
        for mean, share in zip(self._send(mixture.means), shares.T, strict=True):
            own = (self.rows - mean) * share.sqrt()[:, None]
            scatter.append(_summed(own, own))
        return Moments(
            shares.sum(0).cpu().numpy(),
            _summed(shares, self.rows).cpu().numpy(),
            torch.stack(scatter).cpu().numpy(),
            mixture.means,
            float(evidence.mean()),
        )

    def evaluate(self, mixture: Mixture) -> tuple[float, float]:
        """Return mean log likelihood and mean entropy of the memberships, as `_mixture.evaluate` does."""
        joint = self._joint(mixture)
        evidence = joint.logsumexp(1, keepdim=True)
        logs = joint - evidence
        return float(evidence.mean()), -float((logs.exp() * logs).sum(1).mean())

    def labels(self, mixture: Mixture) -> IntArray:
        """Return the likeliest component of each row (n,)."""
        labels: IntArray = self._joint(mixture).argmax(1).cpu().numpy()
        return labels

    def _joint(self, mixture: Mixture) -> Tensor:
        """Return the log of weight times density (n, k)."""
        means, roots = self._send(mixture.means), self._send(mixture.precisions_cholesky)
        distances = [
            (((self.rows - mean) @ root) ** 2).sum(1) for mean, root in zip(means, roots, strict=True)
        ]
        return self._send(mixture.constants()) - torch.stack(distances, 1) / 2

    def _send(self, array: FloatArray) -> Tensor:
        return torch.tensor(array, device=self.rows.device)

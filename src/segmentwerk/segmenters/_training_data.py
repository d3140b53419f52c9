"""What the autoencoder learns from: a sample in standard form, its neighbour pairs, and its losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.segmenters import _cuda
from segmentwerk.segmenters._losses import Losses
from segmentwerk.segmenters._neighbors import leading, neighbor_graph
from segmentwerk.segmenters._variables import Variables

MAX_POOL = 20_000
"""Rows among which neighbours are looked for, at most."""

_MAX_HELD_OUT = 512
_MIN_TO_SPLIT = 200


@dataclass(frozen=True)
class TrainingData:
    """Rows to learn from, on the device that computes.

    Attributes
    ----------
    rows : Tensor of shape (n, n_columns)
        Centred, scaled by one number, columns in an order that depends on their content alone.
    graph : Tensor of shape (n, k)
        Neighbours of each row, nearest first, all of them among the anchors.
    anchors, held_out : Tensor
        Rows to learn from, and rows for validation, which are no one's neighbours.
    losses : Losses
        What restoring ``rows`` costs.
    variables, original : Variables
        What the columns of ``rows`` and of the original are.
    center, scale, order : ndarray, float, ndarray
        ``rows`` are ``((original - center) / scale)[:, order]``.
    """

    rows: Tensor
    graph: Tensor
    anchors: Tensor
    held_out: Tensor
    losses: Losses
    variables: Variables
    original: Variables
    center: FloatArray
    scale: float
    order: IntArray

    @classmethod
    def prepare(
        cls,
        data: FloatArray,
        names: Sequence[str],
        n_neighbors: int,
        device: torch.device,
        *,
        on_card: bool = False,
    ) -> TrainingData:
        """Prepare rows (n, n_columns) that stand in random order.

        The last tenth is held out; a small table is validated on the rows it is learned from.
        ``on_card``: neighbours are looked for by `_cuda`, on the device.
        """
        center, scale = data.mean(axis=0), float(np.sqrt(data.var(axis=0).mean()))
        order = _column_order(data)
        standard = np.ascontiguousarray(((data - center) / scale)[:, order])
        variables = Variables.read([names[column] for column in order], standard)
        n_held_out = min(len(data) // 10, _MAX_HELD_OUT) if len(data) >= _MIN_TO_SPLIT else 0
        n_train = len(data) - n_held_out
        rows, n_pool = torch.from_numpy(standard).float().to(device), min(n_train, MAX_POOL)
        if on_card:
            graph = _cuda.neighbor_graph(
                torch.from_numpy(leading(standard)).float().to(device), n_pool, n_neighbors
            )
        else:
            graph = torch.from_numpy(neighbor_graph(standard, n_pool, n_neighbors)).to(device)
        return cls(
            rows,
            graph,
            torch.arange(n_train, device=device),
            torch.arange(n_train, len(data), device=device)
            if n_held_out
            else torch.arange(n_train, device=device),
            Losses(variables, standard, device),
            variables,
            Variables.read(names, data),
            center,
            scale,
            order,
        )


def _column_order(data: FloatArray) -> IntArray:
    """Return an order of the columns that depends on their content alone; rows stand in a fixed order."""
    return np.argsort(np.cos(np.arange(len(data))) @ data, kind="stable")

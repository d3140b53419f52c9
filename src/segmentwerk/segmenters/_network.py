"""The autoencoder as a function of one flat vector of parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from segmentwerk.core.arrays import FloatArray
from segmentwerk.segmenters._embedder import SLOPE, FoldedMLP

_EPSILON = 1e-5


@dataclass(frozen=True)
class MLP:
    """An encoder or a decoder: linear maps, all but the last followed by batch norm and a leaky rectifier.

    Parameters live in one flat vector: one optimiser step, one norm to clip and one array to save,
    where a list of small tensors costs more in bookkeeping than in arithmetic.

    Attributes
    ----------
    widths : tuple of int
        Of the input, the hidden layers and the output.
    """

    widths: tuple[int, ...]

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of weight, gain and shift of each hidden layer, then of the last weight and its offset."""
        shapes: list[tuple[int, ...]] = []
        for width, following in zip(self.widths[:-2], self.widths[1:-1], strict=True):
            shapes += [(following, width), (following,), (following,)]
        return [*shapes, (self.widths[-1], self.widths[-2]), (self.widths[-1],)]

    @property
    def size(self) -> int:
        """Number of parameters."""
        return sum(math.prod(shape) for shape in self.shapes)

    def initial_parameters(self, generator: torch.Generator) -> Tensor:
        """Return random parameters: weights uniform by fan-in (as torch's Linear), gains 1, shifts 0."""
        parts = []
        for shape in self.shapes:
            bound = 1 / math.sqrt(shape[-1])
            parts.append(
                torch.empty(shape).uniform_(-bound, bound, generator=generator)
                if len(shape) == 2
                else torch.zeros(shape)
            )
        for gain in parts[1:-2:3]:
            gain.fill_(1.0)
        return torch.cat([part.reshape(-1) for part in parts])

    def forward(self, flat: Tensor, x: Tensor) -> Tensor:
        """Map rows through the layers; batch statistics come from the rows themselves."""
        parts = self._parts(flat)
        for weight, gain, shift in zip(parts[:-2:3], parts[1:-2:3], parts[2:-2:3], strict=True):
            hidden = functional.batch_norm(x @ weight.T, None, None, gain, shift, training=True, eps=_EPSILON)
            x = functional.leaky_relu(hidden, SLOPE, inplace=True)
        return torch.addmm(parts[-1], x, parts[-2].T)

    def fold(self, flat: Tensor, x: Tensor) -> tuple[FoldedMLP, Tensor]:
        """Fold the batch statistics of ``x`` into plain linear maps; also return the output for ``x``."""
        parts, layers = self._parts(flat), []
        for weight, gain, shift in zip(parts[:-2:3], parts[1:-2:3], parts[2:-2:3], strict=True):
            hidden = x @ weight.T
            variance, mean = torch.var_mean(hidden, dim=0, correction=0)
            factor = gain * torch.rsqrt(variance + _EPSILON)
            x = functional.leaky_relu((hidden - mean) * factor + shift, SLOPE)
            layers.append((_numpy(weight * factor[:, None]), _numpy(shift - mean * factor)))
        layers.append((_numpy(parts[-2]), _numpy(parts[-1])))
        return FoldedMLP(tuple(layers)), torch.addmm(parts[-1], x, parts[-2].T)

    def _parts(self, flat: Tensor) -> list[Tensor]:
        pieces = torch.split(flat, [math.prod(shape) for shape in self.shapes])
        return [piece.view(shape) for piece, shape in zip(pieces, self.shapes, strict=True)]


def _numpy(tensor: Tensor) -> FloatArray:
    return tensor.detach().cpu().numpy().astype(np.float64)

"""A trained autoencoder without torch: plain linear maps in double precision, and the same as ONNX."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.segmenters._variables import Variables
from segmentwerk.segmenters.onnx_graph import Graph

SLOPE = 0.01
"""Of the leaky rectifier below zero."""

_TINY = 1e-12


@dataclass(frozen=True)
class FoldedMLP:
    """Linear maps, each a weight (n_out, n_in) and an offset (n_out,), with leaky rectifiers between them."""

    layers: tuple[tuple[FloatArray, FloatArray], ...]

    def before(self, center: FloatArray, scale: float, order: IntArray) -> FoldedMLP:
        """Return the same for rows that were centred, scaled and put in ``order`` beforehand."""
        (weight, offset), *rest = self.layers
        wide = np.empty_like(weight)
        wide[:, order] = weight / scale
        return FoldedMLP(((wide, offset - wide @ center), *rest))

    def after(self, center: FloatArray, scale: FloatArray, order: IntArray) -> FoldedMLP:
        """Return the same with each output scaled, moved, and put back in its place of ``order``."""
        *rest, (weight, offset) = self.layers
        wide, moved = np.empty_like(weight), np.empty_like(offset)
        wide[order], moved[order] = weight * scale[:, None], offset * scale + center
        return FoldedMLP((*rest, (wide, moved)))

    def forward(self, x: FloatArray) -> FloatArray:
        """Map rows (n, n_in) to (n, n_out)."""
        for number, (weight, offset) in enumerate(self.layers):
            if number:
                x = np.maximum(x, SLOPE * x)
            x = x @ weight.T + offset
        return x

    def to_onnx(self, graph: Graph, x: str) -> str:
        """Add `forward` to an ONNX graph and return the name of its output."""
        for number, (weight, offset) in enumerate(self.layers):
            if number:
                x = graph.add("Max", x, graph.add("Mul", x, graph.constant(SLOPE)))
            x = graph.add("Add", graph.add("MatMul", x, graph.constant(weight.T)), graph.constant(offset))
        return x


@dataclass(frozen=True)
class Embedder:
    """Encoder and decoder on the columns of the reference space.

    The decoder gives numbers in the space's units, and logits for the levels of a variable.
    """

    encoder: FoldedMLP
    decoder: FoldedMLP
    variables: Variables

    def embed(self, data: FloatArray) -> FloatArray:
        """Return embeddings (n, n_dimensions) of length one."""
        return _unit(self.encoder.forward(data))

    def embed_and_judge(self, data: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return embeddings as `embed` does, and squared reconstruction errors (n, n_columns).

        Missing values have no error.
        """
        embedding = self.encoder.forward(data)
        restored = self.decoder.forward(embedding).copy()
        low, span = self.variables.low, self.variables.high - self.variables.low
        for columns in self.variables.levels:
            restored[:, columns] = low[columns] + span[columns] * _softmax(restored[:, columns])
        return _unit(embedding), self.variables.present(data) * (data - restored) ** 2

    def to_onnx(self, graph: Graph, x: str) -> tuple[str, str]:
        """Add embedding (n, n_dimensions) and negative sum of squared errors (n,) to an ONNX graph."""
        embedding = self.encoder.to_onnx(graph, x)
        length = graph.add("Sqrt", graph.sum(graph.add("Mul", embedding, embedding), 1))
        points = graph.add("Div", embedding, graph.add("Max", length, graph.constant(_TINY)))
        restored = self._levels_to_onnx(graph, self.decoder.to_onnx(graph, embedding))
        errors = graph.add("Sub", x, restored)
        errors = self._present_to_onnx(graph, x, graph.add("Mul", errors, errors))
        return points, graph.add("Neg", graph.sum(errors, 1, keep=False))

    def _levels_to_onnx(self, graph: Graph, output: str) -> str:
        """Turn the logits of each variable into the values that its levels' columns would hold."""
        if not self.variables.levels:
            return output
        parts, places = [], [np.flatnonzero(self.variables.numeric)]
        parts.append(graph.add("Gather", output, graph.constant(places[0]), axis=1))
        for columns in self.variables.levels:
            low, high = self.variables.low[columns], self.variables.high[columns]
            logits = graph.add("Gather", output, graph.constant(columns), axis=1)
            chances = graph.add("Mul", graph.add("Softmax", logits, axis=1), graph.constant(high - low))
            parts.append(graph.add("Add", chances, graph.constant(low)))
            places.append(columns)
        joined = graph.add("Concat", *parts, axis=1)
        return graph.add("Gather", joined, graph.constant(np.argsort(np.concatenate(places))), axis=1)

    def _present_to_onnx(self, graph: Graph, x: str, errors: str) -> str:
        """Blank the errors of missing values."""
        flagged = self.variables.flagged
        if not len(flagged):
            return errors
        flags = self.variables.flag.copy()
        flags[flags < 0] = 0
        middle = (self.variables.low + self.variables.high)[flags] / 2
        middle[self.variables.flag < 0] = np.inf
        seen = graph.add(
            "Less", graph.add("Gather", x, graph.constant(flags), axis=1), graph.constant(middle)
        )
        return graph.add("Where", seen, errors, graph.constant(0.0))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything by name."""
        named: dict[str, NDArray[Any]] = {
            f"variable_{name}": array for name, array in vars(self.variables).items()
        }
        for half, maps in (("encoder", self.encoder), ("decoder", self.decoder)):
            for number, (weight, offset) in enumerate(maps.layers):
                named |= {f"{half}_weight{number}": weight, f"{half}_offset{number}": offset}
        return named

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Embedder:
        """Rebuild from what `arrays` returned."""
        prefix = "variable_"
        described = {
            name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)
        }
        return cls(_maps(arrays, "encoder"), _maps(arrays, "decoder"), Variables(**described))


def _maps(arrays: Mapping[str, NDArray[Any]], half: str) -> FoldedMLP:
    count = sum(name.startswith(f"{half}_weight") for name in arrays)
    return FoldedMLP(tuple((arrays[f"{half}_weight{i}"], arrays[f"{half}_offset{i}"]) for i in range(count)))


def _unit(rows: FloatArray) -> FloatArray:
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    unit: FloatArray = rows / np.maximum(lengths, _TINY)[:, None]
    return unit


def _softmax(logits: FloatArray) -> FloatArray:
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: FloatArray = weights / weights.sum(axis=1, keepdims=True)
    return shares

"""A small builder of ONNX graphs: double precision, only operators that onnxruntime runs in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike
from onnx import TensorProto, compose, helper, numpy_helper
from sklearn.base import BaseEstimator

OPSET = 18
IR_VERSION = 9
"""Old enough for every onnxruntime since 1.14."""

DOUBLE = int(TensorProto.DOUBLE)
INT64 = int(TensorProto.INT64)
STRING = int(TensorProto.STRING)

Tensor = tuple[int, Sequence[int | str]]
"""Element type and shape; a name in the shape is a free dimension."""

NUMERIC, WORDS, CODES = "numeric", "words", "codes"
"""Inputs of raw features."""


def raw_inputs(n_numeric: int, n_categorical: int) -> dict[str, Tensor]:
    """Return the inputs for raw features: ``numeric`` (n, p), NaN for unknown, ``words`` and ``codes``.

    What there are no features for is left out.
    """
    inputs: dict[str, Tensor] = {NUMERIC: (DOUBLE, ["n", n_numeric])} if n_numeric else {}
    if n_categorical:
        inputs |= {WORDS: (STRING, ["n_words"]), CODES: (INT64, ["n", n_categorical])}
    return inputs


class Graph:
    """Collects nodes and constants, and names what flows between them.

    Examples
    --------
    >>> graph = Graph("twice")
    >>> y = graph.add("Mul", "x", graph.constant(2.0))
    >>> model = graph.model({"x": (DOUBLE, ["n"])}, {"y": (y, (DOUBLE, ["n"]))})
    >>> [node.op_type for node in model.graph.node]
    ['Mul', 'Identity']
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def constant(self, value: ArrayLike) -> str:
        """Add a constant (floats become double precision, integers 64 bits) and return its name."""
        array = np.asarray(value)
        if array.dtype.kind == "f":
            array = array.astype(np.float64)
        elif array.dtype.kind in "iu":
            array = array.astype(np.int64)
        name = f"c{len(self._constants)}"
        self._constants.append(
            numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name)
        )
        return name

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output and return that output's name."""
        name = f"t{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def sum(self, tensor: str, axis: int, *, keep: bool = True) -> str:
        """Add the sum over one axis."""
        return self.add("ReduceSum", tensor, self.constant([axis]), keepdims=int(keep))

    def max(self, tensor: str, axis: int, *, keep: bool = True) -> str:
        """Add the maximum over one axis."""
        return self.add("ReduceMax", tensor, self.constant([axis]), keepdims=int(keep))

    def category(self, position: int, codes: Mapping[str, int], default: int, table: ArrayLike) -> str:
        """Add the rows of ``table`` that belong to a categorical feature's values (n, width).

        The input ``words`` (n_words,) holds the different texts of a table, ``codes`` (n, n_features) says
        where each value stands in them: texts are then compared once each, not once a row.

        Parameters
        ----------
        position
            The feature's column in ``codes``.
        codes, default
            Row of the table by text, and for every other text.
        """
        rows = self.add(
            "LabelEncoder",
            WORDS,
            domain="ai.onnx.ml",
            keys_strings=list(codes) or ["\x00"],
            values_int64s=list(codes.values()) or [default],
            default_int64=default,
        )
        which = self.add("Gather", CODES, self.constant(position), axis=1)
        return self.add("Gather", self.add("Gather", self.constant(table), rows), which)

    def estimator(self, estimator: BaseEstimator, x: str, n_features: int) -> list[str]:
        """Add skl2onnx's graph of a fitted scikit-learn estimator, in double precision.

        Parameters
        ----------
        x
            The tensor (n, n_features) that it is asked about.

        Returns
        -------
        list of str
            Labels, and distances (n, k) to the centres; or of a mixture labels, memberships (n, k) and log
            densities (n, 1).
        """
        import skl2onnx  # here, because only an export needs it
        from skl2onnx.common.data_types import DoubleTensorType

        model = skl2onnx.to_onnx(
            estimator,
            initial_types=[("x", DoubleTensorType([None, n_features]))],
            options={id(estimator): {"score_samples": True}} if hasattr(estimator, "score_samples") else None,
            target_opset=OPSET,
        )
        prefix = f"m{len(self._nodes)}_"
        inner = compose.add_prefix(model, prefix).graph
        self._nodes += [helper.make_node("Identity", [x], [f"{prefix}x"]), *inner.node]
        self._constants += inner.initializer
        return [output.name for output in inner.output]

    def model(
        self, inputs: Mapping[str, Tensor], outputs: Mapping[str, tuple[str, Tensor]]
    ) -> onnx.ModelProto:
        """Close the graph.

        Parameters
        ----------
        inputs
            Type and shape by input name.
        outputs
            By output name: the tensor it shows, its type and shape.
        """
        for name, (tensor, _) in outputs.items():
            self._nodes.append(helper.make_node("Identity", [tensor], [name]))
        graph = helper.make_graph(
            self._nodes,
            self.name,
            [helper.make_tensor_value_info(name, *tensor) for name, tensor in inputs.items()],
            [helper.make_tensor_value_info(name, *tensor) for name, (_, tensor) in outputs.items()],
            self._constants,
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", 3)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
        onnx.checker.check_model(model)
        return model

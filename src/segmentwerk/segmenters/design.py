"""The design matrix of the prospect path, once in numpy for fitting and once as ONNX for scoring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.segmenters.onnx_graph import CODES, DOUBLE, NUMERIC, Graph

LIMIT = 4.0
"""Standardised numbers are clipped here, so that a freak value cannot decide alone."""
QUANTILES = (0.2, 0.4, 0.6, 0.8)
MIN_LEVEL = 5
"""Levels seen less often are treated like unknown ones."""


@dataclass(frozen=True)
class Number:
    """A numeric feature: a standardised signed logarithm, whether it is missing, and steps at quantiles."""

    column: int
    centre: float
    scale: float
    edges: tuple[float, ...]


@dataclass(frozen=True)
class Category:
    """A categorical feature: one column a level, the empty text for unknown among them.

    The last code stands for every other text. An unknown level is neither typical nor untypical: its
    ``log_share`` is the mean over the known ones.
    """

    column: int
    levels: tuple[str, ...]
    log_share: tuple[float, ...]


@dataclass(frozen=True)
class Design:
    """Which columns of the model's input become which columns of the design matrix.

    Attributes
    ----------
    numeric, categorical
        All columns of the model's two inputs, in order.
    numbers, categories
        The terms; they point at columns of the inputs.
    """

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    numbers: tuple[Number, ...]
    categories: tuple[Category, ...]

    @classmethod
    def learn(
        cls,
        features: pd.DataFrame,
        numeric: Sequence[str],
        categorical: Sequence[str],
        used: Sequence[str],
    ) -> Design:
        """Learn the terms of the ``used`` features from customers (n, n_features)."""
        numbers = [_number(features[name], numeric.index(name)) for name in numeric if name in used]
        categories = [
            _category(features[name], categorical.index(name)) for name in categorical if name in used
        ]
        return cls(
            tuple(numeric),
            tuple(categorical),
            tuple(term for term in numbers if term is not None),
            tuple(categories),
        )

    def matrix(self, features: pd.DataFrame) -> FloatArray:
        """Return the design matrix (n, n_columns), finite."""
        values = self._values(features)
        missing = np.isnan(values)
        z = np.where(missing, 0.0, np.clip(self._standardised(values), -LIMIT, LIMIT))
        blocks = [z, missing.astype(np.float64), self._steps(values)]
        for term, codes in zip(self.categories, self._codes(features), strict=True):
            blocks.append(np.eye(len(term.levels) + 1)[codes][:, :-1])
        return np.column_stack(blocks)

    def typicality(self, features: pd.DataFrame) -> FloatArray:
        """Return how typical each account is among customers (n,): a log density with independent terms."""
        values = self._values(features)
        squares = np.where(np.isnan(values), 1.0, self._standardised(values) ** 2)
        score = -0.5 * squares.sum(axis=1)
        for term, codes in zip(self.categories, self._codes(features), strict=True):
            score += np.array(term.log_share)[codes]
        return np.asarray(score)

    def add_to(self, graph: Graph, coefficients: FloatArray) -> tuple[str, str]:
        """Add ``matrix(...) @ coefficients.T`` (n, k) and the typicality (n,) to an ONNX graph."""
        source = NUMERIC if self.numeric else CODES
        rows = graph.add("Shape", source, start=0, end=1)
        logits = _zeros(graph, graph.add("Concat", rows, graph.constant([len(coefficients)]), axis=0))
        score = _zeros(graph, rows)
        blocks = np.split(coefficients, self._offsets(), axis=1)
        if self.numbers:
            logits, score = self._add_numbers(graph, blocks[:3], logits, score)
        for term, block in zip(self.categories, blocks[3:], strict=True):
            weights = np.vstack([block.T, np.zeros(len(coefficients))])
            codes = {level: code for code, level in enumerate(term.levels)}
            outputs = (
                graph.category(term.column, codes, len(codes), table) for table in (weights, term.log_share)
            )
            logits, score = (graph.add("Add", *pair) for pair in zip((logits, score), outputs, strict=True))
        return logits, score

    def _add_numbers(
        self, graph: Graph, blocks: Sequence[FloatArray], logits: str, score: str
    ) -> tuple[str, str]:
        values = graph.add(
            "Gather", "numeric", graph.constant([term.column for term in self.numbers]), axis=1
        )
        missing = graph.add("IsNaN", values)
        size = graph.add("Log", graph.add("Add", graph.add("Abs", values), graph.constant(1.0)))
        signed = graph.add("Mul", graph.add("Sign", values), size)
        centred = graph.add("Sub", signed, graph.constant([term.centre for term in self.numbers]))
        raw = graph.add("Div", centred, graph.constant([term.scale for term in self.numbers]))
        clipped = graph.add("Clip", raw, graph.constant(-LIMIT), graph.constant(LIMIT))
        z = graph.add("Where", missing, graph.constant(0.0), clipped)
        parts = [z, graph.add("Cast", missing, to=DOUBLE)]
        if blocks[2].shape[1]:
            owners = [term.column for term in self.numbers for _ in term.edges]
            repeated = graph.add("Gather", "numeric", graph.constant(owners), axis=1)
            above = graph.add("Greater", repeated, graph.constant(self._edges()))
            parts.append(graph.add("Cast", above, to=DOUBLE))
        for part, block in zip(parts, blocks, strict=False):
            logits = graph.add("Add", logits, graph.add("MatMul", part, graph.constant(block.T)))
        squares = graph.add("Where", missing, graph.constant(1.0), graph.add("Mul", raw, raw))
        halved = graph.add("Mul", graph.sum(squares, 1, keep=False), graph.constant(-0.5))
        return logits, graph.add("Add", score, halved)

    def _offsets(self) -> IntArray:
        """Return where the blocks of `matrix` begin, but for the first."""
        widths = [len(self.numbers), len(self.numbers), len(self._edges())]
        widths += [len(term.levels) for term in self.categories]
        return np.cumsum(widths)[:-1]

    def _edges(self) -> FloatArray:
        return np.array([edge for term in self.numbers for edge in term.edges])

    def _values(self, features: pd.DataFrame) -> FloatArray:
        names = [self.numeric[term.column] for term in self.numbers]
        return features[names].to_numpy(np.float64).reshape(len(features), len(names))

    def _standardised(self, values: FloatArray) -> FloatArray:
        centre = np.array([term.centre for term in self.numbers])
        scale = np.array([term.scale for term in self.numbers])
        return np.asarray((signed_log(values) - centre) / scale)

    def _steps(self, values: FloatArray) -> FloatArray:
        owners = [j for j, term in enumerate(self.numbers) for _ in term.edges]
        return (values[:, owners] > self._edges()).astype(np.float64)

    def _codes(self, features: pd.DataFrame) -> list[IntArray]:
        codes = []
        for term in self.categories:
            places = pd.Index(term.levels, dtype=object).get_indexer(
                words(features[self.categorical[term.column]])
            )
            codes.append(np.where(places < 0, len(term.levels), places))
        return codes


def signed_log(values: FloatArray) -> FloatArray:
    """Return sign(v) log(1 + |v|), which tames heavy tails on both sides."""
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))


def words(column: pd.Series) -> Any:
    """Return a categorical column as str, empty where unknown."""
    return np.asarray(column.astype(object).where(column.notna(), "").to_numpy(object))


def _number(column: pd.Series, index: int) -> Number | None:
    """Learn one numeric term; None where the column says nothing."""
    values = column.dropna().to_numpy(np.float64)
    if len(values) == 0 or (values == values[0]).all():
        return None
    logs = signed_log(values)
    edges = np.unique(np.quantile(values, QUANTILES, method="lower"))
    return Number(index, float(logs.mean()), float(logs.std()), tuple(edges[edges < values.max()].tolist()))


def _category(column: pd.Series, index: int) -> Category:
    texts = words(column)
    names, counts = np.unique(texts[texts != ""].astype(str), return_counts=True)
    levels, kept = names[counts >= MIN_LEVEL], counts[counts >= MIN_LEVEL]
    shares = np.append(kept, counts.sum() - kept.sum()) + 0.5
    log_share = np.log(shares / shares.sum())
    usual = float(np.exp(log_share) @ log_share)
    return Category(index, ("", *levels.tolist()), (usual, *log_share.tolist()))


def _zeros(graph: Graph, shape: str) -> str:
    from onnx import helper

    return graph.add("ConstantOfShape", shape, value=helper.make_tensor("zero", DOUBLE, [1], [0.0]))

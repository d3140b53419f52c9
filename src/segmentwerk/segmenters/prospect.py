"""The second path: which segment an account without orders will belong to, from what is known beforehand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.core.seeds import derive
from segmentwerk.core.types import AccountTable
from segmentwerk.segmenters.design import Design
from segmentwerk.segmenters.logistic import PENALTIES, expected_calibration_error, log_loss, regression
from segmentwerk.segmenters.onnx_graph import DOUBLE, Graph, Tensor, raw_inputs

MAX_ROWS = 20_000
OUTLIER_SHARE = 0.01
N_FOLDS = 5
LEAST_INFORMED = 100
"""Customers with anything known beforehand that are enough to learn from them alone."""


@dataclass(frozen=True)
class ProspectModel:
    """A calibrated multinomial logistic regression on the features of prospects.

    Attributes
    ----------
    coefficients, intercepts
        (n_segments, n_columns of the design) and (n_segments,).
    temperature
        Divides the logits (Guo et al. 2017, On Calibration of Modern Neural Networks, section 4.2).
    accuracy, majority
        Share of accounts not fitted on whose segment is right; the same by naming the largest segment.
    log_loss
        Mean negative log probability of the right segment, same accounts, nats.
    calibration_error
        Expected calibration error, on accounts used neither for the fit nor for the temperature.
    outlier_threshold
        Typicality below which the stated share of accounts lies.
    """

    design: Design
    coefficients: FloatArray
    intercepts: FloatArray
    temperature: float
    accuracy: float
    majority: float
    log_loss: float
    calibration_error: float
    outlier_threshold: float

    def predict_proba(self, features: pd.DataFrame) -> FloatArray:
        """Return the segment probabilities (n, n_segments)."""
        logits = self.design.matrix(features) @ self.coefficients.T + self.intercepts
        return np.asarray(softmax(logits / self.temperature, axis=1))

    def to_onnx(self) -> onnx.ModelProto:
        """Return the model as ONNX.

        Inputs as those of the reference space; outputs ``proba`` float64 (n, n_segments) and ``score``
        float64 (n,), the typicality.
        """
        graph = Graph("Prospect")
        logits, score = self.design.add_to(graph, self.coefficients / self.temperature)
        logits = graph.add("Add", logits, graph.constant(self.intercepts / self.temperature))
        proba = graph.add("Softmax", logits, axis=1)
        inputs = raw_inputs(len(self.design.numeric), len(self.design.categorical))
        outputs: dict[str, tuple[str, Tensor]] = {
            "proba": (proba, (DOUBLE, ["n", len(self.intercepts)])),
            "score": (score, (DOUBLE, ["n"])),
        }
        return graph.model(inputs, outputs)


def fit(
    table: AccountTable,
    labels: pd.Series,
    *,
    numeric: list[str],
    categorical: list[str],
    seed: int,
) -> ProspectModel:
    """Learn to predict the segment of customers from what is known of accounts without their `own` features.

    Parameters
    ----------
    table
        Features and their catalogue.
    labels
        Segment label (0 … k-1) of customers; index: account ids.
    numeric, categorical
        The reference space's columns, in the order of the model's inputs.
    """
    used = list(table.beforehand)
    return learn(table.features, labels, numeric=numeric, categorical=categorical, used=used, seed=seed)


def learn(
    features: pd.DataFrame,
    labels: pd.Series,
    *,
    numeric: list[str],
    categorical: list[str],
    used: list[str],
    seed: int,
) -> ProspectModel:
    """Learn from the ``used`` features (n_accounts, n_features) of the customers in ``labels``."""
    n_segments = int(labels.max()) + 1
    labels = _sample(_informed(labels, features, used), derive(seed, "prospect", "rows"))
    features = features.loc[labels.index]
    design = Design.learn(features, numeric, categorical, used)
    target = labels.to_numpy(np.int64)
    matrix = design.matrix(features)
    logits, penalty = _out_of_fold(matrix, target, n_segments)
    tempering = np.arange(len(target)) % 2 == 0  # rows are in random order of segments: one half each
    temperature = _temperature(logits[tempering], target[tempering])
    proba = softmax(logits / temperature, axis=1)
    coefficients, intercepts = regression(matrix, target, n_segments, penalty)
    return ProspectModel(
        design=design,
        coefficients=coefficients,
        intercepts=intercepts,
        temperature=temperature,
        accuracy=float((proba.argmax(axis=1) == target).mean()),
        majority=float(np.bincount(target).max() / len(target)),
        log_loss=log_loss(logits, target, temperature),
        calibration_error=expected_calibration_error(proba[~tempering], target[~tempering]),
        outlier_threshold=float(np.quantile(design.typicality(features), OUTLIER_SHARE)),
    )


def _informed(labels: pd.Series, features: pd.DataFrame, used: list[str]) -> pd.Series:
    """Leave out customers of which nothing was known beforehand, where they are the most.

    Prospects come with something known; such customers would only teach how they differ from them.
    """
    known = features.loc[labels.index, used].notna().any(axis=1)
    return labels[known] if LEAST_INFORMED <= known.sum() < len(labels) / 2 else labels


def _sample(labels: pd.Series, seed: int) -> pd.Series:
    """Return at most `MAX_ROWS` rows, in a random order that the seed fixes."""
    return labels.sort_index().sample(min(len(labels), MAX_ROWS), random_state=seed)


def _out_of_fold(matrix: FloatArray, target: IntArray, n_segments: int) -> tuple[FloatArray, float]:
    """Return the logits (n, k) of rows left out of the fit, and the penalty that predicted them best."""
    turn = pd.Series(target).groupby(target).cumcount().to_numpy()
    fold = (turn + target) % N_FOLDS  # rows are in random order, so this is a stratified split
    best: tuple[float, FloatArray, float] | None = None
    for penalty in PENALTIES:
        logits = np.empty((len(target), n_segments))
        for left_out in (fold == number for number in range(N_FOLDS)):
            fitted = ~left_out
            coefficients, intercepts = regression(matrix[fitted], target[fitted], n_segments, penalty)
            logits[left_out] = matrix[left_out] @ coefficients.T + intercepts
        loss = log_loss(logits, target, 1.0)
        if best is None or loss < best[0]:
            best = (loss, logits, penalty)
    assert best is not None
    return best[1], best[2]


def _temperature(logits: FloatArray, target: IntArray) -> float:
    """Return the divisor of the logits with the least log loss."""
    result = minimize_scalar(
        lambda log_t: log_loss(logits, target, float(np.exp(log_t))), bounds=(-2.0, 3.0), method="bounded"
    )
    return float(np.exp(result.x))

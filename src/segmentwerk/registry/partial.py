"""Accounts of which less is known than of the customers that were learned from: what can be said of them.

Unknown columns of the reference space are filled in several times, with what is to be expected given the
known ones and with draws from what is possible (`registry.expectation`), and the segmenter is asked about
each. How far its answers can be believed is learned by masking: features of customers are hidden at random,
and a multinomial logistic regression on the answers, the filled row and what was known says how likely each
segment is the one that the whole row would get. Its confidence is tempered by the share known, on accounts
that neither the segmenter nor the regression was fitted on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import onnx
import pandas as pd
from scipy.optimize import minimize
from scipy.special import softmax

from segmentwerk.core.arrays import BoolArray, FloatArray, IntArray
from segmentwerk.core.seeds import derive
from segmentwerk.registry.expectation import Expectation
from segmentwerk.segmenters.logistic import PENALTIES, expected_calibration_error, log_loss, regression
from segmentwerk.shipped.model_catalogue import Joined, PartialModel

LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Shares of the features that are hidden to measure what the answers are worth."""
MIN_KNOWN = 0.05
"""Share of the usual features below which there is no answer."""
OFTEN_UNKNOWN = 0.05
"""A feature that more customers than this lack is not usual: that it is unknown says something by itself."""
NEVER_UNKNOWN = 0.005
"""A feature that fewer customers than this lack must be known in a row that counts as whole."""
USUALLY_UNKNOWN = 0.99
"""Share of the customers that lack at most as many usual features as a whole row may."""
OUTLIER_SHARE = 0.01
BINS = 5
"""Equal ranges of the share known, each with an outlier threshold of its own."""
FAINTEST = 1e-3
"""Memberships count as this at least, so that their logarithm is no extreme."""
DRAWS = 8
"""Times that unknown columns are drawn."""
ROWS = 12_000
"""Masked rows that are learned from, and at most as many customers."""


class FittedSpace(Protocol):
    """The fitted reference space."""

    numeric: Sequence[str]
    categorical: Sequence[str]
    columns_: list[str]
    factors_: Any

    @property
    def owners_(self) -> IntArray:
        """Place among the features of each column."""

    @property
    def active_(self) -> Sequence[str]:
        """The features that shape the segments."""

    def columns(self, X: pd.DataFrame) -> FloatArray:
        """Return the columns before features are joined."""

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the accounts in the reference space."""

    def to_onnx(self) -> onnx.ModelProto:
        """Return a model with inputs ``numeric``, ``words``, ``codes`` and outputs ``x``, ``columns``."""


class FittedSegmenter(Protocol):
    """The fitted segmenter."""

    def predict_proba(self, X: pd.DataFrame) -> FloatArray:
        """Return memberships (n, n_segments)."""

    def score_samples(self, X: pd.DataFrame) -> FloatArray:
        """Return typicality (n,)."""

    def to_onnx(self) -> onnx.ModelProto:
        """Return a model with input ``x`` and outputs ``proba``, ``score``."""


@dataclass(frozen=True)
class Worth:
    """What answers are worth when a share of the features is ``hidden``, on accounts held out.

    ``agreement`` is the share of answers that name the segment of the whole row, ``calibration_error``
    the expected gap between confidence and agreement (Guo et al. 2017, eq. 3), both 0 to 1.
    """

    hidden: float
    agreement: float
    calibration_error: float


@dataclass(frozen=True)
class Partial:
    """The fitted third path.

    Attributes
    ----------
    usual : ndarray of bool, shape (n_features,)
        Features that hardly any customer lacks; ``known`` counts these.
    always : ndarray of bool, shape (n_features,)
        Features that no customer lacks, or next to none.
    allowed : int
        Other usual features that may be unknown in a row that still counts as whole.
    expectation : Expectation
    draws : ndarray of shape (DRAWS, n_factors + n_columns)
        Standard normal numbers behind the draws.
    coefficients, intercepts : ndarray
        (n_segments, 6 n_segments + n_columns + n_features + 2) and (n_segments,): see `traits`.
    temper : ndarray of shape (3,)
        The logits are divided by exp(t0 + t1 u + t2 u^2) with u the share unknown, within exp(-2) and exp(2).
    outlier_thresholds : ndarray of shape (BINS,)
        Typicality below which a row is an outlier, by the share known.
    worth : tuple of Worth
    """

    usual: BoolArray
    always: BoolArray
    allowed: int
    expectation: Expectation
    draws: FloatArray
    coefficients: FloatArray
    intercepts: FloatArray
    temper: FloatArray
    outlier_thresholds: FloatArray
    worth: tuple[Worth, ...]

    def share(self, known: BoolArray) -> FloatArray:
        """Return the share (n,) of the usual features that are known (n, n_features)."""
        return np.asarray(known[:, self.usual].mean(axis=1))

    def whole(self, known: BoolArray) -> BoolArray:
        """Return which rows (n,) count as whole, so that the segmenter answers for them itself."""
        few_unknown = (~known[:, self.usual]).sum(axis=1) <= self.allowed
        return np.asarray(few_unknown & known[:, self.always].all(axis=1))

    def predict_proba(
        self, space: FittedSpace, segmenter: FittedSegmenter, features: pd.DataFrame
    ) -> FloatArray:
        """Return how likely each segment is (n, n_segments), as if every row were partial."""
        known = known_of(space, features)
        filled = self.expectation.fill(space.columns(features), known, self.draws)
        evidence = traits(_assigned(space, segmenter, filled)[0], filled[0], known, self.share(known))
        logits = evidence @ self.coefficients.T + self.intercepts
        return np.asarray(softmax(logits / temperature(self.temper, self.share(known))[:, None], axis=1))

    def record(self, space: FittedSpace, shares: Sequence[float]) -> PartialModel:
        """Return what scoring needs; ``shares`` (n_segments,) are those of the customers in each segment."""
        joined = space.factors_
        return PartialModel(
            min_known=MIN_KNOWN,
            usual=self.usual.tolist(),
            always=self.always.tolist(),
            allowed=self.allowed,
            expectation=self.expectation.record(),
            draws=self.draws.tolist(),
            joined=joined and Joined(joined.weights.tolist(), joined.centre.tolist()),
            faintest=FAINTEST,
            coefficients=self.coefficients.tolist(),
            intercepts=self.intercepts.tolist(),
            temper=self.temper.tolist(),
            outlier_thresholds=self.outlier_thresholds.tolist(),
            shares=tuple(shares),
        )


def fit(
    space: FittedSpace,
    segmenter: FittedSegmenter,
    features: pd.DataFrame,
    held_out: pd.DataFrame,
    *,
    seed: int,
) -> Partial:
    """Learn what can be said of partial rows.

    Parameters
    ----------
    features
        Raw features of the customers that the segmenter was fitted on.
    held_out
        Those of customers that it was not: one half tempers the confidence, the other measures it.
    """
    rng = np.random.default_rng(derive(seed, "partial"))
    features = features.iloc[rng.permutation(len(features))[:ROWS]]
    there = known_of(space, features)
    unknown = (~there).mean(axis=0)
    usual, always = unknown < OFTEN_UNKNOWN, unknown < NEVER_UNKNOWN
    usual = usual if usual.any() else np.ones_like(usual)
    allowed = int(np.quantile((~there[:, usual]).sum(axis=1), USUALLY_UNKNOWN))
    expectation = Expectation.fit(space.columns(features), space.owners_)
    draws = rng.standard_normal((DRAWS, expectation.loadings.shape[1] + len(expectation.mean)))
    masker = _Masker(space, segmenter, expectation, draws, usual, rng)
    order = rng.permutation(len(held_out))[:ROWS]
    tempering, measuring = (held_out.iloc[np.sort(order[half::2])] for half in range(2))
    learned, cooled = masker.at_random(features, ROWS), masker.at_random(tempering, ROWS // 2)
    coefficients, intercepts = _regression(learned, cooled)
    logits = cooled.traits @ coefficients.T + intercepts
    temper = _temper(logits, cooled)
    worth = []
    for hidden in LEVELS:
        rows = masker.at(measuring, hidden, ROWS // 4)
        logits = rows.traits @ coefficients.T + intercepts
        proba = softmax(logits / temperature(temper, rows.share)[:, None], axis=1)
        agreement = float((proba.argmax(axis=1) == rows.target).mean())
        worth.append(Worth(hidden, agreement, expected_calibration_error(proba, rows.target)))
    thresholds = _thresholds(cooled)
    return Partial(
        usual, always, allowed, expectation, draws, coefficients, intercepts, temper, thresholds, tuple(worth)
    )


def known_of(space: FittedSpace, features: pd.DataFrame) -> BoolArray:
    """Return which features (n, n_features) of the space are known."""
    rows = features[[*space.numeric, *space.categorical]]
    return np.asarray(rows.notna() & (rows != ""))


def traits(proba: FloatArray, filled: FloatArray, known: BoolArray, share: FloatArray) -> FloatArray:
    """Return what the regression looks at (n, n_traits).

    Log memberships (of the expected row, and the mean over the drawn ones), alone and times the share unknown
    and its square; the filled row; which features are known; the share unknown and its square.

    Parameters
    ----------
    proba
        Memberships (1 + DRAWS, n, n_segments).
    """
    unknown = 1.0 - share[:, None]
    logs = np.log(np.maximum(np.hstack([proba[0], proba[1:].mean(axis=0)]), FAINTEST))
    return np.hstack([logs, logs * unknown, logs * unknown**2, filled, known, unknown, unknown**2])


def temperature(temper: FloatArray, share: FloatArray) -> FloatArray:
    """Return what the logits of rows with a known share (n,) are divided by (n,)."""
    unknown = 1.0 - share
    return np.asarray(np.exp(np.clip(temper[0] + temper[1] * unknown + temper[2] * unknown**2, -2.0, 2.0)))


@dataclass(frozen=True)
class _Masked:
    """Rows with hidden features: what the regression looks at, their share known, typicality and segment."""

    traits: FloatArray
    share: FloatArray
    score: FloatArray
    target: IntArray
    n_segments: int


@dataclass(frozen=True)
class _Masker:
    """Hides features of customers."""

    space: FittedSpace
    segmenter: FittedSegmenter
    expectation: Expectation
    draws: FloatArray
    usual: BoolArray
    rng: np.random.Generator

    def at_random(self, features: pd.DataFrame, rows: int) -> _Masked:
        """Return about so many rows; of each, another share of the features is hidden."""
        copies = -(-rows // len(features))
        return self._masked(features, copies, self.rng.random(copies * len(features)))

    def at(self, features: pd.DataFrame, hidden: float, rows: int) -> _Masked:
        """Return about so many rows with one share of the features hidden."""
        copies = -(-rows // len(features))
        return self._masked(features, copies, np.full(copies * len(features), hidden))

    def _masked(self, features: pd.DataFrame, copies: int, hidden: FloatArray) -> _Masked:
        columns = np.tile(self.space.columns(features), (copies, 1))
        known = np.tile(known_of(self.space, features), (copies, 1))
        whole, _ = _assigned(self.space, self.segmenter, columns[None, : len(features)])
        order = self.rng.random(known.shape).argsort(axis=1).argsort(axis=1)
        known &= order >= np.round(hidden * known.shape[1])[:, None]
        share = np.asarray(known[:, self.usual].mean(axis=1))
        filled = self.expectation.fill(columns, known, self.draws)
        proba, score = _assigned(self.space, self.segmenter, filled)
        target = np.tile(whole[0].argmax(axis=1), copies)
        return _Masked(traits(proba, filled[0], known, share), share, score, target, whole.shape[2])


def _assigned(
    space: FittedSpace, segmenter: FittedSegmenter, columns: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return what the segmenter says of tables (t, n, d) of the space, before features are joined.

    Memberships (t, n, n_segments), and the typicality (n,) of the rows of the first table.
    """
    x = columns if space.factors_ is None else space.factors_.apply(columns)
    frame = pd.DataFrame(x.reshape(-1, x.shape[-1]), columns=space.columns_)
    proba = segmenter.predict_proba(frame)
    score = segmenter.score_samples(frame.iloc[: columns.shape[1]])
    return proba.reshape(*columns.shape[:2], -1), score


def _regression(learned: _Masked, held_out: _Masked) -> tuple[FloatArray, FloatArray]:
    """Fit the regression with the penalty under which it foretells rows of other accounts best."""
    centre, scale = learned.traits.mean(axis=0), np.maximum(learned.traits.std(axis=0), 0.1)
    matrix, others = (learned.traits - centre) / scale, (held_out.traits - centre) / scale
    fits = [regression(matrix, learned.target, learned.n_segments, penalty) for penalty in PENALTIES]
    losses = [log_loss(others @ weights.T + bias, held_out.target) for weights, bias in fits]
    weights, bias = fits[int(np.argmin(losses))]
    weights = weights / scale
    return weights, bias - weights @ centre


def _temper(logits: FloatArray, rows: _Masked) -> FloatArray:
    """Return the coefficients of the temperature under which the log loss is least."""

    def loss(temper: FloatArray) -> float:
        return log_loss(logits, rows.target, temperature(temper, rows.share))

    return np.asarray(minimize(loss, np.zeros(3), method="Nelder-Mead").x)


def _thresholds(rows: _Masked) -> FloatArray:
    """Return the typicality below which `OUTLIER_SHARE` of the rows lie, by the share known."""
    place = bins(rows.share)
    overall = np.quantile(rows.score, OUTLIER_SHARE)
    scores = [rows.score[place == number] for number in range(BINS)]
    return np.array([np.quantile(part, OUTLIER_SHARE) if len(part) else overall for part in scores])


def bins(share: FloatArray) -> IntArray:
    """Return the range (n,) that a known share falls into."""
    return np.minimum((share * BINS).astype(np.int64), BINS - 1)

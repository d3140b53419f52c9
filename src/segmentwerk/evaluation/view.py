"""What a candidate is judged on, and the candidate on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Protocol, TypeVar

import numpy as np
import pandas as pd

from segmentwerk.core.arrays import BoolArray, FloatArray, IntArray
from segmentwerk.core.errors import InputError
from segmentwerk.core.seeds import derive
from segmentwerk.core.settings import EvaluationSettings
from segmentwerk.core.space_columns import flag_name
from segmentwerk.evaluation import variables
from segmentwerk.evaluation.targeting import PastCampaign

Frame = TypeVar("Frame", pd.DataFrame, pd.Series)
KNOWN = ("outcome", "revenue", "prospect", "present")
"""What may be known of the accounts of both halves beside their place in the reference space."""


class Fitted(Protocol):
    """The little that the judges need of a fitted segmenter."""

    @property
    def n_segments_(self) -> int:
        """Number of segments, empty ones included."""

    def predict(self, X: pd.DataFrame) -> IntArray:
        """Return labels 0 … n_segments_ - 1, shape (n,)."""


Refit = Callable[[pd.DataFrame, int], Fitted]
"""``refit(X, seed)`` fits the same algorithm with the same parameters to other rows."""


def _at(frame: Frame | None, positions: IntArray) -> Frame | None:
    return None if frame is None else frame.iloc[positions]


@dataclass(frozen=True, eq=False)
class View:
    """Accounts on which every candidate is judged: one space, one split.

    ``train`` (n_train, d) and ``test`` (n_test, d) are float64 in the shared reference space, with
    unique account ids as index; segmenters are fitted on ``train`` alone. ``discrete`` maps each
    categorical variable to its one-hot columns. Outcomes, revenues and prospect features (raw:
    numeric with NaN, categories as object) share the index of their half and may be absent, as may the
    segments that the accounts have at present (whole numbers, negative where they have none). ``campaigns``
    are past campaigns with randomised arms, their accounts as they were on the eve; parts of a view have
    none.

    Raises
    ------
    InputError
        If the halves disagree in columns, share ids, are empty, hold unknown values, or if an
        outcome, a revenue or prospect features are given for other accounts.
    """

    train: pd.DataFrame
    test: pd.DataFrame
    discrete: dict[str, list[str]] = field(default_factory=dict)
    outcome_train: pd.Series | None = None
    outcome_test: pd.Series | None = None
    revenue_train: pd.Series | None = None
    revenue_test: pd.Series | None = None
    prospect_train: pd.DataFrame | None = None
    prospect_test: pd.DataFrame | None = None
    present_train: pd.Series | None = None
    present_test: pd.Series | None = None
    campaigns: tuple[PastCampaign, ...] = ()

    def __post_init__(self) -> None:
        _check_halves(self.train, self.test, self.discrete)
        for name in KNOWN:
            for half in ("train", "test"):
                given = getattr(self, f"{name}_{half}")
                if given is not None and not given.index.equals(getattr(self, half).index):
                    raise InputError(
                        f"{name}_{half} and {half} are of different accounts.",
                        f"Give {name}_{half} the index of {half}.",
                    )
            if (getattr(self, f"{name}_train") is None) != (getattr(self, f"{name}_test") is None):
                raise InputError(f"{name} is given for one half only.", "Give it for both or for none.")

    @cached_property
    def ordered(self) -> View:
        """The same view with the rows of each half sorted by id, so that row order cannot matter."""
        if self.train.index.is_monotonic_increasing and self.test.index.is_monotonic_increasing:
            return self
        return self.take(self.train.index.argsort(), self.test.index.argsort())

    def divided(self, train: IntArray, test: IntArray) -> View:
        """Return the view whose halves are the accounts at some positions of `everyone`."""
        known: dict[str, Any] = {}
        for name in KNOWN:
            first = getattr(self, f"{name}_train")
            both = None if first is None else pd.concat([first, getattr(self, f"{name}_test")])
            known |= {f"{name}_train": _at(both, train), f"{name}_test": _at(both, test)}
        return View(self.everyone.iloc[train], self.everyone.iloc[test], self.discrete, **known)

    def take(self, train: IntArray, test: IntArray) -> View:
        """Return the view of the accounts at some positions of each half, with all that is known of them."""
        return View(
            self.train.iloc[train],
            self.test.iloc[test],
            self.discrete,
            _at(self.outcome_train, train),
            _at(self.outcome_test, test),
            _at(self.revenue_train, train),
            _at(self.revenue_test, test),
            _at(self.prospect_train, train),
            _at(self.prospect_test, test),
            _at(self.present_train, train),
            _at(self.present_test, test),
        )

    @cached_property
    def everyone(self) -> pd.DataFrame:
        """Both halves, training accounts first, shape (n_train + n_test, d)."""
        return pd.concat([self.train, self.test])

    @cached_property
    def outcome(self) -> pd.Series | None:
        """Later outcome of `everyone`; None where none is known."""
        return _both(self.outcome_train, self.outcome_test)

    @cached_property
    def present(self) -> pd.Series | None:
        """Present segment of `everyone`; None where there is no champion to continue."""
        return _both(self.present_train, self.present_test)

    @cached_property
    def continuous(self) -> list[str]:
        """Columns that are no level of a categorical variable."""
        levels = {column for columns in self.discrete.values() for column in columns}
        return [column for column in self.train.columns if column not in levels]

    @cached_property
    def levels(self) -> dict[str, IntArray]:
        """Level of each account of `everyone` by categorical variable; the last one: none of them."""
        return {name: variables.codes(self.everyone[columns]) for name, columns in self.discrete.items()}

    @cached_property
    def unknown(self) -> dict[str, BoolArray]:
        """Where a continuous column of `everyone` was filled, for the columns with a missing flag."""
        flags = {column: flag_name(column) for column in self.continuous}
        return {column: self.levels[flag] == 0 for column, flag in flags.items() if flag in self.levels}

    @cached_property
    def spread(self) -> FloatArray:
        """Continuous columns of `everyone` without atoms (n_train + n_test, n_continuous)."""
        return variables.spread(self.everyone[self.continuous], self.unknown)


def _both(train: pd.Series | None, test: pd.Series | None) -> pd.Series | None:
    return None if train is None or test is None else pd.concat([train, test])


def _check_halves(train: pd.DataFrame, test: pd.DataFrame, discrete: dict[str, list[str]]) -> None:
    if min(train.shape) == 0 or len(test) == 0:
        raise InputError(
            f"A view needs accounts in both halves, not {len(train)} and {len(test)}.",
            "Use more accounts, or another evaluation.holdout_share.",
        )
    if not train.columns.equals(test.columns):
        raise InputError("Training and held-out accounts differ in columns.", "Transform both alike.")
    if not (train.index.is_unique and test.index.is_unique) or train.index.isin(test.index).any():
        raise InputError("An account stands twice in the view.", "Give every account one row in one half.")
    missing = [column for columns in discrete.values() for column in columns if column not in train]
    if missing:
        raise InputError(f"Level {missing[0]!r} is no column of the view.", "Name the one-hot columns.")
    for name, half in (("train", train), ("test", test)):
        bad = ~np.isfinite(half.to_numpy(dtype=np.float64)).all(axis=0)
        if bad.any():
            column = half.columns[int(np.argmax(bad))]
            raise InputError(f"Column {column!r} of {name} holds unknown values.", "Impute it first.")


@lru_cache(maxsize=4)
def thinned(view: View, max_rows: int, seed: int) -> View:
    """Return the ordered view on at most about ``max_rows`` accounts, its halves in proportion."""
    view, rng = view.ordered, np.random.default_rng(derive(seed, "thinned"))
    kept = max_rows / (len(view.train) + len(view.test))
    if kept >= 1:
        return view
    train, test = (
        np.sort(rng.permutation(len(half))[: max(1, round(kept * len(half)))])
        for half in (view.train, view.test)
    )
    return view.take(train, test)


@dataclass(frozen=True, eq=False)
class Case:
    """A fitted candidate on an ordered view: what every family of the scorecard looks at.

    ``folds`` holds fits of the same algorithm to parts of few accounts, each on a view whose held-out half
    it has not seen (`crossvalidation`); it is empty where one split is enough.
    """

    view: View
    labels_train: IntArray
    labels_test: IntArray
    n_segments: int
    settings: EvaluationSettings
    seed: int
    folds: tuple[Case, ...] = ()

    @classmethod
    def of(cls, segmenter: Fitted, view: View, settings: EvaluationSettings, seed: int) -> Case:
        """Label both halves of a view."""
        view = view.ordered
        return cls(
            view,
            labels(segmenter, view.train),
            labels(segmenter, view.test),
            int(segmenter.n_segments_),
            settings,
            seed,
        )

    @cached_property
    def labels(self) -> IntArray:
        """Labels of training and held-out accounts, in the order of ``view.everyone``."""
        return np.concatenate([self.labels_train, self.labels_test])

    @cached_property
    def shares(self) -> FloatArray:
        """Share of all accounts in each segment, shape (n_segments,)."""
        return np.bincount(self.labels, minlength=self.n_segments) / len(self.labels)


def labels(segmenter: Fitted, X: pd.DataFrame) -> IntArray:
    """Return a segmenter's labels as int64, checked to lie in 0 … n_segments_ - 1.

    Raises
    ------
    InputError
        If a label lies outside.
    """
    found = np.asarray(segmenter.predict(X)).astype(np.int64)
    if found.shape != (len(X),) or found.min() < 0 or found.max() >= segmenter.n_segments_:
        raise InputError(
            f"{type(segmenter).__name__} returned labels outside 0 … {segmenter.n_segments_ - 1}.",
            "A segmenter labels every account with one of its segments.",
        )
    return found

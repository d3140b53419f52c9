"""The accounts to score, as somebody sent them, as arrays: ids, numbers and categories, or a refusal.

A copy of this file lies in every saved model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from numpy.typing import NDArray

from .model_catalogue import ACCOUNT, Limits

NUMBERS = (bool, int, float, Decimal, np.bool_, np.integer, np.floating)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


class Texts(NamedTuple):
    """A categorical column: ``codes`` (n,) say where in ``words`` each value stands.

    The last word is the empty text, for unknown; -1, the code of unknown values, finds it, too.
    """

    codes: IntArray
    words: NDArray[Any]

    @classmethod
    def unknown(cls, n_rows: int) -> Texts:
        """Return a column of which nothing is known."""
        return cls(np.full(n_rows, -1), np.array([""], dtype=object))

    def take(self, rows: BoolArray) -> Texts:
        """Return some rows."""
        return Texts(self.codes[rows], self.words)


def account_ids(frame: pd.DataFrame, begin: int = 0) -> NDArray[Any]:
    """Return the ids as text, None where one is missing; the row's label where there are none at all.

    Raises
    ------
    MlflowException
        If a value is no id, or a number that lost its last digits on its way.
    """
    if ACCOUNT not in frame:
        return frame.index.astype(str).to_numpy(object)
    column = frame[ACCOUNT]
    given = column.astype(object).to_numpy(object)
    if pd.api.types.infer_dtype(given, skipna=False) == "string":
        return given
    ids = np.full(len(frame), None, dtype=object)
    exact = 2**24 if column.dtype == np.float32 else 2**53
    for row in np.flatnonzero(column.notna().to_numpy()):
        ids[row] = _account_id(given[row], exact, begin + int(row))
    return ids


def _account_id(value: Any, exact: int, row: int) -> str:
    """Return one id as text; ``exact`` is the first whole number that its kind of float cannot tell apart."""
    if isinstance(value, float | np.floating) and abs(float(value)) >= exact:
        raise MlflowException.invalid_parameter_value(
            f"Column {ACCOUNT!r} holds a number in row {row} whose last digits may be lost: a missing id "
            "beside numbers makes floating-point numbers of them. Send ids as texts."
        )
    text = None if isinstance(value, bool | np.bool_) else _text(value)
    if text is None:
        raise _unfit(ACCOUNT, "texts or whole numbers", value, row)
    return text


def numbers_of(frame: pd.DataFrame, names: Sequence[str], begin: int = 0) -> FloatArray:
    """Return the columns as float64 (n, p), NaN where unknown; errors count rows from ``begin``."""
    numbers = np.full((len(frame), len(names)), np.nan)
    for j, name in enumerate(names):
        if name in frame:
            numbers[:, j] = _column(frame[name], name, begin)
    infinite = np.isinf(numbers)
    if infinite.any():
        row, j = np.argwhere(infinite)[0]
        raise MlflowException.invalid_parameter_value(
            f"Column {names[j]!r} is infinite in row {begin + row}; leave it empty."
        )
    return numbers


def insist_on_possible(
    numeric: FloatArray, names: Sequence[str], possible: Sequence[Limits], begin: int
) -> None:
    """Refuse what a number of its kind cannot be at all, such as -5 orders or a share of 85."""
    low = np.array([limits.least for limits in possible])
    high = np.array([limits.most for limits in possible])
    wrong = (numeric < low) | (numeric > high)
    if wrong.any():
        row, j = np.argwhere(wrong)[0]
        value, limits = numeric[row, j], possible[j]
        reason = limits.below if value < limits.least else limits.above
        raise MlflowException.invalid_parameter_value(
            f"Column {names[j]!r} {reason}; row {begin + row} holds {value:.6g}."
        )


def _column(column: pd.Series, name: str, begin: int) -> FloatArray:
    """Return the numbers of a column, whatever whole, decimal or nullable type they came in."""
    if column.dtype == np.float64:
        return column.to_numpy()
    if pd.api.types.is_numeric_dtype(column.dtype) and column.dtype.kind != "c":  # flags are numbers, too
        return column.to_numpy(np.float64, na_value=np.nan)
    numbers = np.full(len(column), np.nan)
    given = column.astype(object).to_numpy(object)
    for row in np.flatnonzero(column.notna().to_numpy()):
        number = _float(given[row])
        if number is None:
            raise _unfit(name, "numbers", given[row], begin + int(row))
        numbers[row] = number
    return numbers


def _float(value: Any) -> float | None:
    """Return a number, or a text in which one is written plainly, as a float; None if it is none."""
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return np.nan
        if "_" in text:  # Python would read 1_000
            return None
    elif not isinstance(value, NUMBERS):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None if isinstance(value, str) else np.inf


def texts_of(frame: pd.DataFrame, names: Sequence[str], begin: int = 0) -> list[Texts]:
    """Return the categorical columns."""
    unknown = Texts.unknown(len(frame))
    return [_category(frame[name], begin) if name in frame else unknown for name in names]


def _category(column: pd.Series, begin: int) -> Texts:
    try:
        codes, uniques = pd.factorize(column)
    except TypeError:  # such as lists, which cannot be compared: the first of them is named below
        codes, uniques = np.arange(len(column)), pd.Index(column.to_numpy(object), dtype=object)
    words = [_text(value) if known else "" for value, known in zip(uniques, uniques.notna(), strict=True)]
    for place, word in enumerate(words):
        if word is None:
            row = begin + int(np.flatnonzero(codes == place)[0])
            raise _unfit(str(column.name), "texts", uniques[place], row)
    return Texts(codes, np.array([*words, ""], dtype=object))


def _text(value: Any) -> str | None:
    """Return a text without blanks around it, or a number as it is written in one; None for anything else."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    if isinstance(value, int | np.integer | UUID):
        return str(value)
    if isinstance(value, float | np.floating | Decimal):
        return str(int(value) if math.isfinite(value) and value == int(value) else value)
    return None


def _unfit(name: str, wanted: str, value: Any, row: int) -> MlflowException:
    kind = "a text that is none" if isinstance(value, str) else f"a {type(value).__name__}"
    refusal: MlflowException = MlflowException.invalid_parameter_value(
        f"Column {name!r} must hold {wanted}; row {row} holds {kind}."
    )
    return refusal


def known_cells(numeric: FloatArray, texts: list[Texts]) -> BoolArray:
    """Return which features (n, n_features) are known, numbers first."""
    return np.column_stack([~np.isnan(numeric), *((text.words != "")[text.codes] for text in texts)])

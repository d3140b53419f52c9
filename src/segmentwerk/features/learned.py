"""Features that must first be learned from all accounts, then kept with a model."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ibis
import pandas as pd

from segmentwerk.core.types import Feature
from segmentwerk.features.declare import Tables

Learned = dict[str, Any]
"""What a step learned, ready for JSON."""
Relation = tuple[ibis.Table, dict[str, str]]


class CannotLearnError(Exception):
    """The accounts are too few or too alike to learn from; the message says so."""


@dataclass(frozen=True)
class Step:
    """Features computed in Python from one row an account.

    Parameters
    ----------
    name
        Key in `AccountTable.definitions`.
    features
        Every feature it may give.
    reads, prefers, needs
        Features that it is computed from, features that it uses where there are any, and columns of
        tables (``table.column``).
    learn
        From one row an account (declared features, ``orders``, and what ``relate`` adds) to `Learned`;
        raises `CannotLearnError`.
    apply
        From the same rows and `Learned` to the features' columns.
    package, extra
        The package that ``learn`` needs, and the extra that installs it.
    describe
        The features that `Learned` gives, in column order.
    relate
        A relation with one row an account that it needs besides the features it reads, and the names
        of its columns in those rows; it is given what was learned, where that is known already.
    """

    name: str
    features: tuple[Feature, ...]
    learn: Callable[[pd.DataFrame], Learned]
    apply: Callable[[pd.DataFrame, Learned], pd.DataFrame]
    reads: tuple[str, ...] = ()
    prefers: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    package: str = ""
    extra: str = ""
    describe: Callable[[Learned], tuple[Feature, ...]] | None = None
    relate: Callable[[Tables, Learned | None], Relation] | None = None

    def uninstalled(self) -> str:
        """Say that the package to learn with is not installed; empty where it is or none is needed."""
        if not self.package or importlib.util.find_spec(self.package):
            return ""
        return f"{self.package} is not installed (pip install 'segmentwerk[{self.extra}]')"

    def given(self, learned: Mapping[str, Any]) -> tuple[Feature, ...]:
        """Return the features that this step gives with what it learned."""
        return self.features if self.describe is None else self.describe(dict(learned))

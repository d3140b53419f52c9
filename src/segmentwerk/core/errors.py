"""Errors that a user can act on: what is wrong, where, and what would be right."""

from __future__ import annotations

import difflib
import os
import traceback
from collections.abc import Iterable
from pathlib import Path


class SegmentwerkError(Exception):
    """Base of every error that segmentwerk raises on purpose.

    Parameters
    ----------
    problem
        What is wrong, naming the file, column, row or key.
    remedy
        What the user can do about it.

    Attributes
    ----------
    exit_code
        Exit code of the command line: 2 bad input or config, 3 a gate said no.
    """

    exit_code = 2

    def __init__(self, problem: str, remedy: str = "") -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem} {remedy}".strip())

    def __reduce__(self) -> tuple[type[SegmentwerkError], tuple[str, str]]:
        """Pickle by both parts, so that the error crosses process borders whole."""
        return type(self), (self.problem, self.remedy)


class InputError(SegmentwerkError):
    """A file, table, column, row or argument cannot be used."""


class ConfigError(SegmentwerkError):
    """A config key or value is wrong."""


class FitError(SegmentwerkError):
    """A segmenter cannot be fitted to this input: too few rows, one distinct row, a dead component."""


UNFIT = (FitError, MemoryError, ArithmeticError, ValueError, RuntimeError)
"""What the data, the parameters or the memory make impossible while a segmenter is fitted or judged."""


class ModelError(SegmentwerkError):
    """A registered or saved model is missing, damaged or not the one expected."""


class DeniedError(SegmentwerkError):
    """The account on the tracking server may not do that."""


def denied(what: str = "do that") -> DeniedError:
    """Return the error of an account that a tracking server does not let do something."""
    who = os.environ.get("MLFLOW_TRACKING_USERNAME", "") or "This account"
    return DeniedError(
        f"{who} may not {what} on the tracking server.",
        "Its administrator gives the right: see docs/how-to/server.md, Accounts.",
    )


class GateError(SegmentwerkError):
    """A quality gate said no."""

    exit_code = 3


def brief(error: BaseException) -> str:
    """Say what happened and where; only our own words are quoted, for others may hold a customer's data.

    Examples
    --------
    >>> brief(ConfigError("The key is wrong."))
    'ConfigError: The key is wrong.'
    >>> brief(KeyError("Jane Doe"))
    'KeyError'
    """
    if isinstance(error, SegmentwerkError):
        return f"{type(error).__name__}: {error}"
    places = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(places[-1].filename).name}, line {places[-1].lineno}" if places else ""
    return f"{type(error).__name__}{where}"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a remedy naming the closest known spelling, or all of them.

    Examples
    --------
    >>> nearest("seeed", ["seed", "source"])
    "Did you mean 'seed'?"
    """
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"Known: {', '.join(known)}." if known else ""

"""The multinomial logit of choices (McFadden 1974), with standard errors that know who answered twice.

Utility is linear in the attributes; gradient and Hessian are exact. A person's answers hang together, so the
covariance is the sandwich over accounts (Cameron & Miller 2015, Journal of Human Resources 50:317).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from segmentwerk.core.arrays import BoolArray, FloatArray, IntArray
from segmentwerk.core.choices import BASE
from segmentwerk.core.errors import FitError, InputError

EXTREME = 15.0
"""Utility of a standard deviation beyond which choices are told apart by a column without an exception."""
FLAT = 1e-5
"""Curvature of the log likelihood a task, below which it has no peak."""
STEP = 1e-5
"""Of the differences that the Hessian of other models comes from."""


@dataclass(frozen=True)
class ChoiceData:
    """Choices as arrays, sorted by account and task.

    Attributes
    ----------
    columns
        Names of the attributes' columns.
    x
        Attributes of each alternative (n_alternatives, n_columns).
    chosen
        (n_alternatives,) exactly one true in a task.
    starts
        (n_tasks,) place of each task's first alternative.
    account
        (n_tasks,) number of the account that answered, ascending.
    accounts
        The accounts' ids by their number.
    differences
        Whether the attributes are differences of two profiles (`core.choices.BASE` is the second).
    """

    columns: tuple[str, ...]
    x: FloatArray
    chosen: BoolArray
    starts: IntArray
    account: IntArray
    accounts: pd.Index
    differences: bool = False

    @classmethod
    def of(cls, wide: pd.DataFrame) -> ChoiceData:
        """Read what `core.choices.decided` returns; columns that vary in no task are left out."""
        wide = wide.sort_index()
        names = [name for name in wide if name != "chosen"]
        task = wide.groupby(level=["account", "task_id"]).ngroup().to_numpy()
        starts = np.flatnonzero(np.diff(task, prepend=-1))
        x = wide[names].to_numpy(dtype=np.float64)
        first = np.repeat(starts, np.diff(np.append(starts, len(x))))
        varying = (x != x[first]).any(axis=0)
        number, accounts = pd.factorize(wide.index.get_level_values("account")[starts])
        return cls(
            tuple(str(name) for name, one in zip(names, varying, strict=True) if one),
            x[:, varying],
            wide["chosen"].to_numpy() == 1.0,
            starts.astype(np.int64),
            number.astype(np.int64),
            pd.Index(accounts),
            bool((wide.index.get_level_values("alternative_id") == BASE).any()),
        )

    @property
    def task(self) -> IntArray:
        """(n_alternatives,) number of each alternative's task."""
        return np.repeat(np.arange(len(self.starts)), np.diff(np.append(self.starts, len(self.x))))

    def of_accounts(self, wanted: BoolArray) -> ChoiceData:
        """Keep some accounts; ``wanted`` (n_accounts,)."""
        return self.of_tasks(wanted[self.account])

    def of_tasks(self, wanted: BoolArray) -> ChoiceData:
        """Keep some tasks; ``wanted`` (n_tasks,)."""
        rows = wanted[self.task]
        sizes = np.diff(np.append(self.starts, len(self.x)))[wanted]
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        number, left = pd.factorize(self.account[wanted])
        x, chosen, accounts = self.x[rows], self.chosen[rows], self.accounts[left]
        return ChoiceData(self.columns, x, chosen, starts, number, accounts, self.differences)

    def shares(self, beta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return each alternative's probability, and the log probability of each task's choice."""
        utility = self.x @ beta
        task = self.task
        utility = utility - np.maximum.reduceat(utility, self.starts)[task]
        total = np.add.reduceat(np.exp(utility), self.starts)
        return np.exp(utility) / total[task], utility[self.chosen] - np.log(total)

    def scores(self, shares: FloatArray) -> FloatArray:
        """Return the gradient of each task's log likelihood (n_tasks, n_columns)."""
        return np.asarray(np.add.reduceat((self.chosen - shares)[:, None] * self.x, self.starts))

    def information(self, shares: FloatArray, weights: FloatArray) -> FloatArray:
        """Return the negative Hessian, tasks weighted (n_tasks,)."""
        mean = np.add.reduceat(shares[:, None] * self.x, self.starts)
        spread = self.x - mean[self.task]
        return np.asarray((spread * (shares * weights[self.task])[:, None]).T @ spread)

    def by_account(self, values: FloatArray) -> FloatArray:
        """Sum what tasks have (n_tasks, …) over each account (n_accounts, …)."""
        return np.asarray(np.add.reduceat(values, np.flatnonzero(np.diff(self.account, prepend=-1))))


@dataclass(frozen=True)
class Logit:
    """A fitted logit: coefficients (n_columns,) in utility a unit, their covariance, and how well it fits."""

    columns: tuple[str, ...]
    coefficients: FloatArray
    covariance: FloatArray
    log_likelihood: float
    null: float
    """Log likelihood of choosing at random."""
    n_tasks: int
    n_accounts: int

    @property
    def errors(self) -> FloatArray:
        """Standard errors (n_columns,)."""
        return np.asarray(np.sqrt(np.diag(self.covariance)))

    @property
    def rho(self) -> float:
        """McFadden's share of the log likelihood explained, in [0, 1]."""
        return 1.0 - self.log_likelihood / self.null


def fit(data: ChoiceData) -> Logit:
    """Fit the logit to all choices.

    Raises
    ------
    InputError
        If the columns cannot be told from each other.
    FitError
        If the choices are too few, or follow a column without exception.
    """
    if not data.columns:
        raise InputError("No attribute of the choices varies within a task.", "Look at table 'choices'.")
    weights = np.ones(len(data.starts))
    insist_on_rank(data)
    beta = maximise(data, weights, np.zeros(len(data.columns)))
    shares, logs = data.shares(beta)
    bread = np.linalg.inv(data.information(shares, weights))
    meat = data.by_account(data.scores(shares))
    n = len(meat)
    if n <= len(data.columns):
        raise FitError(f"{n} accounts are too few for {len(data.columns)} columns of attributes.")
    covariance = bread @ (meat.T @ meat) @ bread * n / (n - 1)
    sizes = np.diff(np.append(data.starts, len(data.x)))
    null = -float(np.log(sizes).sum())
    return Logit(data.columns, beta, covariance, float(logs.sum()), null, len(data.starts), n)


def maximise(data: ChoiceData, weights: FloatArray, start: FloatArray, steps: int = 200) -> FloatArray:
    """Return the coefficients of largest weighted likelihood; tasks weighted (n_tasks,).

    ``steps`` of the search at most: EM needs no more than a better place in each round.

    Raises
    ------
    FitError
        If there is no largest one: choices follow a column without exception.
    """
    scale = data.x.std(axis=0)
    scale[scale == 0] = 1.0
    scaled = ChoiceData(data.columns, data.x / scale, data.chosen, data.starts, data.account, data.accounts)
    n = weights.sum()

    def loss(beta: FloatArray) -> tuple[float, FloatArray]:
        shares, logs = scaled.shares(beta)
        return -float(weights @ logs) / n, -(weights @ scaled.scores(shares)) / n

    def hessian(beta: FloatArray) -> FloatArray:
        return np.asarray(scaled.information(scaled.shares(beta)[0], weights) / n)

    found = minimize(
        loss,
        start * scale,
        jac=True,
        hess=hessian,
        method="trust-exact",
        options={"gtol": 1e-7, "maxiter": steps},
    )
    flat = np.linalg.eigvalsh(hessian(found.x))[0] < FLAT
    if flat or (np.abs(found.x) > EXTREME).any():
        name = data.columns[int(np.argmax(np.abs(found.x)))]
        raise FitError(f"Choices follow {name!r} without exception; its part-worth has no end.")
    return np.asarray(found.x / scale)


def sandwich(gradients: Callable[[FloatArray], FloatArray], at: FloatArray) -> FloatArray:
    """Return the covariance of a model's parameters (n_parameters,) over accounts.

    ``gradients`` returns the exact gradient of each account's log likelihood (n_accounts, n_parameters); the
    Hessian comes from its central differences.
    """
    steps = np.eye(len(at)) * STEP
    hessian = np.array(
        [(gradients(at - one) - gradients(at + one)).sum(axis=0) / (2 * STEP) for one in steps]
    )
    meat = gradients(at)
    n, outer = len(meat), meat.T @ meat
    if np.linalg.eigvalsh(hessian + hessian.T)[0] <= 0:  # the search ended beside the peak
        return np.asarray(np.linalg.pinv(outer, hermitian=True))
    bread = np.linalg.inv((hessian + hessian.T) / 2)
    return np.asarray(bread @ outer @ bread * n / (n - 1))


def insist_on_rank(data: ChoiceData) -> None:
    """Refuse columns that are sums of others within every task, or that vary in none.

    Raises
    ------
    InputError
        Naming the column.
    """
    mean = np.add.reduceat(data.x, data.starts) / np.diff(np.append(data.starts, len(data.x)))[:, None]
    spread = data.x - mean[data.task]
    norm = np.linalg.norm(spread, axis=0)
    triangle = np.abs(np.diag(np.linalg.qr(spread / np.where(norm > 0, norm, 1.0), mode="r")))
    if len(triangle) < len(data.columns) or (triangle < 1e-8).any():
        name = data.columns[int(np.argmin(triangle))]
        raise InputError(
            f"Attribute {name!r} of the choices is told by the ones before it, or does not vary.",
            "Leave one level of each attribute out of table 'choices': it is what the others compare with.",
        )

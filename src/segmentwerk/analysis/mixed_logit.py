"""The mixed logit of choices: part-worths that differ from account to account (Train 2009, chapter 6).

Each part-worth is normal over the accounts, independent of the others, and the same in all tasks of an
account (a panel). The likelihood is simulated with Halton draws (Train 2009, chapter 9) and its gradient is
exact for them. K. Train (2009): Discrete Choice Methods with Simulation, 2nd edition, Cambridge.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp, ndtr, ndtri
from scipy.stats import qmc

from segmentwerk.analysis import choice_model
from segmentwerk.analysis.choice_model import ChoiceData
from segmentwerk.core.arrays import BoolArray, FloatArray, IntArray
from segmentwerk.core.errors import FitError
from segmentwerk.core.seeds import derive

START = 0.1
"""Spread at which the search begins, in utility of a column's standard deviation: at 0 it has no slope."""
ENDLESS = 50.0
"""Mean or spread, in the same unit, beyond which the likelihood has no peak."""
TOLERANCE = 1e-5
"""Of the gradient a task, at which the search ends."""
LEARNED_FROM = 1_000
"""Accounts used, at most."""


@dataclass(frozen=True)
class MixedLogit:
    """A fitted mixed logit.

    Attributes
    ----------
    mean, spread
        (n_columns,) mean and standard deviation of the part-worths over the accounts, in utility a unit.
    covariance
        Of the means and then the spreads (2 n_columns,) square: the sandwich over accounts; NaN where it was
        not asked for.
    log_likelihood
        Simulated, of the choices of ``n_accounts``, with ``n_draws`` each.
    """

    columns: tuple[str, ...]
    mean: FloatArray
    spread: FloatArray
    covariance: FloatArray
    log_likelihood: float
    n_accounts: int
    n_draws: int

    @property
    def liked(self) -> FloatArray:
        """Share of the accounts that a part-worth is above 0 for (n_columns,)."""
        return np.asarray(ndtr(self.mean / np.maximum(self.spread, 1e-12)))

    @property
    def errors(self) -> tuple[FloatArray, FloatArray]:
        """Standard errors of the means and of the spreads (n_columns,)."""
        both = np.sqrt(np.diag(self.covariance))
        return np.asarray(both[: len(self.mean)]), np.asarray(both[len(self.mean) :])


def fit(data: ChoiceData, n_draws: int, seed: int, *, errors: bool = True) -> MixedLogit:
    """Fit means and spreads by maximum simulated likelihood, with ``n_draws`` an account.

    ``errors`` False leaves the covariance out, which takes as long as the fit.

    Raises
    ------
    FitError
        If the choices do not tell how much accounts differ.
    """
    order = np.random.default_rng(derive(seed, "mixed logit's accounts")).permutation(len(data.accounts))
    data = data.of_accounts(np.argsort(order) < LEARNED_FROM)
    scale = data.x.std(axis=0)
    scaled = ChoiceData(data.columns, data.x / scale, data.chosen, data.starts, data.account, data.accounts)
    draws = halton(len(data.accounts), n_draws, len(scale), seed)
    found = _peak(scaled, draws)
    signs = np.where(found < 0, -1.0, 1.0)[len(scale) :]
    draws *= signs  # a spread below 0 is one above it with its draws turned, and the peak stays where it is
    found[len(scale) :] *= signs
    covariance = np.full((len(found), len(found)), np.nan)
    if errors:
        covariance = choice_model.sandwich(lambda at: simulated(scaled, at, draws)[1], found)
    both = np.concatenate([scale, scale])
    mean, spread = np.split(found / both, 2)
    log_likelihood = float(simulated(scaled, found, draws)[0].sum())
    return MixedLogit(
        data.columns, mean, spread, covariance / np.outer(both, both), log_likelihood, len(draws), n_draws
    )


def _peak(data: ChoiceData, draws: FloatArray) -> FloatArray:
    """Return the likeliest means and spreads (2 n_columns,), which may be below 0."""
    n_columns, n_tasks = len(data.columns), len(data.starts)
    start = choice_model.maximise(data, np.ones(n_tasks), np.zeros(n_columns))

    def loss(at: FloatArray) -> tuple[float, FloatArray]:
        logs, gradients = simulated(data, at, draws)
        return -float(logs.sum()) / n_tasks, -gradients.sum(axis=0) / n_tasks

    found = minimize(
        loss,
        np.concatenate([start, np.full(n_columns, START)]),
        jac=True,
        method="BFGS",
        options={"gtol": TOLERANCE, "maxiter": 200},
    ).x
    if not np.isfinite(found).all() or np.abs(found).max() > ENDLESS:
        raise FitError("The choices do not tell how much accounts differ; the mixed logit has no peak.")
    return np.asarray(found)


def halton(n_accounts: int, n_draws: int, n_columns: int, seed: int) -> FloatArray:
    """Return standard normal draws (n_accounts, n_draws, n_columns), evenly spread, the same for a seed."""
    engine = qmc.Halton(n_columns, rng=np.random.default_rng(derive(seed, "mixed logit")))
    return np.asarray(ndtri(engine.random(n_accounts * n_draws)).reshape(n_accounts, n_draws, n_columns))


def simulated(data: ChoiceData, at: FloatArray, draws: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return each account's log likelihood (n_accounts,) and its gradient (n_accounts, 2 n_columns).

    ``at`` holds the means and then the spreads.
    """
    mean, spread = np.split(at, 2)
    logs, gradients = np.empty(len(draws)), np.empty((len(draws), len(at)))
    for number, (x, chosen, starts) in enumerate(_each(data)):
        betas = mean + draws[number] * spread
        shares, log_shares = _shares(x, chosen, starts, betas)
        log = log_shares.sum(axis=0)
        logs[number] = logsumexp(log) - np.log(len(log))
        weights = np.exp(log - logsumexp(log))  # of the draws, given what the account chose
        scores = (x.T @ (chosen[:, None] - shares)) * weights
        gradients[number] = np.concatenate([scores.sum(axis=1), (scores * draws[number].T).sum(axis=1)])
    return logs, gradients


def foretold(test: ChoiceData, train: ChoiceData, model: MixedLogit, seed: int) -> FloatArray:
    """Return probabilities of alternatives, draws weighted by what the account chose otherwise.

    Both have the model's columns; every account of ``test`` is one of ``train`` (Train 2009, chapter 11).
    """
    draws = halton(len(train.accounts), model.n_draws, len(model.columns), seed)
    known = dict(zip(train.accounts, zip(_each(train), draws, strict=True), strict=True))
    parts = []
    for account, (x, chosen, starts) in zip(test.accounts, _each(test), strict=True):
        (other_x, others, other_starts), normal = known[account]
        betas = model.mean + normal * model.spread
        log = _shares(other_x, others, other_starts, betas)[1].sum(axis=0)
        parts.append(_shares(x, chosen, starts, betas)[0] @ np.exp(log - logsumexp(log)))
    return np.concatenate(parts)


def _each(data: ChoiceData) -> Iterator[tuple[FloatArray, BoolArray, IntArray]]:
    """Yield each account's attributes, what it chose, and the places of its tasks."""
    first = np.flatnonzero(np.diff(data.account, prepend=-1))
    tasks = np.append(first, len(data.starts))
    rows = np.append(data.starts[first], len(data.x))
    for place in range(len(first)):
        mine = slice(rows[place], rows[place + 1])
        starts = data.starts[tasks[place] : tasks[place + 1]] - rows[place]
        yield data.x[mine], data.chosen[mine], starts


def _shares(
    x: FloatArray, chosen: BoolArray, starts: IntArray, betas: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return probabilities of alternatives, and log probabilities of the choices, for each draw."""
    utility = x @ betas.T
    sizes = np.diff(np.append(starts, len(x)))
    utility -= np.repeat(np.maximum.reduceat(utility, starts), sizes, axis=0)
    shares = np.exp(utility)
    total = np.add.reduceat(shares, starts)
    return shares / np.repeat(total, sizes, axis=0), utility[chosen] - np.log(total)

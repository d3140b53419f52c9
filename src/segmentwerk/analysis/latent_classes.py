"""Latent classes of choices: accounts that weigh attributes alike (Kamakura & Russell 1989, JMR 26:379).

EM over classes with a logit each. The number of classes is the smallest one whose log likelihood of held-out
accounts is within one standard error of the best.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import logsumexp
from sklearn.model_selection import KFold

from segmentwerk.analysis.choice_model import ChoiceData, maximise, sandwich
from segmentwerk.core.analysis_settings import ConjointSettings
from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.errors import FitError
from segmentwerk.core.seeds import derive

ROUNDS = 300
STEPS = 2
"""Of the search within a round: each makes the fit better (generalised EM; Dempster et al. 1977)."""
TOLERANCE = 1e-7
"""Gain in log likelihood, relative, below which EM ends."""
SMALLEST_SHARE = 0.02


@dataclass(frozen=True)
class Classes:
    """Fitted classes, the largest first.

    Attributes
    ----------
    coefficients
        (n_classes, n_columns) in utility a unit.
    shares
        (n_classes,) of the accounts, sum 1.
    covariance
        Of the classes' coefficients, one class after the other, and then of the shares but the last one's:
        (n_classes * n_columns + n_classes - 1,) square, the sandwich over accounts.
    members
        (n_accounts, n_classes) how likely each account belongs to each class.
    """

    columns: tuple[str, ...]
    coefficients: FloatArray
    shares: FloatArray
    covariance: FloatArray
    log_likelihood: float
    members: FloatArray

    @property
    def errors(self) -> FloatArray:
        """Standard errors of the coefficients (n_classes, n_columns)."""
        n = self.coefficients.size
        return np.asarray(np.sqrt(np.diag(self.covariance)[:n]).reshape(self.coefficients.shape))

    @property
    def share_errors(self) -> FloatArray:
        """Standard errors of the shares (n_classes,); the last one follows from the others."""
        free = self.covariance[self.coefficients.size :, self.coefficients.size :]
        return np.asarray(np.sqrt(np.append(np.diag(free), free.sum())))


@dataclass(frozen=True)
class HeldOut:
    """Log likelihood of an account held out, by number of classes, with standard errors."""

    n_classes: tuple[int, ...]
    mean: FloatArray
    error: FloatArray
    """Of the difference to the best number; 0 there."""
    chosen: int
    unfit: int | None = None
    """The number at which the search ended, because some part of the accounts does not tell so many apart."""


def fit(data: ChoiceData, n_classes: int, starts: int, seed: int) -> Classes:
    """Fit a number of classes from several random starts and keep the likeliest.

    Raises
    ------
    FitError
        If no start leads to classes of which each has a share.
    """
    best, problem = None, None
    for start in range(starts if n_classes > 1 else 1):
        try:
            found = _em(data, n_classes, np.random.default_rng(derive(seed, "classes", n_classes, start)))
        except FitError as error:
            problem = error
            continue
        if best is None or found[0] > best[0]:
            best = found
    if best is None:
        raise problem or FitError("No classes were found.")
    return _finish(data, *best[1:])


def _em(data: ChoiceData, n_classes: int, rng: np.random.Generator) -> tuple[float, FloatArray, FloatArray]:
    members = rng.dirichlet(np.full(n_classes, 0.5), size=len(data.accounts))
    betas, last = np.zeros((n_classes, len(data.columns))), -np.inf
    for _ in range(ROUNDS):
        shares = members.mean(axis=0)
        if shares.min() < SMALLEST_SHARE:
            raise FitError(f"With {n_classes} classes, one holds fewer than {SMALLEST_SHARE:.0%} of them.")
        betas = np.stack(
            [maximise(data, members[data.account, c], betas[c], STEPS) for c in range(n_classes)]
        )
        joint = account_logs(data, betas) + np.log(shares)
        whole = logsumexp(joint, axis=1)
        members = np.exp(joint - whole[:, None])
        if whole.sum() - last < TOLERANCE * abs(whole.sum()):
            break
        last = float(whole.sum())
    return float(whole.sum()), betas, shares


def account_logs(data: ChoiceData, betas: FloatArray) -> FloatArray:
    """Return the log likelihood of each account's choices under each class (n_accounts, n_classes)."""
    return np.stack([data.by_account(data.shares(beta)[1]) for beta in betas], axis=1)


def _finish(data: ChoiceData, betas: FloatArray, shares: FloatArray) -> Classes:
    order = np.argsort(-shares, kind="stable")
    betas, shares = betas[order], shares[order]
    joint = account_logs(data, betas) + np.log(shares)
    whole = logsumexp(joint, axis=1)
    members = np.exp(joint - whole[:, None])
    covariance = _covariance(data, betas, shares)
    return Classes(data.columns, betas, shares, covariance, float(whole.sum()), members)


def _gradients(data: ChoiceData, betas: FloatArray, shares: FloatArray) -> FloatArray:
    """Return the gradient of each account's log likelihood (n_accounts, n_parameters)."""
    joint = account_logs(data, betas) + np.log(shares)
    members = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
    parts = [
        members[:, [c]] * data.by_account(data.scores(data.shares(beta)[0])) for c, beta in enumerate(betas)
    ]
    ratio = members / shares
    return np.hstack([*parts, ratio[:, :-1] - ratio[:, [-1]]])


def _covariance(data: ChoiceData, betas: FloatArray, shares: FloatArray) -> FloatArray:
    """Return the sandwich over accounts of the coefficients, and of the shares but the last one."""

    def gradients(at: FloatArray) -> FloatArray:
        free = at[betas.size :]
        return _gradients(data, at[: betas.size].reshape(betas.shape), np.append(free, 1.0 - free.sum()))

    return sandwich(gradients, np.concatenate([betas.ravel(), shares[:-1]]))


def choose(
    data: ChoiceData,
    settings: ConjointSettings,
    seed: int,
    progress: Callable[[], None] = lambda: None,
) -> HeldOut:
    """Judge each number of classes on accounts that are held out in turn."""
    folds = KFold(settings.folds, shuffle=True, random_state=derive(seed, "folds"))
    found: dict[int, FloatArray] = {}
    unfit = None
    for number in range(1, settings.max_classes + 1):
        logs = np.full(len(data.accounts), np.nan)
        try:
            for train, test in folds.split(data.accounts):
                logs[test] = _held_out(data, train, number, settings.starts, seed)
                progress()
        except FitError:
            unfit = number
            break
        found[number] = logs
    return replace(_simplest(found), unfit=unfit)


def _held_out(data: ChoiceData, train: FloatArray, number: int, starts: int, seed: int) -> FloatArray:
    in_train = np.zeros(len(data.accounts), dtype=bool)
    in_train[train] = True
    fitted = fit(data.of_accounts(in_train), number, starts, seed)
    joint = account_logs(data.of_accounts(~in_train), fitted.coefficients) + np.log(fitted.shares)
    return np.asarray(logsumexp(joint, axis=1))


def _simplest(found: dict[int, FloatArray]) -> HeldOut:
    """Take the smallest number within one standard error, account by account, of the best."""
    if not found:
        raise FitError("The choices are too few to be held out in parts.")
    numbers = sorted(found)
    mean = np.array([found[number].mean() for number in numbers])
    best = found[numbers[int(np.argmax(mean))]]
    error = np.array([(found[number] - best).std(ddof=1) / np.sqrt(len(best)) for number in numbers])
    near = [number for number, m, e in zip(numbers, mean, error, strict=True) if m >= mean.max() - e]
    return HeldOut(tuple(numbers), mean, error, min(near))

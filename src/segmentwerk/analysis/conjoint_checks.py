"""How far part-worths can be trusted: halves that must agree, and a choice that was kept out of the fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from segmentwerk.analysis import choice_model, latent_classes, mixed_logit
from segmentwerk.analysis.choice_model import ChoiceData
from segmentwerk.analysis.latent_classes import Classes
from segmentwerk.core.analysis_settings import ConjointSettings
from segmentwerk.core.arrays import BoolArray, FloatArray
from segmentwerk.core.errors import FitError, InputError
from segmentwerk.core.seeds import derive


@dataclass(frozen=True)
class Checks:
    """What was measured on choices that the fit did not see; NaN where it cannot be.

    ``halves``: correlation of the part-worths of two random halves of the accounts, in standard deviations
    of the attributes. ``chance``, ``aggregate``, ``classes``, ``mixed``: share of the accounts whose last
    choice is foretold by guessing, by the logit of all, by classes and by the mixed logit, both weighted by
    the account's other choices.
    """

    halves: float
    chance: float
    aggregate: float
    classes: float
    mixed: float
    n_held_out: int


def check(data: ChoiceData, n_classes: int, settings: ConjointSettings, seed: int) -> Checks:
    """Measure reliability and foresight."""
    last = np.diff(data.account, append=-1) != 0
    several = np.bincount(data.account)[data.account] > 1
    held = last & several
    halves, unknown = _halves(data, seed), float("nan")
    nothing = Checks(halves, unknown, unknown, unknown, unknown, 0)
    if held.sum() < 2:
        return nothing
    test, train = data.of_tasks(held), data.of_tasks(~held)
    try:
        beta = choice_model.fit(train).coefficients
        classes = latent_classes.fit(train, n_classes, settings.starts, seed)
    except (FitError, InputError):
        return nothing
    if test.columns != train.columns:  # an attribute that varies in the last task alone
        return nothing
    sizes = np.diff(np.append(test.starts, len(test.x)))
    return Checks(
        halves,
        float((1.0 / sizes).mean()),
        hits(test, test.shares(beta)[0]),
        hits(test, mixed(test, train, classes)),
        _mixed_hits(test, train, settings, seed),
        int(held.sum()),
    )


def _mixed_hits(test: ChoiceData, train: ChoiceData, settings: ConjointSettings, seed: int) -> float:
    if not settings.mixed_draws:
        return float("nan")
    try:
        model = mixed_logit.fit(train, settings.mixed_draws, seed, errors=False)
    except FitError:
        return float("nan")
    return hits(test, mixed_logit.foretold(test, train, model, seed))


def _halves(data: ChoiceData, seed: int) -> float:
    order = np.random.default_rng(derive(seed, "halves")).permutation(len(data.accounts))
    first: BoolArray = np.isin(np.arange(len(order)), order[: len(order) // 2])
    scale = data.x.std(axis=0)
    try:
        one, other = (choice_model.fit(data.of_accounts(half)).coefficients for half in (first, ~first))
    except (FitError, InputError):
        return float("nan")
    if len(scale) < 3:  # two points always lie on a line
        return float("nan")
    return float(np.corrcoef(one * scale, other * scale)[0, 1])


def hits(data: ChoiceData, shares: FloatArray) -> float:
    """Return the share of tasks whose likeliest alternative was chosen; ties count in part."""
    task = data.task
    best = np.isclose(shares, np.maximum.reduceat(shares, data.starts)[task], rtol=1e-12)
    return float((best[data.chosen] / np.add.reduceat(best.astype("float64"), data.starts)).mean())


def mixed(test: ChoiceData, train: ChoiceData, classes: Classes) -> FloatArray:
    """Return probabilities of alternatives, classes weighted by what each account chose otherwise."""
    joint = latent_classes.account_logs(train, classes.coefficients) + np.log(classes.shares)
    weights = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
    place = train.accounts.get_indexer(test.accounts)[test.account][test.task]
    each = np.stack([test.shares(beta)[0] for beta in classes.coefficients], axis=1)
    return np.asarray((weights[place] * each).sum(axis=1))

"""Needs: part-worths of attributes, account by account, from conjoint choices.

`xlogit` (extra ``conjoint``) fits a mixed logit with independent normal part-worths over the accounts; an
account's own part-worths are their mean given its choices, by simulation (Train 2009, Discrete Choice
Methods with Simulation, 2nd edition, chapters 6 and 11). Learning needs the extra, scoring does not.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm, qmc

from segmentwerk.core import choices as conjoint
from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.seeds import derive
from segmentwerk.core.types import Feature
from segmentwerk.features.declare import EVER, CannotLearnError, Learned, Relation, Step, Tables

SMALLEST = 50
"""Accounts with choices needed at least."""
SAMPLE = 1000
"""Accounts learned from at most, evenly spread over the sorted ids."""
MAX_ATTRIBUTES = 15
DRAWS = 256
CHUNK = 200
"""Accounts whose part-worths are simulated at once."""

_COLUMNS = ("task_id", "alternative_id", "attribute", "value", "chosen")
_FEATURES = tuple(
    Feature(f"partworth_{n}", "numeric", "utility per unit", "needs", "choices", EVER, f"Part-worth {n}.")
    for n in range(1, MAX_ATTRIBUTES + 1)
)


def relate(tables: Tables, _: Learned | None) -> Relation:
    """Return one row an account, with its choices as arrays in one order."""
    choices = tables["choices"]
    order = [choices.task_id, choices.alternative_id, choices.attribute]
    number = {"value": "float64", "chosen": "float64"}
    arrays = {
        name: choices[name].cast(number.get(name, "string")).collect(order_by=order) for name in _COLUMNS
    }
    return choices.group_by("account_id").agg(**arrays), {name: f"choice:{name}" for name in _COLUMNS}


def design(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row an alternative: index (account, task_id, alternative_id), attributes, last ``chosen``.

    An attribute that an alternative does not have is 0. Tasks in which not exactly one alternative of
    several was chosen are left out.
    """
    lists = rows[[f"choice:{name}" for name in _COLUMNS]].dropna().set_axis(list(_COLUMNS), axis=1)
    long = lists.explode(list(_COLUMNS)).rename_axis("account").reset_index()
    return conjoint.decided(conjoint.alternatives(long))


def learn(rows: pd.DataFrame) -> Learned:
    """Learn the mean and the standard deviation of each attribute's part-worth over the accounts."""
    alternatives = design(rows)
    attributes = [name for name in alternatives if name != "chosen" and alternatives[name].std() > 0]
    accounts = alternatives.index.unique("account")
    if len(accounts) < SMALLEST:
        raise CannotLearnError(f"{len(accounts)} accounts with choices, {SMALLEST} are needed")
    if not 0 < len(attributes) <= MAX_ATTRIBUTES:
        raise CannotLearnError(f"{len(attributes)} attributes that vary, 1 to {MAX_ATTRIBUTES} are possible")
    picked = accounts[np.unique(np.linspace(0, len(accounts) - 1, min(len(accounts), SAMPLE)).astype(int))]
    sample = alternatives.loc[alternatives.index.isin(picked, level="account")]
    mean, spread = _fit(sample[attributes], sample["chosen"])
    return {"attributes": attributes, "mean": mean.tolist(), "spread": spread.tolist()}


def _fit(x: pd.DataFrame, chosen: pd.Series) -> tuple[FloatArray, FloatArray]:
    """Fit the mixed logit on attributes scaled to unit deviation, and scale back."""
    from xlogit import MixedLogit

    scale = x.std().to_numpy()
    names = [f"x{k}" for k in range(x.shape[1])]
    model = MixedLogit()
    model.fit(
        **_padded(x.div(scale), chosen),
        varnames=names,
        randvars=dict.fromkeys(names, "n"),
        n_draws=DRAWS,
        verbose=0,
        skip_std_errs=True,
        optim_method="L-BFGS-B",
    )
    if not model.convergence:
        raise CannotLearnError("the choice model did not converge")
    mean, spread = np.split(np.asarray(model.coeff_), 2)
    return mean / scale, np.abs(spread) / scale


def _padded(x: pd.DataFrame, chosen: pd.Series) -> dict[str, npt.NDArray[Any]]:
    """Give every task the same number of alternatives, the added ones unavailable."""
    task = x.groupby(level=["account", "task_id"])
    number, place, size = task.ngroup().to_numpy(), task.cumcount().to_numpy(), int(task.size().max())
    account = pd.factorize(x.index.get_level_values("account"))[0]
    n_tasks = int(number.max()) + 1
    padded, picked, available = np.zeros((n_tasks, size, x.shape[1])), *np.zeros((2, n_tasks, size))
    padded[number, place], picked[number, place], available[number, place] = x, chosen, 1.0
    return {
        "X": padded.reshape(-1, x.shape[1]),
        "y": picked.ravel(),
        "avail": available.ravel(),
        "alts": np.tile(np.arange(size), n_tasks),
        "ids": np.repeat(np.arange(n_tasks), size),
        "panels": np.repeat(account[place == 0], size),
    }


def draws(learned: Learned) -> FloatArray:
    """Return part-worths (DRAWS, n_attributes) of made-up accounts, the same ones always."""
    dimensions = len(learned["mean"])
    engine = qmc.Sobol(dimensions, rng=np.random.default_rng(derive(0, "part-worths")))
    normal = norm.ppf(engine.random_base2(int(math.log2(DRAWS))))
    return np.asarray(np.array(learned["mean"]) + normal * np.array(learned["spread"]))


def apply(rows: pd.DataFrame, learned: Learned) -> pd.DataFrame:
    """Return each account's expected part-worths given its choices."""
    alternatives = design(rows)
    made_up = draws(learned)
    accounts = alternatives.index.get_level_values("account")
    known = accounts.unique()
    utilities = pd.DataFrame(np.nan, index=rows.index, columns=[f.name for f in describe(learned)])
    for start in range(0, len(known), CHUNK):
        some = known[start : start + CHUNK]
        utilities.loc[some] = _expected(alternatives[accounts.isin(some)], learned["attributes"], made_up)
    return utilities


def _expected(alternatives: pd.DataFrame, attributes: list[str], made_up: FloatArray) -> FloatArray:
    """Weight the made-up accounts by how likely they would have made each account's choices."""
    x = alternatives.reindex(columns=attributes, fill_value=0.0).to_numpy()
    utility = x @ made_up.T
    task = alternatives.groupby(level=["account", "task_id"]).ngroup().to_numpy()
    starts = np.flatnonzero(np.diff(task, prepend=-1))
    utility -= np.maximum.reduceat(utility, starts)[task]
    log_share = utility[alternatives["chosen"].to_numpy() == 1.0] - np.log(
        np.add.reduceat(np.exp(utility), starts)
    )
    account = pd.factorize(alternatives.index.get_level_values("account")[starts])[0]
    likelihood = np.add.reduceat(log_share, np.flatnonzero(np.diff(account, prepend=-1)))
    weight = np.exp(likelihood - likelihood.max(axis=1, keepdims=True))
    return np.asarray(weight @ made_up / weight.sum(axis=1, keepdims=True))


def describe(learned: Learned) -> tuple[Feature, ...]:
    """Name the attribute of each part-worth."""
    return tuple(
        replace(feature, description=f"Part-worth of {attribute}.", parts=(attribute,))
        for feature, attribute in zip(_FEATURES, learned["attributes"], strict=False)
    )


STEP = Step(
    name="partworths",
    features=_FEATURES,
    learn=learn,
    apply=apply,
    needs=("choices",),
    package="xlogit",
    extra="conjoint",
    describe=describe,
    relate=relate,
)

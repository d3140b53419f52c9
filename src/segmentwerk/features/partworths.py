"""Needs: part-worths of attributes, account by account, from conjoint choices.

The mixed logit of the conjoint analysis is learned, with independent normal part-worths over the accounts;
an account's own part-worths are their mean given its choices, by simulation (Train 2009, Discrete Choice
Methods with Simulation, 2nd edition, chapters 6 and 11).
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.stats import norm, qmc

from segmentwerk.analysis import choice_model, mixed_logit
from segmentwerk.analysis.choice_model import ChoiceData
from segmentwerk.core import choices as conjoint
from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.errors import FitError, InputError
from segmentwerk.core.seeds import derive
from segmentwerk.core.types import Feature
from segmentwerk.features.declare import EVER, CannotLearnError, Learned, Relation, Step, Tables

SMALLEST = 50
"""Accounts with choices needed at least."""
MAX_ATTRIBUTES = 15
DRAWS = 500
"""Of the fit, an account; 256 are too few for the study that is checked against."""
MADE_UP = 1024
"""Accounts drawn that an account is compared with, a power of 2."""
TOLD = 0.1
"""Share of a part-worth's variance over accounts that their choices must tell, to make it a feature."""
CHUNK = 200
"""Accounts whose part-worths are simulated at once."""

SEED = 0
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
    """Learn the mean and the standard deviation of each attribute's part-worth over the accounts.

    A part-worth that is much the same for all, or that an account's own choices do not tell, is no feature.
    """
    alternatives = design(rows)
    n_accounts = alternatives.index.get_level_values("account").nunique()
    if n_accounts < SMALLEST:
        raise CannotLearnError(f"{n_accounts} accounts with choices, {SMALLEST} are needed")
    data = ChoiceData.of(alternatives)
    if not 0 < len(data.columns) <= MAX_ATTRIBUTES:
        raise CannotLearnError(
            f"{len(data.columns)} attributes vary within a task, 1 to {MAX_ATTRIBUTES} are possible"
        )
    try:
        choice_model.insist_on_rank(data)
        found = mixed_logit.fit(data, DRAWS, SEED, errors=False)
    except (FitError, InputError) as error:
        raise CannotLearnError(error.problem.rstrip(".")) from error
    learned = {
        "attributes": list(data.columns),
        "mean": found.mean.tolist(),
        "spread": found.spread.tolist(),
        "made_up": MADE_UP,
    }
    share = expected(alternatives, learned).var(axis=0) / np.square(found.spread).clip(1e-12)
    told = [name for name, one in zip(data.columns, share, strict=True) if one >= TOLD]
    if not told:
        raise CannotLearnError("the choices do not tell how accounts differ")
    return learned | {"told": told}


def draws(learned: Learned) -> FloatArray:
    """Return part-worths (n_made_up, n_attributes) of made-up accounts, the same ones always."""
    dimensions = len(learned["mean"])
    engine = qmc.Sobol(dimensions, rng=np.random.default_rng(derive(SEED, "part-worths")))
    normal = norm.ppf(engine.random_base2(int(math.log2(learned["made_up"]))))
    return np.asarray(np.array(learned["mean"]) + normal * np.array(learned["spread"]))


def apply(rows: pd.DataFrame, learned: Learned) -> pd.DataFrame:
    """Return each account's expected part-worths given its choices."""
    alternatives = design(rows)
    known = alternatives.index.unique("account")
    worths = pd.DataFrame(expected(alternatives, learned), index=known, columns=learned["attributes"])
    names = [feature.name for feature in describe(learned)]
    return worths[learned["told"]].set_axis(names, axis=1).reindex(rows.index)


def expected(alternatives: pd.DataFrame, learned: Learned) -> FloatArray:
    """Return the part-worths (n_accounts, n_attributes) of accounts in the order of ``alternatives``."""
    made_up = draws(learned)
    accounts = alternatives.index.get_level_values("account")
    known = accounts.unique()
    parts = [np.empty((0, made_up.shape[1]))]
    for start in range(0, len(known), CHUNK):
        some = alternatives[accounts.isin(known[start : start + CHUNK])]
        parts.append(_expected(some, learned["attributes"], made_up))
    return np.concatenate(parts)


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
    """Name the attribute of each part-worth that choices tell."""
    return tuple(
        replace(feature, description=f"Part-worth of {attribute}.", parts=(attribute,))
        for feature, attribute in zip(_FEATURES, learned["told"], strict=False)
    )


STEP = Step(
    name="partworths",
    features=_FEATURES,
    learn=learn,
    apply=apply,
    needs=("choices",),
    describe=describe,
    relate=relate,
)

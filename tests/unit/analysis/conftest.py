"""Choices whose truth is known, and the published studies."""

import os
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest

from segmentwerk.core.settings import ChoicesSettings
from segmentwerk.data import choice_sets

DATA = Path(os.environ.get("SEGMENTWERK_DATA", Path(__file__).parents[4] / "shared" / "data"))
SWISSMETRO = DATA / "choice_swissmetro" / "swissmetro.dat.gz"
BANK = DATA / "conjoint_bank" / "bank_choiceAtt.csv.gz"
ELECTRICITY = DATA / "choice_xlogit" / "xlogit_electricity_long.csv.gz"
NAMES = ["price", "speed", "support"]


def drawn_choices(betas, shares, n_accounts, seed, n_tasks=10, n_alternatives=3, each=False):
    """Long choices of accounts of some classes (``each``: one account a class), and each account's class."""
    rng = np.random.default_rng(seed)
    kinds = np.arange(n_accounts) if each else rng.choice(len(shares), n_accounts, p=shares)
    shape = (n_accounts, n_tasks, n_alternatives)
    x = rng.uniform(-1, 1, (*shape, len(betas[0])))
    utility = np.einsum("atkp,ap->atk", x, np.array(betas)[kinds]) + rng.gumbel(size=shape)
    chosen = utility == utility.max(axis=2, keepdims=True)
    account, task, alternative = (place.ravel() for place in np.indices(shape))
    wide = pd.DataFrame(x.reshape(-1, x.shape[-1]), columns=NAMES[: x.shape[-1]])
    wide["account"] = pd.Series(account).map("{:04d}".format)
    wide["task_id"], wide["alternative_id"] = task.astype(str), alternative.astype(str)
    wide["chosen"] = chosen.ravel().astype(float)
    ids = ["account", "task_id", "alternative_id", "chosen"]
    return wide.melt(ids, var_name="attribute", value_name="value"), kinds


@pytest.fixture(scope="session")
def draw():
    return drawn_choices


@pytest.fixture(scope="session")
def swissmetro():
    """The usual part of the study: commuters and business, a choice made; long form."""
    if not SWISSMETRO.is_file():
        pytest.skip("the study lies in ../shared/data")
    rows = pd.read_csv(SWISSMETRO, sep="\t").rename(columns=str.strip)
    rows = rows[rows["PURPOSE"].isin([1, 3]) & (rows["CHOICE"] != 0)]
    free = rows["GA"] == 1
    parts = []
    for number, name in enumerate(["TRAIN", "SM", "CAR"], 1):
        cost = rows[f"{name}_CO"].where(~free, 0) if name != "CAR" else rows["CAR_CO"]
        part = pd.DataFrame({"cost": cost / 100, "time": rows[f"{name}_TT"] / 100})
        part["car"], part["train"] = float(name == "CAR"), float(name == "TRAIN")
        part["account"], part["task_id"] = rows["ID"].astype(str), rows.groupby("ID").cumcount().astype(str)
        part["alternative_id"], part["chosen"] = name, (rows["CHOICE"] == number).astype(float)
        there = (rows[f"{name}_AV"] == 1) & ((rows["SP"] != 0) | (name == "SM"))
        parts.append(part[there])
    ids = ["account", "task_id", "alternative_id", "chosen"]
    return pd.concat(parts).melt(ids, var_name="attribute", value_name="value")


@pytest.fixture(scope="session")
def electricity():
    """Choices among four suppliers of electricity; long form."""
    if not ELECTRICITY.is_file():
        pytest.skip("the study lies in ../shared/data")
    names = {"id": "account", "chid": "task_id", "alt": "alternative_id", "choice": "chosen"}
    rows = pd.read_csv(ELECTRICITY).rename(columns=names)
    ids = list(names.values())
    return rows.melt(ids, var_name="attribute", value_name="value").astype(dict.fromkeys(ids[:3], str))


@pytest.fixture(scope="session")
def bank():
    """Differences of two profiles, of every fourth person; long form."""
    if not BANK.is_file():
        pytest.skip("the study lies in ../shared/data")
    rows = pd.read_csv(BANK)
    rows = rows[rows["id"] % 4 == 0].rename(columns={"id": "account", "choice": "chosen"})
    rows["task_id"] = rows.groupby("account").cumcount().map("{:02d}".format)
    rows["account"], rows["alternative_id"] = rows["account"].astype(str), "first"
    ids = ["account", "task_id", "alternative_id", "chosen"]
    long = rows.melt(ids, var_name="attribute", value_name="value").rename(columns={"account": "account_id"})
    table = ibis.memtable(long.astype({"value": float, "chosen": float}))
    whole = choice_sets.completed({"choices": table}, ChoicesSettings(form="difference"))["choices"]
    return whole.to_pandas().rename(columns={"account_id": "account"})

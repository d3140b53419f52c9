"""Retrained with another seed on groups that stand apart, every segmenter keeps ids, names and accounts."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from packaged import world
from segmentwerk.evaluation.identity import match
from segmentwerk.insight.profiles import describe
from segmentwerk.segmenters.base import Segmenter
from segmentwerk.segmenters.preprocess import ReferenceSpace

from .test_scoring_ways import CONFIGS, build

SEEDS = (1, 2)
ORDERS = ["frequency", "monetary", "recency_days"]


@pytest.fixture(scope="module")
def apart():
    """Four types of customers that share no value of any order feature."""
    table, kind = world(800, seed=4)
    rng = np.random.default_rng(4)
    spread = np.exp(rng.normal(0, 0.05, (len(kind), 3)))
    features = table.features.assign(
        frequency=np.round(np.array([1, 60, 8, 400])[kind] * spread[:, 0]),
        monetary=np.array([1e2, 1e5, 3e3, 3e6])[kind] * spread[:, 1],
        recency_days=np.array([900, 30, 200, 5])[kind] * spread[:, 2],
    )
    return dataclasses.replace(table, features=features, orders=features["frequency"].astype("int64"))


def seeded(path: Path, seed: int) -> Segmenter:
    made = build(path)
    return made.set_params(random_state=seed) if "random_state" in made.get_params() else made


def cases():
    """Every segmenter; the one that trains a network takes its time."""
    slow = {"autoencoder": pytest.mark.slow}
    return [pytest.param(path, id=path.stem, marks=slow.get(path.stem, ())) for path in CONFIGS]


@pytest.mark.parametrize("path", cases())
def test_another_seed_changes_no_name_and_moves_nobody(path, apart):
    space = ReferenceSpace(ORDERS).fit(apart.features)
    x, outcome = space.transform(apart.features), np.log(apart.features["monetary"])
    first = pd.Series(seeded(path, 0).fit(x, outcome).predict(x), index=x.index)
    k = int(first.max()) + 1
    ids = {label: 20 + label for label in range(k)}
    names = {segment.id: segment.called for segment in describe(apart, first, ids)}
    old, next_id = first.map(ids), 20 + k
    for seed in SEEDS:
        labels = pd.Series(seeded(path, seed).fit(x, outcome).predict(x), index=x.index)
        found = match(old, labels, next_id=next_id)
        assert found.moved < 0.02
        assert {event.kind for event in found.events} == {"kept"}
        again = {segment.id: segment.called for segment in describe(apart, labels, found.ids, names=names)}
        assert again == names
        old, next_id = labels.map(found.ids), found.next_id
    assert next_id == 20 + k

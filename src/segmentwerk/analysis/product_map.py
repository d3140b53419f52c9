"""A map of what is bought together: multidimensional scaling of products or categories.

Two items are near where the same customers buy them (Jaccard distance). The map is drawn by SMACOF (de Leeuw
1977) with Kruskal's stress-1 (1964, Psychometrika 29:1), and only if it beats tables in which the same items
have as many buyers each, but nothing belongs together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.manifold import MDS

from segmentwerk.core.analysis_settings import MapSettings
from segmentwerk.core.arrays import BoolArray, FloatArray
from segmentwerk.core.errors import InputError
from segmentwerk.core.lifts import PRIOR
from segmentwerk.core.seeds import derive

FEWEST = 5
"""Items that a map needs."""
BUYERS = 5
"""Buyers that an item needs."""
LEVEL = 0.05
"""Of the test against chance."""


@dataclass(frozen=True)
class ProductMap:
    """What was found.

    Attributes
    ----------
    places
        Items (n_items, 2): ``x``, ``y``, and ``buyers``.
    vectors
        Segments: direction ``x``, ``y`` of length ``r`` in which the segment's share of buyers rises, and
        ``r2``, the part of the shares that the map tells.
    stress
        Kruskal's stress-1 of the map: 0 shows the distances as they are.
    chance
        Stress of the tables in which nothing belongs together, their mean.
    p
        How often such a table is shown as well as this one.
    told
        Squared correlation of the distances on the map with those of the data.
    """

    places: pd.DataFrame
    vectors: pd.DataFrame
    stress: float
    chance: float
    p: float
    told: float

    @property
    def drawn(self) -> bool:
        """Whether the map is better than chance."""
        return self.p <= LEVEL


def analyse(
    bought: pd.DataFrame,
    segment_ids: pd.Series | None,
    settings: MapSettings,
    seed: int,
    progress: Callable[[], None] = lambda: None,
) -> ProductMap:
    """Map the items with the most buyers.

    Parameters
    ----------
    bought
        ``account_id`` and ``item``, one row each pair.
    segment_ids
        Segment by account id; None: no vectors.

    Raises
    ------
    InputError
        If there are too few items.
    """
    has, items, accounts = incidence(bought, settings.items)
    distances = jaccard(has)
    xy, stress = scale(distances, settings, derive(seed, "map"))
    by_chance = []
    for copy in range(settings.permutations):
        rng = np.random.default_rng(derive(seed, "chance", copy))
        shuffled = rng.permuted(has, axis=0)
        by_chance.append(scale(jaccard(shuffled), settings, derive(seed, "map", copy), starts=1)[1])
        progress()
    places = pd.DataFrame(xy, index=pd.Index(items, name="item"), columns=["x", "y"])
    return ProductMap(
        places.assign(buyers=has.sum(axis=0)),
        _vectors(has, accounts, places, segment_ids),
        stress,
        float(np.mean(by_chance)),
        float((1 + (np.array(by_chance) <= stress).sum()) / (1 + settings.permutations)),
        _told(distances, xy),
    )


def incidence(bought: pd.DataFrame, most: int) -> tuple[BoolArray, list[str], pd.Index]:
    """Return who bought which of the items with the most buyers (n_accounts, n_items).

    Raises
    ------
    InputError
        If fewer than `FEWEST` items have `BUYERS` buyers.
    """
    pairs = bought[["account_id", "item"]].drop_duplicates()
    counts = pairs["item"].value_counts()
    counts = counts[counts >= BUYERS].sort_index().sort_values(ascending=False, kind="stable").head(most)
    if len(counts) < FEWEST:
        raise InputError(
            f"{len(counts)} items have {BUYERS} buyers in the year; a map needs {FEWEST}.",
            "Map products (analysis.map.level=product), or categories.",
        )
    items = sorted(str(item) for item in counts.index)
    pairs = pairs[pairs["item"].isin(items)]
    accounts = pd.Index(sorted(pairs["account_id"].unique()))
    has = np.zeros((len(accounts), len(items)), dtype=bool)
    has[
        accounts.get_indexer(pd.Index(pairs["account_id"])),
        pd.Index(items).get_indexer(pd.Index(pairs["item"])),
    ] = True
    return has, items, accounts


def jaccard(has: BoolArray) -> FloatArray:
    """Return 1 less the share of customers of either item that bought both (n_items, n_items)."""
    numbers = has.astype(np.float64)
    both = numbers.T @ numbers
    buyers = np.diag(both)
    return np.asarray(1.0 - both / (buyers[:, None] + buyers - both))


def scale(
    distances: FloatArray, settings: MapSettings, seed: int, starts: int | None = None
) -> tuple[FloatArray, float]:
    """Return places (n_items, 2) and stress-1; turned so that the first axis shows the most."""
    model = MDS(
        n_components=2,
        metric_mds=settings.metric,
        metric="precomputed",
        n_init=starts or settings.starts,
        init="random",
        max_iter=500,
        eps=1e-7,
        normalized_stress=True,
        random_state=seed,
    )
    xy = model.fit_transform(distances)
    centred = xy - xy.mean(axis=0)
    turned = centred @ np.linalg.svd(centred, full_matrices=False)[2].T
    signs = np.where(turned[np.abs(turned).argmax(axis=0), [0, 1]] < 0, -1.0, 1.0)
    return np.asarray(turned * signs), float(model.stress_)


def _told(distances: FloatArray, xy: FloatArray) -> float:
    upper = np.triu_indices(len(xy), 1)
    shown = np.linalg.norm(xy[:, None] - xy[None], axis=2)[upper]
    return float(np.corrcoef(distances[upper], shown)[0, 1] ** 2)


def _vectors(
    has: BoolArray, accounts: pd.Index, places: pd.DataFrame, segment_ids: pd.Series | None
) -> pd.DataFrame:
    """Fit each segment's lift into the map (property fitting; Carroll & Chang 1964)."""
    names = ["segment_id", "x", "y", "r2"]
    if segment_ids is None:
        return pd.DataFrame(columns=names)
    segment = segment_ids.reindex(accounts).fillna(-1).to_numpy(dtype=np.int64)
    base = has.mean(axis=0)
    design = np.column_stack([np.ones(len(places)), places[["x", "y"]].to_numpy()])
    rows = []
    for number in np.unique(segment[segment >= 0]):
        members = segment == number
        share = (has[members].sum(axis=0) + PRIOR * base) / (members.sum() + PRIOR)
        lift = np.log(share / base)
        beta = np.linalg.lstsq(design, lift, rcond=None)[0]
        r2 = 1 - np.square(lift - design @ beta).sum() / np.square(lift - lift.mean()).sum()
        length = np.linalg.norm(beta[1:])
        direction = beta[1:] / length * np.sqrt(max(r2, 0.0)) if length > 0 else np.zeros(2)
        rows.append((int(number), *direction, float(r2)))
    return pd.DataFrame(rows, columns=names)

"""Labelled sets: public ones, generated shapes, the demo world, and any folder of CSV files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn.datasets
import yaml

from segmentwerk.core.settings import FeatureSettings, QualitySettings, SourceSettings

from .frames import Labelled, numbered

ROOT = Path(__file__).parents[3]
DATA = Path(os.environ.get("SEGMENTWERK_DATA", ROOT / ".." / "shared" / "data"))
N = 600
"""Rows of a generated set."""


def public() -> Iterator[Labelled]:
    """Yield the classics of scikit-learn, and pendigits where it lies beside the repository."""
    for name in ("iris", "wine", "breast_cancer", "digits"):
        loaded = getattr(sklearn.datasets, f"load_{name}")()
        yield Labelled(name, numbered(loaded.data), loaded.target, generated=False)
    files = sorted((DATA / "pendigits").glob("pendigits*"))
    if files:
        digits = pd.concat([pd.read_csv(file, header=None) for file in files]).to_numpy(dtype=np.float64)
        yield Labelled("pendigits", numbered(digits[:, :-1]), digits[:, -1].astype(int), generated=False)


def folder(path: Path) -> Iterator[Labelled]:
    """Yield one set a CSV file: numeric columns, the last one called ``label``."""
    for file in sorted(path.glob("*.csv")):
        frame = pd.read_csv(file)
        if frame.columns[-1] != "label":
            raise SystemExit(f"{file}: the last column is {frame.columns[-1]!r}, it must be 'label'.")
        groups = pd.factorize(frame["label"])[0]
        yield Labelled(
            file.stem, numbered(frame.iloc[:, :-1].to_numpy(dtype=np.float64)), groups, generated=False
        )


def generated(seed: int) -> Iterator[Labelled]:
    """Yield shapes of known number: round, stretched, unequal, skewed, heavy-tailed, curved, mixed."""
    for number, (name, make) in enumerate(SHAPES.items()):
        features, groups = make(np.random.default_rng([seed, number]))
        yield Labelled(name, features, groups, generated=True)


def demo(seed: int, accounts: int = 1000) -> Iterator[Labelled]:
    """Yield the customers of the demo world with the types that made them."""
    from segmentwerk.core.context import Context
    from segmentwerk.preparation.accounts import read_accounts

    settings = yaml.safe_load((ROOT / "conf" / "source" / "demo.yaml").read_text(encoding="utf-8"))
    source = SourceSettings.model_validate(settings | {"accounts": accounts, "seed": seed})
    with tempfile.TemporaryDirectory() as home:
        context = Context("benchmark", Path(home))
        read = read_accounts(source, QualitySettings(), FeatureSettings(), context, home=Path(home))
        truth = pd.concat(pd.read_parquet(file) for file in Path(home).rglob("latent_types.parquet"))
    customers = read.table.features.loc[read.table.customers]
    types = truth.set_index("account_id")["latent_type"].reindex(customers.index).dropna()
    yield Labelled("demo", customers.loc[types.index], pd.factorize(types)[0], generated=True)


def blobs(
    k: int,
    d: int,
    *,
    distance: float = 6.0,
    stretch: float = 0.0,
    sizes: float = np.inf,
    spreads: float = 0.0,
) -> Callable[[np.random.Generator], tuple[pd.DataFrame, np.ndarray]]:
    """Describe normal groups whose centres lie ``distance`` deviations apart at least.

    ``stretch`` and ``spreads`` are the deviations of the logarithm of a group's axes and of its size;
    ``sizes`` is the concentration of the groups' shares (infinite: equal).
    """

    def make(rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
        groups = _shares(k, sizes, rng)
        X = centres(k, d, distance, rng)[groups]
        for group in range(k):
            turn, _ = np.linalg.qr(rng.standard_normal((d, d)))
            axes = np.exp(stretch * rng.standard_normal(d) + spreads * rng.standard_normal())
            own = groups == group
            X[own] += (rng.standard_normal((own.sum(), d)) * axes) @ turn
        return numbered(X), groups

    return make


def _shares(k: int, sizes: float, rng: np.random.Generator) -> np.ndarray:
    shares = np.full(k, 1 / k) if np.isinf(sizes) else 0.3 / k + 0.7 * rng.dirichlet(np.full(k, sizes))
    chosen: np.ndarray = rng.choice(k, size=N, p=shares)
    return chosen


def centres(k: int, d: int, distance: float, rng: np.random.Generator) -> np.ndarray:
    """Draw normal centres, further and further out until none are closer than ``distance``."""
    scale = float(distance / np.sqrt(2 * d))
    while True:
        centres = scale * rng.standard_normal((k, d))
        gaps = np.linalg.norm(centres[:, None] - centres, axis=2)[np.triu_indices(k, 1)]
        if gaps.min() >= distance:
            return centres
        scale *= 1.02


def _skewed(rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    features, groups = blobs(4, 6)(rng)
    return features.transform(lambda values: np.exp(0.5 * values)), groups


def _heavy(rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    groups = rng.integers(4, size=N)
    noise = rng.standard_t(4, size=(N, 6))
    return numbered(centres(4, 6, 8.0, rng)[groups] + noise), groups


def _hidden(rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    features, groups = blobs(5, 4, distance=7.0)(rng)
    return numbered(np.hstack([features.to_numpy(), 3 * rng.standard_normal((N, 6))])), groups


def _mixed(rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    features, groups = blobs(4, 4, distance=4.0)(rng)
    for name in ("industry", "region", "channel"):
        odds = rng.dirichlet(np.full(5, 0.5), size=4)
        drawn = (rng.random((N, 1)) > odds[groups].cumsum(axis=1)).sum(axis=1).clip(max=4)
        features[name] = pd.Series([f"level {code}" for code in drawn], index=features.index, dtype=object)
    return features, groups


def _moons(rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    X, groups = sklearn.datasets.make_moons(N, noise=0.07, random_state=int(rng.integers(2**31)))
    return numbered(X), groups


def _rings(rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    X, groups = sklearn.datasets.make_circles(
        N, noise=0.06, factor=0.45, random_state=int(rng.integers(2**31))
    )
    return numbered(X), groups


def _roll(rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """Five groups along a rolled-up sheet in space, with gaps between them."""
    groups = rng.integers(5, size=N)
    turn = 1.5 * np.pi + (groups + 0.15 + 0.7 * rng.random(N)) / 5 * 3 * np.pi
    X = np.column_stack([turn * np.cos(turn), 20 * rng.random(N), turn * np.sin(turn)])
    return numbered(X + 0.3 * rng.standard_normal((N, 3))), groups


SHAPES = {
    "round-3": blobs(3, 2),
    "round-8": blobs(8, 10),
    "round-10": blobs(10, 20),
    "close-4": blobs(4, 5, distance=3.5),
    "stretched-3": blobs(3, 2, distance=7.0, stretch=0.6),
    "stretched-5": blobs(5, 6, distance=7.0, stretch=0.6),
    "stretched-7": blobs(7, 12, distance=8.0, stretch=0.6),
    "unequal-sizes-4": blobs(4, 3, sizes=1.0),
    "unequal-spreads-4": blobs(4, 3, distance=8.0, spreads=0.5),
    "unequal-both-6": blobs(6, 8, distance=8.0, stretch=0.3, sizes=1.5, spreads=0.4),
    "skewed-4": _skewed,
    "heavy-tails-4": _heavy,
    "hidden-5": _hidden,
    "mixed-types-4": _mixed,
    "moons-2": _moons,
    "rings-2": _rings,
    "roll-5": _roll,
}

"""Labelled sets made at random, to choose a selection rule on: other sets than those it is judged on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from .frames import Labelled, numbered
from .labelled import N, blobs, centres

Generated = tuple[pd.DataFrame, np.ndarray]


def generated(n_sets: int, seed: int) -> Iterator[Labelled]:
    """Yield sets of 2 to 10 groups in 2 to 24 dimensions, their kinds in turn."""
    for i in range(n_sets):
        rng = np.random.default_rng([777 + seed, i])
        kind = KINDS[i % len(KINDS)]
        k, d, distance = int(rng.integers(2, 11)), int(rng.integers(2, 25)), float(rng.uniform(3.2, 8))
        features, groups = kind(k, d, distance, rng)
        yield Labelled(f"{i:02d}{kind.__name__}-{k}", features, groups, generated=True)


def _round(k: int, d: int, distance: float, rng: np.random.Generator) -> Generated:
    return blobs(k, d, distance=distance)(rng)


def _stretched(k: int, d: int, distance: float, rng: np.random.Generator) -> Generated:
    return blobs(k, d, distance=distance + 2, stretch=float(rng.uniform(0.3, 0.7)))(rng)


def _unequal(k: int, d: int, distance: float, rng: np.random.Generator) -> Generated:
    sizes, spreads = float(rng.uniform(0.7, 3)), float(rng.uniform(0, 0.6))
    return blobs(k, d, distance=distance + 1, sizes=sizes, spreads=spreads, stretch=0.2)(rng)


def _hidden(k: int, d: int, distance: float, rng: np.random.Generator) -> Generated:
    """Hide groups in some of the columns; the others hold noise of one kind."""
    features, groups = blobs(k, d, distance=distance + 1)(rng)
    shape = (N, int(rng.integers(2, d + 4)))
    kind = rng.choice(["normal", "log-normal", "counts"])
    noise = rng.poisson(2, shape) if kind == "counts" else rng.standard_normal(shape)
    noise = np.exp(noise) if kind == "log-normal" else noise
    return numbered(np.hstack([features.to_numpy(), 3 * noise])), groups


def _mixed(k: int, d: int, distance: float, rng: np.random.Generator) -> Generated:
    """Add one to five categorical variables to the numbers."""
    features, groups = blobs(k, max(d // 3, 2), distance=distance)(rng)
    for number in range(int(rng.integers(1, 6))):
        n_levels = int(rng.integers(2, 7))
        odds = rng.dirichlet(np.full(n_levels, rng.uniform(0.3, 1.5)), size=k)
        levels = (rng.random((N, 1)) > odds[groups].cumsum(axis=1)).sum(axis=1).clip(max=n_levels - 1)
        names = [f"level {level}" for level in levels]
        features[f"category {number}"] = pd.Series(names, index=features.index, dtype=object)
    return features, groups


def _skewed(k: int, d: int, distance: float, rng: np.random.Generator) -> Generated:
    features, groups = blobs(k, d, distance=distance + 1)(rng)
    skew = rng.uniform(0.2, 0.6)
    return features.transform(lambda values: np.exp(skew * values)), groups


def _heavy(k: int, d: int, distance: float, rng: np.random.Generator) -> Generated:
    groups = rng.integers(k, size=N)
    return numbered(centres(k, d, distance + 2, rng)[groups] + rng.standard_t(3, size=(N, d))), groups


def _counts(k: int, d: int, _: float, rng: np.random.Generator) -> Generated:
    """Count purchases by type of account, each account with its own appetite."""
    groups = rng.integers(k, size=N)
    rates = rng.gamma(0.6, 5, size=(k, d + 3))[groups] * rng.gamma(4, 0.25, size=(N, 1))
    return numbered(rng.poisson(rates).astype(float)), groups


def _curved(k: int, d: int, _: float, rng: np.random.Generator) -> Generated:
    return curved(N, k, d + 3, rng)


def curved(n: int, k: int, d: int, rng: np.random.Generator) -> Generated:
    """Lay groups along a curve with gaps between them, turned into more dimensions."""
    groups = rng.integers(k, size=n)
    turn = (groups + 0.15 + 0.7 * rng.random(n)) / k * 2 * np.pi
    curve = [4 * np.cos(turn), 4 * np.sin(2 * turn), 1.5 * turn]
    points = np.column_stack([*curve, rng.standard_normal((n, 2))]) @ rng.standard_normal((5, d))
    return numbered(0.7 * points + 0.3 * rng.standard_normal((n, d))), groups


def _nested(k: int, d: int, distance: float, rng: np.random.Generator) -> Generated:
    """Place few families far from each other, each of some groups that are close."""
    groups = rng.integers(k, size=N)
    n_families = max(k // 2, 1)
    families = centres(n_families, d, 14, rng) if k > 3 else np.zeros((n_families, d))
    middles = families[np.arange(k) % n_families] + 0.6 * centres(k, d, distance, rng)
    return numbered(middles[groups] + rng.standard_normal((N, d))), groups


def _flags(k: int, d: int, _: float, rng: np.random.Generator) -> Generated:
    groups = rng.integers(k, size=N)
    odds = rng.beta(0.4, 0.4, size=(k, d + 6))
    return numbered((rng.random((N, d + 6)) < odds[groups]).astype(float)), groups


KINDS = (
    _round,
    _round,
    _stretched,
    _unequal,
    _hidden,
    _mixed,
    _skewed,
    _heavy,
    _counts,
    _curved,
    _nested,
    _flags,
)
"""Round groups, the usual case, come twice."""

"""Random tables without groups, and with a few clear ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import sklearn.datasets

from .frames import numbered
from .labelled import DATA

N, D = 600, 8


def _normal(rng: np.random.Generator, d: int = D) -> np.ndarray:
    """Correlated normal rows: two common factors and noise of their own."""
    factors = rng.standard_normal((d, 2))
    return rng.multivariate_normal(np.zeros(d), factors @ factors.T + 0.5 * np.eye(d), N)


def _gamma_poisson(rng: np.random.Generator) -> pd.DataFrame:
    rate = 2 * rng.gamma(1.0, 1.0, (N, 1)) * np.exp(0.5 * _normal(rng))
    return numbered(rng.poisson(rate).astype(float))


def _binaries(rng: np.random.Generator) -> pd.DataFrame:
    """Correlated normal numbers, three of them known only as above or below a threshold."""
    latent = _normal(rng)
    flags = {f"flag{j}": (latent[:, j] > rng.normal(0, 0.7)).astype(int) for j in range(3)}
    return numbered(latent[:, 3:], flags)


def _heavy(rng: np.random.Generator) -> pd.DataFrame:
    """Multivariate t with four degrees of freedom."""
    return numbered(_normal(rng) / np.sqrt(rng.chisquare(4, (N, 1)) / 4))


def _permuted(rng: np.random.Generator) -> pd.DataFrame:
    """Shuffle the columns of a real set one by one."""
    names = ["wine", "breast_cancer", "diabetes", *(["wholesale"] if _wholesale() is not None else [])]
    name = names[rng.integers(len(names))]
    table = _wholesale() if name == "wholesale" else getattr(sklearn.datasets, f"load_{name}")().data
    return numbered(np.column_stack([rng.permutation(column) for column in table.T])[:N])


def _wholesale() -> np.ndarray | None:
    files = sorted((DATA / "wholesale").glob("*.csv"))
    return pd.read_csv(files[0]).iloc[:, 2:].to_numpy(dtype=np.float64) if files else None


NULLS: dict[str, Callable[[np.random.Generator], pd.DataFrame]] = {
    "uniform": lambda rng: numbered(rng.random((N, D))),
    "normal": lambda rng: numbered(_normal(rng)),
    "log-normal": lambda rng: numbered(np.exp(0.7 * _normal(rng))),
    "gamma-poisson": _gamma_poisson,
    "binaries": _binaries,
    "permuted": _permuted,
    "heavy-tails": _heavy,
}


def _clear(rng: np.random.Generator, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw normal groups of unequal size whose centres lie at least four deviations apart."""
    shares = 0.1 + rng.dirichlet(np.full(k, 5.0))
    groups = rng.choice(k, size=N, p=shares / shares.sum())
    while True:
        centres = 1.5 * rng.standard_normal((k, D))
        if np.linalg.norm(centres[:, None] - centres, axis=2)[np.triu_indices(k, 1)].min() > 4:
            return centres[groups] + rng.standard_normal((N, D)), groups


def _with_categories(rng: np.random.Generator, k: int) -> pd.DataFrame:
    X, groups = _clear(rng, k)
    odds = rng.dirichlet(np.ones(3), size=(3, k))
    drawn = [(rng.random((N, 1)) > each[groups].cumsum(axis=1)).sum(axis=1).clip(max=2) for each in odds]
    return numbered(X, {f"kind{j}": levels for j, levels in enumerate(drawn)})


GROUPS: dict[str, Callable[[np.random.Generator, int], pd.DataFrame]] = {
    "normal": lambda rng, k: numbered(_clear(rng, k)[0]),
    "skewed": lambda rng, k: numbered(np.exp(0.5 * _clear(rng, k)[0])),
    "with categories": _with_categories,
}

"""Shares of preference of products that could be offered, and what a new one takes from the others.

The share of a product is its logit probability among all products, averaged over latent classes, and for a
segment by the segment's own part-worths. What a product is worth to those who choose is the gain in the
logsum in units of the cost (Small & Rosen 1981, Econometrica 49:105). Intervals are of the part-worths alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import logsumexp, softmax

from segmentwerk.analysis.choice_model import Logit
from segmentwerk.analysis.conjoint import INTERVAL, Conjoint, drawn
from segmentwerk.analysis.latent_classes import Classes
from segmentwerk.core import choices as shape
from segmentwerk.core.analysis_settings import ConceptsSettings, ConjointSettings
from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.errors import ConfigError
from segmentwerk.core.seeds import derive

TOTAL = -1
"""Stands where a segment's number would, for all accounts."""


@dataclass(frozen=True)
class Simulation:
    """What was simulated.

    Attributes
    ----------
    shares
        One row a segment (`TOTAL`: all) and product: ``segment_id``, ``product``, ``share`` in [0, 1] with
        ``low`` and ``high``, ``worth`` (what its presence is worth to one who chooses, in units of the cost;
        NaN without a cost).
    taken
        One row a product that is not new: ``before`` and ``after`` the new ones come, ``own``; empty where
        nothing is new.
    cannibalised
        Part of the new products' share that comes from our own ones; NaN where nothing is new or ours.
    """

    shares: pd.DataFrame
    taken: pd.DataFrame
    cannibalised: float

    def preferred(self) -> dict[int, str]:
        """Return the product that each segment prefers, none of these aside."""
        products = self.shares[self.shares["product"] != shape.NONE]
        best = products.loc[products.groupby("segment_id")["share"].idxmax()]
        return dict(zip(best["segment_id"].tolist(), best["product"].tolist(), strict=True))


def simulate(
    found: Conjoint, concepts: ConceptsSettings, settings: ConjointSettings, seed: int
) -> Simulation:
    """Put products before everybody, and before each segment.

    Raises
    ------
    ConfigError
        If a product has an attribute that nobody was asked about.
    """
    names, x = design(found.data.columns, concepts, none=settings.none)
    parts = [_told(TOTAL, names, _mixture(found.classes, x, settings, seed))]
    for number, logit in found.segments.items():
        own = x[:, [found.data.columns.index(name) for name in logit.columns]]
        parts.append(_told(number, names, _single(logit, own, settings, seed)))
    shares = pd.concat(parts, ignore_index=True)
    return Simulation(shares, *_taken(found.classes, names, x, concepts))


def design(columns: Sequence[str], concepts: ConceptsSettings, *, none: bool) -> tuple[list[str], FloatArray]:
    """Return the products' names and attributes (n_products, n_columns).

    Raises
    ------
    ConfigError
        Naming product and attribute.
    """
    for product, values in concepts.products.items():
        for name in values:
            if name not in columns:
                raise ConfigError(
                    f"concepts.products.{product}: {name!r} is no attribute of the choices.",
                    f"Known: {', '.join(columns)}.",
                )
    rows = {name: dict(values) for name, values in concepts.products.items()}
    if none:
        rows[shape.NONE] = {shape.NONE: 1.0}
    x = np.array([[values.get(column, 0.0) for column in columns] for values in rows.values()])
    return list(rows), x


@dataclass(frozen=True)
class _Draws:
    """Shares (n_products,) as fitted and (n_draws, n_products) as drawn; worth (n_products,)."""

    share: FloatArray
    samples: FloatArray
    worth: FloatArray


def _single(logit: Logit, x: FloatArray, settings: ConjointSettings, seed: int) -> _Draws:
    samples = softmax(drawn(logit, settings.draws, seed) @ x.T, axis=1)
    utility = x @ logit.coefficients
    return _Draws(softmax(utility), samples, _worth(utility, logit.columns, logit.coefficients, settings))


def _mixture(classes: Classes, x: FloatArray, settings: ConjointSettings, seed: int) -> _Draws:
    """Draw the classes' coefficients and their shares together."""
    n_classes, n_columns = classes.coefficients.shape
    mean = np.concatenate([classes.coefficients.ravel(), classes.shares[:-1]])
    rng = np.random.default_rng(derive(seed, "classes drawn"))
    # An eigenvalue of the covariance may be 0 but for rounding.
    many = rng.multivariate_normal(mean, classes.covariance, settings.draws, method="eigh")
    betas = many[:, : n_classes * n_columns].reshape(-1, n_classes, n_columns)
    free = many[:, n_classes * n_columns :].clip(0.0, 1.0)
    weights = np.hstack([free, (1.0 - free.sum(axis=1, keepdims=True)).clip(0.0)])
    weights /= weights.sum(axis=1, keepdims=True)
    samples = np.einsum("dc,dcp->dp", weights, softmax(betas @ x.T, axis=2))
    share = classes.shares @ softmax(classes.coefficients @ x.T, axis=1)
    worths = [_worth(x @ beta, classes.columns, beta, settings) for beta in classes.coefficients]
    return _Draws(share, samples, np.asarray(classes.shares @ np.array(worths)))


def _worth(
    utility: FloatArray, columns: Sequence[str], beta: FloatArray, settings: ConjointSettings
) -> FloatArray:
    """Return what each product adds to the choice, in units of the cost; NaN where dearer is not worse."""
    cost = beta[columns.index(settings.cost)] if settings.cost in columns else 0.0
    if settings.cost is None or cost >= 0:
        return np.full(len(utility), np.nan)
    others = [logsumexp(np.delete(utility, place)) for place in range(len(utility))]
    return np.asarray((logsumexp(utility) - np.array(others)) / -cost)


def _told(segment: int, names: Sequence[str], draws: _Draws) -> pd.DataFrame:
    low, high = np.quantile(draws.samples, INTERVAL, axis=0)
    return pd.DataFrame(
        {
            "segment_id": segment,
            "product": names,
            "share": draws.share,
            "low": low,
            "high": high,
            "worth": draws.worth,
        }
    )


def _taken(
    classes: Classes, names: Sequence[str], x: FloatArray, concepts: ConceptsSettings
) -> tuple[pd.DataFrame, float]:
    """Compare the market without the new products with the one that has them."""
    old = np.array([name not in concepts.new for name in names])
    if old.all():
        return pd.DataFrame(columns=["product", "before", "after", "own"]), float("nan")
    after = classes.shares @ softmax(classes.coefficients @ x.T, axis=1)
    before = classes.shares @ softmax(classes.coefficients @ x[old].T, axis=1)
    table = pd.DataFrame(
        {
            "product": [name for name, one in zip(names, old, strict=True) if one],
            "before": before,
            "after": after[old],
        }
    )
    table["own"] = table["product"].isin(concepts.own)
    lost = (table["before"] - table["after"])[table["own"]].sum()
    return table, float(lost / after[~old].sum()) if table["own"].any() else float("nan")

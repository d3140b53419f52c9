"""Shares of preference of products that could be offered, and what a new one takes from the others.

The share of a product is its logit probability among all products, averaged over latent classes, and for a
segment by the segment's own part-worths. What a product is worth to those who choose is the gain in the
logsum in units of the cost (Small & Rosen 1981, Econometrica 49:105). Intervals are of the part-worths alone
(draws from their distribution; Krinsky & Robb 1986, Review of Economics and Statistics 68:715).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import softmax

from segmentwerk.analysis.choice_model import ChoiceData, Logit
from segmentwerk.analysis.conjoint import INTERVAL, Conjoint, drawn
from segmentwerk.analysis.latent_classes import Classes
from segmentwerk.core import choices as shape
from segmentwerk.core.analysis_settings import ConceptsSettings, ConjointSettings
from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.errors import ConfigError
from segmentwerk.core.seeds import derive

SLACK = 0.05
"""Part of the range of what was asked, by which a product may lie outside of it without a word."""
TOTAL = -1
"""Stands where a segment's number would, for all accounts."""


@dataclass(frozen=True)
class Simulation:
    """What was simulated.

    Attributes
    ----------
    shares
        One row a segment (`TOTAL`: all) and product: ``segment_id``, ``product``, ``share`` in [0, 1] with
        ``low`` and ``high``; ``first``, how often it has the largest share of all products in the draws;
        ``worth``, what its presence is worth to one who chooses, in units of the cost, with ``worth_low``
        and ``worth_high`` (NaN without a cost, and where it is not sure that dearer is worse).
    taken
        One row a product that is not new: ``before`` and ``after`` the new ones come, ``own``; empty where
        nothing is new.
    cannibalised
        Part of the new products' share that comes from our own ones, with the ends of its interval; NaN
        where nothing is new or ours.
    beyond
        Product, attribute, and the ends of what was asked, where a product lies outside of them.
    """

    shares: pd.DataFrame
    taken: pd.DataFrame
    cannibalised: tuple[float, float, float]
    beyond: tuple[tuple[str, str, float, float], ...] = ()

    def preferred(self) -> pd.DataFrame:
        """Return the row of the product that each segment prefers, none of these aside."""
        products = self.shares[self.shares["product"] != shape.NONE]
        return products.loc[products.groupby("segment_id")["share"].idxmax()]


@dataclass(frozen=True)
class Taste:
    """Part-worths of classes of people: as fitted in the first row, as drawn in the others.

    ``weights`` (1 + n_draws, n_classes) are the classes' shares, ``betas`` (1 + n_draws, n_classes,
    n_columns) their coefficients.
    """

    columns: tuple[str, ...]
    weights: FloatArray
    betas: FloatArray

    @classmethod
    def of_one(cls, logit: Logit, n_draws: int, seed: int) -> Taste:
        """Draw from a logit: one class."""
        betas = np.vstack([logit.coefficients, drawn(logit, n_draws, seed)])
        return cls(logit.columns, np.ones((len(betas), 1)), betas[:, None])

    @classmethod
    def of_classes(cls, classes: Classes, n_draws: int, seed: int) -> Taste:
        """Draw the classes' coefficients and their shares together."""
        mean = np.concatenate([classes.coefficients.ravel(), classes.shares[:-1]])
        rng = np.random.default_rng(derive(seed, "classes drawn"))
        # An eigenvalue of the covariance may be 0 but for rounding.
        many = np.vstack([mean, rng.multivariate_normal(mean, classes.covariance, n_draws, method="eigh")])
        size = classes.coefficients.size
        free = many[:, size:].clip(0.0, 1.0)
        weights = np.hstack([free, (1.0 - free.sum(axis=1, keepdims=True)).clip(0.0)])
        betas = many[:, :size].reshape(-1, *classes.coefficients.shape)
        return cls(classes.columns, weights / weights.sum(axis=1, keepdims=True), betas)

    def shares(self, x: FloatArray) -> FloatArray:
        """Return the shares (1 + n_draws, n_products) of products (n_products, n_columns)."""
        return self._mean(softmax(self.betas @ x.T, axis=2))

    def worths(self, x: FloatArray, cost: str | None) -> FloatArray:
        """Return what each product adds to the choice, in units of the cost (1 + n_draws, n_products).

        NaN where it is not sure of each class that dearer is worse.
        """
        prices = self.betas[:, :, self.columns.index(cost)] if cost in self.columns else np.zeros((1, 1))
        if cost is None or (np.quantile(prices, INTERVAL[1], axis=0) >= 0).any():
            return np.full((len(self.betas), len(x)), np.nan)
        # The gain in the logsum by a product of share p is -log(1 - p).
        return self._mean(np.log1p(-softmax(self.betas @ x.T, axis=2)) / prices[:, :, None])

    def _mean(self, of_classes: FloatArray) -> FloatArray:
        return np.asarray(np.einsum("dc,dcp->dp", self.weights, of_classes))


def simulate(
    found: Conjoint, concepts: ConceptsSettings, settings: ConjointSettings, seed: int
) -> Simulation:
    """Put products before everybody, and before each segment.

    Raises
    ------
    ConfigError
        If a product has an attribute that nobody was asked about.
    """
    names, x = design(found.data.columns, concepts)
    everybody = Taste.of_classes(found.classes, settings.draws, seed)
    parts = [_told(TOTAL, names, everybody, x, settings.cost)]
    for number, logit in found.segments.items():
        own = x[:, [found.data.columns.index(name) for name in logit.columns]]
        taste = Taste.of_one(logit, settings.draws, seed)
        parts.append(_told(number, names, taste, own, settings.cost))
    taken, cannibalised = _taken(everybody, names, x, concepts)
    shares = pd.concat(parts, ignore_index=True)
    return Simulation(shares, taken, cannibalised, tuple(_beyond(found.data, names, x)))


def _beyond(data: ChoiceData, names: Sequence[str], x: FloatArray) -> Iterator[tuple[str, str, float, float]]:
    """Yield what lies outside of the values that were asked; of differences, those are not known."""
    low, high = data.x.min(axis=0), data.x.max(axis=0)
    slack = SLACK * (high - low)
    outside = ((x < low - slack) | (x > high + slack)) & (not data.differences)
    for product, column in np.argwhere(outside):
        yield names[product], data.columns[column], float(low[column]), float(high[column])


def design(columns: Sequence[str], concepts: ConceptsSettings) -> tuple[list[str], FloatArray]:
    """Return the products' names and attributes (n_products, n_columns); "none of these" where it was shown.

    Raises
    ------
    ConfigError
        Naming product and attribute.
    """
    known = [name for name in columns if name != shape.NONE]
    for product, values in concepts.products.items():
        for name in values:
            if name not in known:
                raise ConfigError(
                    f"concepts.products.{product}: {name!r} is no attribute of the choices.",
                    f"Known: {', '.join(known)}.",
                )
    rows = {name: dict(values) for name, values in concepts.products.items()}
    if shape.NONE in columns:
        rows[shape.NONE] = {shape.NONE: 1.0}
    x = np.array([[values.get(column, 0.0) for column in columns] for values in rows.values()])
    return list(rows), x


def _told(segment: int, names: Sequence[str], taste: Taste, x: FloatArray, cost: str | None) -> pd.DataFrame:
    shares, worths = taste.shares(x), taste.worths(x, cost)
    real = np.array([name != shape.NONE for name in names])
    best = np.where(real, shares[1:], 0.0).max(axis=1, keepdims=True)
    first = np.isclose(shares[1:], best, rtol=1e-12).mean(axis=0)
    (low, high), (worth_low, worth_high) = (
        np.quantile(one[1:], INTERVAL, axis=0) for one in (shares, worths)
    )
    return pd.DataFrame(
        {
            "segment_id": segment,
            "product": names,
            "share": shares[0],
            "low": low,
            "high": high,
            "first": np.where(real, first, np.nan),
            "worth": worths[0],
            "worth_low": worth_low,
            "worth_high": worth_high,
        }
    )


def _taken(
    taste: Taste, names: Sequence[str], x: FloatArray, concepts: ConceptsSettings
) -> tuple[pd.DataFrame, tuple[float, float, float]]:
    """Compare the market without the new products with the one that has them."""
    nothing = float("nan")
    old = np.array([name not in concepts.new for name in names])
    if old.all():
        return pd.DataFrame(columns=["product", "before", "after", "own"]), (nothing, nothing, nothing)
    after, before = taste.shares(x), taste.shares(x[old])
    stay = [name for name, one in zip(names, old, strict=True) if one]
    own = np.isin(stay, concepts.own)
    table = pd.DataFrame({"product": stay, "before": before[0], "after": after[0, old], "own": own})
    if not own.any():
        return table, (nothing, nothing, nothing)
    lost = (before - after[:, old])[:, own].sum(axis=1) / after[:, ~old].sum(axis=1)
    low, high = np.quantile(lost[1:], INTERVAL)
    return table, (float(lost[0]), float(low), float(high))

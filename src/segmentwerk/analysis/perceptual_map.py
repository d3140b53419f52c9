"""A perceptual map: how people see what they rated, from mean ratings of objects on attributes.

Objects are points and attributes are arrows of one biplot (Gabriel 1971, Biometrika 58:453): the principal
components of the objects' mean ratings, each attribute less its mean. It is drawn only if its spread beats
that of tables in which each person's ratings were dealt to the objects anew.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segmentwerk.core.analysis_settings import RatingSettings
from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.core.errors import InputError
from segmentwerk.core.seeds import derive

FEWEST = 3
"""Objects, and attributes, that a map needs."""
RATERS = 30
"""People that an object needs."""
LEVEL = 0.05
"""Of the test against chance."""


@dataclass(frozen=True)
class PerceptualMap:
    """What was found.

    Attributes
    ----------
    places
        Objects: ``x``, ``y`` in points of the scale, and ``raters``.
    arrows
        Attributes: ``x``, ``y``, the direction in which the mean rating rises; ``told``, the share of the
        attribute's differences between objects that the map shows.
    means
        Mean rating (n_objects, n_attributes).
    told
        Share of all differences between objects that the map shows; the rest is hidden.
    shares
        (2,) of that, what each axis shows.
    p
        How often ratings that say nothing of the objects spread as far on their map.
    left_out
        Objects and attributes with too few ratings.
    """

    places: pd.DataFrame
    arrows: pd.DataFrame
    means: pd.DataFrame
    told: float
    shares: FloatArray
    p: float
    left_out: tuple[str, ...]

    @property
    def drawn(self) -> bool:
        """Whether the map is better than chance."""
        return self.p <= LEVEL


def ratings(answers: pd.DataFrame, separator: str) -> pd.DataFrame:
    """Return one row a person and object, a column an attribute; NaN where it was not rated.

    Parameters
    ----------
    answers
        One row a person, a column an item; an item such as ``brand: attribute`` is a rating.

    Raises
    ------
    InputError
        If fewer than `FEWEST` objects or attributes were rated.
    """
    parts = {item: [part.strip() for part in str(item).split(separator, 1)] for item in answers}
    known = {item: tuple(both) for item, both in parts.items() if len(both) == 2 and all(both)}
    objects, attributes = ({pair[place] for pair in known.values()} for place in (0, 1))
    if min(len(objects), len(attributes)) < FEWEST:
        raise InputError(
            f"Table 'surveys' has ratings of {len(objects)} objects on {len(attributes)} attributes; a map "
            f"needs {FEWEST} of each.",
            f"A rating is an item such as 'brand{separator} attribute' (analysis.ratings.separator); what "
            "only a few accounts rated is left out.",
        )
    pairs = pd.MultiIndex.from_tuples(known.values(), names=["object", "attribute"])
    rated = answers[list(known)].set_axis(pairs, axis=1).rename_axis(index="person")
    return pd.DataFrame(rated.stack("object", future_stack=True)).dropna(how="all")


def analyse(rated: pd.DataFrame, settings: RatingSettings, seed: int) -> PerceptualMap:
    """Map what was rated.

    Parameters
    ----------
    rated
        As `ratings` returns it, index ``person`` and ``object``.

    Raises
    ------
    InputError
        If too few people rated `FEWEST` objects on `FEWEST` attributes.
    """
    kept, left_out = _enough(rated)
    person = pd.factorize(kept.index.get_level_values("person"))[0]
    code, objects = pd.factorize(kept.index.get_level_values("object"), sort=True)
    values = kept.to_numpy(dtype=np.float64)
    means = _means(values, code, len(objects))
    places, axes, shown = _principal(means)
    rng = np.random.default_rng(derive(seed, "ratings"))
    spread = [
        _principal(_means(values, dealt(code, person, rng), len(objects)))[2].sum()
        for _ in range(settings.permutations)
    ]
    centred = means - means.mean(axis=0)
    told = np.square(places @ axes).sum(axis=0) / np.square(centred).sum(axis=0)
    arrows = pd.DataFrame(_long(axes.T, told), index=kept.columns, columns=["x", "y"])
    return PerceptualMap(
        pd.DataFrame(places, index=objects, columns=["x", "y"]).assign(raters=np.bincount(code)),
        arrows.assign(told=told),
        pd.DataFrame(means, index=objects, columns=kept.columns),
        float(shown.sum() / np.square(centred).sum()),
        np.asarray(shown / np.square(centred).sum()),
        float((1 + (np.array(spread) >= shown.sum()).sum()) / (1 + settings.permutations)),
        left_out,
    )


def _enough(rated: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Keep objects that `RATERS` people rated, and attributes on which they rated each of them."""
    raters = rated.groupby(level="object").size()
    kept = rated[rated.index.get_level_values("object").isin(raters.index[raters >= RATERS])]
    fewest = kept.groupby(level="object").count().min()
    spread = kept.groupby(level="object").mean().std()
    rated_by_many = kept.index.get_level_values("object").nunique()
    kept = kept.loc[:, (fewest >= RATERS) & (spread > 0)].dropna(how="all")
    objects = kept.index.get_level_values("object").unique()
    if min(len(objects), kept.shape[1]) < FEWEST:
        raise InputError(
            f"{rated_by_many} objects were rated by {RATERS} people or more, and {kept.shape[1]} attributes "
            f"tell those apart; a map needs {FEWEST} of each.",
            "Look at the items of table 'surveys': an attribute counts that people rated each object on, "
            "not all alike.",
        )
    gone = [*raters.index.difference(objects), *rated.columns.difference(kept.columns)]
    return kept, tuple(str(one) for one in gone)


def _means(values: FloatArray, code: IntArray, n_objects: int) -> FloatArray:
    """Return mean ratings (n_objects, n_attributes), over those who rated."""
    mine = np.eye(n_objects)[code].T
    counts = mine @ ~np.isnan(values)
    return np.asarray(mine @ np.nan_to_num(values) / np.maximum(counts, 1.0))


def dealt(code: IntArray, person: IntArray, rng: np.random.Generator) -> IntArray:
    """Deal each person's objects anew to the person's rows; rows of a person stand together."""
    return np.asarray(code[np.lexsort((rng.random(len(code)), person))])


def _principal(means: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return places (n_objects, 2), axes (2, n_attributes) and the sum of squares that each axis shows."""
    left, values, right = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)
    signs = np.where(right[[0, 1], np.abs(right[:2]).argmax(axis=1)] < 0, -1.0, 1.0)
    return left[:, :2] * values[:2] * signs, right[:2] * signs[:, None], np.square(values[:2])


def _long(directions: FloatArray, told: FloatArray) -> FloatArray:
    """Make arrows (n, 2) as long as the root of what the map tells of them."""
    length = np.linalg.norm(directions, axis=1, keepdims=True)
    return np.asarray(directions / np.where(length > 0, length, 1.0) * np.sqrt(told)[:, None])

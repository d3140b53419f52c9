"""Choices among products, and ratings of brands, small and quickly analysed."""

from functools import cache

import numpy as np
import pandas as pd

from segmentwerk.analysis import conjoint, perceptual_map, simulator
from segmentwerk.analysis.conjoint import Conjoint
from segmentwerk.analysis.perceptual_map import PerceptualMap
from segmentwerk.analysis.simulator import Simulation
from segmentwerk.core.analysis_settings import ConceptsSettings, ConjointSettings, RatingSettings

CONJOINT = ConjointSettings(cost="price", max_classes=2, folds=2, starts=1, mixed_draws=16, draws=200)
CONCEPTS = ConceptsSettings(
    name="three",
    products={
        "plain": {"price": 0.2},
        "supported": {"price": 0.5, "support": 1.0},
        "fast": {"price": 3.0, "speed": 1.0, "support": 1.0},
    },
    new=["fast"],
    own=["supported", "fast"],
)
BRANDS = ["Ahorn Werkzeuge", "Birke", "Cedar & Sons", "Douglas Supply House", "Eibe", "Fichte"]
TRAITS = ["good advice", "fast delivery", "wide assortment", "cheap", "reliable"]


@cache
def simulated_choices() -> tuple[Conjoint, Simulation]:
    """120 accounts in two segments choose among two products and nothing; `fast` is far too dear."""
    rng = np.random.default_rng(1)
    x = rng.uniform(0, 1, (120, 6, 2, 3))
    betas = np.array([[-4.0, 0.5, 0.2], [-0.5, 3.0, 1.0]])[np.arange(120) % 2]
    utility = np.einsum("atkp,ap->atk", x, betas) + rng.gumbel(size=x.shape[:3])
    nothing = rng.gumbel(size=(120, 6)) - 0.5
    rows = [
        (
            f"{a:03d}",
            str(t),
            str(k),
            name,
            x[a, t, k, p],
            float(utility[a, t, k] == max(*utility[a, t], nothing[a, t])),
        )
        for a, t, k in np.ndindex(utility.shape)
        for p, name in enumerate(["price", "speed", "support"])
    ]
    rows += [
        (f"{a:03d}", str(t), "none", "none", 1.0, float(nothing[a, t] > utility[a, t].max()))
        for a, t in np.ndindex(nothing.shape)
    ]
    long = pd.DataFrame(
        rows, columns=["account", "task_id", "alternative_id", "attribute", "value", "chosen"]
    )
    segments = pd.Series(1 + np.arange(120) % 2, index=[f"{a:03d}" for a in range(120)])
    found = conjoint.analyse(long, segments, CONJOINT, seed=0)
    return found, simulator.simulate(found, CONCEPTS, CONJOINT, seed=0)


@cache
def rated_brands() -> PerceptualMap:
    """Forty people rate six brands that lie on a plane; three of the brands lie together."""
    rng = np.random.default_rng(2)
    places = np.array([[2.0, 0.0], [0.0, 0.1], [0.1, 0.0], [0.0, -0.1], [-2.0, 1.0], [0.0, -2.0]])
    means = 4 + places @ rng.standard_normal((2, len(TRAITS)))
    names = [f"{brand}: {trait}" for brand in BRANDS for trait in TRAITS]
    answers = pd.DataFrame(means.ravel() + rng.standard_normal((40, means.size)), columns=names)
    rated = perceptual_map.ratings(answers, ":")
    return perceptual_map.analyse(rated, RatingSettings(permutations=19), seed=0)

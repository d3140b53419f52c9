"""What the stage `analysis` can be told: one method at a time, and the concepts that a conjoint simulates."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from segmentwerk.core.settings import Settings

Method = Literal["conjoint", "factors", "product_map", "perceptual_map", "segment_map", "affinity"]


class ConjointSettings(Settings):
    """What is asked of choices (docs/concepts/conjoint.md)."""

    cost: str | None = None
    """The attribute that is a price; null: nothing is said of willingness to pay."""
    attributes: dict[str, list[str]] = Field(default_factory=dict)
    """Columns that are levels of one attribute; ``brand=B`` is a level of ``brand`` anyway."""
    max_classes: int = Field(default=4, ge=1, le=8)
    folds: int = Field(default=4, ge=2)
    """Parts of the accounts that are held out in turn to judge the number of classes."""
    starts: int = Field(default=4, ge=1)
    mixed_draws: int = Field(default=500, ge=0)
    """Halton draws an account of the mixed logit; 0 leaves it out."""
    draws: int = Field(default=1000, ge=100)
    """Draws behind the intervals of shares and of willingness to pay."""


class ConceptsSettings(Settings):
    """Products to put before the market: the attributes of each, and which are new or our own."""

    name: str
    description: str = ""
    products: dict[str, dict[str, float]] = Field(min_length=2)
    """By name, the value of each attribute; those not named are 0."""
    new: list[str] = Field(default_factory=list)
    """Products that come to a market of the others."""
    own: list[str] = Field(default_factory=list)
    """Products of ours, which a new one may take from."""

    @model_validator(mode="after")
    def _names(self) -> Self:
        for name in (*self.new, *self.own):
            if name not in self.products:
                raise ValueError(f"{name!r} is no product; known: {', '.join(sorted(self.products))}")
        if len(set(self.new)) == len(self.products):
            raise ValueError("at least one product must not be new")
        return self


class FactorSettings(Settings):
    """What is condensed to factors (docs/concepts/factor-analysis.md)."""

    of: Literal["surveys", "accounts"] = "surveys"
    """The items of the surveys, or the numeric features of the account table."""
    rotation: Literal["varimax", "promax"] = "varimax"
    answered: float = Field(default=0.5, gt=0, le=1)
    """Share of the rows that a variable, and of the variables that a row, must have."""
    copies: int = Field(default=100, ge=20)
    """Random tables of the parallel analysis."""


class MapSettings(Settings):
    """How maps are drawn (docs/concepts/maps.md)."""

    level: Literal["category", "product"] = "category"
    items: int = Field(default=30, ge=5, le=60)
    """Items on the map at most, those with the most buyers."""
    metric: bool = True
    """False: only the order of the distances counts."""
    starts: int = Field(default=8, ge=1)
    permutations: int = Field(default=99, ge=19)
    """Tables in which nothing belongs together, that a map must be better than."""


class RatingSettings(Settings):
    """How ratings are read and mapped (docs/concepts/maps.md)."""

    separator: str = Field(default=":", min_length=1)
    """Between the object and the attribute in the name of an item, as in ``brand: attribute``."""
    permutations: int = Field(default=199, ge=19)
    """Tables in which ratings say nothing of the objects, that a map must be better than."""


class AnalysisSettings(Settings):
    """One method with what it can be told."""

    conjoint: ConjointSettings = ConjointSettings()
    factors: FactorSettings = FactorSettings()
    map: MapSettings = MapSettings()
    ratings: RatingSettings = RatingSettings()

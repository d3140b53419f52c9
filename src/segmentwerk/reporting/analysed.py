"""What the analyst's methods add to a comparison's report, in short: only what the data allows, and quickly.

The methods are those of `segmentwerk analyse`, with fewer tables of chance and, for choices, without latent
classes: whoever wants to know more runs the method on its own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import pandas as pd

from segmentwerk.analysis import affinity, conjoint, factors, product_map, segment_map
from segmentwerk.core.analysis_settings import ConjointSettings, FactorSettings, MapSettings
from segmentwerk.core.errors import FitError, InputError
from segmentwerk.insight.language import Language
from segmentwerk.preparation.prepare import Prepared
from segmentwerk.release.release import Release
from segmentwerk.reporting.affinity_told import AffinityTold
from segmentwerk.reporting.analysis_page import PagePart, ToldAnalysis
from segmentwerk.reporting.conjoint_told import ConjointTold
from segmentwerk.reporting.factors_told import FactorsTold
from segmentwerk.reporting.maps_told import ProductMapTold, SegmentMapTold
from segmentwerk.reporting.section import Section

log = logging.getLogger(__name__)

CONJOINT = ConjointSettings(max_classes=1, folds=2, starts=1, mixed_draws=0)
FACTORS = FactorSettings(copies=40)
MAP = MapSettings(permutations=19, starts=2)
MOST = 2_000
"""Customers at most, where a method takes long; affinities are of all."""


@dataclass(frozen=True)
class Asking:
    """What the methods are asked about: customers, with the numbers of their segments by account id."""

    prepared: Prepared
    segments: pd.Series
    names: dict[int, str]
    language: Language
    seed: int

    @classmethod
    def of(cls, released: Release, prepared: Prepared, seed: int) -> Self:
        """Ask about the segments that were released."""
        described = released.described
        names = {segment.id: segment.name for segment in described.segments}
        return cls(prepared, described.labels.map(described.identity.ids), names, described.language, seed)

    def few(self, index: pd.Index) -> pd.Index:
        """Return at most `MOST` ids, the same ones always."""
        return index if len(index) <= MOST else index[pd.util.hash_array(index.to_numpy()).argsort()[:MOST]]


def sections(asking: Asking) -> list[Section]:
    """Tell what each method finds; one that the data does not allow is left out."""
    found: list[Section] = []
    for name, method in METHODS.items():
        try:
            found.extend(method(asking))
        except (InputError, FitError):  # whose words may name what only a few answered
            log.info("The data does not allow %s; `segmentwerk analyse` says why.", name)
    return found


def _short(method: str, told: ToldAnalysis, parts: Sequence[PagePart]) -> Section:
    return Section(
        method,
        told.title,
        told.headlines,
        [(part.title, part.grid) for part in parts if part.grid is not None],
        [part.figure for part in parts if part.figure is not None],
    )


def _factors(asking: Asking) -> Iterator[Section]:
    rows = asking.prepared.rows.answers
    if rows is not None:
        found = factors.analyse(rows.loc[asking.few(rows.index)], FACTORS, asking.seed, ranks=False)
        told = FactorsTold(found, FACTORS, asking.language).told(asking.prepared.table.source, "")
        yield _short("factors", told, [PagePart(told.parts[0].title, (), told.parts[0].grid)])


def _conjoint(asking: Asking) -> Iterator[Section]:
    long = asking.prepared.rows.choices
    if long is not None:
        few = asking.few(pd.Index(sorted(long["account"].unique())))
        found = conjoint.analyse(long[long["account"].isin(few)], asking.segments, CONJOINT, asking.seed)
        told = ConjointTold(found, None, CONJOINT, asking.names, asking.language)
        page = told.told(asking.prepared.table.source, "")
        yield _short("conjoint", page, [told.partworths(), told.by_segment()])


def _affinity(asking: Asking) -> Iterator[Section]:
    rows = asking.prepared.rows.bought
    if rows is not None:
        found = affinity.analyse(rows, asking.segments)
        told = AffinityTold(found, asking.names, asking.language).told(asking.prepared.table.source, "")
        yield _short("affinity", told, [PagePart(part.title, (), part.grid) for part in told.parts[:1]])


def _maps(asking: Asking) -> Iterator[Section]:
    table = asking.prepared.table
    numeric = [one.name for one in table.catalogue if one.kind == "numeric"]
    members = asking.few(asking.segments.index)
    shown = segment_map.analyse(table.features.loc[members, numeric], asking.segments, asking.seed)
    told = SegmentMapTold(shown, asking.names, asking.language).told(table.source, "")
    yield _short("segment_map", told, told.parts[:1])


def _product_map(asking: Asking) -> Iterator[Section]:
    rows = asking.prepared.rows.bought
    if rows is not None:
        some = rows[rows["kind"] == MAP.level]
        found = product_map.analyse(some, asking.segments, MAP, asking.seed)
        told = ProductMapTold(found, MAP, asking.names, asking.language)
        page = told.told(asking.prepared.table.source, "")
        yield _short("product_map", page, [PagePart("", figure=part.figure) for part in page.parts])


METHODS: dict[str, Callable[[Asking], Iterator[Section]]] = {
    "factors": _factors,
    "conjoint": _conjoint,
    "affinity": _affinity,
    "segment_map": _maps,
    "product_map": _product_map,
}

"""Maps of products and of segments in words, tables and figures; chance is not drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from segmentwerk.analysis.product_map import ProductMap
from segmentwerk.analysis.segment_map import SegmentMap
from segmentwerk.core.analysis_settings import MapSettings
from segmentwerk.insight.figure import Figure, Places
from segmentwerk.insight.language import UNKNOWN, Language
from segmentwerk.insight.words import label, level_of
from segmentwerk.reporting.analysis_page import PagePart, ToldAnalysis
from segmentwerk.reporting.plan_words import records
from segmentwerk.reporting.tables import Grid

LEAST = 0.3
"""Correlation of a feature with an axis that is told."""
HALF = 0.5
"""Share of the differences below which a map hides more than it shows."""
POINTED = 0.1
"""Part of a segment's shares that the map must tell for an arrow."""
LISTED = 12
"""Features of the table at most."""


@dataclass(frozen=True)
class ProductMapTold:
    """A map of what is bought together in one language; ``names`` are the segments'."""

    found: ProductMap
    settings: MapSettings
    names: Mapping[int, str]
    language: Language

    def t(self, key: str, **values: object) -> str:
        """Return a text of the maps."""
        return self.language.text(f"maps.{key}", **values)

    def told(self, source: str, note: str) -> ToldAnalysis:
        """Tell all of it."""
        found = self.found
        numbers = {"stress": found.stress, "chance": found.chance, "p": found.p, "told": found.told}
        lines = [self.t("product_headline", n=len(found.places), **numbers)]
        tables = {"segments": found.vectors}
        if found.drawn:
            tables["places"] = found.places.reset_index()
        else:
            lines.append(self.t("not_drawn"))
        limits = [self.t("limit_year"), self.t("limit_axes")]
        if found.told < HALF:
            limits.append(self.t("limit_hidden"))
        return ToldAnalysis(
            self.t("product_title", source=source),
            note,
            lines,
            list(self._parts()) if found.drawn else [],
            limits,
            numbers,
            tables if found.drawn else {},
        )

    def _parts(self) -> Iterator[PagePart]:
        places = self.found.places
        heads = [self.t(name) for name in ("item", "buyers", "x", "y")]
        rows = [
            [self._item(row["item"]), self.language.number(row["buyers"]), *self._place(row)]
            for row in records(places.reset_index())
        ]
        yield PagePart(self.t("product_part"), (), None, self._figure())
        yield PagePart(self.t("items"), (), Grid(heads, rows))
        if len(self.found.vectors):
            heads = [self.language.text("analysis.segment"), self.t("vector_share")]
            shares = [
                [self.names[row["segment_id"]], self.language.percent(max(row["r2"], 0.0))]
                for row in records(self.found.vectors)
            ]
            yield PagePart(self.t("vectors"), [self.t("vectors_note", least=POINTED)], Grid(heads, shares))

    def _item(self, item: object) -> str:
        return level_of(str(item), self.language) if self.settings.level == "category" else str(item)

    def _place(self, row: Mapping[str, float]) -> list[str]:
        return [self.language.decimal(row[name]) for name in ("x", "y")]

    def _figure(self) -> Figure:
        places = self.found.places
        arrows = [
            (self.names[row["segment_id"]], row["x"], row["y"])
            for row in records(self.found.vectors)
            if row["r2"] >= POINTED
        ]
        return Figure(
            "product_map",
            self.t("product_figure"),
            "",
            "",
            Places(
                [self._item(name) for name in places.index],
                places["x"].tolist(),
                places["y"].tolist(),
                [float(n) for n in places["buyers"]],
                arrows,
            ),
        )


@dataclass(frozen=True)
class SegmentMapTold:
    """A map of segments in one language; ``names`` are the segments'."""

    found: SegmentMap
    names: Mapping[int, str]
    language: Language

    def t(self, key: str, **values: object) -> str:
        """Return a text of the maps."""
        return self.language.text(f"maps.{key}", **values)

    def told(self, source: str, note: str) -> ToldAnalysis:
        """Tell all of it."""
        found = self.found
        lines = list(self._headlines())
        if not found.drawn:
            lines.append(self.t("not_drawn"))
        metrics = {
            "hits": found.hits,
            "chance": found.chance,
            "hits_shuffled": found.hits_shuffled,
            "wilks": found.wilks,
            "p": found.p,
            "first_axis": float(found.shares[0]),
        }
        structure = found.structure.add_prefix("axis_").rename_axis("feature").reset_index()
        centres = found.centres.reset_index()
        return ToldAnalysis(
            self.t("segment_title", source=source),
            note,
            lines,
            list(self._parts()) if found.drawn else [],
            list(self._limits()),
            metrics,
            {"axes": structure, "segments": centres} if found.drawn else {},
        )

    def _headlines(self) -> Iterator[str]:
        found = self.found
        both = float(found.shares[:2].sum())
        yield self.t("segment_headline", hits=found.hits, chance=found.chance, shuffled=found.hits_shuffled)
        yield self.t(
            "segment_wilks",
            wilks=found.wilks,
            first=float(found.shares[0]),
            both=both,
            hidden=abs(1.0 - both),
        )

    def _limits(self) -> Iterator[str]:
        yield self.t("limit_same")
        yield self.t("limit_linear")
        if self.found.left_out:
            yield self.t("limit_few", names=[self.names[number] for number in self.found.left_out])

    def _axis(self, place: int) -> str:
        if place >= len(self.found.shares):
            return ""
        return self.t("axis", number=place + 1, share=float(self.found.shares[place]))

    def _parts(self) -> Iterator[PagePart]:
        centres = self.found.centres
        names = (self.t(name) for name in ("accounts", "hits", "x", "y"))
        heads = [self.language.text("analysis.segment"), *names]
        rows = [
            [
                self.names[row["segment_id"]],
                self.language.number(row["accounts"]),
                self.language.percent(row["hits"]),
                *(self.language.decimal(row[name]) for name in ("x", "y")),
            ]
            for row in records(centres.reset_index())
        ]
        yield PagePart(self.t("segments"), (), Grid(heads, rows), self._figure(centres))
        yield PagePart(self.t("axes"), [self.t("axes_note")], self._axes())

    def _figure(self, centres: pd.DataFrame) -> Figure:
        return Figure(
            "segment_map",
            self.t("segment_figure"),
            self._axis(0),
            self._axis(1),
            Places(
                [self.names[int(str(number))] for number in centres.index],
                centres["x"].tolist(),
                centres["y"].tolist(),
                [float(n) for n in centres["accounts"]],
            ),
        )

    def _axes(self) -> Grid:
        table = self.found.structure.iloc[:, :2]
        strength = table.abs().max(axis=1).sort_values(ascending=False, kind="stable")
        shown = [name for name in strength.index if strength[name] >= LEAST][:LISTED]
        rows = [
            [
                label(str(name), self.language),
                *(
                    self.language.decimal(value) if abs(value) >= LEAST else UNKNOWN
                    for value in table.loc[name]
                ),
            ]
            for name in shown
        ]
        return Grid([self.t("feature"), *(self._axis(place) for place in range(table.shape[1]))], rows)

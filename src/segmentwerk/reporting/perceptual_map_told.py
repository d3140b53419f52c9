"""The perceptual map of what people rated, in words, tables and a figure; chance is not drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from segmentwerk.analysis.perceptual_map import RATERS, PerceptualMap
from segmentwerk.insight.figure import Figure, Places
from segmentwerk.insight.language import Language
from segmentwerk.reporting.analysis_page import PagePart, ToldAnalysis
from segmentwerk.reporting.plan_words import records
from segmentwerk.reporting.tables import Grid


@dataclass(frozen=True)
class PerceptualMapTold:
    """A perceptual map in one language."""

    found: PerceptualMap
    language: Language

    def t(self, key: str, **values: object) -> str:
        """Return a text of the maps."""
        return self.language.text(f"maps.{key}", **values)

    def told(self, source: str, note: str) -> ToldAnalysis:
        """Tell all of it."""
        found = self.found
        objects, attributes = found.means.shape
        numbers = {"told": found.told, "p": found.p}
        line = self.t(
            "rated_headline", objects=objects, attributes=attributes, hidden=1.0 - found.told, **numbers
        )
        limits = [self.t("limit_rated"), self.t("limit_arrows")]
        if found.left_out:
            limits.append(self.t("rated_left_out", least=RATERS, names=list(found.left_out)))
        tables = {
            "places": found.places.rename_axis("object").reset_index(),
            "attributes": self._arrows(),
            "means": found.means.rename_axis("object").reset_index(),
        }
        return ToldAnalysis(
            self.t("rated_title", source=source),
            note,
            [line] if found.drawn else [line, self.t("not_drawn")],
            list(self._parts()) if found.drawn else [],
            limits,
            numbers,
            tables if found.drawn else {},
        )

    def _parts(self) -> Iterator[PagePart]:
        means, places = self.found.means, self.found.places
        heads = [self.t("object"), self.t("raters"), *(str(name) for name in means.columns)]
        rows = [
            [
                str(name),
                self.language.number(int(raters)),
                *(self.language.decimal(value) for value in means.loc[name]),
            ]
            for name, raters in zip(places.index, places["raters"], strict=True)
        ]
        yield PagePart(self.t("product_part"), (), None, self._figure())
        yield PagePart(self.t("rated_means"), (), Grid(heads, rows))
        shares = [[row["attribute"], self.language.percent(row["told"])] for row in records(self._arrows())]
        heads = [self.t("attribute"), self.t("vector_share")]
        yield PagePart(self.t("rated_arrows"), [self.t("rated_arrows_note")], Grid(heads, shares))

    def _figure(self) -> Figure:
        places = self.found.places
        across, up = (
            self.t("axis", number=place + 1, share=float(share))
            for place, share in enumerate(self.found.shares)
        )
        return Figure(
            "perceptual_map",
            self.t("rated_figure"),
            across,
            up,
            Places(
                [str(name) for name in places.index],
                places["x"].tolist(),
                places["y"].tolist(),
                [float(n) for n in places["raters"]],
                [(str(row["attribute"]), row["x"], row["y"]) for row in records(self._arrows())],
            ),
        )

    def _arrows(self) -> pd.DataFrame:
        return self.found.arrows.rename_axis("attribute").reset_index()

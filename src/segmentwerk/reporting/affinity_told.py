"""What each segment buys more than the others, in words, tables and figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segmentwerk.analysis.affinity import KINDS, VOTES, Affinities
from segmentwerk.insight.figure import Figure, Heat
from segmentwerk.insight.language import Language
from segmentwerk.insight.words import level_of
from segmentwerk.reporting.analysis_page import PagePart, ToldAnalysis
from segmentwerk.reporting.plan_words import records
from segmentwerk.reporting.tables import Grid, span

LISTED = 8
"""Items of a segment and kind that the table shows."""
DRAWN = 24
"""Items in a figure at most, those with the most customers."""


@dataclass(frozen=True)
class AffinityTold:
    """Affinities in one language; ``names`` are the segments'."""

    found: Affinities
    names: Mapping[int, str]
    language: Language

    def t(self, key: str, **values: object) -> str:
        """Return a text of the affinities."""
        return self.language.text(f"affinity.{key}", **values)

    def told(self, source: str, note: str) -> ToldAnalysis:
        """Tell all of it."""
        limits = [self.t(key) for key in ("limit_many", "limit_cause", "limit_made")]
        if self.found.missing:
            limits.append(self.t("missing", kinds=[self.t(kind) for kind in self.found.missing]))
        more = self.found.more
        return ToldAnalysis(
            self.t("title", source=source),
            note,
            list(self._headlines(more)),
            [part for kind in KINDS if kind not in self.found.missing for part in self._of(kind, more)],
            limits,
            {"told": float(len(more)), "compared": float(len(self.found.table))},
            {"affinities": self.found.table},
        )

    def _item(self, kind: str, item: str) -> str:
        if kind == "weekday":
            return str(self.language.find("affinity", "weekdays")[int(item)])
        if kind == "month":
            return str(self.language.find("affinity", "months")[int(item) - 1])
        return item if kind == "product" else level_of(item, self.language)

    def _headlines(self, more: pd.DataFrame) -> Iterator[str]:
        if more.empty:
            yield self.t("nothing")
        for number, rows in more.groupby("segment_id"):
            best = records(rows.nlargest(1, "low"))[0]
            yield self.t(
                "headline",
                segment=self.names[int(str(number))],
                item=f"{self._item(best['kind'], best['item'])} ({self.t(best['kind'])})",
                lift=best["lift"],
                low=best["low"],
                high=best["high"],
            )

    def _of(self, kind: str, more: pd.DataFrame) -> Iterator[PagePart]:
        rows = more[more["kind"] == kind].groupby("segment_id").head(LISTED)
        grid = self._grid(kind, rows) if len(rows) else None
        note = self.t("note_votes" if kind in VOTES else "note_items")
        title = self.t("part", kind=self.t(kind))
        yield PagePart(title[:1].upper() + title[1:], [note], grid, self._figure(kind))

    def _grid(self, kind: str, rows: pd.DataFrame) -> Grid:
        text = self.language.text
        heads = [text("analysis.segment"), *(self.t(name) for name in ("item", "lift", "support"))]
        cells = [
            [
                self.names[int(row["segment_id"])],
                self._item(kind, row["item"]),
                span(row["lift"], row["low"], row["high"], self.language, ".2"),
                f"{self.language.number(round(row['count'], 1))} / {self.language.number(row['customers'])}",
            ]
            for row in records(rows)
        ]
        return Grid(heads, cells, left=2)

    def _figure(self, kind: str) -> Figure:
        """Draw lifts of items by segments."""
        table = self.found.table[self.found.table["kind"] == kind]
        counts = table.groupby("item")["count"].sum().sort_values(ascending=False, kind="stable")
        items = list(counts.index[:DRAWN])
        order = sorted(items, key=int) if kind in ("weekday", "month") else items
        wide = table.pivot_table(index="item", columns="segment_id", values="lift").reindex(order)
        values = np.log2(wide.to_numpy()).clip(-1, 1)
        texts = [[self.language.decimal(value) for value in row] for row in wide.to_numpy()]
        return Figure(
            f"affinity_{kind}",
            self.t("heat", kind=self.t(kind)),
            "",
            "",
            Heat(
                [self._item(kind, item) for item in order],
                [self.names[int(str(number))] for number in wide.columns],
                values,
                texts,
                self.t("scale"),
            ),
        )

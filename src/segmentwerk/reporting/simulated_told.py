"""What people would choose of the products that were put before them, in words, tables and figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from segmentwerk.analysis.simulator import TOTAL, Simulation
from segmentwerk.core import choices as shape
from segmentwerk.insight.figure import Dots, Figure, Panel
from segmentwerk.insight.language import NO_BREAK, UNKNOWN, Language
from segmentwerk.reporting.analysis_page import PagePart
from segmentwerk.reporting.plan_words import records
from segmentwerk.reporting.tables import Grid, span


def worth_span(values: Iterable[float], language: Language) -> str:
    """Write what something is worth with its interval; a dash where that is not known."""
    worth, low, high = (float(value) for value in values)
    return span(worth, low, high, language, ".2") if isfinite(worth) else UNKNOWN


@dataclass(frozen=True)
class SimulatedTold:
    """A simulation in one language; ``names`` are the segments'."""

    simulated: Simulation
    names: Mapping[int, str]
    language: Language

    def t(self, key: str, **values: object) -> str:
        """Return a text of the conjoint."""
        return self.language.text(f"conjoint.{key}", **values)

    def headlines(self) -> Iterator[str]:
        """Say which product is chosen most, and what the new ones take from ours."""
        yield self.t("headline_product", **self._best())
        for row in self._nothing():
            if row["segment_id"] == TOTAL:
                yield self.t("headline_nothing", **row)
        share, low, high = self.simulated.cannibalised
        if isfinite(share):
            yield self.t("headline_taken", share=share, low=low, high=high)

    def parts(self) -> Iterator[PagePart]:
        """Tell the shares, and what the new products take."""
        yield PagePart(self.t("simulation"), self._preferred(), self._shares(), self._simulation())
        if len(self.simulated.taken):
            yield PagePart(self.t("taken"), (), self._taken())

    def limits(self) -> Iterator[str]:
        """Say what the shares do not tell."""
        yield self.t("limit_likeness")
        for product, attribute, low, high in self.simulated.beyond:
            yield self.t("limit_beyond", product=product, attribute=attribute, low=low, high=high)

    def _name(self, product: str) -> str:
        return self.t("none") if product == shape.NONE else product

    def _segment(self, number: int) -> str:
        return self.language.text("analysis.all") if number == TOTAL else self.names[number]

    def _best(self) -> dict[str, object]:
        shares = self.simulated.shares
        rows = shares[(shares["segment_id"] == TOTAL) & (shares["product"] != shape.NONE)]
        best = records(rows.nlargest(1, "share"))[0]
        return {name: best[name] for name in ("product", "share", "low", "high")}

    def _nothing(self) -> list[dict[str, Any]]:
        """Return how many take none of the products, by segment."""
        shares = self.simulated.shares
        return records(shares[shares["product"] == shape.NONE])

    def _preferred(self) -> list[str]:
        nothing = {row["segment_id"]: " " + self.t("prefers_nothing", **row) for row in self._nothing()}
        return [
            self.t("prefers", segment=self._segment(row["segment_id"]), **row)
            + nothing.get(row["segment_id"], "")
            + (" " + self.t("prefers_worth", **row) if isfinite(row["worth"]) else "")
            for row in records(self.simulated.preferred())
            if row["segment_id"] != TOTAL
        ]

    def _shares(self) -> Grid:
        valued = self.simulated.shares["worth"].notna().any()
        text = self.language.text
        heads = [text("analysis.segment"), self.t("product"), text("analysis.share")]
        rows = []
        for row in records(self.simulated.shares):
            share = span(row["share"], row["low"], row["high"], self.language, "%")
            cells = [self._segment(row["segment_id"]), self._name(row["product"]), share]
            if valued:
                worths = [row[name] for name in ("worth", "worth_low", "worth_high")]
                cells.append(UNKNOWN if row["product"] == shape.NONE else worth_span(worths, self.language))
            rows.append(cells)
        return Grid([*heads, self.t("added")] if valued else heads, rows, left=2)

    def _simulation(self) -> Figure:
        shares = self.simulated.shares
        products = list(dict.fromkeys(shares["product"]))
        panels = []
        for number, rows in shares.groupby("segment_id", sort=True):
            ends = (rows[name].tolist() for name in ("share", "low", "high"))
            panels.append(Panel(self._segment(int(str(number))), *ends))
        return Figure(
            "shares",
            self.t("simulation_title", product=self._best()["product"]),
            f"{self.t('simulation')}{NO_BREAK}({self.language.text('analysis.interval')})",
            "",
            Dots([self._name(product) for product in products], panels),
        )

    def _taken(self) -> Grid:
        heads = [self.t(name) for name in ("product", "before", "after", "own")]
        rows = [
            [
                self._name(row["product"]),
                self.language.percent(row["before"], 1),
                self.language.percent(row["after"], 1),
                self.t("yes" if row["own"] else "no"),
            ]
            for row in records(self.simulated.taken)
        ]
        return Grid(heads, rows)

"""What a factor analysis found, in words, tables and figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite

import numpy as np
import pandas as pd

from segmentwerk.analysis.factors import LEADING, FactorSolution
from segmentwerk.core.analysis_settings import FactorSettings
from segmentwerk.insight.figure import Figure, Heat, Line, Lines
from segmentwerk.insight.language import Language
from segmentwerk.insight.words import label
from segmentwerk.reporting.analysis_page import PagePart, ToldAnalysis
from segmentwerk.reporting.tables import Grid

GOOD, FAIR = 0.8, 0.6
"""Of the Kaiser-Meyer-Olkin measure (Kaiser 1974)."""
NAMED = 4
"""Variables that a factor is told by."""
DRAWN = 40
"""Variables in the figure at most."""


@dataclass(frozen=True)
class FactorsTold:
    """A factor analysis in one language."""

    found: FactorSolution
    settings: FactorSettings
    language: Language

    def t(self, key: str, **values: object) -> str:
        """Return a text of the factor analysis."""
        return self.language.text(f"factors.{key}", **values)

    def told(self, source: str, note: str) -> ToldAnalysis:
        """Tell all of it."""
        return ToldAnalysis(
            self.t("title", source=source),
            note,
            list(self._headlines()),
            list(self._parts()),
            list(self._limits()),
            self._metrics(),
            self._tables(),
        )

    def _name(self, variable: str) -> str:
        return label(variable, self.language) if self.settings.of == "accounts" else variable

    def _factor(self, place: int) -> str:
        return self.t("factor", number=place + 1)

    def _headlines(self) -> Iterator[str]:
        found = self.found
        n_variables, n = found.loadings.shape
        share = float(found.explained.sum())
        yield self.t("headline", variables=n_variables, rows=found.n_rows, n=n, share=share)
        for place in range(n):
            names = [self._name(name) for name in self._leaders(place)]
            if names:
                yield self.t("headline_factor", number=place + 1, share=found.explained[place], names=names)
        grade = "good" if found.kmo >= GOOD else "fair" if found.kmo >= FAIR else "poor"
        yield self.t("headline_kmo", kmo=found.kmo, grade=self.t(f"kmo_{grade}"))

    def _leaders(self, place: int) -> list[str]:
        loadings = self.found.loadings.iloc[:, place].abs().sort_values(ascending=False, kind="stable")
        return [str(name) for name in loadings.index[loadings >= LEADING][:NAMED]]

    def _limits(self) -> Iterator[str]:
        yield self.t("limit_names")
        if self.settings.of == "accounts":
            yield self.t("limit_ranks")
        if self.found.heywood:
            yield self.t("limit_heywood", names=[self._name(name) for name in self.found.heywood])
        if self.found.filled > 0:
            yield self.t("limit_filled", share=self.found.filled)

    def _parts(self) -> Iterator[PagePart]:
        number = self.found.loadings.shape[1]
        lines = [self.t("loadings_note", rotation=self.settings.rotation.capitalize())]
        yield PagePart(self.t("loadings"), lines, self._loadings(), self._drawn())
        yield PagePart(self.t("number"), [self.t("number_note")], None, self._scree())
        note = self.t("reliability_note", least=LEADING)
        yield PagePart(self.t("reliability"), [note], self._reliability())
        if number > 1 and self.settings.rotation == "promax":
            yield PagePart(self.t("together"), (), self._together())
        if self.found.left_out:
            text = self.language.text
            heads = [self.t("variable"), text("analysis.reason")]
            rows = [[self._name(name), self.t(reason)] for name, reason in self.found.left_out.items()]
            yield PagePart(text("analysis.reasons"), (), Grid(heads, rows, left=2))

    def _sorted(self) -> pd.DataFrame:
        """Return the loadings, variables of one factor together, the strongest first."""
        loadings = self.found.loadings
        strength = loadings.abs()
        order = np.lexsort((-strength.max(axis=1).to_numpy(), strength.to_numpy().argmax(axis=1)))
        return loadings.iloc[order]

    def _loadings(self) -> Grid:
        loadings = self._sorted()
        heads = [self.t("variable"), *(self._factor(place) for place in range(loadings.shape[1]))]
        rows = [
            [
                self._name(str(name)),
                *(self.language.decimal(value) for value in values),
                self.language.decimal(self.found.communalities[name]),
                self.language.decimal(self.found.kmo_each[name]),
            ]
            for name, values in zip(loadings.index, loadings.to_numpy(), strict=True)
        ]
        return Grid([*heads, self.t("communality"), self.t("kmo")], rows)

    def _drawn(self) -> Figure:
        loadings = self._sorted().iloc[:DRAWN]
        values = loadings.to_numpy()
        return Figure(
            "loadings",
            self.t("loadings_title"),
            "",
            "",
            Heat(
                [self._name(str(name)) for name in loadings.index],
                [self._factor(place) for place in range(loadings.shape[1])],
                values.clip(-1, 1),
                [[self.language.decimal(value) for value in row] for row in values],
                self.t("loadings_scale"),
            ),
        )

    def _scree(self) -> Figure:
        parallel = self.found.parallel
        places = [float(place + 1) for place in range(len(parallel.limits))]
        return Figure(
            "eigenvalues",
            self.t("number_title", n=self.found.loadings.shape[1]),
            self.t("number"),
            self.t("eigenvalue"),
            Lines(
                [
                    Line(self.t("data"), places, parallel.eigenvalues.tolist()),
                    Line(self.t("noise"), places, parallel.limits.tolist()),
                ]
            ),
        )

    def _reliability(self) -> Grid:
        heads = [self.t("variable"), self.t("explained"), self.t("alpha")]
        rows = [
            [self._factor(place), self.language.percent(share), self.language.decimal(alpha)]
            for place, (share, alpha) in enumerate(zip(self.found.explained, self.found.alpha, strict=True))
        ]
        return Grid(["", *heads[1:]], rows)

    def _together(self) -> Grid:
        matrix = self.found.correlations
        names = [self._factor(place) for place in range(len(matrix))]
        rows = [
            [name, *(self.language.decimal(value) for value in row)]
            for name, row in zip(names, matrix, strict=True)
        ]
        return Grid(["", *names], rows)

    def _metrics(self) -> dict[str, float]:
        found = self.found
        numbers = {
            "factors": found.loadings.shape[1],
            "variables": len(found.loadings),
            "rows": found.n_rows,
            "explained": found.explained.sum(),
            "kmo": found.kmo,
            "filled": found.filled,
        }
        for place, alpha in enumerate(found.alpha):
            numbers[f"alpha_{place + 1}"] = alpha
        return {name: float(value) for name, value in numbers.items() if isfinite(value)}

    def _tables(self) -> dict[str, pd.DataFrame]:
        table = self.found.loadings.add_prefix("factor_")
        table = table.assign(communality=self.found.communalities, kmo=self.found.kmo_each)
        limits = self.found.parallel
        number = pd.DataFrame({"eigenvalue": limits.eigenvalues, "noise": limits.limits})
        return {"loadings": table.rename_axis("variable").reset_index(), "eigenvalues": number}

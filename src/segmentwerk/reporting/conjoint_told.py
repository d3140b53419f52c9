"""What a conjoint analysis found, in words, tables and figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite

import numpy as np
import pandas as pd

from segmentwerk.analysis.conjoint import SMALLEST, Conjoint
from segmentwerk.analysis.simulator import Simulation
from segmentwerk.core import choices as shape
from segmentwerk.core.analysis_settings import ConjointSettings
from segmentwerk.insight.figure import Bars, Figure
from segmentwerk.insight.language import UNKNOWN, Language
from segmentwerk.reporting.analysis_page import PagePart, ToldAnalysis
from segmentwerk.reporting.simulated_told import SimulatedTold, worth_span
from segmentwerk.reporting.tables import Grid, span

SURE = 1.959964
"""Standard errors on either side of a 95% interval."""


@dataclass(frozen=True)
class ConjointTold:
    """A conjoint in one language; ``names`` are the segments'."""

    found: Conjoint
    simulated: Simulation | None
    settings: ConjointSettings
    names: Mapping[int, str]
    language: Language

    def t(self, key: str, **values: object) -> str:
        """Return a text of the conjoint."""
        return self.language.text(f"conjoint.{key}", **values)

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

    def _limits(self) -> Iterator[str]:
        yield self.t("limit_stated")
        yield self.t("limit_interval")
        if len(self.found.lacking):
            shares = [f"{name} ({self.language.percent(n)})" for name, n in self.found.lacking.items()]
            yield self.t("limit_lacking", names=shares)
        if self.simulated is not None:
            yield from self._simulated(self.simulated).limits()

    def _name(self, column: str) -> str:
        return self.t("none") if column == shape.NONE else column

    def _headlines(self) -> Iterator[str]:
        found, checks = self.found, self.found.checks
        yield self.t(
            "headline_importance",
            attribute=found.importance.index[0],
            share=found.importance.iloc[0],
            accounts=found.logit.n_accounts,
            tasks=found.logit.n_tasks,
        )
        n_classes = found.held_out.chosen
        yield self.t("headline_classes", n=n_classes) if n_classes > 1 else self.t("headline_one_class")
        if checks.n_held_out:
            yield self.t(
                "headline_hits",
                n=checks.n_held_out,
                classes=checks.classes,
                aggregate=checks.aggregate,
                chance=checks.chance,
                halves=checks.halves,
            )
            if isfinite(checks.mixed):
                yield self.t("headline_mixed", mixed=checks.mixed)
        if self.simulated is not None:
            yield from self._simulated(self.simulated).headlines()

    def _parts(self) -> Iterator[PagePart]:
        yield self.partworths()
        yield PagePart(self.t("importance"), figure=self._importance())
        if self.settings.mixed_draws:
            yield self._mixed()
        yield self._classes()
        if self.found.segments or self.found.left_out:
            yield self.by_segment()
        if self.simulated is not None:
            yield from self._simulated(self.simulated).parts()

    def _simulated(self, found: Simulation) -> SimulatedTold:
        return SimulatedTold(found, self.names, self.language)

    def partworths(self) -> PagePart:
        """Tell the part-worths of all."""
        logit, worth = self.found.logit, self.found.worth
        heads = [self.t("attribute"), self.t("partworth"), self.t("error")]
        lines = [self.t("partworths_note", rho=logit.rho)]
        if self.settings.cost is not None:
            lines.append(self.t("worth_unclear" if worth.empty else "worth_note", cost=self.settings.cost))
        rows = []
        for place, column in enumerate(logit.columns):
            numbers = (logit.coefficients[place], logit.errors[place])
            row = [self._name(column), *(self.language.decimal(number, 3) for number in numbers)]
            if len(worth):
                known = column in worth.index and column != shape.NONE
                row.append(worth_span(worth.loc[column].to_numpy(), self.language) if known else UNKNOWN)
            rows.append(row)
        return PagePart(
            self.t("partworths"), lines, Grid([*heads, self.t("worth")] if len(worth) else heads, rows)
        )

    def _mixed(self) -> PagePart:
        """Tell how part-worths differ from account to account."""
        model = self.found.mixed
        if model is None:
            return PagePart(self.t("mixed"), [self.t("mixed_unclear")])
        heads = [self.t(name) for name in ("attribute", "mean", "spread", "liked")]
        mean_errors, spread_errors = model.errors
        means = self._values(model.mean, mean_errors, ".2")
        spreads = self._values(model.spread, spread_errors, ".2", least=0.0)
        liked = model.liked
        rows = [
            [self._name(name), mean, spread, self.language.percent(share)]
            for name, mean, spread, share in zip(model.columns, means, spreads, liked, strict=True)
        ]
        note = self.t("mixed_note", accounts=model.n_accounts, draws=model.n_draws)
        return PagePart(self.t("mixed"), [note], Grid(heads, rows))

    def _importance(self) -> Figure:
        shares = self.found.importance
        axis = self.t("importance_axis")
        return Figure(
            "importance",
            self.t("importance_title", attribute=shares.index[0]),
            self.t("attribute"),
            axis,
            Bars([str(name) for name in shares.index], {axis: shares.tolist()}, percent=True),
        )

    def _classes(self) -> PagePart:
        held, classes = self.found.held_out, self.found.classes
        listed = "; ".join(
            f"{number}: {self.language.decimal(mean, 3)}"
            for number, mean in zip(held.n_classes, held.mean, strict=True)
        )
        heads = [self.t("attribute")]
        heads += [self.t("class", number=place + 1) for place in range(len(classes.shares))]
        rows = [[self.t("class_share"), *self._values(classes.shares, classes.share_errors, "%", least=0.0)]]
        for place, column in enumerate(classes.columns):
            values = self._values(classes.coefficients[:, place], classes.errors[:, place], ".2")
            rows.append([self._name(column), *values])
        notes = [self.t("classes_note", listed=listed)]
        if held.unfit is not None:
            notes.append(self.t("classes_unfit", n=held.unfit))
        return PagePart(self.t("classes"), notes, Grid(heads, rows))

    def _values(self, values: np.ndarray, errors: np.ndarray, form: str, least: float = -np.inf) -> list[str]:
        return [
            span(value, max(value - SURE * error, least), value + SURE * error, self.language, form)
            for value, error in zip(values, errors, strict=True)
        ]

    def by_segment(self) -> PagePart:
        """Tell what counts for each segment."""
        heads = [self.language.text("analysis.segment"), *self.found.importance.index]
        rows = []
        for number, logit in self.found.segments.items():
            shares = self._segment_importance(logit.columns, logit.coefficients)
            rows.append([self.names[number], *(self.language.percent(shares[name]) for name in heads[1:])])
        lines = [
            f"{self.names[int(number)]}: {self.t(reason, **({'n': SMALLEST} if reason == 'few' else {}))}"
            for number, reason in self.found.left_out.items()
        ]
        return PagePart(self.t("segments"), lines, Grid(heads, rows) if rows else None)

    def _segment_importance(self, columns: tuple[str, ...], coefficients: np.ndarray) -> pd.Series:
        whole = np.zeros(len(self.found.data.columns))
        for column, value in zip(columns, coefficients, strict=True):
            whole[self.found.data.columns.index(column)] = value
        return self.found.importance_of(whole, self.settings)

    def _metrics(self) -> dict[str, float]:
        checks, logit = self.found.checks, self.found.logit
        numbers = {
            "accounts": logit.n_accounts,
            "tasks": logit.n_tasks,
            "rho": logit.rho,
            "classes": self.found.held_out.chosen,
            "halves": checks.halves,
            "hits_chance": checks.chance,
            "hits_aggregate": checks.aggregate,
            "hits_classes": checks.classes,
            "hits_mixed": checks.mixed,
        }
        if self.simulated is not None:
            numbers["cannibalised"] = self.simulated.cannibalised[0]
        return {name: float(value) for name, value in numbers.items() if isfinite(value)}

    def _tables(self) -> dict[str, pd.DataFrame]:
        logit = self.found.logit
        worths = pd.DataFrame(
            {"column": logit.columns, "partworth": logit.coefficients, "standard_error": logit.errors}
        )
        shares = self.found.importance.rename_axis("attribute").reset_index(name="share")
        tables = {"partworths": worths, "importance": shares}
        if (model := self.found.mixed) is not None:
            mean_errors, spread_errors = model.errors
            tables["mixed_logit"] = pd.DataFrame(
                {
                    "column": model.columns,
                    "mean": model.mean,
                    "mean_error": mean_errors,
                    "spread": model.spread,
                    "spread_error": spread_errors,
                }
            )
        if self.simulated is not None:
            tables |= {"shares_of_preference": self.simulated.shares, "taken": self.simulated.taken}
        return tables

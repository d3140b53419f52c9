"""The page "what worked": one HTML file that prints, and the same as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from segmentwerk.core.escaping import escape
from segmentwerk.core.files import atomic_file
from segmentwerk.insight.language import UNKNOWN, Language
from segmentwerk.measurement.campaign_result import CampaignResult
from segmentwerk.measurement.kpis import AGAINST_CONTROL, OF_ARM, ArmReadings
from segmentwerk.reporting import forest
from segmentwerk.reporting.forest import Forest, ForestRow
from segmentwerk.reporting.measured_words import MeasuredOrigin, MeasuredWords, figure_of, shown
from segmentwerk.reporting.tables import Grid
from segmentwerk.reporting.templating import template

VALUES = ("policy", "best", "control", "gain", "uplift", "best_uplift")
"""What a choice is worth, in the order of the table."""


def verdict(result: CampaignResult, language: Language) -> str:
    """Say in a sentence what a campaign taught."""
    return MeasuredWords(language).verdict(result)


def write(
    results: Sequence[CampaignResult], about: MeasuredOrigin, folder: Path, language: Language
) -> tuple[Path, Path]:
    """Write ``measured.html`` and ``measured.md`` into a folder and return both paths.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    page = MeasuredPage(language, results, about)
    return written("measured", folder, language, page=page)


def written(name: str, folder: Path, language: Language, **values: object) -> tuple[Path, Path]:
    """Write one page as HTML and as Markdown, and return both paths."""
    found = []
    for ending in ("html", "md"):
        path = folder / f"{name}.{ending}"
        with atomic_file(path) as draft:
            text = template(f"{name}.{ending}.j2", language).render(**values)
            draft.write_text(text, encoding="utf-8")
        found.append(path)
    return found[0], found[1]


def summary(results: Sequence[CampaignResult], language: Language, model: str) -> str:
    """Return what stands on the run's page, as Markdown."""
    words = MeasuredWords(language)
    lines = [
        f"- {escape(words.t('headline', campaign=one.campaign, verdict=words.verdict(one)))}"
        for one in results
    ]
    return "\n".join(lines) + "\n\n" + words.t("summary_links", model=model)


@dataclass(frozen=True)
class MeasuredPage(MeasuredWords):
    """What the templates of a measurement ask for."""

    results: Sequence[CampaignResult]
    about: MeasuredOrigin

    @property
    def note(self) -> str:
        """Where the figures come from."""
        return self.t(
            "note",
            until=self.language.day(self.about.until),
            currency=self.about.currency,
            confidence=self.about.settings.confidence,
            model=self.about.model,
            digest=self.about.digest,
        )

    def headline(self, result: CampaignResult) -> str:
        """Say what one campaign taught."""
        return self.t("headline", campaign=result.campaign, verdict=self.verdict(result))

    def dates(self, result: CampaignResult) -> str:
        """Say when a campaign was, and which measure of the playbook it tried."""
        seen, known = result.evidence, self.about.playbook.measures.get(result.measure)
        days = {"contacts": seen.contacts, "first": seen.first, "last": seen.last, "end": seen.end}
        if not result.measure:
            return self.t("dates", **days)
        name = getattr(known.name, self.language.code) if known else result.measure
        return self.t("dates_measure", measure=name, **days)

    def advice(self, result: CampaignResult) -> Grid:
        """Return the arm of each segment with its effect."""
        heads = [self.t(name) for name in ("segment", "arm", "contacts", "effect", "needed")]
        found = result.advice
        rows = [
            [
                self.segment(result, one.segment),
                one.arm if one.sure else self.t("undecided", arm=one.arm),
                self.language.number(one.effect.n),
                self._effect(result, one.effect.value, one.effect.low, one.effect.high),
                self.language.number(one.needed) if one.needed else self.t("needed_none"),
            ]
            for one in (found.arms if found else ())
        ]
        return Grid(heads, rows, left=2, caption=self.t("advice"))

    def _effect(self, result: CampaignResult, value: float, low: float, high: float) -> str:
        outcome = str(result.outcome)
        if value != value:
            return UNKNOWN
        ends = " … ".join(self.amount(outcome, end) for end in (low, high))
        return f"{self.amount(outcome, value)} ({ends})"

    def advice_note(self, result: CampaignResult) -> str:
        """Say what the effects are."""
        return self.t(
            "advice_note",
            outcome=self.language.text(f"measured_outcomes.{result.outcome}"),
            net=self.t("net") if result.net else "",
        )

    def value(self, result: CampaignResult) -> Grid:
        """Return what the choice is worth, against the best arm for all and against control."""
        found = result.advice
        rows = [
            [
                self.t(f"value_{name}"),
                self._effect(result, one.value, one.low, one.high),
            ]
            for name in VALUES
            if found and (one := found.values[name]).value == one.value
        ]
        return Grid([self.t("what"), self.t("worth")], rows, caption=self.t("value"))

    def differs(self, result: CampaignResult) -> str:
        """Say whether segments answer differently."""
        found = result.advice
        if found is None or found.pvalue != found.pvalue:
            return self.t("differs_unknown")
        return self.t(
            "differs_yes" if found.pvalue < 0.05 else "differs_no",
            pvalue=found.pvalue,
            q=found.q,
            q_pvalue=found.q_pvalue,
        )

    def reached(self, result: CampaignResult) -> Grid:
        """Return what each arm reached, of all contacts and by segment."""
        names = shown(OF_ARM, result)
        heads = [
            self.t("segment"),
            self.t("arm"),
            self.figure("contacts"),
            *(self.figure(name) for name in names),
        ]
        rows = [
            [*self._head(result, one), *(self.cell(name, one.readings.get(name)) for name in names)]
            for one in result.readings
        ]
        return Grid(heads, rows, left=2, caption=self.t("reached"))

    def against(self, result: CampaignResult) -> Grid:
        """Return what each arm brought more than control."""
        names = shown(AGAINST_CONTROL, result)
        rows = [
            [*self._head(result, one), *(self.cell(name, one.readings.get(name)) for name in names)]
            for one in result.readings
            if one.arm != result.control
        ]
        heads = [
            self.t("segment"),
            self.t("arm"),
            self.figure("contacts"),
            *(self.figure(name) for name in names),
        ]
        return Grid(heads, rows if names else [], left=2, caption=self.t("against"))

    def _head(self, result: CampaignResult, one: ArmReadings) -> list[str]:
        return [self.segment(result, one.segment), one.arm, self.language.number(one.contacts)]

    def findings(self, result: CampaignResult) -> Grid:
        """Return whether the campaign can be trusted."""
        rows = [
            [self.title(one), self.language.text(f"gates.{one.status}"), self.found(one)]
            for one in result.findings
        ]
        heads = [self.t(name) for name in ("finding", "answer", "measured")]
        return Grid(heads, rows, left=3, caption=self.t("findings"))

    def forest(self, result: CampaignResult) -> Forest | None:
        """Return the forest plot; None where there is nothing to compare."""
        if result.outcome is None or result.control is None:
            return None
        rows = list(self._forest_rows(result))
        if not rows:
            return None
        figure = self.figure(figure_of(result.outcome))
        listed = "; ".join(
            self.t(
                "forest_point",
                name=row.name,
                **dict(
                    zip(
                        ("value", "low", "high"),
                        (self.amount(str(result.outcome), part) for part in row.plain),
                        strict=True,
                    )
                ),
            )
            for row in rows
            if row.plain
        )
        return forest.draw(rows, self.t("forest_alt", figure=figure, listed=listed))

    def _forest_rows(self, result: CampaignResult) -> Iterator[ForestRow]:
        name, advice = figure_of(str(result.outcome)), result.advice
        for one in result.readings:
            reading = one.readings.get(name)
            if one.arm == result.control or reading is None or reading.absent:
                continue
            shrunken = (
                advice.together.get((one.segment, one.arm)) if advice and one.segment is not None else None
            )
            together = (shrunken.value, shrunken.low, shrunken.high) if shrunken else None
            cost = one.readings["cost"]
            spent = cost.value if result.net and not cost.absent else 0.0
            label = f"{self.segment(result, one.segment)[:26]} · {one.arm}"
            plain = (reading.value - spent, reading.low - spent, reading.high - spent)
            yield ForestRow(label, plain, together)

    def forest_note(self, result: CampaignResult) -> str:
        """Say what the plot shows."""
        net = self.t("net_short") if result.net else ""
        return self.t("forest_note", figure=self.figure(figure_of(str(result.outcome))), net=net)

    def tick(self, result: CampaignResult, value: float) -> str:
        """Write a value of the plot's axis."""
        return self.number(figure_of(str(result.outcome)), value)

"""How large the next test must be, for people: one HTML file that prints, and the same as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from segmentwerk.insight.language import UNKNOWN, Language
from segmentwerk.measurement.sample_sizes import POWER, Metric, SampleSize
from segmentwerk.reporting.measured import written
from segmentwerk.reporting.measured_words import MeasuredOrigin, MeasuredWords
from segmentwerk.reporting.tables import Grid


def write(
    sizes: Sequence[SampleSize],
    names: Mapping[int, str],
    about: MeasuredOrigin,
    folder: Path,
    language: Language,
) -> tuple[Path, Path]:
    """Write ``test_plan.html`` and ``test_plan.md`` into a folder and return both paths."""
    return written("test_plan", folder, language, page=TestPlanPage(language, sizes, names, about))


@dataclass(frozen=True)
class TestPlanPage(MeasuredWords):
    """What the templates of a test plan ask for."""

    __test__ = False  # no test of pytest's

    sizes: Sequence[SampleSize]
    names: Mapping[int, str]
    about: MeasuredOrigin

    @property
    def note(self) -> str:
        """What the figures stand on."""
        asked = self.about.settings
        return self.t(
            "plan_note",
            days=asked.window_days,
            until=self.language.day(self.about.until),
            control=asked.control_share,
            power=POWER,
            risk=1 - asked.confidence,
            currency=self.about.currency,
            model=self.about.model,
            digest=self.about.digest,
        )

    @property
    def tables(self) -> list[Grid]:
        """Return one table a metric."""
        return [self._table(metric) for metric in dict.fromkeys(size.metric for size in self.sizes)]

    def _table(self, metric: Metric) -> Grid:
        heads = ("accounts", "usual", "wanted", "needed", "visible", "enough")
        caption = self.t(f"plan_{metric}", days=self.about.settings.window_days)
        rows = [self._row(size) for size in self.sizes if size.metric == metric]
        return Grid([self.t("segment"), *(self.t(f"plan_{head}") for head in heads)], rows, caption=caption)

    def _row(self, size: SampleSize) -> list[str]:
        name = self.t("all") if size.segment is None else f"{size.segment} {self.names.get(size.segment, '')}"
        share, money = size.metric == "order_rate", self.language.number
        usual = self.language.percent(size.usual, 1) if share else money(size.usual)
        outcome = "converted" if share else "revenue"
        return [
            name,
            money(size.accounts),
            usual,
            self.amount(outcome, size.wanted),
            money(size.needed) if size.needed is not None else UNKNOWN,
            self.amount(outcome, size.visible),
            self.t("yes" if size.enough else "no"),
        ]

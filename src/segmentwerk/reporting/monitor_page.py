"""The monitoring page for people: one HTML page that prints, and the same as Markdown; aggregates only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from segmentwerk.core.escaping import escape
from segmentwerk.core.files import atomic_file
from segmentwerk.core.monitored import Monitored, Ranged
from segmentwerk.insight.language import UNKNOWN, Language
from segmentwerk.insight.words import label
from segmentwerk.monitoring import forecast as forecasting
from segmentwerk.monitoring.assessing import THEN
from segmentwerk.monitoring.movement import Movement
from segmentwerk.reporting import flow_picture, movement_words, promises_told
from segmentwerk.reporting.monitor_lines import MonitorLines, lines
from segmentwerk.reporting.monitor_words import MonitorOrigin, found, headline, status, word
from segmentwerk.reporting.movement_told import MovementTables
from segmentwerk.reporting.tables import Grid
from segmentwerk.reporting.templating import template

SHOWN = 12
"""Features that are shown."""
FIGURES = {
    "customers": ("accounts/customers", "n"),
    "prospects": ("accounts/prospects", "n"),
    "confidence": ("answers/confidence", ".2"),
    "outliers": ("answers/outliers", "%1"),
    "gain": ("still_true/gain", ".3"),
    "agreement": ("still_true/agreement", ".2"),
    "explained": ("still_true/explained", "%"),
    "auc": ("drift/auc", ".2"),
    "psi": ("drift/psi_largest", ".2"),
}


@dataclass(frozen=True)
class MonitorPage:
    """All kept dates of a version, oldest first, in one language."""

    dates: Sequence[Monitored]
    about: MonitorOrigin
    language: Language
    seed: int = 0

    def t(self, key: str, **values: object) -> str:
        """Return one of the page's texts."""
        return self.language.text(f"monitoring.{key}", **values)

    @property
    def last(self) -> Monitored:
        """The latest date."""
        return self.dates[-1]

    @property
    def note(self) -> str:
        """Where the numbers come from."""
        return self.t(
            "note",
            model=self.about.model,
            trained=_day(self.last.trained_as_of, self.language),
            dates=[self.language.day(one.as_of) for one in self.dates],
            currency=self.language.currency,
            digest=self.last.source_digest,
        )

    @property
    def headlines(self) -> list[str]:
        """What to do, the latest date first."""
        return [headline(one, self.language) for one in reversed(self.dates)]

    @property
    def findings(self) -> list[Grid]:
        """What every gate answered, by date, the latest first; of earlier ones what failed."""
        return [self._findings(self.last, every=True)] + [
            self._findings(one, every=False) for one in reversed(self.dates[:-1]) if one.failed
        ]

    def _findings(self, one: Monitored, *, every: bool) -> Grid:
        failed = one.failed
        others = [each for each in one.findings if each.status != "failed"] if every else []
        rows = [
            [
                each.code,
                self.language.text(f"monitoring_gates.{each.code}"),
                status(each, self.language),
                word(each, self.language),
                found(each, self.language),
            ]
            for each in (*failed, *others)
        ]
        heads = [self.t(name) for name in ("code", "question", "answer", "cause", "measured")]
        return Grid(heads, rows, left=5, caption=self.t("findings", as_of=one.as_of))

    @property
    def over_time(self) -> Grid:
        """The figures of all dates side by side, those at registration first."""
        heads = [self.t("figure"), self.t("then"), *(self.language.day(one.as_of) for one in self.dates)]
        rows = [
            [self.t(name), *self._along(key, form)]
            for name, (key, form) in FIGURES.items()
            if any(key in one.figures or THEN + key in one.figures for one in self.dates)
        ]
        rows += [
            [self.t("share", id=self.named(segment)), *self._along(f"share/segment_{segment}", "%1")]
            for segment in self.segments
        ]
        return Grid(heads, rows, caption=self.t("with_intervals"))

    def _along(self, key: str, form: str) -> list[str]:
        """Write a figure at registration and at each date."""
        then = self.last.figures.get(THEN + key)
        return [self._figure(one, form) for one in (then, *(one.figures.get(key) for one in self.dates))]

    def _figure(self, one: Ranged | None, form: str) -> str:
        if one is None:
            return UNKNOWN
        shown = self.language.write(one.value, form)
        if one.low is None or one.high is None:
            return shown
        return f"{shown} ({self.language.write(one.low, form)} … {self.language.write(one.high, form)})"

    @cached_property
    def segments(self) -> list[int]:
        """Ids of the segments."""
        prefix = "share/segment_"
        return sorted(int(key.removeprefix(prefix)) for key in self.last.figures if key.startswith(prefix))

    def named(self, segment: int) -> str:
        """Return a segment's id and name."""
        return f"{segment} {self.about.names.get(segment, '')}".strip()

    @property
    def shares(self) -> MonitorLines | None:
        """The shares over the dates as a picture; None for one date."""
        return lines(self.dates, self.segments, self.language) if len(self.dates) > 1 else None

    @property
    def features(self) -> Grid:
        """The features that have moved farthest at the latest date."""
        rows = [
            [
                label(one.name, self.language),
                self.language.decimal(one.psi, 2),
                "< " + self.language.decimal(0.001, 3) if one.p < 0.001 else self.language.decimal(one.p, 3),
                self.language.percent(one.missing),
                self.language.percent(one.missing_then),
                UNKNOWN if one.factor is None else self.language.decimal(one.factor, 2),
            ]
            for one in self.last.drifts[:SHOWN]
        ]
        heads = ("feature", "index", "chance", "unknown", "unknown_then", "factor")
        caption = self.t("features", as_of=self.last.as_of)
        return Grid([self.t(head) for head in heads], rows, caption=caption)

    @property
    def promises(self) -> Grid | None:
        """What campaigns promised and what came at the latest date; None where none was repeated."""
        return promises_told.grid(self.last.promises, self._names, self.language)

    @cached_property
    def movements(self) -> list[Movement]:
        """Who changed segment, from each kept date to the next."""
        return [Movement.read(one.movement) for one in self.dates if one.movement]

    @property
    def flows(self) -> flow_picture.FlowPicture | None:
        """The ways of the customers as a picture."""
        if not self.movements:
            return None
        drawn = flow_picture.figure(self.movements, self._names, self.language)
        return flow_picture.picture(drawn, self.language)

    @property
    def _names(self) -> dict[int, str]:
        return {segment: self.named(segment) for segment in self.segments}

    @property
    def moved(self) -> str:
        """How many customers changed segment since the date before, in a sentence; empty for one date."""
        return flow_picture.moved(self.movements, self.language) if self.movements else ""

    @property
    def moves(self) -> list[Grid]:
        """Who changed segment since the date before, in customers and in money, and half-lives."""
        if not self.movements:
            return []
        told = MovementTables(self.movements, self.named, self.language)
        return [told.customers, told.money, told.half_lives]

    @cached_property
    def _tested(self) -> forecasting.Backtest | None:
        """How forecasts did on earlier dates; None where the dates do not allow any."""
        if len(self.movements) < 2 or not forecasting.alike(self.movements):
            return None
        return forecasting.backtest(self.movements, seed=self.seed)

    @property
    def forecast_note(self) -> str:
        """Say by what score the forecast is shown, or why it is not."""
        found = self._tested
        return self.t("no_forecast") if found is None else movement_words.tested(found, self.language)

    @property
    def forecast(self) -> Grid | None:
        """The shares to be expected; None unless forecasts have beaten "as today" on earlier dates."""
        if self._tested is None or not self._tested.shown:
            return None
        ahead = forecasting.forecast(self.movements, seed=self.seed)
        percent = self.language.percent
        rows = [
            [self.named(int(str(segment))), percent(row["today"], 1), percent(row["share"], 1),
             f"{percent(row['low'], 1)} … {percent(row['high'], 1)}"]
            for segment, row in ahead.shares.iterrows()
        ]  # fmt: skip
        heads = [self.t(name) for name in ("segment", "today_share", "expected", "interval")]
        return Grid(heads, rows, caption=self.t("forecast", until=ahead.until))


def write(watch: MonitorPage, folder: Path) -> tuple[Path, Path]:
    """Write ``monitor.html`` and ``monitor.md`` into a folder and return both paths.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    made = []
    for name in ("monitor.html", "monitor.md"):
        path = folder / name
        with atomic_file(path) as draft:
            page = template(f"{name}.j2", watch.language).render(watch=watch)
            draft.write_text(page, encoding="utf-8")
        made.append(path)
    return made[0], made[1]


def _day(text: str, language: Language) -> str:
    return language.day(date.fromisoformat(text)) if text else UNKNOWN


def summary(one: Monitored, language: Language, comparison: str) -> str:
    """Return what stands on the run's page, as Markdown."""
    lines_ = [f"**{escape(headline(one, language))}**"]
    lines_ += [f"- {each.code}: {escape(found(each, language))}" for each in one.failed]
    if comparison:
        lines_.append("\n" + language.text("monitoring.from_comparison", run=f"`{comparison}`"))
    return "\n".join([lines_[0], "", *lines_[1:]])

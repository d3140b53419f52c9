"""The activation plan for people: one HTML page that prints, and the same as Markdown, without any id."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from segmentwerk.activation.campaign import Plan, SegmentPlan, Task
from segmentwerk.activation.holdout import Power
from segmentwerk.activation.playbook import Reason
from segmentwerk.activation.priorities import ATTRACTIVENESS, POSITION
from segmentwerk.core.activation_settings import PlaybookSettings
from segmentwerk.core.escaping import escape
from segmentwerk.core.files import atomic_file
from segmentwerk.core.types import Trait
from segmentwerk.data.privacy import pseudonymise
from segmentwerk.insight import markdown
from segmentwerk.insight.cards import grade
from segmentwerk.insight.language import UNKNOWN, Language
from segmentwerk.insight.profiles import LEAST_TOLD
from segmentwerk.insight.words import trait
from segmentwerk.reporting import plan_pictures

Rows = list[list[str]]

FIGURES = {
    "accounts": "",
    "customers": "",
    "prospects": "",
    "revenue": "money",
    "growth": "percent",
    "margin": "money",
    "margin_rate": "percent",
    "potential": "money",
    "predicted": "money",
    "share_of_wallet": "percent",
    "retention": "percent",
    "response": "percent",
    "reachable": "percent",
}
"""Figures in the order of the table, with their form."""
MOST_GROWTH = 10.0
"""Growth beyond which a number says no more than that it came from almost nothing."""


@dataclass(frozen=True)
class About:
    """Where the plan comes from: source and digest of its data, the model's address, the measures."""

    source: str
    digest: str
    model: str
    playbook: PlaybookSettings


@dataclass(frozen=True)
class Table:
    """A table of texts; the first ``left`` columns hold words, the others numbers."""

    caption: str
    heads: Sequence[str]
    rows: Rows
    left: int = 1

    def to_markdown(self) -> str:
        """Return it as Markdown."""
        return markdown.table(self.heads, self.rows, left=self.left)


def write(plan: Plan, about: About, folder: Path, language: Language, key: bytes) -> tuple[Path, Path]:
    """Write ``plan.html`` and ``plan.md`` into a folder and return both paths.

    Parameters
    ----------
    key
        Secret of the pseudonyms.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    teller = _Teller(plan, about, language, key)
    found = []
    for name in ("plan.html", "plan.md"):
        path = folder / name
        with atomic_file(path) as draft:
            draft.write_text(_render(f"{name}.j2", teller), encoding="utf-8")
        found.append(path)
    return found[0], found[1]


def _render(template: str, teller: _Teller) -> str:
    environment = Environment(
        loader=PackageLoader("segmentwerk", "reporting"),
        autoescape=select_autoescape(("html.j2",)),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["plain"] = escape
    return environment.get_template(template).render(
        t=teller.language.text, language=teller.language, plan=teller.plan, tell=teller
    )


def numbers(plan: Plan) -> dict[str, float]:
    """Return what a run tells of a plan as numbers."""
    tasks = [task for task in plan.tasks if task.measure.channels]
    return {
        "accounts": int(sum(segment.figures["accounts"] for segment in plan.segments)),
        "measures": len({task.match.measure for task in tasks}),
        "treated": sum(task.treated for task in tasks),
        "control": sum(task.control for task in tasks),
        "cost": round(sum(task.cost for task in tasks), 2),
        "hours": round(sum(task.hours for task in tasks), 2),
        "postponed": sum(task.postponed for task in tasks),
        "unreachable": sum(task.unreachable for task in tasks),
        "unassigned": plan.unassigned,
        "segments_in_focus": sum(segment.stance == "focus" for segment in plan.segments),
        "focus_share": plan.focus.share,
    }


def summary(plan: Plan, language: Language, model: str, comparison: str) -> str:
    """Return what stands on the run's page, as Markdown."""
    done = numbers(plan)
    lines = [
        language.text(
            "plan.summary",
            treated=language.number(done["treated"]),
            control=language.number(done["control"]),
            cost=language.number(done["cost"], "money"),
            names=escape(_named(plan, "focus", language)),
        ),
        language.text("plan.links", model=f"`{model}`"),
    ]
    if comparison:
        lines.append(language.text("plan.from_comparison", run=comparison))
    return "\n\n".join(lines)


def _named(plan: Plan, stance: str, language: Language) -> str:
    names = [f"{segment.id} ({segment.name})" for segment in plan.segments if segment.stance == stance]
    return language.listed(names) if names else language.text("plan.none")


@dataclass(frozen=True)
class _Teller:
    """A plan in words and tables of texts, which both templates lay out."""

    plan: Plan
    about: About
    language: Language
    key: bytes

    def t(self, key: str, **values: object) -> str:
        return self.language.text(f"plan.{key}", **values)

    @property
    def note(self) -> str:
        return self.t(
            "note",
            as_of=self.language.day(self.plan.as_of),
            currency=self.language.currency,
            goal=self.plan.goal,
            playbook=self.about.playbook.name,
            model=self.about.model,
            digest=self.about.digest,
        )

    @property
    def headlines(self) -> list[str]:
        """What the whole comes down to, in sentences."""
        plan, language = self.plan, self.language
        done = numbers(plan)
        return [
            self.t(
                "focus_within" if plan.focus.within else "focus_beyond",
                names=_named(plan, "focus", language),
                by=self.t(f"by_{plan.focus.by}"),
                share=language.percent(plan.focus.share),
            ),
            self.t("rest", keep=_named(plan, "keep", language), let_go=_named(plan, "let_go", language)),
            self.t(
                "done",
                treated=language.number(done["treated"]),
                control=language.number(done["control"]),
                cost=language.number(done["cost"], "money"),
                hours=language.number(round(done["hours"])),
            ),
            self._capacity(int(done["postponed"])),
        ]

    def _capacity(self, postponed: int) -> str:
        plan = self.plan
        if plan.capacity is None:
            return self.t("capacity_none")
        return self.t(
            "capacity_short" if postponed else "capacity_enough",
            capacity=self.language.number(plan.capacity),
            unit=self.t(f"unit_{plan.capacity_unit}"),
            needed=self.language.number(round(plan.needed)),
            **({"postponed": self.language.number(postponed)} if postponed else {}),
        )

    @property
    def matrix(self) -> plan_pictures.Picture:
        """The matrix of the segments."""
        return plan_pictures.matrix(self.plan, self.language)

    @property
    def matrix_note(self) -> str:
        known = [name for name in (*ATTRACTIVENESS, *POSITION) if name in self.plan.segments[0].figures]
        size = "revenue" if "revenue" in self.plan.segments[0].figures else "accounts"
        return self.t(
            "matrix_note",
            size=self.figure(size),
            attractive=self._figures([name for name in ATTRACTIVENESS if name in known]),
            position=self._figures([name for name in POSITION if name in known]),
        )

    def figure(self, name: str) -> str:
        return self.language.text(f"plan_figures.{name}")

    def _figures(self, names: Sequence[str]) -> str:
        return self.language.listed([self.figure(name) for name in names]) if names else UNKNOWN

    @property
    def order(self) -> Table:
        heads = ("segment", "stance", "rank", "score", "resampled", "first", "changed_weights")
        rows = [
            [
                f"{segment.id} {segment.name}",
                self.t(segment.stance),
                self.language.number(segment.rank["rank"]),
                self.language.decimal(segment.rank["score"]),
                self._span(segment, "rank"),
                self.language.percent(segment.rank["first"]),
                self._span(segment, "weights"),
            ]
            for segment in self.plan.segments
        ]
        return Table(self.t("order"), [self.t(head) for head in heads], rows, left=2)

    def _span(self, segment: SegmentPlan, name: str) -> str:
        low, high = (int(segment.rank[f"{name}_{end}"]) for end in ("low", "high"))
        return str(low) if low == high else f"{low}-{high}"

    @property
    def order_note(self) -> str:
        weights = [
            f"{self.figure(name)} {self.language.decimal(weight, 1)}"
            for name, weight in self.plan.ranking.weights.items()
        ]
        return self.t("order_note", weights=", ".join(weights))

    @property
    def figures(self) -> Table:
        known = [name for name in FIGURES if name in self.plan.segments[0].figures]
        rows = [
            [f"{segment.id} {segment.name}", *(self.value(segment, name) for name in known)]
            for segment in self.plan.segments
        ]
        heads = [self.t("segment"), *(self.figure(name) for name in known)]
        return Table(self.t("figures", currency=self.language.currency), heads, rows)

    def value(self, segment: SegmentPlan, name: str, *, unit: bool = False) -> str:
        """Return a figure of a segment; of few accounts it would tell of single ones."""
        form, value = FIGURES[name], segment.figures[name]
        if value != value or (form and segment.figures["accounts"] < LEAST_TOLD):
            return UNKNOWN
        if form != "percent":
            return self.language.number(round(value), "money" if unit and form == "money" else "")
        shown = self.language.percent(min(value, MOST_GROWTH))
        return self.t("over", limit=shown) if value > MOST_GROWTH else shown

    def facts(self, segment: SegmentPlan) -> list[tuple[str, str]]:
        """Return the figures of a segment with their names."""
        return [
            (self.figure(name), self.value(segment, name, unit=True))
            for name in FIGURES
            if name in segment.figures
        ]

    @property
    def calendar(self) -> Table:
        heads = (
            "measure",
            "segments",
            "owner",
            "begin",
            "until",
            "treated",
            "control",
            "cost",
            "hours",
            "seen",
        )
        rows = []
        for tasks in self._by_measure().values():
            first = tasks[0]
            rows.append(
                [
                    first.name,
                    ", ".join(str(task.match.segment_id) for task in tasks),
                    first.measure.owner,
                    self.language.day(first.begin),
                    self.language.day(first.until),
                    self.language.number(sum(task.treated for task in tasks)),
                    self.language.number(sum(task.control for task in tasks)),
                    self.language.number(round(sum(task.cost for task in tasks)), "money"),
                    self.language.number(round(sum(task.hours for task in tasks), 1)),
                    self._seen(first, self.plan.powers[first.match.measure]),
                ]
            )
        return Table(self.t("calendar"), [self.t(head) for head in heads], rows, left=5)

    def _seen(self, task: Task, power: Power) -> str:
        visible, wanted = (self._effect(task, value) for value in (power.visible, power.wanted))
        return f"{visible} / {wanted}"

    def _by_measure(self) -> dict[str, list[Task]]:
        found: dict[str, list[Task]] = {}
        for task in self.plan.tasks:
            if task.measure.channels:
                found.setdefault(task.match.measure, []).append(task)
        return found

    @property
    def gantt(self) -> plan_pictures.Picture:
        """The measures along the year."""
        return plan_pictures.gantt([tasks[0] for tasks in self._by_measure().values()], self.language)

    @property
    def to_know(self) -> list[str]:
        """What is missing or left out."""
        return list(self._to_know()) or [self.t("nothing")]

    def _to_know(self) -> Iterator[str]:
        plan, count = self.plan, self.language.number
        for reason in dict.fromkeys(plan.absent.values()):
            names = [name for name, why in plan.absent.items() if why == reason]
            yield self.t("absent", names=self._figures(names), reason=self.t(reason))
        if plan.ranking.left_out:
            yield self.t("weights_left_out", names=self._figures(plan.ranking.left_out))
        if plan.unassigned:
            yield self.t("unassigned", count=count(plan.unassigned))
        for segment in plan.segments:
            if segment.id in plan.matches.unmatched_segments:
                yield self.t("no_measure", id=segment.id, name=segment.name)
        if plan.matches.unused_measures:
            yield self.t("unused", names=", ".join(map(self.measure, plan.matches.unused_measures)))
        unreachable = int(numbers(plan)["unreachable"])
        if unreachable:
            yield self.t("unreachable", count=count(unreachable))

    def measure(self, key: str) -> str:
        """Return the name of a measure."""
        words = self.about.playbook.measures[key].name
        return words.de if self.language.code == "de" else words.en

    def why(self, task: Task) -> str:
        """Say why a measure fits."""
        if not task.match.reasons:
            return self.t("for_all")
        return self.t("because", reasons="; ".join(map(self._reason, task.match.reasons)))

    def _reason(self, reason: Reason) -> str:
        return self.t(
            "reason",
            trait=trait(Trait(reason.feature, reason.direction, reason.level), self.language),
            effect=self.language.decimal(reason.effect),
            grade=self.language.text(f"grades.{grade(reason.effect)}"),
            limit=self.language.decimal(reason.limit),
        )

    def details(self, task: Task) -> list[tuple[str, str]]:
        """Return what a measure is made of, by its names."""
        number = self.language.number
        ways = [f"{self.t(way)} {number(count)}" for way, count in task.channels.items()]
        return [
            (self.t("channel"), ", ".join(ways) or self.t("nobody")),
            (self.t("owner"), task.measure.owner),
            (
                self.t("runs"),
                self.t(
                    "runs_text",
                    begin=self.language.day(task.begin),
                    until=self.language.day(task.until),
                    days=task.measure.days,
                ),
            ),
            (self.t("kpi"), self._kpi(task)),
            (self.t("groups"), f"{number(task.treated)} + {number(task.control)}"),
            (
                self.t("effort"),
                self.t(
                    "effort_text",
                    cost=number(round(task.cost), "money"),
                    hours=number(round(task.hours, 1)),
                ),
            ),
            (self.t("learn"), self._power(task)),
        ]

    def _kpi(self, task: Task) -> str:
        kpi, usual = task.measure.kpi, task.power.usual if task.power else math.nan
        if kpi.metric == "order_rate":
            return self.t(
                "kpi_order_rate",
                days=task.measure.days,
                target=self.language.decimal(100 * kpi.target, 0),
                usual=self.language.percent(usual),
            )
        return self.t(
            "kpi_revenue",
            days=task.measure.days,
            target=self.language.percent(kpi.target),
            usual=self.language.number(usual, "money"),
        )

    def _power(self, task: Task) -> str:
        power = task.power
        if power is None or power.visible != power.visible or power.wanted != power.wanted:
            return self.t("power_none")
        more = (
            {"share": self.language.percent(power.share), "days": power.days}
            if power.verdict == "more"
            else {}
        )
        return self.t(
            f"power_{power.verdict}",
            visible=self._effect(task, power.visible),
            wanted=self._effect(task, power.wanted),
            **more,
        )

    def _effect(self, task: Task, value: float) -> str:
        if value != value:
            return UNKNOWN
        if task.measure.kpi.metric == "order_rate":
            return self.t("points", value=self.language.decimal(100 * value, 1))
        return self.language.number(value, "money")

    def waiting(self, task: Task) -> str:
        """Say who is not addressed although the measure is for them."""
        if not task.postponed and not task.unreachable:
            return ""
        return self.t(
            "waiting",
            postponed=self.language.number(task.postponed),
            unreachable=self.language.number(task.unreachable),
        )

    def also(self, segment: SegmentPlan) -> str:
        """Name the measures that fit, too."""
        taken = {task.match.measure for task in segment.tasks}
        others = [self.measure(one.measure) for one in segment.matches if one.measure not in taken]
        return self.t("also", names=", ".join(others)) if others else ""

    def offers(self, segment: SegmentPlan, most: int = 6) -> Table:
        """Return what its like buys and others of it do not."""
        heads = ("item", "lift", "buyers", "without", "money")
        rows = [
            [
                f"{row.item} ({self.t(f'kind_{row.kind}')})",
                f"{self.language.decimal(row.lift)} {self._interval(row.low, row.high)}",
                f"{self.language.number(row.buyers)} / {self.language.number(row.customers)}",
                self.language.number(row.without),
                self.language.number(round(row.money), "money"),
            ]
            for row in segment.offers.head(most).itertuples()
        ]
        return Table(self.t("what_to_offer"), [self.t(head) for head in heads], rows)

    def _interval(self, low: float, high: float) -> str:
        return f"[{self.language.decimal(low)}; {self.language.decimal(high)}]"

    def first(self, segment: SegmentPlan) -> Table:
        """Return whom to call first, under pseudonym."""
        heads = [self.t("account"), self.figure("potential"), self.t("confidence"), self.t("item")]
        accounts = segment.first
        names = pseudonymise(accounts["account_id"], self.key)
        rows = [
            [
                name,
                self.language.number(_rounded(row.potential), "money"),
                self.language.percent(row.confidence),
                str(row.item) or UNKNOWN,
            ]
            for name, row in zip(names, accounts.itertuples(), strict=True)
        ]
        return Table(self.t("call_first"), heads, rows)


def _rounded(value: float) -> float:
    """Return two significant digits: enough to compare with, too few to find an account by."""
    return float(f"{value:.1e}") if pd.notna(value) else math.nan

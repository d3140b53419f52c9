"""The first page of a plan: focus, matrix, order, figures, budget and calendar, and what is left out."""

from __future__ import annotations

from collections.abc import Iterator

from segmentwerk.activation.holdout import Power
from segmentwerk.activation.plans import Plan, SegmentPlan, Task
from segmentwerk.activation.priorities import ATTRACTIVENESS, POSITION
from segmentwerk.insight.language import UNKNOWN
from segmentwerk.reporting import plan_pictures
from segmentwerk.reporting.plan_words import FIGURES, PlanWords
from segmentwerk.reporting.tables import Grid


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


class Whole(PlanWords):
    """What is told of all segments together."""

    @property
    def note(self) -> str:
        """Where the plan comes from."""
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
                self._focus(),
                names=self.named("focus"),
                by=self.t(f"by_{plan.focus.by}"),
                share=language.percent(plan.focus.share),
            ),
            self.t("rest", keep=self.named("keep"), let_go=self.named("let_go")),
            self.t(
                "done",
                treated=language.number(done["treated"]),
                control=language.number(done["control"]),
                cost=language.number(done["cost"], "money"),
                hours=language.number(round(done["hours"])),
            ),
            self._capacity(int(done["postponed"])),
        ]

    def _focus(self) -> str:
        """Say whether the focus meets the asked share and the capacity."""
        plan = self.plan
        if plan.focus.within:
            return "focus_within"
        too_many = plan.capacity is not None and plan.focus.accounts > plan.capacity
        return "focus_partly" if too_many and plan.capacity_unit == "accounts" else "focus_beyond"

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
    def matrix(self) -> plan_pictures.Picture | None:
        """The matrix of the segments; None where nothing tells them apart on one of its axes."""
        ranks = [segment.rank for segment in self.plan.segments]
        flat = any(len({rank[axis] for rank in ranks}) < 2 for axis in ("position", "attractiveness"))
        return None if flat else plan_pictures.matrix(self.plan, self.language)

    @property
    def matrix_note(self) -> str:
        """What the matrix shows, or why there is none."""
        if self.matrix is None:
            return self.t(
                "matrix_none", attractive=self.listed(ATTRACTIVENESS), position=self.listed(POSITION)
            )
        known = [name for name in (*ATTRACTIVENESS, *POSITION) if name in self.plan.segments[0].figures]
        size = "revenue" if "revenue" in self.plan.segments[0].figures else "accounts"
        return self.t(
            "matrix_note",
            size=self.figure(size),
            attractive=self.listed([name for name in ATTRACTIVENESS if name in known]),
            position=self.listed([name for name in POSITION if name in known]),
        )

    @property
    def order(self) -> Grid:
        """The order of the segments, and how sure it is."""
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
        return Grid([self.t(head) for head in heads], rows, left=2, caption=self.t("order"))

    def _span(self, segment: SegmentPlan, name: str) -> str:
        low, high = (int(segment.rank[f"{name}_{end}"]) for end in ("low", "high"))
        return str(low) if low == high else f"{low}-{high}"

    @property
    def order_note(self) -> str:
        """By which weights the segments are ordered."""
        weights = [
            f"{self.figure(name)} {self.language.decimal(weight, 1)}"
            for name, weight in self.plan.ranking.weights.items()
        ]
        return self.t("order_note", weights=", ".join(weights))

    @property
    def figures(self) -> Grid:
        """What the business has of each segment."""
        known = [name for name in FIGURES if name in self.plan.segments[0].figures]
        rows = [
            [str(segment.id), *(self.value(segment, name) for name in known)]
            for segment in self.plan.segments
        ]
        heads = [self.t("segment"), *(self.figure(name) for name in known)]
        return Grid(heads, rows, caption=self.t("figures", currency=self.language.currency))

    @property
    def calendar(self) -> Grid:
        """What is done when, by whom, at what cost."""
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
        return Grid([self.t(head) for head in heads], rows, left=5, caption=self.t("calendar"))

    def _seen(self, task: Task, power: Power) -> str:
        if power.visible != power.visible:
            return UNKNOWN
        rate = task.measure.kpi.metric == "order_rate"
        shown = [
            self.language.decimal(100 * value, 1) if rate else self.language.number(value)
            for value in (power.visible, power.wanted)
        ]
        return f"{' / '.join(shown)} {self.t('pp') if rate else self.language.currency}"

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
            yield self.t("absent", names=self.listed(names), reason=self.t(reason))
        if plan.ranking.left_out:
            yield self.t("weights_left_out", names=self.listed(plan.ranking.left_out))
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
        if unreachable and not numbers(plan)["treated"]:
            yield self.t("contacts_elsewhere")

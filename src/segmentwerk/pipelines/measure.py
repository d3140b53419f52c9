"""`segmentwerk measure`: what campaigns brought by segment, and how large the next test must be."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
from rich.console import Console
from rich.progress import Progress

from segmentwerk.activation import ledger as ledgers
from segmentwerk.activation.ledger_table import LedgerTable
from segmentwerk.config import MeasuringSettings
from segmentwerk.core.context import Context
from segmentwerk.core.errors import InputError, nearest
from segmentwerk.core.records import Artifact
from segmentwerk.insight.language import Language
from segmentwerk.insight.words import called
from segmentwerk.measurement import campaign_result, contacts, learned_effects, sample_sizes
from segmentwerk.measurement import cells as of_cells
from segmentwerk.measurement.campaign_result import CampaignResult
from segmentwerk.measurement.contacts import Spans
from segmentwerk.measurement.sample_sizes import SampleSize, TestDesign
from segmentwerk.preparation.accounts import Accounts
from segmentwerk.preparation.contacted import PastSegments
from segmentwerk.preparation.known import open_as_trained
from segmentwerk.registry.incumbent import segment_name
from segmentwerk.reporting import measured, measured_records
from segmentwerk.reporting.measured_words import MeasuredOrigin
from segmentwerk.reporting.plan_records import Version
from segmentwerk.scoring.load import LoadedModel, load
from segmentwerk.tracking.writer import Store

log = logging.getLogger(__name__)

LEDGER = Path("activation", "ledger")
"""Below home, where `activate` keeps it."""


def run(settings: MeasuringSettings, context: Context) -> dict[str, Any]:
    """Measure campaigns, or plan the next test, and tell people, MLflow and the next plan.

    Raises
    ------
    ConfigError, InputError, ModelError
        If source, ledger or model cannot be used, or there is no such campaign.
    """
    store = Store(settings.tracking.uri, settings.home, enabled=settings.tracking.enabled)
    store.prepare(settings.tracking.experiment)
    loaded = load(settings.model, store.uri)
    recorded = _recorded(settings)
    source = settings.source
    day = settings.until or source.outcome_until or source.as_of
    with open_as_trained(source, day, settings.quality, loaded, context, home=settings.home) as accounts:
        work = Measuring(settings, context, store, loaded, accounts)
        if settings.action == "plan":
            return work.plan()
        return work.measure(recorded)


def _recorded(settings: MeasuringSettings) -> pd.DataFrame:
    """Return what the ledger holds, if it is asked for."""
    asked = settings.measurement
    if asked.contacts == "campaigns" or settings.action == "plan":
        return pd.DataFrame(columns=ledgers.SCHEMA.names)
    place: ledgers.Place = settings.home / LEDGER
    if asked.ledger is not None:
        place = LedgerTable(asked.ledger, asked.ledger_table)
    return ledgers.read(place)


@dataclass(frozen=True)
class Measuring:
    """One measurement, while the source is open."""

    settings: MeasuringSettings
    context: Context
    store: Store
    loaded: LoadedModel
    accounts: Accounts

    @property
    def until(self) -> date:
        """The day before which outcomes are known."""
        return self.accounts.table.window.as_of

    @property
    def spans(self) -> Spans:
        """The days that are looked at."""
        asked = self.settings.measurement
        return Spans(asked.window_days, asked.before_days, self.until)

    @property
    def language(self) -> Language:
        """The language of the page."""
        source = self.settings.source
        return Language.of(self.settings.report.language, source.currency, self.accounts.table.catalogue)

    def measure(self, recorded: pd.DataFrame) -> dict[str, Any]:
        """Measure every campaign that is asked for."""
        with self.context.timed("contacts"):
            rows, measures, names = self._contacts(recorded)
        with self.context.timed("measure"):
            results = tuple(self._judged(rows, measures, names))
        with self.context.timed("report"):
            return self._tell(results)

    def plan(self) -> dict[str, Any]:
        """Say how large a test must be, by segment and for the whole."""
        if "orders" not in self.accounts.checked.tables:
            raise InputError(
                f"Source {self.settings.source.name!r} has no orders: no base rate is known.",
                "Map the table orders, or measure a campaign: segmentwerk measure.",
            )
        with self.context.timed("contacts"):
            history = self._history()
        with self.context.timed("plan"):
            asked = self.settings.measurement
            design = TestDesign(
                {"order_rate": asked.effect, "revenue": asked.revenue_effect},
                asked.control_share,
                asked.confidence,
            )
            sizes = sample_sizes.plan(history, design)
        return self._tell_plan(sizes)

    def _history(self) -> of_cells.Cells:
        """Return what all accounts did in the last days, as if all had been contacted before them."""
        ids = self.accounts.table.orders.index.astype(str)
        begin = self.until - timedelta(days=self.settings.measurement.window_days)
        with self._bar("Scoring") as step:
            segments = self._past().on(self.until, ids, step)
        rows = pd.DataFrame(
            {
                "account_id": segments.index,
                "segment_id": segments.to_numpy(),
                "campaign": "history",
                "measure": "",
                "arm": "control",
                "from_date": begin,
                "until_date": self.until,
            }
        )
        made = contacts.from_ledger(self.accounts.checked.tables, rows, {}, self.spans)
        return of_cells.read(made.mutate(known=ibis.literal(1)), "history")

    def _past(self) -> PastSegments:
        return PastSegments.of(self.accounts, self.loaded, self.store.uri, self.context.output)

    def _bar(self, words: str) -> _Bar:
        return _Bar(words)

    def _contacts(self, recorded: pd.DataFrame) -> tuple[ibis.Table, dict[str, str], dict[int, str]]:
        """Return all contacts, the measure of each campaign that has one, and the segments' names."""
        tables, asked = self.accounts.checked.tables, self.settings.measurement
        days = self._days(tables) if asked.contacts != "ledger" and "campaigns" in tables else {}
        mine = self._known(recorded)
        self._insist(set(days) | set(mine["campaign"]))
        wanted = {name: day for name, day in days.items() if self.settings.campaign in (None, name)}
        parts = []
        if days:
            parts.append(contacts.from_campaigns(tables, self._segments(tables, wanted), self.spans))
        if len(mine):
            playbook = self.settings.playbook.measures
            costs = {name: measure.cost for name, measure in playbook.items()}
            parts.append(contacts.from_ledger(tables, mine, costs, self.spans))
        names = {segment.id: called(segment_name(segment), self.language) for segment in self._catalogue}
        names = {**dict(zip(mine["segment_id"].astype(int), mine["segment"], strict=True)), **names}
        measures = dict(zip(mine["campaign"], mine["measure"], strict=True))
        return contacts.kept(ibis.union(*parts) if len(parts) > 1 else parts[0]), measures, names

    @property
    def _catalogue(self) -> Iterable[Any]:
        return self.loaded.catalogue.segments

    def _days(self, tables: Mapping[str, ibis.Table]) -> dict[str, date]:
        """Return the first day of each campaign that began before outcomes end."""
        rows = tables["campaigns"]
        first = rows.group_by("campaign_id").aggregate(first=rows.contacted_at.min()).to_pyarrow().to_pylist()
        days = {row["campaign_id"]: row["first"].date() for row in first}
        return {name: day for name, day in sorted(days.items()) if day < self.until}

    def _known(self, recorded: pd.DataFrame) -> pd.DataFrame:
        """Return what the ledger holds of this source's accounts, begun before outcomes end."""
        ids = set(self.accounts.table.orders.index.astype(str))
        begun = pd.to_datetime(recorded["from_date"]) < pd.Timestamp(self.until)
        mine = recorded[recorded["account_id"].isin(ids) & begun.to_numpy()]
        if lost := int(begun.sum()) - len(mine):
            log.warning("%d contacts of the ledger are of accounts that the source does not have.", lost)
        return mine

    def _insist(self, names: set[str]) -> None:
        """Make sure that there is something to measure."""
        asked = self.settings.campaign
        if asked is not None and asked not in names:
            raise InputError(f"There is no campaign {asked!r} before {self.until}.", nearest(asked, names))
        if not names:
            raise InputError(
                f"Source {self.settings.source.name!r} has no contact before {self.until}, and the ledger none "
                "of its accounts.",
                "Map the table campaigns, or plan measures first: segmentwerk activate.",
            )

    def _segments(self, tables: Mapping[str, ibis.Table], days: Mapping[str, date]) -> pd.DataFrame:
        """Return the segment that each account had when each campaign began."""
        past, rows, found = self._past(), tables["campaigns"], []
        with self._bar("Scoring") as step:
            for name, day in days.items():
                ids = rows.filter(rows.campaign_id == name).select(rows.account_id.cast("string")).distinct()
                segments = past.on(day, ids.to_pyarrow().column(0).to_pylist(), step)
                found.append(segments.reset_index().assign(campaign=name))
        empty = pd.DataFrame({"account_id": [], "campaign": [], "segment_id": pd.array([], dtype="int64")})
        return pd.concat(found, ignore_index=True) if found else empty

    def _judged(
        self, rows: ibis.Table, measures: Mapping[str, str], names: Mapping[int, str]
    ) -> Iterable[CampaignResult]:
        """Measure the campaigns that are asked for, the earliest first."""
        told = rows.group_by("campaign").aggregate(first=rows.begin.min()).to_pyarrow().to_pylist()
        order = sorted((row["first"], row["campaign"]) for row in told)
        for _, name in order:
            if self.settings.campaign in (None, name):
                yield campaign_result.judge(
                    rows,
                    name,
                    self.settings.measurement,
                    self.until,
                    names=names,
                    measure=measures.get(name, ""),
                    seed=self.settings.seed,
                )

    def _tell(self, results: tuple[CampaignResult, ...]) -> dict[str, Any]:
        """Write page, run and what the next plan is to know."""
        model = Version.of(self.loaded, self.store)
        about = self._origin(model)
        with self._run(model, "measurement") as run:
            pages = measured.write(results, about, self.context.output / "measured", self.language)
            run.write(measured_records.records(results, self.accounts, self.settings, self.language, model))
            run.write([Artifact(path, "measured") for path in pages])
        learned_effects.keep(measured_records.learned(results, about), self.settings.home)
        for result in results:
            log.info("%s: %s", result.campaign, measured.verdict(result, self.language))
        log.info("What worked: %s", pages[0])
        return {
            **self._inputs(),
            "page": {"html": pages[0], "markdown": pages[1]},
            "campaigns": {result.campaign: measured_records.summary(result) for result in results},
            "run_id": run.id,
        }

    def _tell_plan(self, sizes: tuple[SampleSize, ...]) -> dict[str, Any]:
        names = {segment.id: called(segment_name(segment), self.language) for segment in self._catalogue}
        model = Version.of(self.loaded, self.store)
        with self._run(model, "test plan") as run:
            pages = measured.write_plan(
                sizes, names, self._origin(model), self.context.output / "test_plan", self.language
            )
            run.write(measured_records.of_plan(sizes, self.accounts, self.settings, model))
            run.write([Artifact(path, "test_plan") for path in pages])
        log.info("How large the next test must be: %s", pages[0])
        return {
            **self._inputs(),
            "page": {"html": pages[0], "markdown": pages[1]},
            "sizes": [{**asdict(size), "enough": size.enough} for size in sizes],
            "run_id": run.id,
        }

    def _inputs(self) -> dict[str, Any]:
        table = self.accounts.table
        return {
            "inputs": {"source": table.source, "until": self.until, "digest": table.digest},
            "model": self.loaded.uri,
            "action": self.settings.action,
        }

    def _origin(self, model: Version) -> MeasuredOrigin:
        table, asked = self.accounts.table, self.settings.measurement
        return MeasuredOrigin(
            source=table.source,
            digest=table.digest,
            model=model.shown,
            name=model.name or model.shown,
            version=model.version,
            currency=self.settings.source.currency,
            until=self.until,
            settings=asked,
            playbook=self.settings.playbook,
        )

    def _run(self, model: Version, what: str) -> Any:
        return self.store.run(
            self.settings.tracking.experiment,
            f"{what} {self.accounts.table.source} {self.until}",
            key=self._key(),
            tags={"verb": "measure", **model.tags},
        )

    def _key(self) -> str:
        """Name the run by all that decides it, so that the same command again goes on in the same run."""
        asked = self.settings.model_dump_json(exclude={"tracking", "home", "debug", "model"})
        told = (asked, self.loaded.uri, self.loaded.digest, self.accounts.table.digest, str(self.until))
        return hashlib.sha256("\n".join(told).encode()).hexdigest()[:32]


class _Bar:
    """A bar on stderr, told how much is done."""

    def __init__(self, words: str) -> None:
        self._bar = Progress(console=Console(stderr=True), transient=True)
        self._words = words

    def __enter__(self) -> Any:
        self._bar.start()
        task = self._bar.add_task(self._words, total=None)
        return lambda rows, total: self._bar.update(task, completed=rows, total=total)

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

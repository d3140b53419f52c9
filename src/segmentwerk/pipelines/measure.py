"""`segmentwerk measure`: what campaigns brought by segment, and how large the next test must be."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from segmentwerk.activation import ledger as ledgers
from segmentwerk.activation.ledger_table import LedgerTable
from segmentwerk.config import MeasuringSettings
from segmentwerk.core.context import Context
from segmentwerk.core.records import Artifact, Metric, Record
from segmentwerk.insight.language import Language
from segmentwerk.insight.words import called
from segmentwerk.measurement import campaign_result, learned_effects, sample_sizes
from segmentwerk.measurement.campaign_result import CampaignResult
from segmentwerk.measurement.sample_sizes import Metric as Wanted
from segmentwerk.measurement.sample_sizes import SampleSize, TestDesign
from segmentwerk.preparation import gathering
from segmentwerk.preparation.accounts import Accounts
from segmentwerk.preparation.contacted import PastSegments
from segmentwerk.preparation.gathering import Gathered
from segmentwerk.preparation.known import open_as_trained
from segmentwerk.registry.incumbent import segment_name
from segmentwerk.reporting import measured, measured_records, sizing
from segmentwerk.reporting.measured_words import MeasuredOrigin
from segmentwerk.reporting.plan_records import Version
from segmentwerk.scoring.load import LoadedModel, load
from segmentwerk.tracking.writer import Run, Store

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
    recorded, source = _recorded(settings), settings.source
    day = settings.until or source.outcome_until or source.as_of
    with open_as_trained(source, day, settings.quality, loaded, context, home=settings.home) as accounts:
        work = Measuring(settings, context, store, loaded, accounts, recorded)
        return work.plan() if settings.action == "plan" else work.measure()


def _recorded(settings: MeasuringSettings) -> pd.DataFrame:
    """Return what the ledger holds, if it is asked for."""
    asked = settings.measurement
    if asked.contacts == "campaigns" or settings.action == "plan":
        return pd.DataFrame({name: [] for name in ledgers.SCHEMA.names}, dtype=object)
    place: ledgers.Place = settings.home / LEDGER
    if asked.ledger is not None:
        place = LedgerTable(asked.ledger, asked.ledger_table)
    return ledgers.read(place)


@dataclass(frozen=True)
class Measuring:
    """One measurement, while the source is open; ``recorded`` is what the ledger holds."""

    settings: MeasuringSettings
    context: Context
    store: Store
    loaded: LoadedModel
    accounts: Accounts
    recorded: pd.DataFrame

    @property
    def until(self) -> date:
        """The day before which outcomes are known."""
        return self.accounts.table.window.as_of

    @property
    def language(self) -> Language:
        """The language of the page."""
        code, currency = self.settings.report.language, self.settings.source.currency
        return Language.of(code, currency, self.accounts.table.catalogue)

    @property
    def names(self) -> dict[int, str]:
        """The model's names of its segments."""
        segments = self.loaded.catalogue.segments
        return {segment.id: called(segment_name(segment), self.language) for segment in segments}

    def measure(self) -> dict[str, Any]:
        """Measure every campaign that is asked for."""
        settings = self.settings
        with self.context.timed("contacts"):
            gathered = gathering.gather(
                self.accounts,
                self._past(),
                self.recorded,
                settings.measurement,
                settings.playbook,
                campaign=settings.campaign,
            )
        with self.context.timed("measure"):
            results = tuple(self._judged(gathered))
        with self.context.timed("report"):
            return self._tell(results)

    def plan(self) -> dict[str, Any]:
        """Say how large a test must be, by segment and for the whole."""
        asked = self.settings.measurement
        with self.context.timed("contacts"):
            history = gathering.history(self.accounts, self._past(), asked)
        with self.context.timed("plan"):
            effects: dict[Wanted, float] = {"order_rate": asked.effect, "revenue": asked.revenue_effect}
            sizes = sample_sizes.plan(history, TestDesign(effects, asked.control_share, asked.confidence))
            return self._tell_plan(sizes)

    def _past(self) -> PastSegments:
        return PastSegments.of(self.accounts, self.loaded, self.store.uri, self.context.output)

    def _judged(self, gathered: Gathered) -> Iterator[CampaignResult]:
        """Measure the campaigns that are asked for, the earliest first."""
        rows = gathered.contacts
        told = rows.group_by("campaign").aggregate(first=rows.begin.min()).to_pyarrow().to_pylist()
        for _, name in sorted((row["first"], row["campaign"]) for row in told):
            if self.settings.campaign in (None, name):
                log.info("Measuring campaign %s ...", name)
                yield campaign_result.judge(
                    rows,
                    name,
                    self.settings.measurement,
                    self.until,
                    names={**gathered.names, **self.names},
                    measure=gathered.measures.get(name, ""),
                    drawn=gathered.drawn.get(name) if name in gathered.measures else None,
                    seed=self.settings.seed,
                )

    def _tell(self, results: tuple[CampaignResult, ...]) -> dict[str, Any]:
        """Write page, run and what the next plan is to know."""
        model = Version.of(self.loaded, self.store)
        about = self._origin(model)
        with self._run(model, "measurement") as run:
            pages = measured.write(results, about, self.context.output / "measured", self.language)
            told = measured_records.records(results, self.accounts, self.settings, self.language, model)
            run.write(self._new(run, told))
            run.write([Artifact(path, "measured") for path in pages])
        learned_effects.keep(measured_records.learned(results, about), self.settings.home)
        for result in results:
            log.info("%s: %s", result.campaign, measured.verdict(result, self.language))
        log.info("What worked: %s", pages[0])
        campaigns = {result.campaign: measured_records.summary(result) for result in results}
        return {**self._inputs(pages), "campaigns": campaigns, "run_id": run.id}

    def _tell_plan(self, sizes: tuple[SampleSize, ...]) -> dict[str, Any]:
        model = Version.of(self.loaded, self.store)
        with self._run(model, "test plan") as run:
            folder = self.context.output / "test_plan"
            pages = sizing.write(sizes, self.names, self._origin(model), folder, self.language)
            run.write(measured_records.of_plan(sizes, self.accounts, self.settings, model))
            run.write([Artifact(path, "test_plan") for path in pages])
        log.info("How large the next test must be: %s", pages[0])
        told = [{**asdict(size), "enough": size.enough} for size in sizes]
        return {**self._inputs(pages), "sizes": told, "run_id": run.id}

    def _inputs(self, pages: tuple[Path, Path]) -> dict[str, Any]:
        table = self.accounts.table
        return {
            "action": self.settings.action,
            "inputs": {"source": table.source, "until": self.until, "digest": table.digest},
            "model": self.loaded.uri,
            "page": {"html": pages[0], "markdown": pages[1]},
        }

    def _origin(self, model: Version) -> MeasuredOrigin:
        table = self.accounts.table
        return MeasuredOrigin(
            source=table.source,
            digest=table.digest,
            model=model.shown,
            name=model.name or model.shown,
            version=model.version,
            currency=self.settings.source.currency,
            until=self.until,
            settings=self.settings.measurement,
            playbook=self.settings.playbook,
        )

    def _run(self, model: Version, what: str) -> AbstractContextManager[Run]:
        return self.store.run(
            self.settings.tracking.experiment,
            f"{what} {self.accounts.table.source} {self.until}",
            key=self._key(),
            tags={"verb": "measure", **model.tags},
        )

    def _new(self, run: Run, told: Iterable[Record]) -> list[Record]:
        """Leave out the curves that the run has: MLflow would draw their points twice."""
        there = self.store.client.get_run(run.id).data.metrics if run.is_known else {}
        return [one for one in told if not (isinstance(one, Metric) and one.name in there)]

    def _key(self) -> str:
        """Name the run by all that decides it, so that the same command again goes on in the same run."""
        asked = self.settings.model_dump_json(exclude={"tracking", "home", "debug", "model"})
        contacts = pd.util.hash_pandas_object(self.recorded.astype(str), index=False).to_numpy().tobytes()
        told = (asked, self.loaded.uri, self.loaded.digest, self.accounts.table.digest, str(self.until))
        return hashlib.sha256("\n".join(told).encode() + contacts).hexdigest()[:32]

"""`segmentwerk analyse`: one of the analyst's methods on its own, told on a page and tracked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import ibis
import pandas as pd
from rich.console import Console
from rich.progress import Progress

from segmentwerk.analysis import (
    affinity,
    conjoint,
    factors,
    perceptual_map,
    product_map,
    segment_map,
    simulator,
)
from segmentwerk.config import AnalyseSettings
from segmentwerk.contest import run_records
from segmentwerk.core.context import Context
from segmentwerk.core.errors import ConfigError, InputError
from segmentwerk.core.records import Description, Param, Record, Text
from segmentwerk.insight.language import Language
from segmentwerk.preparation import method_rows
from segmentwerk.preparation.accounts import Accounts, open_accounts
from segmentwerk.preparation.known import open_as_trained, scored, segment_names
from segmentwerk.reporting import analysis_page
from segmentwerk.reporting.affinity_told import AffinityTold
from segmentwerk.reporting.analysis_page import ToldAnalysis
from segmentwerk.reporting.conjoint_told import ConjointTold
from segmentwerk.reporting.factors_told import FactorsTold
from segmentwerk.reporting.maps_told import ProductMapTold, SegmentMapTold
from segmentwerk.reporting.perceptual_map_told import PerceptualMapTold
from segmentwerk.reporting.plan_records import Version
from segmentwerk.scoring.load import LoadedModel, load
from segmentwerk.tracking import provenance
from segmentwerk.tracking.writer import Store

log = logging.getLogger(__name__)

BY_SEGMENT = ("affinity", "segment_map")
"""Methods that are nothing without segments."""


@dataclass(frozen=True)
class Asked:
    """What a method is given.

    ``segments`` is the segment by account id (-1: none), ``names`` the segments' names; neither without a
    model.
    """

    settings: AnalyseSettings
    accounts: Accounts
    language: Language
    note: str
    segments: pd.Series | None = None
    names: dict[int, str] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """The source's name."""
        return self.accounts.table.source

    def table(self, name: str) -> ibis.Table:
        """Return a checked table.

        Raises
        ------
        InputError
            If the source does not have it.
        """
        if name not in self.accounts.checked.tables:
            raise InputError(
                f"Source {self.source!r} has no table {name!r}, which {self.settings.method} reads.",
                "Map it in source.tables (docs/how-to/bring-your-own-data.md).",
            )
        return self.accounts.checked.tables[name]


def run(settings: AnalyseSettings, context: Context) -> dict[str, Any]:
    """Analyse a source with one method, write the page and log the run.

    Raises
    ------
    ConfigError, InputError, ModelError, FitError
        If settings, source, model or data cannot be used.
    """
    if settings.model is None and settings.method in BY_SEGMENT:
        raise ConfigError(
            f"method={settings.method} tells of segments, and no model is given.",
            "Set model=models:/b2b-segments@champion.",
        )
    store = Store(settings.tracking.uri, settings.home, enabled=settings.tracking.enabled)
    store.prepare(settings.tracking.experiment)
    loaded = load(settings.model, store.uri) if settings.model is not None else None
    with _opened(settings, loaded, context) as accounts:
        asked = _asked(settings, accounts, loaded, store, context)
        with context.timed("analyse"):
            told = METHODS[settings.method](asked)
    with context.timed("files"):
        return _write(told, asked, loaded, store, context)


@contextmanager
def _opened(settings: AnalyseSettings, loaded: LoadedModel | None, context: Context) -> Iterator[Accounts]:
    if loaded is not None:
        with open_as_trained(
            settings.source, settings.as_of, settings.quality, loaded, context, home=settings.home
        ) as accounts:
            yield accounts
        return
    source = settings.source
    if settings.as_of is not None:
        source = source.model_copy(update={"as_of": settings.as_of, "outcome_until": None})
    with open_accounts(source, settings.quality, settings.features, context, home=settings.home) as accounts:
        yield accounts


def _asked(
    settings: AnalyseSettings,
    accounts: Accounts,
    loaded: LoadedModel | None,
    store: Store,
    context: Context,
) -> Asked:
    table = accounts.table
    language = Language.of(settings.report.language, settings.source.currency, table.catalogue)
    as_of = language.day(table.window.as_of)
    note = language.text("analysis.note", source=table.source, as_of=as_of, digest=table.digest)
    if loaded is None:
        return Asked(settings, accounts, language, note)
    note += " " + language.text("analysis.model", model=Version.of(loaded, store).shown)
    with context.timed("score"):
        segments = scored(accounts, loaded, store.uri, language, context)["segment_id"]
    return Asked(settings, accounts, language, note, segments, segment_names(loaded, language))


def _conjoint(asked: Asked) -> ToldAnalysis:
    options = asked.settings.analysis.conjoint
    long = method_rows.choices(asked.table("choices"))
    concepts = asked.settings.concepts
    if concepts is not None:  # before the fits, which take a while
        simulator.design(sorted(set(long["attribute"])), concepts)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Choices", total=2 + options.max_classes * options.folds)
        found = conjoint.analyse(
            long, asked.segments, options, asked.settings.seed, lambda: bar.advance(task)
        )
    simulated = (
        None if concepts is None else simulator.simulate(found, concepts, options, asked.settings.seed)
    )
    return ConjointTold(found, simulated, options, asked.names, asked.language).told(asked.source, asked.note)


def _factors(asked: Asked) -> ToldAnalysis:
    options = asked.settings.analysis.factors
    if options.of == "accounts":
        table = asked.accounts.table
        rows = table.features[[one.name for one in table.catalogue if one.kind == "numeric"]]
    else:
        rows = method_rows.answers(asked.table("surveys"))
    found = factors.analyse(rows, options, asked.settings.seed, ranks=options.of == "accounts")
    return FactorsTold(found, options, asked.language).told(asked.source, asked.note)


def _affinity(asked: Asked) -> ToldAnalysis:
    assert asked.segments is not None
    rows = method_rows.bought(asked.table("orders"), asked.accounts.table.window.as_of)
    found = affinity.analyse(rows, asked.segments)
    return AffinityTold(found, asked.names, asked.language).told(asked.source, asked.note)


def _product_map(asked: Asked) -> ToldAnalysis:
    options = asked.settings.analysis.map
    rows = method_rows.bought(asked.table("orders"), asked.accounts.table.window.as_of)
    bought = rows[rows["kind"] == options.level]
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Maps of chance", total=options.permutations)
        found = product_map.analyse(
            bought, asked.segments, options, asked.settings.seed, lambda: bar.advance(task)
        )
    return ProductMapTold(found, options, asked.names, asked.language).told(asked.source, asked.note)


def _perceptual_map(asked: Asked) -> ToldAnalysis:
    options = asked.settings.analysis.ratings
    rated = perceptual_map.ratings(method_rows.answers(asked.table("surveys")), options.separator)
    found = perceptual_map.analyse(rated, options, asked.settings.seed)
    return PerceptualMapTold(found, asked.language).told(asked.source, asked.note)


def _segment_map(asked: Asked) -> ToldAnalysis:
    assert asked.segments is not None
    table = asked.accounts.table
    numeric = [one.name for one in table.catalogue if one.kind == "numeric"]
    customers = table.features.loc[table.customers, numeric]
    found = segment_map.analyse(customers, asked.segments, asked.settings.seed)
    return SegmentMapTold(found, asked.names, asked.language).told(asked.source, asked.note)


METHODS: dict[str, Callable[[Asked], ToldAnalysis]] = {
    "affinity": _affinity,
    "conjoint": _conjoint,
    "factors": _factors,
    "perceptual_map": _perceptual_map,
    "product_map": _product_map,
    "segment_map": _segment_map,
}


def _write(
    told: ToldAnalysis, asked: Asked, loaded: LoadedModel | None, store: Store, context: Context
) -> dict[str, Any]:
    """Write the page and log the run, without any id of an account."""
    settings, table = asked.settings, asked.accounts.table
    version = Version.of(loaded, store) if loaded is not None else None
    with store.run(
        settings.tracking.experiment,
        f"{settings.method} {table.source} {table.window.as_of}",
        tags={"verb": "analyse", "method": settings.method, **(version.tags if version else {})},
    ) as run:
        written = analysis_page.write(told, context.output / "analysis", asked.language)
        run.write(_records(told, asked, version))
        run.write(analysis_page.records(told, settings.method, written))
    for line in told.headlines:
        log.info("%s", line)
    log.info("Page: %s", written.html)
    return {
        "inputs": {"source": table.source, "as_of": table.window.as_of, "digest": table.digest},
        "method": settings.method,
        "model": loaded.uri if loaded is not None else None,
        "page": {"html": written.html, "markdown": written.markdown},
        "headlines": list(told.headlines),
        "result": dict(told.metrics),
        "run_id": run.id,
    }


def _records(told: ToldAnalysis, asked: Asked, version: Version | None) -> Iterator[Record]:
    yield from run_records.of_table(asked.accounts.table)
    yield from provenance.tags()
    yield Param("method", asked.settings.method)
    yield Param("seed", asked.settings.seed)
    yield Param("model", version.shown if version is not None else "none")
    yield Text("config.yaml", run_records.shareable(asked.settings))
    yield Description(analysis_page.summary(told))

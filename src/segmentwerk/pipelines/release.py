"""From the winner to a registered model: identity, description, package, assignments, version."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from segmentwerk.config import CompareSettings
from segmentwerk.core.errors import DeniedError, GateError, ModelError
from segmentwerk.core.files import atomic_file
from segmentwerk.core.records import Metric, Record, Text
from segmentwerk.core.seeds import derive
from segmentwerk.core.settings import RegistrySettings
from segmentwerk.core.types import Identity, Segment
from segmentwerk.evaluation.identity import match
from segmentwerk.features import definitions
from segmentwerk.insight.exemplar import exemplars
from segmentwerk.insight.language import Language
from segmentwerk.insight.overlap import cautions, neighbourhood
from segmentwerk.insight.profiles import Effect, describe, effects
from segmentwerk.insight.reasons import wording
from segmentwerk.pipelines import card
from segmentwerk.pipelines.approval import asker, compare_with
from segmentwerk.pipelines.candidates import Candidate
from segmentwerk.pipelines.card import made_of
from segmentwerk.pipelines.context import Context, user
from segmentwerk.pipelines.preparation import Prepared
from segmentwerk.registry import approval, package, promotion, publish
from segmentwerk.registry import prospect as second_path
from segmentwerk.registry.approval import Comparison
from segmentwerk.registry.incumbent import NEXT_ID, Incumbent, incumbent, next_segment_id
from segmentwerk.registry.prospect import Prospect
from segmentwerk.scoring.local import score_package
from segmentwerk.tracking.writer import Run, Store

log = logging.getLogger(__name__)

PATIENCE = 120.0
"""Seconds to wait for a tracking store that is away before the model stays unregistered."""
SHOWN = ["account_id", "segment_id", "segment_name", "confidence", "basis", "is_outlier"]


@dataclass(frozen=True)
class Release:
    """The packaged winner.

    ``version`` is None where tracking is off, or its store was away; ``champion`` says
    whether this version took the title. ``assignments`` is the local file with every account;
    ``labels`` (n_customers,), ``near`` (k, k), the neighbourhood of the segments, and ``measured``, the
    effects of the features, are for the report. ``failed`` names the gates that its scorecard failed.
    """

    model_name: str
    version: int | None
    champion: bool
    segments: tuple[Segment, ...]
    identity: Identity
    replaced: Incumbent | None
    prospect: Prospect | None
    assignments: Path
    accounts: Path
    labels: pd.Series
    near: pd.DataFrame
    measured: list[Effect]
    failed: tuple[str, ...] = ()

    @property
    def uri(self) -> str:
        """Address to load the model from."""
        return (
            f"models:/{self.model_name}@champion"
            if self.champion
            else f"models:/{self.model_name}/{self.version}"
        )

    def summary(self) -> dict[str, Any]:
        """Return what `summary.json` says of the model."""
        return {
            "name": self.model_name,
            "version": self.version,
            "champion": self.champion,
            "uri": self.uri if self.version else None,
            "segments": [asdict(segment) for segment in self.segments],
            "events": [asdict(event) for event in self.identity.events],
            "moved": self.identity.moved,
            "assignments": self.assignments,
            "accounts": self.accounts,
        }


def release(
    prepared: Prepared,
    winner: Candidate,
    settings: CompareSettings,
    context: Context,
    store: Store,
    run: Run,
) -> Release:
    """Give the winner's segments their ids and names, package it, assign every account, register it.

    Raises
    ------
    ModelError
        If the package does not assign the held-out accounts as the segmenter does.
    """
    log.info("Describing and packaging %s ...", winner.name)
    table = prepared.table
    customers = table.features.loc[table.customers]
    space = prepared.space.transform(customers)
    labels = pd.Series(winner.model.predict(space), index=customers.index)
    name = settings.registry.model_name
    there = _is_there(store, run)
    present = incumbent(store, name, customers) if there else None
    identity = _identify(labels, present, next_segment_id(store, name) if there else 1, winner)
    language = Language(settings.report.language, settings.source.currency)
    k = winner.model.n_segments_
    near = neighbourhood(space, labels, k, derive(settings.seed, "neighbourhood"))
    least = settings.evaluation.min_segment_share
    measured = effects(table, labels)
    segments = describe(
        table,
        labels,
        identity.ids,
        names=present.names if present else None,
        warnings=cautions(winner.card, near, identity.ids, least, language),
        exemplars=exemplars(table, space, labels, language),
        measured=measured,
        language=language,
    )
    prospect = _second_path(prepared, labels, settings)
    folder = _package(prepared, winner, labels, segments, prospect, settings, context, language)
    assignments, accounts = _assign(folder, prepared, labels, identity, context)
    comparison = None
    if present is not None:
        comparison = compare_with(
            present, winner.model, identity.moved, prepared, settings.evaluation, settings.seed
        )
    run.write(_records(identity, prospect, present))
    version, crowned = None, False
    if there:
        try:
            version, crowned = _register(
                folder, prepared, winner, segments, prospect, identity, comparison, settings, store, run
            )
        except DeniedError as error:  # the comparison is done; only the model is not theirs to change
            log.warning("Nothing is registered. %s Or use a model of your own: registry.model_name=…", error)
    return Release(
        name,
        version,
        crowned,
        segments,
        identity,
        present,
        prospect,
        assignments,
        accounts,
        labels,
        near,
        measured,
        tuple(
            gate.code for gate in winner.card.gates if gate.status == "failed" and gate.severity == "error"
        ),
    )


def _is_there(store: Store, run: Run) -> bool:
    """Return whether the registry can be asked; unlike records a version cannot be sent later."""
    if not store.enabled:
        return False
    if store.answers(PATIENCE) and run.is_known:
        return True
    log.warning(
        "Nothing is registered, since the tracking store does not answer. Give the same command again when "
        "it does: finished trials are kept."
    )
    return False


def _identify(labels: pd.Series, present: Incumbent | None, next_id: int, winner: Candidate) -> Identity:
    k = winner.model.n_segments_
    if present is not None:
        return match(present.ids, labels, next_id=next_id, n_segments=k)
    ids = {label: next_id + label for label in range(k)}
    return Identity(ids, next_id + k, (), pd.DataFrame(), float("nan"))


def _second_path(prepared: Prepared, labels: pd.Series, settings: CompareSettings) -> Prospect | None:
    """Learn to tell segments from what is known of a prospect, where the source knows anything."""
    if prepared.view.prospect_train is None:
        return None
    space = prepared.space
    return second_path.fit(
        prepared.table,
        labels.loc[prepared.train],
        numeric=list(space.numeric),
        categorical=list(space.categorical),
        seed=derive(settings.seed, "prospect"),
    )


def _package(
    prepared: Prepared,
    winner: Candidate,
    labels: pd.Series,
    segments: tuple[Segment, ...],
    prospect: Prospect | None,
    settings: CompareSettings,
    context: Context,
    language: Language,
) -> Path:
    typical = winner.model.score_samples(prepared.view.test)
    table = prepared.table
    return package.save(
        context.output / "model",
        space=prepared.space,
        segmenter=winner.model,
        table=table,
        labels=labels,
        segments=segments,
        outlier_threshold=float(np.quantile(typical, second_path.OUTLIER_SHARE)),
        wording=wording(table.catalogue, language),
        prospect=prospect,
        definitions=definitions.keep(table, settings.features),
        meta={
            "source": table.source,
            "as_of": str(table.window.as_of),
            "currency": settings.source.currency,
            "factors": prepared.factors,
        },
    )


def _assign(
    folder: Path,
    prepared: Prepared,
    labels: pd.Series,
    identity: Identity,
    context: Context,
) -> tuple[Path, Path]:
    """Assign every account with the packaged model and write the result and its input, ids included."""
    features = prepared.table.features
    found = score_package(folder, features, SHOWN)
    _check_parity(found, labels, identity)
    found["held_out"] = found["account_id"].isin(prepared.holdout)
    assignments, accounts = context.output / "assignments.parquet", context.output / "accounts.parquet"
    rows = features.rename_axis("account_id").reset_index()
    for frame, path in ((found, assignments), (rows, accounts)):
        with atomic_file(path) as draft:
            frame.to_parquet(draft, index=False)
    return assignments, accounts


def _check_parity(found: pd.DataFrame, labels: pd.Series, identity: Identity) -> None:
    """Refuse a package that does not say what the segmenter says."""
    saved = found.set_index("account_id")["segment_id"].loc[labels.index]
    different = int((saved.to_numpy() != labels.map(identity.ids).to_numpy()).sum())
    if different:
        raise ModelError(
            f"The packaged model assigns {different} of {len(labels)} accounts unlike the segmenter.",
            "Nothing was registered; please report this.",
        )


def _records(identity: Identity, prospect: Prospect | None, present: Incumbent | None) -> Iterator[Record]:
    """Log how the second path did on accounts that it was not fitted on, and what became of the segments."""
    if prospect is not None:
        for name in ("accuracy", "majority", "log_loss", "calibration_error"):
            yield Metric(f"prospect/{name}", getattr(prospect, name))
    if present is not None:
        yield Metric("identity/moved", identity.moved)
        yield Text("identity/migration.csv", identity.migration.to_csv())
        events = [asdict(event) for event in identity.events]
        yield Text("identity/events.json", json.dumps(events, indent=1))


def _register(
    folder: Path,
    prepared: Prepared,
    winner: Candidate,
    segments: tuple[Segment, ...],
    prospect: Prospect | None,
    identity: Identity,
    comparison: Comparison | None,
    settings: CompareSettings,
    store: Store,
    run: Run,
) -> tuple[int, bool]:
    """Register the package; promote it where the config says so."""
    name, policy = settings.registry.model_name, settings.registry.promote
    empty = promotion.champion(store, name) is None
    version = publish.register(
        run,
        folder,
        model_name=name,
        metrics={score.key: score.value for score in winner.card.scores if np.isfinite(score.value)},
        description=card.write(winner.card, segments, prospect, prepared.table, settings, made_of(prepared)),
        tags={
            NEXT_ID: str(identity.next_id),
            "algorithm": winner.card.algorithm,
            **approval.tags(winner.card.gates, comparison),
        },
    )
    if policy == "never" or (policy == "if_empty" and not empty):
        return version, False
    reason = "the registry was empty" if empty else "registry.promote=always"
    return version, _crown(store, version, reason, settings.registry, prepared)


def _crown(store: Store, version: int, reason: str, settings: RegistrySettings, prepared: Prepared) -> bool:
    """Promote the version; where a gate says no it stays the challenger, which is no failure."""
    known = set(prepared.table.features.index)
    ask = asker(store, settings, lambda words: [word in known for word in words])
    try:
        promotion.promote(store, settings.model_name, version, ask=ask, who=user(), reason=reason)
    except GateError as error:
        log.warning("%s", error)
        return False
    return True

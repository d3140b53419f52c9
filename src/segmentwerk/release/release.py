"""From the winner to a registered model: identity, description, package, assignments, version."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from segmentwerk.config import CompareSettings
from segmentwerk.contest.candidates import Candidate
from segmentwerk.core.context import Context
from segmentwerk.core.errors import DeniedError, ModelError
from segmentwerk.core.files import atomic_file
from segmentwerk.core.proposal import Comparison, Proposal
from segmentwerk.core.records import Metric, Record, Text
from segmentwerk.core.seeds import derive
from segmentwerk.core.types import Identity, Segment
from segmentwerk.evaluation.identity import match
from segmentwerk.features import definitions
from segmentwerk.insight import cards
from segmentwerk.insight.cards import Card, Prospects
from segmentwerk.insight.exemplar import exemplars
from segmentwerk.insight.language import Language
from segmentwerk.insight.migration import Migration
from segmentwerk.insight.overlap import cautions, neighbourhood
from segmentwerk.insight.profiles import Effect, describe, effects
from segmentwerk.insight.reasons import wording
from segmentwerk.insight.telling import markdown, tell
from segmentwerk.preparation.prepare import Prepared
from segmentwerk.registry import approval, package, publish
from segmentwerk.registry import partial as third_path
from segmentwerk.registry import prospect as second_path
from segmentwerk.registry.incumbent import NEXT_ID, Incumbent, incumbent, next_segment_id
from segmentwerk.registry.partial import Partial
from segmentwerk.registry.prospect import Prospect
from segmentwerk.release import decision
from segmentwerk.release.decision import compare_with
from segmentwerk.reporting import card, portrait
from segmentwerk.scoring.load import load
from segmentwerk.scoring.local import score_package
from segmentwerk.tracking.writer import Run, Store

log = logging.getLogger(__name__)

PATIENCE = 120.0
"""Seconds to wait for a tracking store that is away before the model stays unregistered."""
SHOWN = ["account_id", "segment_id", "segment_name", "confidence", "basis", "is_outlier"]


@dataclass(frozen=True)
class Release:
    """The packaged winner.

    ``proposal`` is what is to be decided about it. ``assignments`` is the local file with every account;
    ``labels`` (n_customers,), ``near`` (k, k), the neighbourhood of the segments, ``measured``, the
    effects of the features, ``cards``, ``moves`` (None without a champion) and ``prospects`` (None without
    any) are for the pages.
    """

    proposal: Proposal
    segments: tuple[Segment, ...]
    identity: Identity
    replaced: Incumbent | None
    prospect: Prospect | None
    assignments: Path
    accounts: Path
    labels: pd.Series
    near: pd.DataFrame
    measured: list[Effect]
    cards: tuple[Card, ...]
    moves: Migration | None = None
    prospects: Prospects | None = None

    @property
    def champion(self) -> bool:
        """Whether this version took the title."""
        return self.proposal.standing == "champion"

    @property
    def uri(self) -> str:
        """Address to load the model from."""
        found = self.proposal
        return (
            f"models:/{found.model}@champion" if self.champion else f"models:/{found.model}/{found.version}"
        )

    def summary(self) -> dict[str, Any]:
        """Return what `summary.json` says of the model."""
        return {
            "name": self.proposal.model,
            "version": self.proposal.version,
            "champion": self.champion,
            "uri": self.uri if self.proposal.version else None,
            "proposal": asdict(self.proposal) | {"yes": self.proposal.yes, "no": self.proposal.no},
            "segments": [asdict(segment) for segment in self.segments],
            "events": [asdict(event) for event in self.identity.events],
            "moved": self.identity.moved,
            "followed": self.identity.followed,
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
    present = incumbent(store, name, customers, lambda uri: _inside(uri, store)) if there else None
    identity = _identify(labels, present, next_segment_id(store, name) if there else 1, winner)
    language = Language.of(settings.report.language, settings.source.currency, table.catalogue)
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
    features = table.features
    partial = third_path.fit(
        prepared.space,
        winner.model,
        features.loc[prepared.train],
        features.loc[prepared.holdout],
        seed=settings.seed,
    )
    folder = _package(prepared, winner, labels, segments, prospect, partial, settings, context, language)
    assignments, accounts = _assign(folder, prepared, labels, identity, partial, context)
    drawn = cards.make(table, space, labels, segments, measured, portrait.potential(table))
    moves = portrait.moves(identity, present, labels, segments, table, language)
    future = portrait.prospects(assignments, table, prospect)
    comparison = None
    if present is not None:
        comparison = compare_with(present, winner.model, labels, identity, prepared, settings)
    proposal = decision.unregistered(prepared, settings)
    if there:
        try:
            proposal = _register(
                folder,
                prepared,
                winner,
                lambda opening: card.write(winner.card, drawn, future, prepared, settings, language, opening),
                language,
                identity,
                comparison,
                settings,
                store,
                run,
            )
        except DeniedError as error:  # the comparison is done; only the model is not theirs to change
            log.warning("Nothing is registered. %s Or use a model of your own: registry.model_name=…", error)
            proposal = decision.unregistered(prepared, settings, denied=True)
    # After the scores, which MLflow then shows first.
    run.write(_records(identity, prospect, partial, present))
    return Release(
        proposal,
        segments,
        identity,
        present,
        prospect,
        assignments,
        accounts,
        labels,
        near,
        measured,
        drawn,
        moves,
        future,
    )


def _inside(uri: str, store: Store) -> Any:
    """Open a registered model, every file of which is what was registered."""
    return load(uri, store.uri).model.unwrap_python_model()


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
    partial: Partial,
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
        partial=partial,
        too_little_known=_too_little_known(segments, language),
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


def _too_little_known(segments: tuple[Segment, ...], language: Language) -> dict[str, str]:
    """Say what stands in place of a segment where too little is known for one."""
    shares = ", ".join(f"{language.percent(s.share)} {s.id} {s.name}" for s in segments)
    least = language.percent(third_path.MIN_KNOWN)
    sentence = language.text("words.too_little_known_because", least=least, shares=shares)
    return {"name": language.text("words.too_little_known"), "sentence": sentence}


def _assign(
    folder: Path,
    prepared: Prepared,
    labels: pd.Series,
    identity: Identity,
    partial: Partial,
    context: Context,
) -> tuple[Path, Path]:
    """Assign every account with the packaged model and write the result and its input, ids included."""
    features = prepared.table.features
    found = score_package(folder, features, SHOWN)
    whole = partial.whole(third_path.known_of(prepared.space, features.loc[labels.index]))
    _check_parity(found, labels[whole], identity)
    found["held_out"] = found["account_id"].isin(prepared.holdout)
    assignments, accounts = context.output / "assignments.parquet", context.output / "accounts.parquet"
    rows = features.rename_axis("account_id").reset_index()
    for frame, path in ((found, assignments), (rows, accounts)):
        with atomic_file(path) as draft:
            frame.to_parquet(draft, index=False)
    return assignments, accounts


def _check_parity(found: pd.DataFrame, labels: pd.Series, identity: Identity) -> None:
    """Refuse a package that does not say what the segmenter says of accounts of which nothing is hidden."""
    saved = found.set_index("account_id")["segment_id"].loc[labels.index]
    different = int((saved.to_numpy() != labels.map(identity.ids).to_numpy()).sum())
    if different:
        raise ModelError(
            f"The packaged model assigns {different} of {len(labels)} accounts unlike the segmenter.",
            "Nothing was registered; please report this.",
        )


def _records(
    identity: Identity, prospect: Prospect | None, partial: Partial, present: Incumbent | None
) -> Iterator[Record]:
    """Log how both other paths did on accounts not fitted on, and what became of the segments."""
    for worth in partial.worth:
        hidden = f"{100 * worth.hidden:.0f}_in_100_hidden"
        yield Metric(f"partial/agreement_{hidden}", worth.agreement)
        yield Metric(f"partial/calibration_error_{hidden}", worth.calibration_error)
    if prospect is not None:
        for name in ("accuracy", "majority", "log_loss", "calibration_error"):
            yield Metric(f"prospect/{name}", getattr(prospect, name))
    if present is not None:
        yield Metric("identity/moved", identity.moved)
        yield Metric("identity/followed", identity.followed)
        yield Text("identity/migration.csv", identity.migration.to_csv())
        events = [asdict(event) for event in identity.events]
        yield Text("identity/events.json", json.dumps(events, indent=1))


def _register(
    folder: Path,
    prepared: Prepared,
    winner: Candidate,
    write: Callable[[str], str],
    language: Language,
    identity: Identity,
    comparison: Comparison | None,
    settings: CompareSettings,
    store: Store,
    run: Run,
) -> Proposal:
    """Register the package, and put the version before those who decide, on its card first of all.

    ``write`` returns the card below what it opens with.
    """
    version = publish.register(
        run,
        folder,
        model_name=settings.registry.model_name,
        metrics={score.key: score.value for score in winner.card.scores if np.isfinite(score.value)},
        description=write(""),
        tags={
            NEXT_ID: str(identity.next_id),
            "algorithm": winner.card.algorithm,
            **approval.tags(winner.card.gates, comparison),
        },
    )
    proposal = decision.put(version, comparison, prepared, settings, store)
    publish.describe(store, proposal.model, version, write(markdown(tell(proposal, language))))
    return proposal

"""The third step of a release: a version in the registry, its card, and what its run tells of it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict

import numpy as np

from segmentwerk.config import CompareSettings
from segmentwerk.core.errors import DeniedError
from segmentwerk.core.proposal import Proposal
from segmentwerk.core.records import Metric, Record, Text
from segmentwerk.preparation.prepare import Prepared
from segmentwerk.registry import approval, publish
from segmentwerk.registry.incumbent import NEXT_ID
from segmentwerk.release import proposing
from segmentwerk.release.describing import Described
from segmentwerk.release.packaging import Packed
from segmentwerk.tracking.writer import Run, Store

log = logging.getLogger(__name__)

CardWriter = Callable[[Described, Packed, Prepared, CompareSettings, Proposal | None], str]
"""Writes a version's card as Markdown, with its proposal on top once there is one."""


def announce(
    described: Described,
    packed: Packed,
    prepared: Prepared,
    settings: CompareSettings,
    registry: Store | None,
    run: Run,
    write: CardWriter,
) -> Proposal:
    """Register the package where the registry can be asked, and log how it came about.

    Parameters
    ----------
    registry
        None where it cannot be asked: the proposal then tells so.
    """
    proposal = proposing.unregistered(prepared, settings)
    if registry is not None:
        try:
            proposal = _register(described, packed, prepared, settings, registry, run, write)
        except DeniedError as error:  # the comparison is done; only the model is not theirs to change
            log.warning("Nothing is registered. %s Or use a model of your own: registry.model_name=…", error)
            proposal = proposing.unregistered(prepared, settings, denied=True)
    # After the scores, which MLflow then shows first.
    run.write(_records(described, packed))
    return proposal


def _register(
    described: Described,
    packed: Packed,
    prepared: Prepared,
    settings: CompareSettings,
    registry: Store,
    run: Run,
    write: CardWriter,
) -> Proposal:
    """Register the package, and put the version before those who decide, on its card first of all."""
    scorecard = described.winner.card
    version = publish.register(
        run,
        packed.folder,
        model_name=settings.registry.model_name,
        metrics={score.key: score.value for score in scorecard.scores if np.isfinite(score.value)},
        description=write(described, packed, prepared, settings, None),
        tags={
            NEXT_ID: str(described.identity.next_id),
            "algorithm": scorecard.algorithm,
            **approval.tags(scorecard.gates, described.comparison),
        },
    )
    proposal = proposing.put(version, described.comparison, prepared, settings, registry)
    card = write(described, packed, prepared, settings, proposal)
    publish.describe(registry, proposal.model, version, card)
    return proposal


def _records(described: Described, packed: Packed) -> Iterator[Record]:
    """Log how both other paths did on accounts not fitted on, and what became of the segments."""
    for worth in packed.partial.worth:
        hidden = f"{100 * worth.hidden:.0f}_in_100_hidden"
        yield Metric(f"partial/agreement_{hidden}", worth.agreement)
        yield Metric(f"partial/calibration_error_{hidden}", worth.calibration_error)
    if packed.prospect is not None:
        for name in ("accuracy", "majority", "log_loss", "calibration_error"):
            yield Metric(f"prospect/{name}", getattr(packed.prospect, name))
    if described.replaced is not None:
        identity = described.identity
        yield Metric("identity/moved", identity.moved)
        yield Metric("identity/followed", identity.followed)
        yield Text("identity/migration.csv", identity.migration.to_csv())
        events = [asdict(event) for event in identity.events]
        yield Text("identity/events.json", json.dumps(events, indent=1))

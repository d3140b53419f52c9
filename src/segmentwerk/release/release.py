"""From the winner to a registered model: described, packaged, announced."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from typing import Any

from segmentwerk.config import CompareSettings
from segmentwerk.contest.candidates import Candidate
from segmentwerk.core.context import Context
from segmentwerk.core.proposal import Proposal
from segmentwerk.preparation.prepare import Prepared
from segmentwerk.release.describing import Described, describe
from segmentwerk.release.packaging import Packed, pack
from segmentwerk.release.publishing import CardWriter, announce
from segmentwerk.tracking.writer import Run, Store

log = logging.getLogger(__name__)

PATIENCE = 120.0
"""Seconds to wait for a tracking store that is away before the model stays unregistered."""


@dataclass(frozen=True)
class Release:
    """What the three steps made; ``proposal`` is what is to be decided about it."""

    described: Described
    packed: Packed
    proposal: Proposal

    @property
    def champion(self) -> bool:
        """Whether this version took the title."""
        return self.proposal.standing == "champion"

    @property
    def uri(self) -> str:
        """Address to load the model from."""
        proposal = self.proposal
        return (
            f"models:/{proposal.model}@champion"
            if self.champion
            else f"models:/{proposal.model}/{proposal.version}"
        )

    def summary(self) -> dict[str, Any]:
        """Return what `summary.json` says of the model."""
        return {
            "name": self.proposal.model,
            "version": self.proposal.version,
            "champion": self.champion,
            "uri": self.uri if self.proposal.version else None,
            "proposal": asdict(self.proposal) | {"yes": self.proposal.yes, "no": self.proposal.no},
            "segments": [asdict(segment) for segment in self.described.segments],
            "events": [asdict(event) for event in self.described.identity.events],
            "moved": self.described.identity.moved,
            "followed": self.described.identity.followed,
            "assignments": self.packed.assignments,
            "accounts": self.packed.accounts,
        }


def release(
    prepared: Prepared,
    winner: Candidate,
    settings: CompareSettings,
    context: Context,
    store: Store,
    run: Run,
    write: CardWriter,
    described: Described | None = None,
) -> Release:
    """Give the winner's segments their ids and names, package it, assign every account, register it.

    Parameters
    ----------
    described
        What `describe` returned, where it was asked for before.
    write
        Writes the version's card (`reporting.pages.card`), which is told to people and so not known here.

    Raises
    ------
    ModelError
        If the package does not assign the held-out accounts as the segmenter does.
    """
    log.info("Describing and packaging %s ...", winner.name)
    registry = registry_of(store, run)
    described = described or describe(prepared, winner, settings, registry, run.id)
    packed = pack(described, prepared, settings, context)
    proposal = announce(described, packed, prepared, settings, registry, run, write)
    return Release(described, packed, proposal)


def registry_of(store: Store, run: Run) -> Store | None:
    """Return the store where its registry can be asked; unlike records a version cannot be sent later."""
    if not store.enabled:
        return None
    if store.answers(PATIENCE) and run.is_known:
        return store
    log.warning(
        "Nothing is registered, since the tracking store does not answer or did not take this run. Give the "
        "same command again when it does: finished trials are kept."
    )
    return None

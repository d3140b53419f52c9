"""The first step of a release: whom the winner's segments hold, what they are called, and who moves."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from segmentwerk.config import CompareSettings
from segmentwerk.contest.candidates import Candidate
from segmentwerk.core.proposal import Comparison
from segmentwerk.core.seeds import derive
from segmentwerk.core.types import Identity, Segment
from segmentwerk.evaluation.identity import match
from segmentwerk.evaluation.succession import Assigned, differences
from segmentwerk.evaluation.view import Fitted
from segmentwerk.insight import cards, profiles
from segmentwerk.insight.cards import Card
from segmentwerk.insight.exemplar import exemplars
from segmentwerk.insight.language import Language
from segmentwerk.insight.migration import Migration
from segmentwerk.insight.overlap import neighbourhood, segment_warnings
from segmentwerk.insight.profiles import Effect
from segmentwerk.preparation.prepare import Prepared, split
from segmentwerk.registry.approval import LEAST_HELD_OUT
from segmentwerk.registry.incumbent import Incumbent, incumbent, next_segment_id
from segmentwerk.release import portrait
from segmentwerk.scoring.load import load
from segmentwerk.shipped.model_catalogue import NO_SEGMENT
from segmentwerk.tracking.writer import Store


@dataclass(frozen=True)
class Described:
    """The winner and its segments, as they are known before anything is written.

    Attributes
    ----------
    language
        What the segments are told in.
    labels
        (n_customers,) label of each customer.
    identity
        Stable id of each label, and what became of the champion's segments.
    near
        (k, k) neighbourhood of the segments.
    measured
        Effects of the features.
    replaced, moves, comparison
        The champion, who moves away from its segments, and how the winner does against it; None where
        there is no champion.
    """

    winner: Candidate
    language: Language
    labels: pd.Series
    identity: Identity
    near: pd.DataFrame
    measured: list[Effect]
    segments: tuple[Segment, ...]
    cards: tuple[Card, ...]
    replaced: Incumbent | None = None
    moves: Migration | None = None
    comparison: Comparison | None = None


def describe(
    prepared: Prepared,
    winner: Candidate,
    settings: CompareSettings,
    registry: Store | None,
    run_id: str = "",
) -> Described:
    """Give the winner's segments their ids and names, and measure what is told of them.

    Parameters
    ----------
    registry
        Where the champion is; None where it cannot be asked.
    run_id
        The contest's run, which may have been interrupted after it had registered the winner.
    """
    table = prepared.table
    customers = table.features.loc[table.learnable]
    space = prepared.space.transform(customers)
    labels = pd.Series(winner.model.predict(space), index=customers.index)
    language = Language.of(settings.report.language, settings.source.currency, table.catalogue)
    present, next_id = _known(registry, settings.registry.model_name, customers, run_id)
    identity = _identify(labels, present, next_id, winner.model.n_segments_)
    near = neighbourhood(space, labels, winner.model.n_segments_, derive(settings.seed, "neighbourhood"))
    measured = profiles.effects(table, labels)
    least = settings.evaluation.min_segment_share
    segments = profiles.describe(
        table,
        labels,
        identity.ids,
        names=present.names if present else None,
        measured=measured,
        language=language,
    )
    warnings = segment_warnings(winner.card, near, identity.ids, least, language)
    segments = profiles.annotate(segments, warnings, exemplars(table, space, labels, language))
    potential = portrait.potential(table)
    potential = None if potential is None else potential.loc[labels.index]
    segment_cards = cards.make(table, space, labels, segments, measured, potential)
    described = Described(winner, language, labels, identity, near, measured, segments, segment_cards)
    return described if present is None else _beside(described, present, prepared, settings)


def _known(
    registry: Store | None, name: str, customers: pd.DataFrame, run_id: str
) -> tuple[Incumbent | None, int]:
    """Return the champion, and the first segment id that is free."""
    if registry is None:
        return None, 1
    present = incumbent(registry, name, customers, lambda uri: load(uri, registry.uri))
    taken = max(present.names, default=0) if present else 0  # of the same run, where it is champion already
    return present, max(next_segment_id(registry, name, run_id), taken + 1)


def _identify(labels: pd.Series, present: Incumbent | None, next_id: int, n_segments: int) -> Identity:
    if present is not None:
        return match(present.ids, labels, next_id=next_id, n_segments=n_segments)
    ids = {label: next_id + label for label in range(n_segments)}
    return Identity(ids, next_id + n_segments, (), pd.DataFrame(), float("nan"))


def _beside(
    described: Described, present: Incumbent, prepared: Prepared, settings: CompareSettings
) -> Described:
    """Add what is known only beside a champion."""
    return replace(
        described,
        replaced=present,
        moves=portrait.moves(
            described.identity,
            present,
            described.labels,
            described.segments,
            prepared.table,
            described.language,
        ),
        comparison=_compared(
            present, described.winner.model, described.labels, described.identity, prepared, settings
        ),
    )


def _compared(
    present: Incumbent,
    winner: Fitted,
    labels: pd.Series,
    identity: Identity,
    prepared: Prepared,
    settings: CompareSettings,
) -> Comparison:
    """Compare the winner with the champion: who moves, and how both do on accounts new to both.

    Parameters
    ----------
    labels
        The winner's label of each customer (n_customers,).
    """
    before = present.ids.reindex(labels.index, fill_value=NO_SEGMENT)
    share = float(present.params.get("holdout_share", settings.evaluation.holdout_share))
    _, theirs = split(prepared.table.customers, share, int(present.params.get("seed", settings.seed)))
    held_out = np.flatnonzero(prepared.view.test.index.isin(theirs))
    view = prepared.view.take(np.arange(len(prepared.view.train)), held_out)
    each, overall = (
        differences(winner, Assigned(before), view, settings.evaluation, seed=settings.seed)
        if len(held_out) >= LEAST_HELD_OUT
        else ((), None)
    )
    moved = labels.map(identity.ids) != before
    spent = prepared.table.features.loc[labels.index].get("monetary")
    total, moving = (None, None) if spent is None else (float(spent.sum()), float(spent[moved].sum()))
    return Comparison(
        present.version, len(labels), len(held_out), float(moved.mean()), total, moving, each, overall
    )

"""What campaigns promised of the segments of a model, beside what the latest of the same kind found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

import numpy as np

from segmentwerk.config import MonitorSettings
from segmentwerk.core.monitored import Promise, Ranged
from segmentwerk.measurement.learned_effects import LearnedCampaign, LearnedEffect, recall
from segmentwerk.scoring.load import LoadedModel

Z = 1.96


def promised(loaded: LoadedModel, settings: MonitorSettings, as_of: date) -> tuple[Promise, ...]:
    """Return what was promised and what came, as far as it was measured before a date.

    Raises
    ------
    InputError
        If a file of a campaign is damaged.
    """
    name = loaded.uri.removeprefix("models:/").rpartition("/")[0]
    if not loaded.uri.startswith("models:/"):
        return ()
    known = recall(settings.home, name, settings.source.name)
    return paired([one for one in known if one.until <= as_of])


def paired(campaigns: Sequence[LearnedCampaign]) -> tuple[Promise, ...]:
    """Put the latest campaign of each kind beside those that were measured before it began.

    Campaigns are of a kind by measure, outcome and currency; what they found of an arm in a segment is
    pooled, each weighted by its precision.
    """
    kinds: dict[tuple[str, str, str], list[LearnedCampaign]] = defaultdict(list)
    for one in sorted(campaigns, key=lambda one: (one.first, one.campaign)):
        kinds[one.measure, one.outcome, one.currency].append(one)
    return tuple(promise for kind in kinds.values() for promise in _of_kind(kind))


def _of_kind(campaigns: Sequence[LearnedCampaign]) -> list[Promise]:
    last = campaigns[-1]
    before = [one for one in campaigns if one.until <= last.first]
    found = []
    for effect in last.effects:
        same = [each for one in before for each in one.of(effect.segment) if each.arm == effect.arm]
        if same:
            found.append(
                Promise(
                    segment=effect.segment, measure=last.measure, arm=effect.arm, outcome=last.outcome,
                    campaign=last.campaign, contacts=effect.contacts, promised=_pooled(same),
                    happened=Ranged(value=effect.effect, low=effect.low, high=effect.high),
                )
            )  # fmt: skip
    return found


def _pooled(effects: Sequence[LearnedEffect]) -> Ranged:
    se = np.array([max(one.high - one.low, 1e-12) / (2 * Z) for one in effects])
    weights = 1 / se**2
    value = float(weights @ [one.effect for one in effects] / weights.sum())
    half = Z * float(weights.sum() ** -0.5)
    return Ranged(value=value, low=value - half, high=value + half)

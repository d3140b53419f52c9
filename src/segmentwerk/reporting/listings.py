"""The figures behind a comparison's page, as CSV; no account's row is in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from segmentwerk.core.files import atomic_file
from segmentwerk.core.types import Scorecard, Selection
from segmentwerk.features.table import catalogue
from segmentwerk.preparation.prepare import Prepared
from segmentwerk.reporting.tables import REFITS


def write(selection: Selection, cards: Sequence[Scorecard], prepared: Prepared, output: Path) -> list[Path]:
    """Write ranking, scorecards, figures by segment, and features into a folder; return the paths."""
    segments = pd.concat([card.per_segment.assign(candidate=card.candidate) for card in cards])
    written = []
    for name, frame in {
        "ranking": selection.ranking,
        "scores": pd.DataFrame(
            [{"candidate": card.candidate, **vars(score)} for card in cards for score in card.scores]
            + [
                {"candidate": card.candidate, **_unmeasured(key)}
                for card in cards
                for key in absent(card, cards)
            ]
        ),
        "segments": segments.reset_index(),
        "features": _features(prepared),
    }.items():
        path = output / f"{name}.csv"
        with atomic_file(path) as draft:
            frame.to_csv(draft, index=False)
        written.append(path)
    return written


def absent(card: Scorecard, cards: Sequence[Scorecard]) -> list[str]:
    """Return what refits told of others, but not of a candidate that could no longer win."""
    known = dict.fromkeys(score.key for other in cards for score in other.scores)
    return [key for key in known if key.startswith(REFITS) and card.score(key) is None]


def _unmeasured(key: str) -> dict[str, str]:
    family, name = key.split("/")
    return {"family": family, "name": name, "reason": "not measured: could no longer win"}


def _features(prepared: Prepared) -> pd.DataFrame:
    """List every feature there is, whether segments are made of it, and why this source does not give it."""
    built = {feature.name for feature in prepared.table.catalogue}
    reasons = prepared.accounts.absent
    leading = set(prepared.table.leading)
    roles = {name: "active" if name in leading else "describes" for name in built}
    rows = [
        vars(feature) | {"role": roles[feature.name], "absent": ""} for feature in prepared.table.catalogue
    ] + [
        vars(feature)
        | {"role": "", "absent": reasons.get(feature.name, "these accounts are too few or too alike")}
        for feature in catalogue()
        if feature.name not in built
    ]
    return pd.DataFrame(rows)

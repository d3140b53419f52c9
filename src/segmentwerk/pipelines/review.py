"""What a reviewer reads on the parent run, and the files behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from pathlib import Path

import pandas as pd

from segmentwerk.core.files import atomic_file
from segmentwerk.core.markdown import escape
from segmentwerk.core.types import Scorecard, Selection, Verdict
from segmentwerk.features.table import catalogue
from segmentwerk.insight.language import ENGLISH
from segmentwerk.insight.report_tables import differences, interval
from segmentwerk.pipelines.card import made_of
from segmentwerk.pipelines.preparation import Prepared
from segmentwerk.pipelines.release import Release


def page(
    selection: Selection,
    cards: Sequence[Scorecard],
    verdict: Verdict,
    released: Release,
    prepared: Prepared,
    left_out: Mapping[str, str],
    report: str,
) -> str:
    """Write the description of a comparison as Markdown; ``report`` is the address of the report."""
    table = prepared.table
    quarantined = sum(prepared.accounts.checked.rejected.values())
    k = len(released.segments)
    held_out = "each held out in turn" if prepared.in_turn else f"{len(prepared.holdout):,} held out"
    lines = [  # the UI folds everything after some four lines
        f"**{selection.winner} won with {k} segments**; the structure is {verdict.kind}. "
        + _decision(released),
        "",
        selection.reason,
        "",
        f"**Structure:** {verdict.reason}",
        "",
        f"**Data:** {table.source} as of {table.window.as_of}, {len(table.customers):,} customers "
        f"({held_out}), {quarantined:,} rows quarantined, digest `{table.digest}`.",
        "",
        *made_of(prepared),
        "### Candidates",
        "",
        markdown(intervals(selection, cards)),
        "",
        "Scores of held-out accounts with 95% intervals; the lower mean rank is better.",
        "",
        *_differences(selection),
        *gates(cards),
        *[f"- {name} took no part: {why}" for name, why in left_out.items()],
        "",
        "### Segments",
        "",
        *(
            [f"[Open the segment report]({report}): cards, figures, and how to read them.", ""]
            if report
            else []
        ),
        *[
            f"- **{segment.id} {escape(segment.name)}**: {segment.share:.0%} of customers. "
            f"{escape(segment.summary)}"
            for segment in released.segments
        ],
        "",
        *_migration(released),
    ]
    return "\n".join(lines)


def _decision(released: Release) -> str:
    if released.version is None:
        return "**Nothing was registered:** the tracking store was away at the end of the comparison."
    version = f"version {released.version} of {released.model_name}"
    if released.champion:
        return f"**Decided:** {version} is the champion, since the registry was empty or its policy says so."
    against = f" Its scorecard failed {', '.join(released.failed)}." if released.failed else ""
    return f"**To decide:** promote {version}?{against} Yes: `{promotion(released)}`"


def promotion(released: Release) -> str:
    """Return the command that promotes a version; one whose scorecard failed takes a reason."""
    command = f"segmentwerk promote {released.version}"
    return f"{command} force=true reason='WHY'" if released.failed else command


def intervals(selection: Selection, cards: Sequence[Scorecard]) -> pd.DataFrame:
    """Return the ranking with the interval of every score."""
    table, found = ranking(selection), {card.candidate: card for card in cards}
    for key in (str(name) for name in table.columns if "/" in str(name)):
        table[key] = [interval(found[name].score(key), ENGLISH) for name in table["candidate"]]
    return table


def _differences(selection: Selection) -> Iterable[str]:
    """List by how much the winner is ahead of others, and who is on the Pareto front."""
    for item in selection.comparisons:
        told = ", ".join(differences(item, ENGLISH))
        yield f"- {selection.winner} minus {item['candidate']} ({item['role']}): {told}"
    yield f"- Pareto front over the families: {', '.join(selection.pareto)}"


def ranking(selection: Selection) -> pd.DataFrame:
    """Return the ranking as people read it: short numbers, words for the gates."""
    table = selection.ranking.copy()
    table["gates"] = table["failed"].where(table["failed"] != "", "passed")
    table = table.drop(columns=["algorithm", "complexity", "passed", "failed", "rank_se", "pareto"])
    for name in table.select_dtypes("float").columns:
        table[name] = table[name].map(lambda value: f"{value:.3f}" if isfinite(value) else "-")
    return table.rename(columns={"n_segments": "segments"}).astype(str)


def markdown(table: pd.DataFrame) -> str:
    """Write a table of texts as Markdown."""
    rows = [list(table.columns), ["---"] * table.shape[1], *table.to_numpy().tolist()]
    return "\n".join(
        "| " + " | ".join(cell if cell == "---" else escape(cell) for cell in row) + " |" for row in rows
    )


def gates(cards: Sequence[Scorecard]) -> Iterable[str]:
    """List the failed gates of each candidate."""
    for card in cards:
        for gate in card.gates:
            if gate.status == "failed":
                yield f"- {card.candidate} failed {gate.code} ({gate.title}): {gate.message}"


def _migration(released: Release) -> list[str]:
    if released.replaced is None:
        return []
    events = [
        f"- {event.kind}: {list(event.old)} → {list(event.new)} (Jaccard {event.jaccard:.2f})"
        for event in released.identity.events
    ]
    matrix = released.identity.migration.rename_axis("from").reset_index().astype(str)
    head = f"### Against champion version {released.replaced.version}: {released.identity.moved:.1%} move"
    return [head, "", markdown(matrix), "", *events, ""]


def _features(prepared: Prepared) -> pd.DataFrame:
    """List every feature there is, and of those that this source does not give, why."""
    built = {feature.name for feature in prepared.table.catalogue}
    reasons = prepared.accounts.absent
    rows = [vars(feature) | {"absent": ""} for feature in prepared.table.catalogue] + [
        vars(feature) | {"absent": reasons.get(feature.name, "these accounts are too few or too alike")}
        for feature in catalogue()
        if feature.name not in built
    ]
    return pd.DataFrame(rows)


def files(selection: Selection, cards: Sequence[Scorecard], prepared: Prepared, output: Path) -> list[Path]:
    """Write ranking, scorecards and per-segment figures as CSV; no account's row is in them."""
    scores = pd.DataFrame(
        [{"candidate": card.candidate, **vars(score)} for card in cards for score in card.scores]
    )
    segments = pd.concat([card.per_segment.assign(candidate=card.candidate) for card in cards])
    features = _features(prepared)
    written = []
    for name, frame in {
        "ranking": selection.ranking,
        "scores": scores,
        "segments": segments.reset_index(),
        "features": features,
    }.items():
        path = output / f"{name}.csv"
        with atomic_file(path) as draft:
            frame.to_csv(draft, index=False)
        written.append(path)
    return written

"""The model card: what a version is for, what it learned from, how good it is, and where it ends.

After Mitchell et al. (2019), Model Cards for Model Reporting.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from segmentwerk.config import CompareSettings
from segmentwerk.core.markdown import escape
from segmentwerk.core.types import AccountTable, Scorecard, Segment
from segmentwerk.pipelines.preparation import Prepared
from segmentwerk.registry.prospect import OUTLIER_SHARE, Prospect
from segmentwerk.registry.publish import MAX_DESCRIPTION


def write(
    card: Scorecard,
    segments: Sequence[Segment],
    prospect: Prospect | None,
    table: AccountTable,
    settings: CompareSettings,
    made_of: Sequence[str] = (),
) -> str:
    """Return the card as Markdown, short enough for the registry; the segments' summaries give way first.

    ``made_of`` says what stands for the features, where not each stands for itself.
    """
    for summaries in (True, False):
        text = "\n".join(_lines(card, segments, prospect, table, settings, made_of, summaries=summaries))
        if len(text) <= MAX_DESCRIPTION:
            break
    return text


def _lines(
    card: Scorecard,
    segments: Sequence[Segment],
    prospect: Prospect | None,
    table: AccountTable,
    settings: CompareSettings,
    made_of: Sequence[str],
    *,
    summaries: bool,
) -> Iterator[str]:
    few = len(table.customers) < settings.evaluation.cross_validate_below
    judged = "judged by fits that left each customer out in turn" if few else "judged on the others"
    yield f"{card.algorithm} with {len(segments)} segments."
    yield "\n## Purpose"
    yield f"Assigns customers and prospects to a segment; goal of the comparison: {settings.goal.name}."
    yield "\n## Data"
    yield (
        f"{escape(table.source)} as of {table.window.as_of}: {len(table.customers):,} customers of "
        f"{len(table.orders):,} accounts, {len(table.catalogue)} features, digest `{table.digest[:16]}`. "
        f"Fitted on {1 - settings.evaluation.holdout_share:.0%} of the customers; {judged}."
    )
    yield from made_of
    yield "\n## Scorecard"
    for key in settings.evaluation.primary:
        if (score := card.score(key)) is not None:
            yield f"- {key}: {score.value:.3f} (95% interval {score.low:.3f} to {score.high:.3f})"
    yield from (f"- {gate.code} {gate.status}: {escape(gate.message)}" for gate in card.gates)
    yield from _prospects(prospect)
    yield "\n## Segments"
    for segment in segments:
        summary = f" {escape(segment.summary)}" if summaries else ""
        yield f"- **{segment.id} {escape(segment.name)}**: {segment.share:.0%} of customers.{summary}"
    yield "\n## Limits"
    yield from _limits(table, segments)
    yield "\n## Use"
    yield "`segmentwerk score input=accounts.csv output=segments.parquet`, or in Python:"
    yield '`mlflow.pyfunc.load_model("models:/…@champion").predict(frame)`'


def made_of(prepared: Prepared) -> list[str]:
    """Say which factors stand for the features, where customers are few for all of them."""
    if not prepared.factors:
        return []
    stay = [column for column in prepared.space.columns_ if column not in prepared.factors]
    listed = [
        f"**{escape(name)}** ({escape(', '.join(members))})" if len(members) > 1 else f"**{escape(name)}**"
        for name, members in prepared.factors.items()
        if members
    ]
    faint = f" Hardly told, so without weight: {', '.join(prepared.faint)}." if prepared.faint else ""
    told = prepared.space.factors_.told if prepared.space.factors_ else 1.0
    return [
        f"**Made of:** {', '.join(stay) or 'no feature by itself'}, and {len(prepared.factors)} factors that "
        f"tell {told:.0%} of all others, since {len(prepared.table.customers):,} customers are few for "
        f"{len(prepared.space.variables_)} features: {', '.join(listed)}.{faint}",
        "",
    ]


def _prospects(prospect: Prospect | None) -> Iterator[str]:
    if prospect is None:
        yield "- Prospects: no feature is known before the first order; they get the full path."
        return
    yield (
        f"- Prospects: {prospect.accuracy:.0%} put right from what is known before the first order (the "
        f"largest segment is {prospect.majority:.0%}), expected calibration error "
        f"{prospect.calibration_error:.3f}."
    )


def _limits(table: AccountTable, segments: Sequence[Segment]) -> Iterator[str]:
    yield f"- Learned from accounts as of {table.window.as_of}; later behaviour may differ."
    yield f"- `is_outlier` marks about {OUTLIER_SHARE:.0%} of accounts like these; they still get a segment."
    yield "- Few orders or much unknown: `basis` is `partial`; no orders: `firmographic`, a weaker guess."
    yield "- Not meant for decisions about people."
    for segment in segments:
        yield from (f"- Segment {segment.id} is {escape(warning)}." for warning in segment.warnings)

"""What the terminal says at the end: who won and why, and what to type next."""

from __future__ import annotations

import shlex

from rich.box import SIMPLE, SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from segmentwerk.core.addresses import redacted
from segmentwerk.core.types import Selection, Verdict
from segmentwerk.insight.language import Language
from segmentwerk.insight.telling import plain, tell
from segmentwerk.release.release import Release
from segmentwerk.reporting import review

SHORT = {
    "segments": "k",
    "stability/agreement": "agree",
    "stability/prediction_strength": "predict",
    "value/explained": "value",
}
"""Headings that fit into a terminal of eighty columns."""


def show(
    selection: Selection, verdict: Verdict, released: Release, store: str | None, currency: str = ""
) -> None:
    """Print ranking, reason, segments and next steps to the terminal.

    Parameters
    ----------
    store
        Address of the tracking store; None: the one below home.
    currency
        What money is in.
    """
    console = Console(soft_wrap=True)
    _ranking(console, selection)
    console.print(f"\n[bold]Winner: {selection.winner}.[/] {selection.reason}", highlight=False)
    console.print(f"[bold]Structure: {verdict.kind}.[/] {verdict.reason}\n", highlight=False)
    _segments(console, released)
    console.print(plain(tell(released.proposal, Language("en", currency))), markup=False, highlight=False)
    _next_steps(console, released, f" {shlex.quote(f'tracking.uri={redacted(store)}')}" if store else "")


def _ranking(console: Console, selection: Selection) -> None:
    frame = review.ranking(selection)
    table = Table(
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        title="Candidates, best first; scores from accounts held out from fitting",
        title_justify="left",
    )
    for name in frame.columns:
        left = name in ("candidate", "gates")
        words = SHORT.get(name, name.split("/")[-1])
        table.add_column(words, justify="left" if left else "right", no_wrap=name != "gates")
    for row in frame.to_numpy():
        table.add_row(*(str(cell) for cell in row))
    console.print(table)


def _segments(console: Console, released: Release) -> None:
    table = Table(box=SIMPLE, title="Segments", title_justify="left")
    for name in ("id", "name", "accounts", "share", "revenue"):
        table.add_column(name, justify="left" if name == "name" else "right")
    for segment in released.segments:
        revenue = "-" if segment.revenue_share != segment.revenue_share else f"{segment.revenue_share:.0%}"
        table.add_row(str(segment.id), segment.name, f"{segment.accounts:,}", f"{segment.share:.0%}", revenue)
    console.print(table)


def _next_steps(console: Console, released: Release, where: str) -> None:
    if released.proposal.version is None:
        return
    given, model = shlex.quote(f"input={released.packed.accounts}"), shlex.quote(f"model={released.uri}")
    lines = (
        "",
        f"Look at the runs:      segmentwerk ui{where or '      (or: make ui)'}",
        f"Score a file:          segmentwerk score {given} output=segments.parquet {model}{where}",
        f"Plan measures:         segmentwerk activate {model}{where}      (of your own data: source=NAME)",
        "Use your own data:     segmentwerk data check source=csv_folder source.path=FOLDER",
        f"Segments of accounts:  {released.assignments}",
    )
    for line in lines:  # a name may hold what looks like markup
        console.print(line, markup=False)

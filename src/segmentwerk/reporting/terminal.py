"""What the terminal says at the end: who won and why, and what to type next."""

from __future__ import annotations

import shlex
from typing import Any

from rich.box import SIMPLE, SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from segmentwerk.core.addresses import redacted
from segmentwerk.core.types import Selection
from segmentwerk.insight.language import ENGLISH, Language
from segmentwerk.release.release import Release
from segmentwerk.reporting import lead_words, question, sentences
from segmentwerk.reporting.story import Story, criteria
from segmentwerk.reporting.tables import Grid

SHORT = {
    "stability/agreement": "agree",
    "stability/prediction_strength": "predict",
    "targeting/gain": "target",
    "value/explained": "value",
}
"""Headings that fit into a terminal of eighty columns."""


def show(story: Story, released: Release, store: str | None, currency: str = "") -> None:
    """Print ranking, reason, segments and next steps to the terminal.

    Parameters
    ----------
    store
        Address of the tracking store; None: the one below home.
    currency
        What money is in.
    """
    console = Console(soft_wrap=True, highlight=False)
    title = "Candidates, best first; scores from accounts held out from fitting"
    console.print(_table(_ranking(story.selection), title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0)))
    reasons = sentences.reasons(story.selection, story.scorecards, ENGLISH)
    console.print(f"\n[bold]Winner: {story.selection.winner}.[/] {reasons}")
    if story.data.joined:
        console.print(f"[bold]Companies:[/] {escape(lead_words.companies(story.data.joined, ENGLISH))}")
    if story.data.led:
        words = Language("en", currency, released.described.language.parts)
        console.print(f"[bold]Made of:[/] {escape(lead_words.made_from(story.data, words))}")
    console.print(f"[bold]Structure: {story.verdict.kind}.[/] {story.verdict.reason}\n")
    console.print(_table(_segments(story), "Segments", box=SIMPLE))
    console.print(plain(question.put(story.proposal, Language("en", currency))), markup=False)
    if story.proposal.version is not None:
        where = f" {shlex.quote(f'tracking.uri={redacted(store)}')}" if store else ""
        console.print(_next_steps(released, where), markup=False)


def plain(shown: question.Question) -> str:
    """Write what is to be decided."""
    lines = [shown.question, *shown.facts]
    for grid in shown.grids:
        lines += ["", grid.caption.replace("`", ""), grid.plain]
    lines += [""] if shown.grids else []
    lines += [f"{answer.word}: {answer.command or answer.outcome}" for answer in shown.answers]
    return "\n".join(lines)


def _ranking(selection: Selection) -> Grid:
    """Return the candidates by the names that the command line takes."""
    keys = criteria(selection)
    heads = ["candidate", "k", "rank", *(SHORT.get(key, key.split("/")[-1]) for key in keys), "gates"]
    rows = [
        [
            row["candidate"],
            str(row["n_segments"]),
            *(ENGLISH.decimal(row[key], 3) for key in ("rank", *keys)),
            row["failed"] or ("passed" if row["passed"] else "not measured"),
        ]
        for row in selection.ranking.to_dict("records")
    ]
    return Grid(heads, rows)


def _segments(story: Story) -> Grid:
    rows = [
        [
            str(segment.id),
            segment.name,
            ENGLISH.number(segment.accounts),
            ENGLISH.percent(segment.share),
            ENGLISH.percent(segment.revenue_share),
        ]
        for segment in (card.segment for card in story.cards)
    ]
    return Grid(["id", "name", "accounts", "share", "revenue"], rows)


def _table(grid: Grid, title: str, **style: Any) -> Table:
    table = Table(title=title, title_justify="left", **style)
    for head in grid.heads:
        left = head in ("candidate", "name", "gates")
        table.add_column(head, justify="left" if left else "right", no_wrap=head not in ("name", "gates"))
    for row in grid.rows:
        table.add_row(*map(escape, row))  # a name may hold what looks like markup
    return table


def _next_steps(released: Release, where: str) -> str:
    given, model = shlex.quote(f"input={released.packed.accounts}"), shlex.quote(f"model={released.uri}")
    return f"""
Look at the runs:      segmentwerk ui{where or "      (or: make ui)"}
Score a file:          segmentwerk score {given} output=segments.parquet {model}{where}
Plan measures:         segmentwerk activate {model}{where}      (of your own data: source=NAME)
Use your own data:     segmentwerk data check source=csv_folder source.path=FOLDER
Segments of accounts:  {released.packed.assignments}"""

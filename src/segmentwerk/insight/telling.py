"""A proposal in words: once, for the run's page, the model's card, the report and the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from segmentwerk.core.proposal import Comparison, Difference, Proposal
from segmentwerk.core.types import Gate
from segmentwerk.insight.language import NO_BREAK, UNKNOWN, Language
from segmentwerk.insight.plots import criterion

SHARES = ("value", "low", "high", "moved")
"""Facts of gates that are shares of one; so is the limit of those that have one of them."""


@dataclass(frozen=True)
class Grid:
    """A table of texts."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Answer:
    """One answer: the word for it, the command where there is one, and what comes of it."""

    word: str
    command: str | None
    outcome: str


@dataclass(frozen=True)
class Told:
    """A proposal in one language; without ``answers`` nothing is to be decided."""

    heading: str
    question: str
    facts: tuple[str, ...]
    answers: tuple[Answer, ...]
    grids: tuple[Grid, ...]


def tell(proposal: Proposal, language: Language) -> Told:
    """Say what is to be decided, what it changes, what speaks for and against it, and how to answer."""
    heading = language.text("decision.heading")
    if proposal.standing == "unregistered":
        nothing = language.text("decision.nothing")
        return Told(heading, nothing, (language.text(f"decision.{proposal.cause}"),), (), ())
    grids = [*_differences(proposal, language), *_gates(proposal, language)]
    return Told(
        heading,
        _question(proposal, language),
        tuple(_facts(proposal, language)),
        (_yes(proposal, language), _no(proposal, language)),
        tuple(grids),
    )


def markdown(told: Told, *, news: str = "", replaces: bool = False) -> str:
    """Write it as Markdown; what decides stands in the first lines, since MLflow's page folds the rest.

    ``news`` is what else must be read there: after what changes where a version ``replaces`` another one,
    before it where there is nothing that it could change.
    """
    facts = " ".join(told.facts)
    opening = (f"**{told.question}**", facts, news) if replaces else (f"**{told.question}**", news, facts)
    lines = [" ".join(filter(None, opening)), ""]
    for answer in told.answers:
        command = f"`{answer.command}`: " if answer.command else ""
        lines += [f"- **{answer.word}:** {command}{answer.outcome}"]
    for grid in told.grids:
        rows = (grid.heads, ("---",) * len(grid.heads), *grid.rows)
        lines += ["", f"{grid.caption}:", "", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join([*lines, ""])


def plain(told: Told) -> str:
    """Write it for a terminal."""
    lines = [told.question, *told.facts]
    for grid in told.grids:
        rows = [grid.heads, *grid.rows]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines += ["", grid.caption.replace("`", "")]
        for row in rows:
            padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            lines.append("  " + "  ".join(padded).rstrip())
    lines += [""] if told.grids else []
    for answer in told.answers:
        lines.append(f"{answer.word}: {answer.command or answer.outcome}")
    return "\n".join(lines)


def _question(proposal: Proposal, language: Language) -> str:
    champion = proposal.comparison.champion if proposal.comparison else None
    asked = "confirm" if proposal.standing == "champion" else "first" if champion is None else "replace"
    told = {"version": proposal.version, "model": proposal.model, "champion": champion}
    return language.text(f"decision.ask_{asked}", **told)


def _facts(proposal: Proposal, language: Language) -> Iterator[str]:
    if proposal.cause:
        yield language.text(f"decision.{proposal.cause}")
    yield _change(proposal, language)
    if proposal.against:
        named = [f"{gate.code} {language.text(f'promotion.{gate.code}')}" for gate in proposal.against]
        yield language.text("decision.some_refuse", gates="; ".join(named))
    else:
        yield language.text("decision.all_pass" if proposal.gates else "decision.not_asked")
    found = proposal.comparison
    if found and not found.differences:
        yield language.text("decision.too_few", held_out=language.number(found.held_out))


def _change(proposal: Proposal, language: Language) -> str:
    found = proposal.comparison
    if found is None:
        money = ""
        if proposal.revenue is not None:
            money = language.text("decision.first_money", revenue=language.number(proposal.revenue, "money"))
        return language.text("decision.first", accounts=language.number(proposal.accounts), money=money)
    told = {
        "moved": language.number(round(found.moved * found.accounts)),
        "accounts": language.number(found.accounts),
        "share": language.percent(found.moved, 1),
    }
    return language.text("decision.moves", money=_moved_money(found, language), **told)


def _moved_money(found: Comparison, language: Language) -> str:
    if found.revenue is None or found.moved_revenue is None or not found.revenue:
        return ""
    return language.text(
        "decision.moves_money",
        moved_revenue=language.number(found.moved_revenue, "money"),
        revenue=language.number(found.revenue, "money"),
        revenue_share=language.percent(found.moved_revenue / found.revenue, 1),
    )


def _yes(proposal: Proposal, language: Language) -> Answer:
    outcome = "yes_champion" if proposal.yes else "yes_nothing"
    words = language.text(f"decision.{outcome}", version=proposal.version)
    return Answer(language.text("decision.yes"), proposal.yes, words)


def _no(proposal: Proposal, language: Language) -> Answer:
    if proposal.comparison is None:
        outcome, champion = "no_none", None
    else:
        outcome = "no_back" if proposal.standing == "champion" else "no_stays"
        champion = proposal.comparison.champion
    words = language.text(f"decision.{outcome}", champion=champion)
    return Answer(language.text("decision.no"), proposal.no, words)


def _differences(proposal: Proposal, language: Language) -> Iterator[Grid]:
    found = proposal.comparison
    if found is None or not found.differences:
        return
    heads = (
        language.text("decision.criterion"),
        language.text("decision.version", version=found.champion),
        language.text("decision.version", version=proposal.version),
        language.text("decision.difference"),
        language.text("decision.meaning"),
    )
    rows: list[tuple[str, ...]] = [
        (
            criterion(one.key, language),
            language.decimal(one.champion, 3),
            language.decimal(one.challenger, 3),
            _span(*(_signed(value, language) for value in (one.value, one.low, one.high))),
            _meaning(one, language),
        )
        for one in found.differences
    ]
    if (whole := found.overall) is not None:
        shares = [language.percent(whole.champion), language.percent(whole.challenger)]
        span = _span(
            *(_signed(value, language, share=True) for value in (whole.value, whole.low, whole.high))
        )
        rows.append((language.text("decision.overall"), *shares, span, _meaning(whole, language)))
    caption = language.text("decision.differences", held_out=language.number(found.held_out))
    yield Grid(caption, heads, tuple(rows))


def _span(value: str, low: str, high: str) -> str:
    return f"{value} ({low}{NO_BREAK}…{NO_BREAK}{high})"


def _signed(value: float, language: Language, *, share: bool = False) -> str:
    text = language.percent(value, 1) if share else language.decimal(value, 3)
    return text if value < 0 or not any(digit in text for digit in "123456789") else f"+{text}"


def _meaning(one: Difference, language: Language) -> str:
    if one.low == one.high == 0:
        return language.text("decision.same")
    word = "worse" if one.high < 0 else "better" if one.low > 0 else "unsure"
    return language.text(f"decision.{word}")


def _gates(proposal: Proposal, language: Language) -> Iterator[Grid]:
    if proposal.gates:
        heads = tuple(language.text(f"decision.{name}") for name in ("gate", "measured", "limit", "answer"))
        rows = tuple(_row(gate, language) for gate in proposal.gates)
        yield Grid(language.text("decision.gates"), heads, rows)


def _row(gate: Gate, language: Language) -> tuple[str, ...]:
    shares = any(name in gate.facts for name in SHARES)
    told = {
        name: _fact(value, language, share=shares and (name in SHARES or name == "limit"))
        for name, value in gate.facts.items()
    }
    kind = "_few" if "least" in told else ""
    keys = (f"promotion.{gate.code}{kind}_{part}" for part in ("measured", "limit"))
    cells = (language.text(key, **told).strip() if told else UNKNOWN for key in keys)
    title = f"{gate.code} {language.text(f'promotion.{gate.code}')}"
    return (title, *cells, language.text(f"decision.{gate.status}"))


def _fact(value: float | str, language: Language, *, share: bool) -> str:
    if isinstance(value, str):
        return f"({value})" if value else ""
    if share:
        return language.percent(value, 1)
    return language.decimal(value, 0)
